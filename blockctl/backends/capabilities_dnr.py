"""What declarativeNetRequest, the browsers' own policies and NoScript cannot say of a rule or of the policy."""

from __future__ import annotations

from blockctl.backends.reason import Fidelity, Reason

DNR: dict[str, Reason] = {
    "service-worker": Reason(
        Fidelity.NARROWER,
        "a page that a service worker of the site makes up has no headers that rules could change",
        "sites: rant.example: javascript: deny",
    ),
    "fetched": Reason(
        Fidelity.NARROWER,
        "script files of the site are fetched all the same, and then not run",
        "sites: rant.example: javascript: deny",
    ),
    "frame": Reason(
        Fidelity.NARROWER,
        "in a frame from another site the rule goes by the frame's site, not by the page's",
        "sites: news.example: deny: chat.vendor.example",
    ),
    "popup": Reason(Fidelity.IMPOSSIBLE, "no rule tells a new window from any other page", "||ads.example^$popup"),
    "condition": Reason(
        Fidelity.IMPOSSIBLE, "rules are not told this of a request or a page", "||ads.example^$ipaddress=192.0.2.7"
    ),
    "action": Reason(
        Fidelity.IMPOSSIBLE,
        "rules block, let through, redirect and change headers; they change no text, and never by what other rules do",
        "||news.example^$replace=/ad/x/",
    ),
    "modifier-exception": Reason(
        Fidelity.IMPOSSIBLE,
        "an exception to a change of headers or parameters is said by leaving out hosts; this one has other conditions",
        "@@||news.example/a$csp",
    ),
    "removeparam": Reason(
        Fidelity.IMPOSSIBLE, "parameters are removed by name, not by expression", "*$removeparam=/^utm_/"
    ),
    "regex": Reason(
        Fidelity.IMPOSSIBLE, "RE2 knows neither look-around nor references, and flags in no place", "/ads(?!old)/"
    ),
    "regex-size": Reason(
        Fidelity.IMPOSSIBLE, "compiled, the expression takes more than the 2 kB allowed", "/[0-9a-f]{40}\\.js/"
    ),
    "regex-count": Reason(Fidelity.IMPOSSIBLE, "there is room for 1,000 regular expressions", ""),
    "site-regex": Reason(Fidelity.IMPOSSIBLE, "pages by regular expression", "||ads.example^$domain=/^news/"),
    "non-ascii": Reason(Fidelity.IMPOSSIBLE, "a condition is ASCII", "/b\u00fccher[0-9]/"),
    "entity": Reason(
        Fidelity.NARROWER,
        "news.* is written out for the 238 public suffixes that most of the web is below",
        "||ads.example^$domain=news.*",
    ),
    "entity-not": Reason(
        Fidelity.BROADER,
        "as with entity, but it leaves out fewer pages or hosts",
        "||ads.example^$domain=~news.*",
    ),
    "cosmetic": Reason(
        Fidelity.IMPOSSIBLE,
        "rules are about requests, not about what a page shows (the policy's `hide` is put into style sheets)",
        "news.example##.ad",
    ),
    "selector": Reason(
        Fidelity.IMPOSSIBLE, "a selector that may not be one is left out of the style sheets", "hide: ['a{b']"
    ),
}

REQUESTS = Reason(
    Fidelity.IMPOSSIBLE,
    "this output is about scripts by page; other targets carry it",
    "hosts: deny: telemetry.example",
)

CHROMIUM_POLICY: dict[str, Reason] = {
    "requests": REQUESTS,
    "first-party": Reason(
        Fidelity.IMPOSSIBLE,
        "Chromium's setting is all scripts of a page or none; they are left on",
        "sites: news.example: javascript: first-party",
    ),
}

FIREFOX_POLICY: dict[str, Reason] = {
    "requests": REQUESTS,
    "javascript": Reason(
        Fidelity.IMPOSSIBLE,
        "Firefox's own policies know nothing of JavaScript by site; uBlock Origin does (ublock: install or keep)",
        "sites: rant.example: javascript: deny",
    ),
}

NOSCRIPT: dict[str, Reason] = {
    "requests": REQUESTS,
    "first-party-default": Reason(
        Fidelity.IMPOSSIBLE,
        "NoScript's permissions name the sites they are for; scripts are left on",
        "defaults: javascript: first-party",
    ),
    "first-party-frame": Reason(
        Fidelity.BROADER,
        "in a frame from another site no script runs, not even one written there",
        "sites: news.example: javascript: first-party",
    ),
}
