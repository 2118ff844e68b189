"""What AdGuard cannot say: its extension, and SafariConverterLib, which stands before Safari."""

from __future__ import annotations

from blockctl.backends.reason import Fidelity, Reason

_BOTH: dict[str, Reason] = {
    "untrusted": Reason(
        Fidelity.IMPOSSIBLE,
        "AdGuard heeds this only from lists it trusts: keep those lists on in AdGuard itself",
        "news.example##+js(trusted-set-cookie, consent, no)",
    ),
    "whole-page": Reason(
        Fidelity.NARROWER,
        "AdGuard would free all that a page loads by it; `blocking: off` of the policy says such things",
        "@@||news.example^$urlblock",
    ),
    "selector": Reason(
        Fidelity.IMPOSSIBLE, "AdGuard has no such selector", "news.example##:-abp-properties(width: 300px)"
    ),
    "scriptlet": Reason(Fidelity.IMPOSSIBLE, "AdGuard has no such scriptlet", "news.example##+js(alert-buster)"),
    "path": Reason(
        Fidelity.IMPOSSIBLE,
        "a path of the page in uBlock Origin's words, which do not reach AdGuard",
        "news.example/sport##.ad",
    ),
    "in-frames": Reason(
        Fidelity.NARROWER,
        "AdGuard heeds a scriptlet on the pages it names, not in every frame of theirs",
        "news.example>>##+js(nowoif)",
    ),
    "important-regex": Reason(
        Fidelity.NARROWER,
        "an important rule for pages by regular expression is left out where the policy frees some hosts of a site",
        "||ads.example^$important,domain=/^news/",
    ),
    "csp-exception": Reason(
        Fidelity.BROADER,
        "this exception would also lift the sandbox that keeps a site's scripts off, so it is left out",
        "@@||news.example^$csp",
    ),
    "hide-unblocked": Reason(
        Fidelity.NARROWER,
        "where blocking is off AdGuard hides nothing, the user's own selectors included",
        "sites: shop.example: blocking: off, hide: [.modal]",
    ),
    "hide-shown": Reason(
        Fidelity.NARROWER,
        "where a list switches hiding off AdGuard does not hide the user's own selectors either",
        "sites: news.example: hide: [.modal], with @@||news.example^$elemhide in a list",
    ),
}

ADGUARD_BROWSER: dict[str, Reason] = _BOTH | {
    "frame": Reason(
        Fidelity.NARROWER,
        "in a frame from another site AdGuard's $domain is the frame's site, not the page's",
        "sites: news.example: deny: chat.vendor.example",
    ),
    "private-suffix": Reason(
        Fidelity.NARROWER,
        "AdGuard takes all hosts under a private suffix, such as github.io, for one site",
        "/ads/$third-party, asked for on u.github.io and coming from v.github.io",
    ),
    "private-suffix-own": Reason(
        Fidelity.BROADER,
        "AdGuard takes all hosts under a private suffix, such as github.io, for one site",
        "/ads/$~third-party, asked for on u.github.io and coming from v.github.io",
    ),
    "to-mixed": Reason(
        Fidelity.IMPOSSIBLE,
        "AdGuard's $to takes names or takes names away, never both",
        "||vendor.example^$to=cdn.vendor.example|~eu.cdn.vendor.example",
    ),
    "nested-actions": Reason(
        Fidelity.NARROWER,
        "AdGuard takes no $to beside $removeparam and $permissions, so where blocking is on again below a site of "
        "`blocking: off` these stay off",
        "sites: app.shop.example: blocking: on, below shop.example: blocking: off",
    ),
    "option": Reason(
        Fidelity.IMPOSSIBLE, "AdGuard's extension has no such option", "||ads.example^$ipaddress=192.0.2.7"
    ),
    "csp-report": Reason(
        Fidelity.IMPOSSIBLE, "AdGuard refuses a $csp that reports", "||news.example^$csp=report-uri /csp"
    ),
}

ADGUARD_SAFARI: dict[str, Reason] = _BOTH | {
    "inline": Reason(
        Fidelity.NARROWER,
        "a content blocker stops the files that scripts come in, not those written in the page; the companion "
        "extension does",
        "sites: rant.example: javascript: deny",
    ),
    "to": Reason(
        Fidelity.IMPOSSIBLE,
        "SafariConverterLib has no $to, and makes exceptions of $denyallow",
        "||vendor.example^$to=cdn.vendor.example",
    ),
    "demoted": Reason(
        Fidelity.NARROWER,
        "where the policy takes something out of it this blocks as a list does: an exception of a list wins over it",
        "hosts: {deny: [vendor.example], allow: [cdn.vendor.example]}",
    ),
    "mixed-domains": Reason(
        Fidelity.IMPOSSIBLE,
        "Safari takes sites or takes sites away, never both in one rule",
        "||ads.example^$domain=news.example|~app.news.example",
    ),
    "entity": Reason(
        Fidelity.NARROWER,
        "SafariConverterLib reads `news.*` as that name under a hundred suffixes; from Safari 26 as it is",
        "||ads.example^$domain=news.*",
    ),
    "site-regex": Reason(
        Fidelity.IMPOSSIBLE,
        "SafariConverterLib takes no regular expression for a site before Safari 26",
        "||ads.example^$domain=/^news/",
    ),
    "regex": Reason(
        Fidelity.IMPOSSIBLE,
        "SafariConverterLib drops what Safari's content blocker cannot compile; the target safari rewrites it",
        r"/banner\d+\.gif/",
    ),
    "action": Reason(
        Fidelity.IMPOSSIBLE, "a content blocker blocks and hides, nothing else", "||news.example^$csp=script-src 'self'"
    ),
    "popup": Reason(
        Fidelity.IMPOSSIBLE,
        "in Safari it would stop the page itself, in any tab",
        "||ads.example^$popup",
    ),
    "html": Reason(Fidelity.IMPOSSIBLE, "Safari does not let a page's text be filtered", "news.example##^script"),
}
