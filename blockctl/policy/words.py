"""The words of the policy file: keys, values, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blockctl.model.policy import JavaScript

VERSION = "1"
TOP = ("version", "defaults", "sites", "hosts", "lists", "protect", "popular", "resolver", "targets")
DEFAULTS = ("javascript", "blocking")
SITE = ("javascript", "blocking", "allow", "deny", "hide", "scroll", "until", "note")
HOSTS = ("allow", "deny")
HOST_ENTRY = ("host", "until", "note")
LIST = ("name", "path", "url", "use", "match", "widen", "format", "trust", "sha256", "mirrors")
RESOLVER = (
    "listen", "upstreams", "strategy", "bootstrap", "forward", "answer", "yield", "records", "safe-search", "rebinding",
    "private", "dns64", "cache", "log", "refresh", "access", "public", "rate", "workers", "tls", "groups",
    "metrics", "api",
)  # fmt: skip
CACHE = ("size", "min-ttl", "max-ttl", "stale", "prefetch")
LOG = ("level", "days")
TLS = ("certificate", "key")
GROUP = ("clients", "lists", "blocking", "safe-search", "allow", "deny", "schedule")
SCHEDULE = ("days", "from", "to", "deny")
TARGET = ("path", "backend")  # and the backend's own

JAVASCRIPT = {
    **{word.value: word for word in JavaScript},
    **dict.fromkeys(("block", "no", "off", "false"), JavaScript.DENY),
    **dict.fromkeys(("yes", "on", "true"), JavaScript.ALLOW),
}
SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
SCROLL = ("unlock",)
USES = ("browser", "dns")
MATCHES = ("subtree", "exact")
WIDENINGS = ("third-party",)
ANSWERS = ("nxdomain", "nodata", "null", "refused")
YIELDS = ("policy", "all")
STRATEGIES = ("fastest", "ordered", "spread")
LOGS = ("full", "anonymous", "counts", "off")
ACCESS = ("loopback", "private", "all")
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = tuple(day[:3] for day in WEEK)
# The keys of parsers.PARSERS, the backends and their options: the rooms do not know each other (and loading a
# backend takes longer than reading the policy), so a test holds them equal.
FORMATS = ("hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz")
OPTIONS = {  # backend -> its options
    "safari": ("min-version", "package"),
    "ublock": ("javascript",),
    "ublock-rules": ("advanced", "removed"),
    "ublock-backup": ("list-url", "advanced"),
    "ublock-managed": ("list-url", "advanced"),
    "dnr": ("browser", "min-version"),
    "chromium-policy": ("form", "browser", "doh", "doh-mode"),
    "firefox-policy": ("list-url", "advanced", "ublock", "doh"),
    "noscript": (),
    "adguard-browser": (),
    "adguard-safari": (),
    "hosts": ("address", "answer"),
    "domains": ("form",),
    "dnsmasq": ("answer",),
    "unbound": ("answer",),
    "rpz": ("answer", "serial", "zone", "server", "control", "primary", "secondaries"),
    "adguard": (),
}
BACKENDS = tuple(OPTIONS)

# What people write elsewhere for the same thing; never accepted, only pointed from.
MEANT_BY_JAVASCRIPT = {
    **dict.fromkeys(("off", "no", "false", "none", "disable", "disabled", "forbid"), "deny"),
    **dict.fromkeys(("on", "yes", "true", "all", "enable", "enabled", "permit"), "allow"),
    **dict.fromkeys(("1p", "first", "firstparty", "first party", "self", "same-site", "same-origin"), "first-party"),
}
MEANT_BY_SWITCH = {
    **dict.fromkeys(("enable", "enabled", "1", "deny", "block"), "on"),
    **dict.fromkeys(("disable", "disabled", "0", "none", "allow"), "off"),
}
MEANT_BY_SITE_KEY = {
    **dict.fromkeys(("js", "script", "scripts"), "javascript"),
    **dict.fromkeys(("filter", "filtering", "ads", "lists", "adblock"), "blocking"),
    **dict.fromkeys(("cosmetic", "selectors", "elements"), "hide"),
    **dict.fromkeys(("expires", "expire", "for", "till", "end"), "until"),
    **dict.fromkeys(("comment", "reason", "why", "text"), "note"),
    **dict.fromkeys(("whitelist", "allowlist", "except"), "allow"),
    **dict.fromkeys(("blacklist", "blocklist", "denylist"), "deny"),
}
MEANT_BY_RESOLVER_KEY = {
    **dict.fromkeys(("bind", "port", "ports", "address", "addresses", "interface"), "listen"),
    **dict.fromkeys(("upstream", "server", "servers", "nameservers", "dns", "resolvers", "forwarders"), "upstreams"),
    **dict.fromkeys(("mode", "blocking-mode", "block-type"), "answer"),
    **dict.fromkeys(("conditional", "stub", "split"), "forward"),
    **dict.fromkeys(("rewrites", "rewrite", "local", "names", "hosts"), "records"),
    **dict.fromkeys(("safesearch", "safe_search"), "safe-search"),
    **dict.fromkeys(("rebind", "rebind-protection"), "rebinding"),
    **dict.fromkeys(("ratelimit", "rate-limit", "limit"), "rate"),
    **dict.fromkeys(("certificate", "cert", "key"), "tls"),
    **dict.fromkeys(("clients", "devices"), "groups"),
    **dict.fromkeys(("ttl", "caching"), "cache"),
    **dict.fromkeys(("querylog", "query-log", "logging"), "log"),
    **dict.fromkeys(("acl", "networks"), "access"),
    **dict.fromkeys(("threads", "processes"), "workers"),
    **dict.fromkeys(("update", "updates", "auto-update", "sync"), "refresh"),
}
MEANT_BY_CACHE_KEY = {
    **dict.fromkeys(("bytes", "memory", "max-size"), "size"),
    **dict.fromkeys(("min", "min_ttl", "minttl"), "min-ttl"),
    **dict.fromkeys(("max", "max_ttl", "maxttl"), "max-ttl"),
    **dict.fromkeys(("serve-stale", "optimistic", "serve-expired"), "stale"),
    **dict.fromkeys(("prefetching", "refresh"), "prefetch"),
}
MEANT_BY_TLS_KEY = {"cert": "certificate", "chain": "certificate", "private": "key", "private-key": "key"}
MEANT_BY_LOG = {
    **dict.fromkeys(("on", "yes", "true", "all", "queries"), "full"),
    **dict.fromkeys(("anonymized", "anonymised", "private"), "anonymous"),
    **dict.fromkeys(("count", "statistics", "stats", "figures"), "counts"),
    **dict.fromkeys(("none", "disabled"), "off"),
}
MEANT_BY_GROUP_KEY = {
    **MEANT_BY_SITE_KEY,
    **dict.fromkeys(("lists", "filters"), "lists"),
    **dict.fromkeys(("client", "devices", "addresses", "members", "ids"), "clients"),
    **dict.fromkeys(("safesearch", "safe_search"), "safe-search"),
    **dict.fromkeys(("schedules", "times", "hours", "bedtime"), "schedule"),
}
MEANT_BY_SCHEDULE_KEY = {
    **dict.fromkeys(("day", "on", "weekdays"), "days"),
    **dict.fromkeys(("start", "begin", "after", "since"), "from"),
    **dict.fromkeys(("end", "stop", "until", "till", "before"), "to"),
    **dict.fromkeys(("block", "hosts", "names"), "deny"),
}
LONGEST_WORD = 40  # difflib takes quadratic time; no word of ours is nearly as long


def spelled(words: Iterable[str]) -> str:
    """Return words as people list them: `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def nearest(word: str, right: Iterable[str], meant: Mapping[str, str] | None = None) -> str:
    """Return the right word that is most like this one, "" when none is."""
    from difflib import get_close_matches

    word = word.strip().lower()
    if not word or len(word) > LONGEST_WORD:
        return ""
    meant = meant or {}
    if word in meant:
        return meant[word]
    right = list(right)
    close = get_close_matches(word, [*right, *meant], n=1, cutoff=0.6)
    if close:
        return meant.get(close[0], close[0])
    begun = [each for each in right if each.startswith(word)]
    return begun[0] if len(begun) == 1 else ""


def advice(word: str, right: Iterable[str], meant: Mapping[str, str] | None = None) -> str:
    """Return a hint that names the nearest right word, and all that are right when they are few."""
    right = list(right)
    guess = nearest(word, right, meant)
    every = f"it is {spelled(right)}" if len(right) > 1 else f"the word is {right[0]}"
    return f"did you mean `{guess}`? ({every})" if guess else every
