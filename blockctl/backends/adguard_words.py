"""What AdGuard calls the things that lists of other dialects name, and which of them it has.

Asked of its engine, @adguard/tsurlfilter 6.0.3, which turns uBlock Origin's and Adblock Plus' lines into its own and
drops in silence what it has no word for. Lists checked: EasyList, EasyPrivacy, uBlock Origin's filters.
"""

from __future__ import annotations

import re

# Options by another name.
WORDS = {
    "3p": "third-party", "1p": "first-party", "css": "stylesheet", "frame": "subdocument", "xhr": "xmlhttprequest",
    "doc": "document", "ehide": "elemhide", "ghide": "generichide", "shide": "specifichide", "from": "domain",
    "queryprune": "removeparam", "beacon": "ping",
}  # fmt: skip

# Resources of `$redirect` and `$redirect-rule` that it knows, by its own names and uBlock Origin's.
# fmt: off
RESOURCES = frozenset((
    "1x1-transparent.gif", "1x1.gif", "2x2-transparent.png", "2x2.png", "32x32-transparent.png", "32x32.png",
    "3x2-transparent.png", "3x2.png", "amazon-apstag", "amazon_apstag.js", "ati-smarttag", "blank-css", "blank-js",
    "blank-text", "click2load.html", "didomi-loader", "empty", "fingerprint2.js", "fingerprint3.js",
    "fuckadblock.js-3.2.0", "gemius", "google-analytics", "google-analytics-ga", "google-analytics_analytics.js",
    "google-analytics_ga.js", "google-ima.js", "google-ima3", "googlesyndication-adsbygoogle",
    "googlesyndication.com/adsbygoogle.js", "googlesyndication_adsbygoogle.js", "googletagmanager_gtm.js",
    "googletagservices-gpt", "googletagservices_gpt.js", "matomo", "metrika-yandex-tag", "metrika-yandex-watch",
    "naver-wcslog", "nobab.js", "nobab2.js", "noeval.js", "nofab.js", "noop-0.1s.mp3", "noop-1s.mp4",
    "noop-vmap1.0.xml", "noop.css", "noop.html", "noop.js", "noop.json", "noop.txt", "noopcss", "noopframe", "noopjs",
    "noopjson", "noopmp3-0.1s", "noopmp4-1s", "nooptext", "noopvast-2.0", "noopvast-3.0", "noopvast-4.0",
    "noopvmap-1.0", "pardot-1.0", "popads-dummy.js", "popads.js", "prebid", "prebid-ads.js", "prevent-bab",
    "prevent-bab2", "prevent-fab-3.2.0", "prevent-popads-net", "scorecardresearch-beacon",
    "scorecardresearch_beacon.js", "set-popads-dummy",
))
# fmt: on
_OTHER_RESOURCES = {
    "empty": "nooptext",
    "mp4": "noopmp4-1s",
    "popads.net.js": "popads.js",
    "google-analytics.com/analytics.js": "google-analytics_analytics.js",
    "google-analytics.com/ga.js": "google-analytics_ga.js",
    "googletagmanager.com/gtm.js": "googletagmanager_gtm.js",
    "googletagservices.com/gpt.js": "googletagservices_gpt.js",
    "scorecardresearch.com/beacon.js": "scorecardresearch_beacon.js",
}  # fmt: skip

# Scriptlets of uBlock Origin in use that it has under no name.
SCRIPTLETS = frozenset((
    "alert-buster", "json-edit-fetch-request", "jsonl-edit-xhr-response", "multiup", "nobab", "prevent-clipboard-write",
    "prevent-window-open", "prevent-xhr", "proxy-apply-config", "rpnt", "trusted-click-element", "trusted-set",
))  # fmt: skip
NO_SELECTOR = re.compile(
    r":(?:-abp-properties|properties|others|shadow|watch-attrs?|min-text-length|matches-prop|if|remove-(?:attr|class))\("
)


def resource(value: str) -> str:
    """Return the option for a resource by AdGuard's name, "" when it has none. uBlock Origin's `:10` is a rank."""
    if value.startswith("abp-resource:"):
        return f"rewrite={value}"
    name = value.partition(":")[0]
    name = _OTHER_RESOURCES.get(name, name)
    return f"redirect={name}" if name in RESOURCES else ""
