// The rules, fresh from blockctl: it is asked to answer as soon as the policy is another one.

import { account, ask, browser } from "./api.js";
import { NAME, kept, lapse, obey } from "./rules.js";

const AWAKE = 20_000; // ms; a worker is put to sleep after 30 s in which it calls no function of the browser's
const WAITS = [0.2, 0.5, 1, 2, 5]; // s between tries while blockctl does not answer
let following; // the promise of the loop that runs
let pulling = Promise.resolve();
let retry = () => {};

/** Follow the policy until the browser stops this worker. Called again, it tries at once. */
export function follow() {
  retry();
  following ??= loop().finally(() => { following = undefined; });
  return following;
}

/** Fetch the rules and put them in force. One fetch after the other, so that the newest are last. Throws Refused. */
export function pull() {
  const done = pulling.then(fetchRules);
  pulling = done.catch(() => {});
  return done;
}

async function fetchRules() {
  const live = await ask("GET", `/v1/rules/dnr?browser=${NAME}`);
  const { inForce } = await browser.storage.local.get("inForce");
  await browser.storage.local.set({ problem: "" });
  if (inForce !== live.revision) await obey({ ...live, fetched: Date.now() });
}

async function loop() {
  const awake = setInterval(() => browser.runtime.getPlatformInfo(), AWAKE);
  try {
    for (let failed = 0; (await account()).token;) {
      try {
        await pull();
        failed = 0;
        await changes();
      } catch (error) {
        if (error.status === 401) await browser.storage.local.remove("token"); // revoked: pair again; the last rules hold
        await browser.storage.local.set({ problem: error.status === 401 ? "" : error.message });
        await lapse(); // nobody else says that something is over
        await pause(WAITS[Math.min(failed++, WAITS.length - 1)] * 1000);
      }
    }
  } finally {
    clearInterval(awake);
  }
}

// Wait until the policy is another one, up to 25 s.
async function changes() {
  const { revision } = await kept();
  await ask("GET", `/v1/changes?revision=${encodeURIComponent(revision)}`, undefined, { seconds: 40 });
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    retry = () => { clearTimeout(timer); resolve(); };
  });
}
