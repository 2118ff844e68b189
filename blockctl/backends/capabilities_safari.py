"""What Safari's content blockers cannot say."""

from __future__ import annotations

from blockctl.backends.reason import Fidelity, Reason

SAFARI: dict[str, Reason] = {
    "inline": Reason(
        Fidelity.NARROWER,
        "a content blocker stops scripts that are loaded, not those written in the page, and workers count as other",
        "sites: rant.example: javascript: deny",
    ),
    "scroll": Reason(
        Fidelity.IMPOSSIBLE,
        "a content blocker can hide elements, not restyle them",
        "sites: news.example: scroll: unlock",
    ),
    "action": Reason(
        Fidelity.IMPOSSIBLE,
        "a content blocker blocks, hides and lets through; it changes no header, address or text",
        "||news.example^$csp=script-src 'none'",
    ),
    "condition": Reason(
        Fidelity.IMPOSSIBLE, "WebKit does not tell its rules this of a request or a page", "||ads.example^$method=post"
    ),
    "non-ascii": Reason(Fidelity.IMPOSSIBLE, "a url-filter is ASCII", "||ads.example/b\u00fccher"),
    "too-long": Reason(
        Fidelity.IMPOSSIBLE, "a url-filter of over 1,000 characters takes WebKit seconds to compile", ""
    ),
    "regex": Reason(
        Fidelity.IMPOSSIBLE,
        "the expression needs look-around, \\b or a choice within a repetition, or is too large unrolled",
        "/ads(?!old)/",
    ),
    "site-regex": Reason(
        Fidelity.IMPOSSIBLE,
        "pages by a regular expression that WebKit cannot read, or beside pages that are left out",
        "||ads.example^$domain=/^(?!news)/",
    ),
    "site-mix": Reason(
        Fidelity.IMPOSSIBLE,
        "pages that are taken away again and cannot be told apart by their names without the public suffix list",
        "||ads.example^$domain=news.*|~news.example",
    ),
    "entity": Reason(
        Fidelity.NARROWER,
        "news.* is taken for suffixes of one label and for co. and com. of a country: WebKit knows no public suffixes",
        "||ads.example^$domain=news.*",
    ),
    "entity-not": Reason(
        Fidelity.BROADER,
        "as with entity, but it is an exception that reaches fewer pages",
        "||ads.example^$domain=~news.*",
    ),
    "to": Reason(Fidelity.IMPOSSIBLE, "hosts asked for, beside a pattern that names hosts too", "||ads.$to=example.*"),
    "carve": Reason(
        Fidelity.IMPOSSIBLE,
        "an exception within a rule would also take back what other rules block there",
        "*$script,important,denyallow=cdn.example,domain=news.example",
    ),
    "beacon": Reason(
        Fidelity.BROADER, "a beacon is `other` to WebKit, so ping and other are blocked together", "||ads.example^$ping"
    ),
    "page": Reason(
        Fidelity.IMPOSSIBLE,
        "an exception for hiding, by page address and site at once",
        "@@/news/$ghide,domain=news.example",
    ),
    "specifichide": Reason(
        Fidelity.IMPOSSIBLE, "$specifichide by page address; by site it is said", "@@||news.example/old/$specifichide"
    ),
    "selector": Reason(
        Fidelity.IMPOSSIBLE,
        "WebKit drops a rule whose selector it cannot read, so what is in doubt is left out",
        "##svg|a",
    ),
    "has": Reason(Fidelity.IMPOSSIBLE, ":has() needs Safari 16.4", "##.box:has(> .ad)"),
    "procedural": Reason(Fidelity.IMPOSSIBLE, "no CSS selector says this", "news.example##p:has-text(Sponsored)"),
    "style": Reason(
        Fidelity.IMPOSSIBLE,
        "a content blocker can hide elements, not restyle them",
        "news.example##body:style(overflow: auto)",
    ),
    "scriptlet": Reason(Fidelity.IMPOSSIBLE, "a content blocker runs no scripts", "news.example##+js(nowoif)"),
    "html": Reason(Fidelity.IMPOSSIBLE, "a content blocker does not change the document", "news.example##^script"),
}
