"""What engines that see names cannot say."""

from __future__ import annotations

from blockctl.backends.reason import Fidelity, Reason

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
