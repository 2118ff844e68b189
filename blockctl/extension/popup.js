// The button's window: what is so here, and what to change.

import { ADDRESS, ask, browser, pair } from "./api.js";

const $ = (id) => document.getElementById(id);
const send = (message) => browser.runtime.sendMessage(message);
let tab; // whose page is spoken of
let site; // the policy's nearest entry for it, as blockctl says: {site, until, source}
let shown; // what the background said last

start();

async function start() {
  const asked = Number(new URLSearchParams(location.search).get("tab")); // a window of its own names the tab
  tab = asked || (await browser.tabs.query({ active: true, currentWindow: true }))[0].id;
  const { how = "always" } = await browser.storage.local.get("how");
  document.querySelector(`[name=how][value=${how}]`).checked = true;
  for (const button of document.querySelectorAll("fieldset[data-key] button")) {
    button.addEventListener("click", () => change(button.parentElement.dataset.key, button.dataset.value, chosen()));
  }
  $("how").addEventListener("change", () => { browser.storage.local.set({ how: chosen() }); hint(); });
  $("allow-visit").addEventListener("click", () => change("javascript", "allow", "visit"));
  $("pause").addEventListener("click", () => act({ do: "pause", on: !shown.paused }));
  $("grant").addEventListener("click", () => browser.permissions.request({ origins: ["<all_urls>"] }).then(draw));
  $("pair").addEventListener("submit", pairing);
  browser.storage.onChanged.addListener(draw);
  browser.tabs.onUpdated.addListener((id, change) => id === tab && change.status && draw());
  await draw();
  send({ do: "follow" });
  nearest();
}

const chosen = () => document.querySelector("[name=how]:checked").value;

async function draw() {
  shown = await send({ do: "state", tab });
  $("pairing").hidden = shown.isPaired;
  $("site").hidden = $("foot").hidden = !shown.isPaired;
  if (!shown.isPaired) {
    $("address").value ||= shown.address;
    if (document.activeElement === document.body) $("code").focus();
    return;
  }
  const isGone = Boolean(shown.problem);
  $("host").textContent = shown.host || "This is no web page";
  $("words").textContent = shown.host ? shown.words.join("\n") : "There is nothing to allow or deny here.";
  $("switches").hidden = !shown.host || shown.paused;
  $("empty").hidden = !shown.isEmpty || shown.paused;
  $("access").hidden = shown.mayRead;
  $("pause").textContent = shown.paused ? "End the pause" : "Pause for 10 minutes";
  $("pause").disabled = isGone;
  $("page").href = shown.address;
  $("problem").textContent = isGone ? `${shown.problem} Its last rules hold${since()}.` : shown.refused;
  press("javascript", shown.visit?.javascript ?? shown.mode?.javascript);
  press("blocking", shown.mode?.blocking === false ? "allow" : "block");
  for (const input of document.querySelectorAll("[name=how]")) input.disabled = isGone && input.value !== "visit";
  if (isGone) document.querySelector("[name=how][value=visit]").checked = true;
  hint();
}

function since() {
  return shown.fetched ? ` (of ${new Date(shown.fetched).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })})` : "";
}

function press(key, value) {
  for (const button of document.querySelectorAll(`[data-key=${key}] button`)) {
    button.setAttribute("aria-pressed", String(button.dataset.value === value));
  }
}

// The nearest entry is what a change is written to; blockctl knows it, and where it stands.
async function nearest() {
  if (!shown.isPaired || !shown.host) return;
  try {
    site = await ask("GET", `/v1/site?host=${encodeURIComponent(shown.host)}`);
  } catch {
    site = undefined;
  }
  hint();
}

const target = () => site?.site ?? site?.domain ?? shown.host;
// An end is the end of a whole entry, so one that stands for good is given none.
const stands = () => Boolean(site?.site && !site.until);

function hint() {
  const how = chosen();
  const everywhere = `For ${target()} and all below it, in the file and in every browser.`;
  const inTab = "JavaScript: in this tab, until it is closed";
  const isGone = Boolean(shown.problem);
  const isBound = isGone || (how !== "always" && stands());
  for (const button of document.querySelectorAll("[data-key=blocking] button")) button.disabled = isBound;
  if (isGone) $("hint").textContent = `${inTab}.`;
  else if (how === "always") $("hint").textContent = everywhere + (site?.source ? ` It stands in line ${site.source.line}.` : "");
  else if (stands()) $("hint").textContent = `${how === "hour" ? "JavaScript: in this tab, for an hour" : inTab}. The file has an entry for good in line ${site.source.line}.`;
  else $("hint").textContent = how === "hour" ? everywhere : `${inTab}. Ads and trackers: in every browser, until this tab is closed.`;
}

function change(key, value, how) {
  return act({ do: "set", tab, key, value, how, host: shown.host, site: target() });
}

async function act(message) {
  const { problem = "" } = (await send(message)) ?? {};
  await draw();
  if (problem) $("problem").textContent = problem;
  nearest();
}

async function pairing(event) {
  event.preventDefault();
  $("problem").textContent = "";
  try {
    await pair($("address").value || ADDRESS, $("code").value, deviceName());
  } catch (error) {
    $("problem").textContent = error.status ? error.message : `${error.message} Start it with blockctl up.`;
    return;
  }
  await send({ do: "follow" });
  await draw();
  nearest();
}

function deviceName() {
  const agent = navigator.userAgent;
  const browsers = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
  const systems = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Mac", "Mac"], ["Windows", "Windows"], ["Linux", "Linux"]];
  const find = (table) => table.find(([mark]) => agent.includes(mark))?.[1];
  return `${find(browsers) ?? "Browser"} on ${find(systems) ?? "this device"}`;
}
