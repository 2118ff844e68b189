// One site: what applies there and why, and the switches.

import { call } from "./api.js";
import { at, button, choice, count, make, tell, when } from "./dom.js";

const MOST = 100; // entries shown; the others are found by their names
const TIMES = [["", "for good"], ["1h", "for an hour"], ["1d", "for a day"]];
let duration = "";

export const lasting = () => duration || null;

export function times() {
  const select = make("select", { "aria-label": "For how long", onchange: () => (duration = select.value) },
    TIMES.map(([value, text]) => make("option", { value, selected: value === duration }, text)));
  return select;
}

export async function open(what) {
  at("#site [name=what]").value = what;
  const host = hostOf(what);
  const url = what.includes("/") ? what : "";
  const told = await call("GET", `/v1/site?host=${encodeURIComponent(host)}`);
  at("#answer").replaceChildren(card(told), url || told.site === null ? make("div", { id: "why" }) : "");
  if (at("#why")) await why(url || host, "");
}

export async function entries() {
  const { sites, defaults } = await call("GET", "/v1/sites");
  const { hosts } = await call("GET", "/v1/hosts");
  const rows = sites.slice(0, MOST).map((site) => make("li", {}, make("a", { href: `#site=${encodeURIComponent(site.site)}` }, site.site),
    make("span", { class: "dim" }, spoken(site))));
  const everywhere = hosts.filter((each) => each.site === null);
  at("#entries").replaceChildren(
    make("p", { class: "dim" }, `Elsewhere: JavaScript ${defaults.javascript}, ads and trackers ${defaults.blocking ? "blocked" : "let through"}.`),
    make("ul", { class: "list" }, rows), more(sites),
    everywhere.length ? make("h3", {}, "Hosts, everywhere") : "",
    make("ul", { class: "list" }, everywhere.slice(0, MOST).map((each) => hostRow(each, () => entries()))), more(everywhere));
}

function more(all) {
  return all.length > MOST ? make("p", { class: "dim" }, `And ${count(all.length - MOST)} more: search for one.`) : "";
}

function spoken(site) {
  const said = [];
  if (site.javascript) said.push(`JavaScript ${site.javascript}`);
  if (site.blocking !== null) said.push(site.blocking ? "ads blocked" : "ads let through");
  if (site.hosts.length) said.push(site.hosts.length === 1 ? "1 host" : `${site.hosts.length} hosts`);
  if (site.hide.length) said.push(`${site.hide.length} hidden`);
  if (site.until) said.push(`until ${when(site.until)}`);
  return said.join(", ");
}

function card(told) {
  const change = async (patch) => {
    if (lasting()) patch.for = lasting();
    const after = await call("PATCH", `/v1/site?host=${encodeURIComponent(told.host)}`, patch);
    at("#answer").replaceChildren(card(after));
    tell(`${told.host}: ${after.words.join(" ")}`);
    await entries();
  };
  const script = told.applies.javascript;
  return make("div", { class: "card" },
    make("h3", {}, told.host),
    make("p", { class: "words" }, told.words.join("\n")),
    make("p", { class: "dim" }, place(told, script)),
    choice("JavaScript", [["allow", "Allowed"], ["first-party", "The site's own"], ["deny", "Denied"]], told.javascript,
      (value) => change({ javascript: value })),
    choice("Ads and trackers", [[true, "Blocked"], [false, "Let through"]], told.blocking, (value) => change({ blocking: value })),
    make("div", { class: "row" }, make("span", {}, "This holds"), times(),
      told.site ? button("Forget this site", () => reset(told.site)) : ""),
    told.hosts.length ? make("h3", {}, "Hosts, on this site") : "",
    make("ul", { class: "list" }, told.hosts.slice(0, MOST).map((each) => hostRow(each, () => open(told.host)))), more(told.hosts),
    hostForm(told.host));
}

function place(told, script) {
  const by = script.line ? `${(told.source?.file ?? "the policy").split(/[\\/]/).pop()}, line ${script.line}` : "the defaults";
  return [`From ${by}.`, told.until ? `The entry ends ${when(told.until)}.` : "", told.note ? `Note: ${told.note}` : ""].filter(Boolean).join(" ");
}

async function reset(site) {
  await call("DELETE", `/v1/site?host=${encodeURIComponent(site)}`);
  tell(`${site} is as every other site again`);
  await open(site);
  await entries();
}

function hostRow(each, after) {
  const verb = each.verdict === "allow" ? "allowed" : "denied";
  const query = new URLSearchParams(each.site ? { host: each.host, site: each.site } : { host: each.host });
  return make("li", {},
    make("span", {}, make("span", { class: "name" }, each.host), ` ${verb}${each.until ? `, until ${when(each.until)}` : ""}`),
    button("Remove", async () => {
      await call("DELETE", `/v1/hosts?${query}`);
      await after();
    }, { class: "small", "aria-label": `Remove ${each.host}` }));
}

function hostForm(site) {
  const input = make("input", { name: "host", placeholder: "cdn.example", autocapitalize: "none", "aria-label": "Host", required: true });
  const add = (verdict, where) => async () => {
    await call("POST", "/v1/hosts", { host: hostOf(input.value), verdict, site: where, for: lasting() });
    tell(`${hostOf(input.value)}: ${verdict === "allow" ? "allowed" : "denied"} ${where ? `on ${where}` : "everywhere"}`);
    await open(site);
    await entries();
  };
  return make("details", {}, make("summary", {}, "Allow or deny a host"),
    make("div", { class: "row" }, make("span", { class: "grow" }, input)),
    make("div", { class: "row" }, button("Allow here", add("allow", site)), button("Deny here", add("deny", site)),
      button("Allow everywhere", add("allow", null)), button("Deny everywhere", add("deny", null))));
}

export async function why(url, page) {
  const said = await call("GET", `/v1/why?${new URLSearchParams(page ? { url, site: page } : { url })}`);
  const line = said.rule ? `${said.rule.file}:${said.rule.line}  ${said.rule.text}` : "nothing speaks of it";
  const engines = Object.entries(said.engines).map(([name, each]) =>
    make("li", {}, make("span", {}, name), make("span", { class: each.blocked ? "bad" : "good" }, each.blocked ? "blocked" : "let through")));
  at("#why")?.replaceChildren(make("div", { class: "card" },
    make("h3", {}, said.blocked ? "Blocked" : "Let through"),
    make("p", {}, said.url), make("p", {}, make("code", {}, line)),
    make("ul", { class: "list" }, engines),
    said.commands.map((each) => make("p", { class: "dim" }, make("code", {}, each)))));
}

export function hostOf(text) {
  const typed = text.trim();
  try {
    return new URL(typed.includes("://") ? typed : `https://${typed}`).hostname;
  } catch {
    return typed;
  }
}
