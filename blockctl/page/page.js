// The views, and the way between them: each has an address of its own behind the #.

import { call, follow, forget, pair, token } from "./api.js";
import { at, button, count, make, tell, when } from "./dom.js";
import { entries, hostOf, lasting, open, times } from "./site.js";

const MOST_ROWS = 200;
const VIEWS = { site: showSite, log: () => showLog(), day: showDay, lists: showLists, devices: showDevices };
let following = null;

addEventListener("hashchange", route);
at("#pairing form").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  attempt(() => joined(form.get("code").trim(), form.get("name").trim()));
});
at("#site form").addEventListener("submit", (event) => {
  event.preventDefault();
  const what = new FormData(event.target).get("what").trim();
  if (what) location.hash = `site=${encodeURIComponent(what)}`;
});
at("#blocked").addEventListener("change", () => attempt(() => showLog()));
at("#part").addEventListener("change", () => attempt(() => showLog()));
at("#live").addEventListener("click", () => attempt(() => showLog(at("#live").getAttribute("aria-pressed") !== "true")));
route();

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(error.message);
    if (error.status === 401) location.hash = "";
  }
}

async function joined(code, name) {
  await pair(code, name || navigator.platform || "browser");
  history.replaceState(null, "", "#site");
  await route();
}

// `up` brings a code each time it opens the page: a browser that may change things has its token, and needs no other.
async function invited(code) {
  const { scopes } = await call("GET", "/v1/hello");
  if (!scopes.includes("write")) await pair(code, navigator.platform || "browser");
}

function place() {
  try {
    return decodeURIComponent(location.hash.slice(1)).split(/=(.*)/s);
  } catch {
    return [""]; // an address that somebody cut
  }
}

async function route() {
  let [view, value = ""] = place();
  if (view === "code") {
    history.replaceState(null, "", "#site"); // the code is a secret for as long as it holds
    await attempt(() => invited(value));
    [view, value] = ["site", ""];
  }
  following?.abort();
  const name = token ? (view in VIEWS ? view : "site") : "pairing";
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
  at("nav").hidden = at("#pause").hidden = !token;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!token) return;
  await attempt(showPause);
  await attempt(() => VIEWS[name](value));
}

async function showPause() {
  const pause = await call("GET", "/v1/pause");
  const put = (time) => async () => {
    await call(time === null ? "DELETE" : "POST", "/v1/pause", time === null ? undefined : { for: time });
    await showPause();
  };
  at("#state").textContent = pause.in_force
    ? `Paused${pause.until ? ` until ${when(pause.until)}` : ""}: everything is let through.` : "";
  at("#pause").replaceChildren(...(pause.in_force ? [button("Go on blocking", put(null), { class: "main small" })]
    : [make("span", { class: "dim" }, "Pause:"), button("10 minutes", put("10m"), { class: "small" }), button("1 hour", put("1h"), { class: "small" })]));
}

async function showSite(what) {
  await entries();
  if (what) await open(what);
}

async function showLog(live = at("#live").getAttribute("aria-pressed") === "true") {
  following?.abort();
  at("#live").setAttribute("aria-pressed", String(live));
  const asked = new URLSearchParams({ name: at("#part").value.trim() });
  if (at("#blocked").checked) asked.set("blocked", "true");
  const { queries, last } = await call("GET", `/v1/log?limit=60&${asked}`);
  at("#rows").replaceChildren(...queries.reverse().map(logRow));
  if (!queries.length) at("#rows").append(make("li", {}, "Nothing yet: is this device's DNS blockctl?"));
  if (!live) return;
  following = new AbortController();
  follow(`/v1/log/live?after=${last}&${asked}`, following.signal, (query) => {
    at("#rows").prepend(logRow(query));
    while (at("#rows").children.length > MOST_ROWS) at("#rows").lastChild.remove();
  }).catch((error) => error.name !== "AbortError" && tell(error.message));
}

function logRow(query) {
  const blocked = query.outcome === "blocked";
  const rule = query.rule ? `${query.rule.file}${query.rule.line ? `:${query.rule.line}` : ""}  ${query.rule.text}` : "";
  const verdict = blocked ? "allow" : "deny";
  return make("li", {},
    make("span", {}, make("a", { class: "name", href: `#site=${encodeURIComponent(query.name)}` }, query.name), " ",
      make("span", { class: blocked ? "bad" : "dim" }, query.outcome),
      make("br"), make("span", { class: "dim" }, [when(query.time), query.type, query.device || query.client, rule].filter(Boolean).join("  "))),
    button(blocked ? "Let through" : "Block", async () => {
      await call("POST", "/v1/hosts", { host: hostOf(query.name), verdict, site: null, for: lasting() });
      tell(`${query.name} is ${blocked ? "allowed" : "denied"} everywhere${lasting() ? " for a while" : ""}`);
    }, { class: "small", "aria-label": `${blocked ? "Let through" : "Block"} ${query.name}` }));
}

async function showDay() {
  const day = await call("GET", "/v1/stats?days=1");
  const share = day.queries ? Math.round((100 * day.blocked) / day.queries) : 0;
  const number = (value, text) => make("div", {}, make("b", {}, value), text);
  const ranking = (title, rows, link) => make("div", {}, make("h3", {}, title), make("ul", { class: "list" }, rows.map((each) =>
    make("li", {}, link ? make("a", { href: `#site=${encodeURIComponent(each.name)}` }, each.name) : make("span", {}, each.name), count(each.count)))));
  at("#figures").replaceChildren(
    make("div", { class: "numbers" }, number(count(day.queries), "asked"), number(`${share} %`, "blocked"),
      number(count(day.cached), "from the cache"), number(`${day.milliseconds.median ?? 0} ms`, "median answer")),
    chart(day.spans, Date.parse(day.since)),
    make("div", { class: "two" }, ranking("Blocked most", day.top.blocked, true), ranking("Asked most", day.top.names, true),
      ranking("Lists that block", day.top.lists), ranking("Devices", day.top.clients)));
}

function chart(spans, since) {
  const most = Math.max(1, ...spans.map((each) => each.queries));
  const width = 100 / 25; // the hour that began before the day, and this one
  const hour = (each) => Math.min(24, Math.max(0, Math.ceil((Date.parse(each.start) - since) / 3_600_000)));
  const bars = spans.map((each) => [each, hour(each)]).flatMap(([each, number]) => [["all", each.queries], ["cut", each.blocked]].map(([kind, value]) =>
    make("rect", { class: kind, x: number * width + width * 0.1, width: width * 0.8, y: 40 - (40 * value) / most, height: (40 * value) / most },
      make("title", {}, `${when(each.start)}: ${count(each.queries)} asked, ${count(each.blocked)} blocked`))));
  const words = `Queries by the hour, at most ${count(most)}; the strong part was blocked.`;
  return make("div", {}, make("svg", { class: "chart", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": words }, bars),
    make("p", { class: "dim" }, words));
}

async function showLists() {
  const { lists, syncing } = await call("GET", "/v1/lists");
  const take = (list, except) => async () => {
    await call("POST", "/v1/lists/accept", { list, except_held_lines: except });
    tell(`${list} is taken`);
    await showLists();
  };
  at("#known").replaceChildren(
    make("div", { class: "row" }, button(syncing ? "Looking..." : "Look for updates", async () => {
      await call("POST", "/v1/lists/sync", {});
      await showLists();
    }, { class: "main", disabled: syncing })),
    ...lists.map((each) => make("div", { class: "card" }, make("h3", {}, each.name),
      make("p", { class: "dim" }, [each.url || each.path, each.rules === null ? "" : `${count(each.rules)} rules`,
        each.date ? `of ${when(each.date)}` : "", each.next_look ? `next look ${when(each.next_look)}` : ""].filter(Boolean).join(", ")),
      each.held.map((hold) => make("p", { class: "bad" }, `Held back: ${hold.message ?? hold}`)),
      each.held.length ? make("div", { class: "row" }, button("Take it without those lines", take(each.name, true)),
        button("Take it whole", take(each.name, false))) : "")));
}

async function showDevices() {
  const { devices } = await call("GET", "/v1/devices");
  const room = make("div", { "aria-live": "polite" });
  at("#paired").replaceChildren(
    make("ul", { class: "list" }, devices.map((each) => make("li", {},
      make("span", {}, make("span", { class: "name" }, each.name), make("span", { class: "dim" },
        ` ${each.this ? "this one, " : ""}since ${when(each.since)}, ${each.scopes.includes("write") ? "may change things" : "may look"}`)),
      button("Revoke", async () => {
        await call("DELETE", `/v1/devices?${new URLSearchParams({ name: each.name })}`);
        if (each.this) forget();
        await route();
      }, { class: "small", "aria-label": `Revoke ${each.name}` })))),
    button("Pair another device", async () => {
      const { code, until, addresses } = await call("POST", "/v1/codes", {});
      room.replaceChildren(make("div", { class: "card" }, make("p", { class: "words" }, make("code", {}, code)),
        make("p", {}, `Good once, until ${when(until)}. Open one of these there:`),
        make("ul", {}, addresses.map((each) => make("li", {}, make("code", {}, each))))));
    }, { class: "main" }), room,
    make("div", { class: "row" }, make("span", { class: "dim" }, "What you let through or block in the log holds"), times()));
}
