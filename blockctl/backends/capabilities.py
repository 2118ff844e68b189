"""What each engine can and cannot say: one table, read by the backends, the report and the README."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fidelity(Enum):
    """How an engine's nearest rule compares with what was asked."""

    NARROWER = "narrower"  # it acts on fewer requests
    BROADER = "broader"  # it acts on more requests
    IMPOSSIBLE = "impossible"  # it has no such rule


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an engine cannot express a rule as it stands."""

    fidelity: Fidelity
    why: str  # one sentence for people
    witness: str  # a rule that shows it


DNS = {
    "page": Reason(
        Fidelity.IMPOSSIBLE, "DNS sees a host, never the page that asks", "||ads.example^$domain=news.example"
    ),
    "party": Reason(
        Fidelity.IMPOSSIBLE,
        "DNS cannot tell whose page asks; without that condition the rule would block whole sites",
        "||tracker.example^$third-party",
    ),
    "kind": Reason(Fidelity.IMPOSSIBLE, "DNS does not see what a request is for", "||ads.example^$script"),
    "path": Reason(Fidelity.IMPOSSIBLE, "DNS sees a host, never the path of a URL", "||cdn.example/ads/"),
    "name": Reason(
        Fidelity.IMPOSSIBLE,
        "in a list for browsers a name alone is a part of an address: write ||name^, or say `use: [dns]` of the list",
        "ads.example",
    ),
    "pattern": Reason(Fidelity.IMPOSSIBLE, "this pattern is not the name of a host", "-ad-banner."),
    "regex": Reason(
        Fidelity.IMPOSSIBLE, "a regular expression on URLs says no certain name", "/^https?:\\/\\/ads\\d+\\./"
    ),
    "to": Reason(Fidelity.IMPOSSIBLE, "the rule names its hosts by $to", "||ads.example^$to=img.ads.example"),
    "needs": Reason(Fidelity.IMPOSSIBLE, "DNS cannot see what this rule depends on", "||ads.example^$method=post"),
    "action": Reason(
        Fidelity.IMPOSSIBLE, "DNS blocks or lets through, it changes nothing in a page", "||news.example^$csp=..."
    ),
    "cosmetic": Reason(Fidelity.IMPOSSIBLE, "DNS never sees what a page shows", "news.example##.ad"),
    "javascript": Reason(Fidelity.IMPOSSIBLE, "DNS sees no scripts", "sites: news.example: javascript: deny"),
}

LISTED = DNS | {
    "wildcard": Reason(
        Fidelity.NARROWER, "a list of single names holds of those below a name only what lists name", "||ads.example^"
    ),
}

DOMAINS = LISTED | {
    "hole": Reason(
        Fidelity.NARROWER,
        "a wildcard cannot leave out a name below it, so the names that lists block are written one by one",
        "||ads.example^ and @@||pay.ads.example^",
    ),
    "below": Reason(Fidelity.IMPOSSIBLE, "a wildcard means the name itself too", "*.ads.example CNAME ."),
}

UNBOUND = DNS | {
    "apart": Reason(
        Fidelity.NARROWER,
        "no zone lets a name through and blocks what is below it, so both are let through",
        "*.ads.example CNAME .",
    ),
}

RPZ = DNS | {
    "long": Reason(
        Fidelity.IMPOSSIBLE, "with the name of the zone behind it this name would be too long", "218 letters"
    ),
}

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
    "site-regex": Reason(Fidelity.IMPOSSIBLE, "pages by regular expression", "||ads.example^$domain=/^news/"),
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

UBLOCK: dict[str, Reason] = {
    "frame": Reason(
        Fidelity.NARROWER,
        "in a frame from another site uBO's domain= is the frame's site, not the page's; My rules and trusted sites "
        "(ublock-rules, ublock-backup, ublock-managed) see the page",
        "sites: news.example: deny: chat.vendor.example",
    ),
    "untrusted": Reason(
        Fidelity.IMPOSSIBLE,
        "uBO heeds this only from its own lists: keep those lists ticked in uBO itself",
        "news.example##+js(trusted-set-cookie, consent, no)",
    ),
    "option": Reason(Fidelity.IMPOSSIBLE, "uBO has no such option", "||ads.example^$cookie=id"),
    "adguard": Reason(Fidelity.IMPOSSIBLE, "only AdGuard has this form of rule", "news.example#%#window.ads = 1"),
    "selector": Reason(Fidelity.IMPOSSIBLE, "uBO has no such selector", "news.example##:-abp-properties(width: 300px)"),
    "csp-report": Reason(Fidelity.IMPOSSIBLE, "uBO refuses a $csp that reports", "||news.example^$csp=report-uri /csp"),
    "csp-exception": Reason(
        Fidelity.BROADER,
        "this exception would also lift the sandbox that keeps a site's scripts off, so it is left out",
        "@@||news.example^$csp",
    ),
    "important-regex": Reason(
        Fidelity.NARROWER,
        "an important rule for pages by regular expression is left out where the policy frees some hosts of a site",
        "||ads.example^$important,domain=/^news/",
    ),
    "nested-scriptlets": Reason(
        Fidelity.NARROWER,
        "scriptlets switched off on a site stay off below it",
        "sites: app.shop.example: blocking: on, below shop.example: blocking: off",
    ),
    "list-carried": Reason(
        Fidelity.IMPOSSIBLE, "My rules cannot say it; the filter list (target ublock) does", "protect: my-bank.example"
    ),
    "advanced": Reason(
        Fidelity.IMPOSSIBLE,
        "My rules says it only in uBO's advanced mode (option advanced: yes); the filter list (target ublock) does",
        "hosts: deny: telemetry.example",
    ),
    "dynamic-allow": Reason(
        Fidelity.IMPOSSIBLE,
        "allow in My rules would also let scripts run that `javascript` keeps off; the filter list (target ublock) can",
        "sites: news.example: {javascript: first-party, allow: [cdn.partner.example]}",
    ),
    "dynamic-document": Reason(
        Fidelity.NARROWER,
        "a host rule does not stop its own pages from opening; the filter list (target ublock) does",
        "hosts: deny: telemetry.example",
    ),
    "trusted": Reason(
        Fidelity.NARROWER,
        "a trusted site would also be free of the policy's own denials, so it is not trusted; in its frames from other "
        "sites the lists still apply",
        "sites: shop.example: {blocking: off, deny: [chat.vendor.example]}",
    ),
    "hide-unblocked": Reason(
        Fidelity.NARROWER,
        "where blocking is off uBO hides nothing, the user's own selectors included",
        "sites: shop.example: blocking: off, hide: [.modal]",
    ),
}

# backend -> reason key -> reason
CAPABILITIES: dict[str, dict[str, Reason]] = {
    "hosts": LISTED,
    "domains": DOMAINS,
    **dict.fromkeys(("dnsmasq", "adguard"), DNS),
    "unbound": UNBOUND,
    "rpz": RPZ,
    "safari": SAFARI,
    **dict.fromkeys(("ublock", "ublock-rules", "ublock-backup", "ublock-managed"), UBLOCK),
}
