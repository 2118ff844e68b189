"""What uBlock Origin cannot say, by each of the outputs that it takes."""

from __future__ import annotations

from blockctl.backends.reason import Fidelity, Reason

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
    "nested-names": Reason(
        Fidelity.IMPOSSIBLE,
        "uBO lets a name that is taken away win over every name beside it, where the nearest of three should",
        "||ads.example^$domain=news.example|~eu.news.example|a.eu.news.example",
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
