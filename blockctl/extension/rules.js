// The browser's rules: the policy's as dynamic ones, which outlive blockctl and the browser; a tab's own as session rules.

import { browser } from "./api.js";
import { areas, isWithin, modeOf, pattern } from "./sites.js";

const SCRIPTS = 100_000; // the policy's priority for scripts; below it stand its hosts
const VISIT = 200_000; // what a tab says otherwise
const THIRD = 250_000; // before what is said of hosts, as scripts always are
const dnr = browser.declarativeNetRequest;
const HAS_TOP = Object.values(dnr.RuleConditionKeys ?? {}).includes("topDomains");
const IS_SAFARI = browser.runtime.getURL("").startsWith("safari");
export const NAME = HAS_TOP ? "chromium" : "firefox";
// the same header as the policy's rule: no script runs in the page or in any frame, everything else works
const SANDBOX =
  "sandbox allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-top-navigation " +
  "allow-modals allow-downloads";

// What this worker knows of what the browser keeps, so that a click waits for nothing but its rule.
const known = {}; // live, visits, pages; Dynamic and Session: the numbers of the rules there are
let last = Promise.resolve();

/** Return what blockctl last said: {revision, dynamic, modes, cosmetic, paused, later}, or undefined. */
export async function kept() {
  return (known.live ??= (await browser.storage.local.get("live")).live);
}

/** Do one thing after the other: two changes of the same rules at once would get in each other's way. */
function inTurn(act) {
  const done = last.then(act);
  last = done.catch(() => {});
  return done;
}

/** Put what blockctl says in force, keep it, and clear what sites left behind that are now denied. */
export const obey = (live) => inTurn(() => put(live));

async function put(live) {
  const before = await kept();
  await browser.storage.local.set({ inForce: "" }); // should this end half way: the rules are then of no revision
  await replaceRules("Dynamic", live.dynamic);
  await renewVisits(live);
  if (live.later?.length) browser.alarms.create("lapse", { when: Date.parse(live.later[0].at) });
  if (before) await forgetWorkers(newlyDenied(before, live));
  await browser.storage.local.set({ live, inForce: live.revision }); // last: what failed is done again
  known.live = live;
}

/** Put in force what was to hold once something is over, when that has come. */
export const lapse = (now = Date.now()) => inTurn(async () => {
  const live = await kept();
  const due = live?.later?.filter((each) => Date.parse(each.at) <= now) ?? [];
  if (!due.length) return;
  const { dynamic, modes, cosmetic, paused } = due.at(-1);
  const later = live.later.slice(due.length);
  await put({ ...live, dynamic, modes, cosmetic, paused: { in_force: paused, until: null }, later });
});

async function replaceRules(which, addRules) {
  const ids = known[which] ?? (await dnr[`get${which}Rules`]()).map((rule) => rule.id);
  delete known[which]; // should it fail
  const { inForce, refused } = await install(which, ids, addRules);
  known[which] = inForce.map((rule) => rule.id);
  if (which === "Dynamic" || refused.length) await tellRefused(refused, addRules.length);
}

/**
 * Put rules in the place of those with these numbers. A browser that refuses one (Safari: of headers) refuses all that come
 * with it, so then they come half by half, and those that are refused alone are left out. Throws when none is taken.
 */
async function install(which, ids, rules) {
  let [inForce, removeRuleIds] = [[], ids];
  const refused = [];
  async function grow(more) {
    const addRules = [...inForce, ...more];
    try {
      await dnr[`update${which}Rules`]({ removeRuleIds, addRules });
      [inForce, removeRuleIds] = [addRules, addRules.map((rule) => rule.id)];
    } catch (error) {
      if (!more.length) throw error;
      if (more.length === 1) return void refused.push({ rule: more[0], error });
      await grow(more.slice(0, more.length >> 1));
      await grow(more.slice(more.length >> 1));
    }
  }
  await grow(rules);
  if (refused.length && !inForce.length) throw refused[0].error;
  return { inForce, refused };
}

async function tellRefused(refused, count) {
  const [first] = refused;
  const text = first ? `This browser refuses ${refused.length} of ${count} rules (${first.rule.action.type}): ${first.error.message}` : "";
  if (text !== known.refused) await browser.storage.local.set({ refused: text });
  known.refused = text;
}

// --- a tab's own say ---

/** Return {tab: {site, javascript, until}}; it ends with the tab, with the browser, or at `until`. */
export async function visits() {
  return (known.visits ??= (await browser.storage.session.get("visits")).visits ?? {});
}

/** Let a tab say otherwise of a site; null takes that back. In force when this returns. */
export const visit = (tab, said) => inTurn(async () => {
  const all = await visits();
  if (said) all[tab] = said;
  else if (all[tab]) delete all[tab];
  else return;
  await renewVisits(await kept());
  await browser.storage.session.set({ visits: all });
});

/** Take back what is over. */
export async function endVisits(now = Date.now()) {
  const all = await visits();
  const over = Object.keys(all).filter((tab) => all[tab].until && all[tab].until <= now);
  for (const tab of over) await visit(tab, null);
  return over.length;
}

async function renewVisits(live) {
  const all = live?.paused.in_force ? [] : Object.entries(await visits());
  const rules = all.flatMap(([tab, said]) => visitRules(Number(tab), said));
  const freed = all.filter(([, said]) => said.javascript !== "deny").map(([tab]) => Number(tab));
  if (freed.length) rules.push(...(live?.dynamic ?? []).flatMap((rule) => lifted(rule, freed)));
  await replaceRules("Session", rules.map((rule, at) => ({ id: at + 1, ...rule })));
  // Safari adds no header, so there guard.js stands in for it, in every tab: content scripts know none.
  if (live) await watchPages(live, all.map(([, said]) => said).filter((said) => IS_SAFARI || said.javascript !== "deny"));
}

function visitRules(tab, { site, javascript }) {
  const page = { requestDomains: [site], resourceTypes: ["main_frame"], tabIds: [tab] };
  const scripts = { [HAS_TOP ? "topDomains" : "initiatorDomains"]: [site], resourceTypes: ["script"], tabIds: [tab] };
  const allow = { type: "allow" };
  const free = [{ priority: VISIT, action: allow, condition: page }, { priority: VISIT, action: allow, condition: scripts }];
  if (javascript === "allow") return free;
  if (javascript === "first-party") {
    const third = { ...scripts, domainType: "thirdParty" };
    return [...free, { priority: THIRD, action: { type: "block" }, condition: third }];
  }
  const header = { header: "content-security-policy", operation: "append", value: SANDBOX };
  const denied = [{ priority: VISIT, action: { type: "modifyHeaders", responseHeaders: [header] }, condition: page }];
  return HAS_TOP ? [...denied, { priority: VISIT, action: { type: "block" }, condition: scripts }] : denied;
}

// A tab whose scripts are allowed still obeys what the policy says of hosts, which its allow would otherwise outdo.
function lifted(rule, tabIds) {
  const { priority = 1, action, condition } = rule;
  const types = condition.resourceTypes;
  if (priority >= SCRIPTS || !/^(allow|block)$/.test(action.type) || (types && !types.includes("script"))) return [];
  return [{ priority: VISIT + 1 + priority, action, condition: { ...condition, resourceTypes: ["script"], tabIds } }];
}

// --- what the pages themselves are told ---

/** Run guard.js on denied pages as far as no visit says otherwise of them, style.js where something is hidden. */
async function watchPages(live, visits) {
  const { javascript } = live.modes;
  const denied = { ...javascript, sites: { ...javascript.sites, ...Object.fromEntries(visits.map(otherwise)) } };
  const scripts = live.paused.in_force ? [] : areas(denied, "deny").map(guard);
  const styled = [...Object.keys(live.cosmetic.hide), ...Object.keys(live.cosmetic.scroll)];
  if (styled.length) {
    scripts.push({ id: "style", js: ["style.js"], matches: [...new Set(styled)].map(pattern), runAt: "document_start" });
  }
  const pages = JSON.stringify(scripts);
  if (pages === known.pages) return;
  const old = await browser.scripting.getRegisteredContentScripts();
  if (old.length) await browser.scripting.unregisterContentScripts({ ids: old.map((each) => each.id) });
  if (scripts.length) await browser.scripting.registerContentScripts(scripts);
  known.pages = pages;
}

const otherwise = ({ site, javascript }) => [site, javascript === "deny" ? "deny" : "allow"];

function guard({ matches, excludeMatches }, at) {
  const but = excludeMatches.length ? { excludeMatches } : {};
  return { id: `guard-${at}`, js: ["guard.js"], matches, ...but, runAt: "document_start", allFrames: IS_SAFARI };
}

function newlyDenied(before, live) {
  const { sites } = live.modes.javascript;
  return Object.keys(sites).filter((s) => sites[s] === "deny" && modeOf(before.modes.javascript, s) !== "deny");
}

/** Clear service workers, which would make pages that no header reaches; `besides`: origins with a port of their own. */
export async function forgetWorkers(sites, besides = []) {
  if (!sites.length || !browser.browsingData) return; // Safari has no such thing
  const hosts = sites.flatMap((site) => (/^[\d.]+$|^\[/.test(site) ? [site] : [site, `www.${site}`]));
  const where = NAME === "firefox"
    ? { hostnames: hosts }
    : { origins: [...hosts.flatMap((host) => [`https://${host}`, `http://${host}`]), ...besides] };
  try {
    await browser.browsingData.remove(where, { serviceWorkers: true });
  } catch { /* guard.js meets those that stay */ }
}

/** Return the visit that speaks for a page in a tab. */
export async function visitOf(tab, host) {
  const said = (await visits())[tab];
  return said && isWithin(host, said.site) && !(said.until <= Date.now()) ? said : undefined;
}
