// What happens when: the browser starts, a tab goes, the clock passes an end, a page or the popup asks.

import { account, ask, browser } from "./api.js";
import { follow, pull } from "./feed.js";
import { endVisits, forgetWorkers, kept, lapse, obey, visit, visitOf } from "./rules.js";
import { hostOf, modeOf, sheet, words } from "./sites.js";

const HOUR = 3_600_000;

browser.runtime.onInstalled.addListener(renew);
browser.runtime.onStartup.addListener(renew);
browser.alarms.onAlarm.addListener(tick);
browser.tabs.onRemoved.addListener(leave);
browser.tabs.onUpdated.addListener((tab, change, { url }) => {
  if (change.status) (change.status === "loading" ? notice(tab, false) : Promise.resolve()).then(() => show(tab, url));
});
browser.runtime.onMessage.addListener((message, sender, answer) => {
  const act = sender.tab && !sender.url?.startsWith(browser.runtime.getURL("")) ? FROM_PAGES : FROM_POPUP;
  const done = Object.hasOwn(act, message?.do) ? act[message.do](message, sender) : undefined;
  Promise.resolve(done).then(answer, (error) => answer({ problem: error.message }));
  return true;
});
browser.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" }); // the token is nothing for scripts in pages
browser.alarms.create("look", { periodInMinutes: 0.5 });
tick();

/** Registered scripts are lost with an update of the extension, so all is put in force once more. */
async function renew() {
  const live = await kept();
  if (live) await obey(live);
}

async function tick() {
  follow();
  const ended = await endVisits();
  await lapse();
  if (ended) (await browser.tabs.query({})).forEach(({ id, url }) => show(id, url));
}

// --- asked by pages: each is told what the policy says of it, and may ask for nothing else ---

const FROM_PAGES = {
  async style(_, { tab, frameId }) {
    const live = await kept();
    const css = live && !live.paused.in_force ? sheet(live.cosmetic, hostOf(tab.url)) : "";
    if (css) await browser.scripting.insertCSS({ target: { tabId: tab.id, frameIds: [frameId] }, css, origin: "USER" });
  },
  async "made by a worker"(_, { tab }) {
    await forgetWorkers([hostOf(tab.url)], [new URL(tab.url).origin]);
    await browser.tabs.reload(tab.id);
  },
  async empty(_, { tab }) {
    await notice(tab.id, true);
    await show(tab.id, tab.url);
  },
  "allow this visit": (_, { tab }) => set({ tab: tab.id, host: hostOf(tab.url), key: "javascript", value: "allow", how: "visit" }),
};

// --- asked by the popup ---

const FROM_POPUP = { state, set, pause, follow: () => void tick() };

/** Return all that the popup shows of a tab. */
async function state({ tab }) {
  const [live, { address, token, device }] = [await kept(), await account()];
  const { url } = await browser.tabs.get(tab);
  const host = hostOf(url ?? "");
  const { problem = "", refused = "" } = await browser.storage.local.get(["problem", "refused"]);
  const said = await visitOf(tab, host);
  const mode = live && { javascript: modeOf(live.modes.javascript, host), blocking: modeOf(live.modes.blocking, host) };
  return {
    host, url, address, device, problem, refused, isPaired: Boolean(token), isEmpty: await isEmpty(tab), visit: said, mode,
    paused: live?.paused.in_force ?? false, words: words(live, host, said), fetched: live?.fetched,
    mayRead: await browser.permissions.contains({ origins: ["<all_urls>"] }),
  };
}

/**
 * Set a key of the page's site for a visit, an hour or for good (`how`). What is said of scripts is in force in the tab
 * before blockctl has written it down. Returns {problem} when blockctl would not.
 */
async function set({ tab, key, value, how, host, site }) {
  if (key === "blocking") {
    try {
      await write(tab, key, value === "block", how, host);
    } catch (error) {
      return { problem: error.message };
    }
    browser.tabs.reload(tab);
    return {};
  }
  await visit(tab, { site: site || host, javascript: value, until: how === "hour" ? Date.now() + HOUR : undefined });
  if (value === "deny") await forgetWorkers([site || host, host]);
  browser.tabs.reload(tab);
  if (how === "visit") return {};
  try {
    if (await write(tab, key, value, how, host)) await visit(tab, null);
  } catch (error) {
    return { problem: `${error.message} It holds for this visit.` };
  }
  return {};
}

/**
 * Write a key into the file; false where it is left alone. `until` is the end of a whole entry: so one that stands for good
 * is given none, and one that was to end makes way for what is for good.
 */
async function write(tab, key, value, how, host) {
  const entry = await ask("GET", `/v1/site?host=${encodeURIComponent(host)}`);
  const named = entry.site ?? entry.domain ?? host;
  const path = `/v1/site?host=${encodeURIComponent(named)}`;
  if (how !== "always" && entry.site && !entry.until) {
    if (key === "javascript") return false;
    throw new Error(`The file has an entry for ${named} for good: choose Always.`);
  }
  if (how === "always" && entry.until) await ask("DELETE", path);
  await ask("PATCH", path, { [key]: value, for: how === "always" ? null : "1h" });
  if (how === "visit") await lease(tab, named);
  await pull();
  return true;
}

/** Tabs whose page shows nothing without JavaScript; kept where they outlive this worker, not the browser. */
const isEmpty = async (tab) => Boolean((await browser.storage.session.get("empty")).empty?.[tab]);

async function notice(tab, is) {
  const { empty = {} } = await browser.storage.session.get("empty");
  if (Boolean(empty[tab]) === is) return;
  if (is) empty[tab] = true;
  else delete empty[tab];
  await browser.storage.session.set({ empty });
}

/** Lists are elsewhere, so a visit without them is an hour in the file that ends with the tab. */
async function lease(tab, site) {
  const { leases = {} } = await browser.storage.session.get("leases");
  await browser.storage.session.set({ leases: { ...leases, [tab]: site } });
}

async function leave(tab) {
  await notice(tab, false);
  await visit(tab, null);
  const { leases = {} } = await browser.storage.session.get("leases");
  if (!leases[tab]) return;
  const path = `/v1/site?host=${encodeURIComponent(leases[tab])}`;
  delete leases[tab];
  await browser.storage.session.set({ leases });
  const { until } = await ask("GET", path);
  if (until) await ask("DELETE", path); // one that has become an entry for good stays
}

async function pause({ on }) {
  await (on ? ask("POST", "/v1/pause", { for: "10m", group: null }) : ask("DELETE", "/v1/pause"));
  await pull();
  return {};
}

/** Say the state of a page on the button, without opening it. */
async function show(tab, url) {
  const live = await kept();
  const host = hostOf(url ?? "");
  const said = await visitOf(tab, host);
  const isDenied = live && host && !live.paused.in_force && (said?.javascript ?? modeOf(live.modes.javascript, host)) === "deny";
  const text = !(await account()).token ? "?" : live?.paused.in_force ? "II" : (await isEmpty(tab)) ? "!" : isDenied ? "off" : "";
  const title = host ? words(live, host, said).join("\n") || "blockctl" : "blockctl";
  try {
    await browser.action.setBadgeText({ tabId: tab, text });
    await browser.action.setTitle({ tabId: tab, title });
  } catch { /* the tab has gone meanwhile */ }
}
