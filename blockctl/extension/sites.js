// What the last rules say of a site: the nearest entry speaks, as in blockctl itself.

/** Yield a host and the names above it, the nearest first. */
function* parents(host) {
  for (let name = host; name; name = name.includes(".") ? name.slice(name.indexOf(".") + 1) : "") {
    yield name;
    if (/^[\d.]+$|:/.test(host)) return; // an address has nothing above it
  }
}

/** Return what a mode ({default, sites}) says of a host. */
export function modeOf(mode, host) {
  for (const name of parents(host)) {
    if (Object.hasOwn(mode.sites, name)) return mode.sites[name];
  }
  return mode.default;
}

/** Return the host of a web page's address, "" where it is none. */
export function hostOf(url) {
  try {
    const { protocol, hostname } = new URL(url);
    return /^https?:$/.test(protocol) ? hostname.replace(/\.$/, "") : "";
  } catch {
    return "";
  }
}

/** Whether a host is a site or below it. */
export const isWithin = (host, site) => host === site || host.endsWith("." + site);

const reversed = (name) => name.split(".").reverse().join(".") + ".";

/**
 * Return where a mode has the wanted value, as match patterns: one {matches, excludeMatches} for each level of nesting,
 * since what is excluded from a pattern can only be given back by another.
 */
export function areas(mode, wanted) {
  const levels = mode.default === wanted ? [{ matches: ["*://*/*"], excludeMatches: [] }] : [];
  const outermost = { holds: levels.length > 0, level: levels.length - 1 };
  const seen = new Map();
  const names = Object.keys(mode.sites).map((name) => [reversed(name), name]).sort();
  for (const [, name] of names) {
    let at = outermost;
    for (const above of parents(name)) {
      if (above !== name && seen.has(above)) { at = seen.get(above); break; }
    }
    const holds = mode.sites[name] === wanted;
    let level = at.level;
    if (holds && !at.holds) {
      level += 1;
      levels[level] ??= { matches: [], excludeMatches: [] };
      levels[level].matches.push(pattern(name));
    } else if (at.holds && !holds) {
      levels[level].excludeMatches.push(pattern(name));
    }
    seen.set(name, { holds, level });
  }
  return levels;
}

/** Return the match pattern of a site with all below it. */
export function pattern(name) {
  return /^[\d.]+$|^\[/.test(name) ? `*://${name}/*` : `*://*.${name}/*`;
}

/** Return the style sheet for a page: the nearest entry's selectors, and scrolling given back. */
export function sheet(cosmetic, host) {
  let css = "";
  for (const name of parents(host)) {
    if (cosmetic.hide[name]?.length) {
      css = cosmetic.hide[name].map((each) => `${each} { display: none !important }\n`).join("");
      break;
    }
  }
  return modeOf({ default: false, sites: cosmetic.scroll }, host)
    ? css + "html, body { overflow: auto !important; position: static !important }\n"
    : css;
}

/** Return the state of a page in words. A visit, where there is one, is what its tab says otherwise. */
export function words(live, host, visit) {
  if (!live) return [];
  if (live.paused.in_force) return ["Paused: everything is let through."];
  const scripts = visit?.javascript ?? modeOf(live.modes.javascript, host);
  const lists = modeOf(live.modes.blocking, host);
  const said = { allow: "allowed here", deny: "denied here", "first-party": "from the site itself only" };
  return [`JavaScript: ${said[scripts]}.`, `Ads and trackers: ${lists ? "blocked" : "allowed"} here.`];
}
