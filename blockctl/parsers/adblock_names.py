"""The names of the options of network filters, in every dialect, and what each stands for."""

from __future__ import annotations

from blockctl.model.request import ALL_KINDS, Kind

KINDS: dict[str, Kind] = {
    "document": Kind.DOCUMENT, "doc": Kind.DOCUMENT,
    "subdocument": Kind.FRAME, "frame": Kind.FRAME,
    "script": Kind.SCRIPT,
    "stylesheet": Kind.STYLE, "css": Kind.STYLE,
    "image": Kind.IMAGE, "background": Kind.IMAGE,
    "font": Kind.FONT,
    "media": Kind.MEDIA,
    "xmlhttprequest": Kind.XHR, "xhr": Kind.XHR,
    "websocket": Kind.WEBSOCKET,
    "ping": Kind.PING, "beacon": Kind.PING,
    "other": Kind.OTHER,
    "all": ALL_KINDS,
}  # fmt: skip

# Kinds that a Request does not know. A filter with none but these needs them; beside others they are left to uBO,
# which gets the line as written.
STRANGE_KINDS = {
    "popup": "popup", "popunder": "popunder", "object": "object", "object-subrequest": "object", "webrtc": "webrtc",
    "csp_report": "csp_report", "csp-report": "csp_report", "xbl": "xbl", "dtd": "dtd",
}  # fmt: skip

THIRD_PARTIES = frozenset(("third-party", "3p"))
PARTIES = THIRD_PARTIES | {"first-party", "1p"}

# What an exception switches off on a page. Beside kinds, the filter is about those too.
SWITCHES = {
    "elemhide": "elemhide", "ehide": "elemhide", "generichide": "generichide", "ghide": "generichide",
    "specifichide": "specifichide", "shide": "specifichide",
    **{name: name for name in ("genericblock", "content", "extension", "jsinject", "urlblock", "inline-script",
                               "inline-font")},
}  # fmt: skip

# What a filter does instead of blocking.
ACTIONS = {
    **{name: name for name in (
        "csp", "permissions", "removeparam", "replace", "uritransform", "urltransform", "urlskip", "removeheader",
        "cookie", "hls", "jsonprune", "xmlprune", "referrerpolicy", "stealth", "donottrack", "redirect-rule",
        "dnsrewrite",
    )},
    "queryprune": "removeparam",
}  # fmt: skip

# What is sent in place of what is blocked: such a filter blocks.
REDIRECTS = frozenset(("redirect", "rewrite", "empty", "mp4"))

# Conditions that a Request does not carry.
NEEDS = {
    **{name: name for name in ("method", "ipaddress", "dnstype", "client", "ctag", "app", "sitekey",
                               "requestheader", "responseheader", "header", "cname", "network")},
    "strict1p": "strict1p", "strict-first-party": "strict1p",
    "strict3p": "strict3p", "strict-third-party": "strict3p",
}  # fmt: skip
VALUELESS = frozenset(("cname", "network", "strict1p", "strict3p"))

SITES = {"domain": "page", "from": "page", "top": "page", "to": "host", "denyallow": "not host"}
FLAGS = frozenset(("important", "match-case", "badfilter"))
IDLE = frozenset(("noop", "collapse", "reason"))  # say nothing of requests
NEGATABLE = {*KINDS, *STRANGE_KINDS, *PARTIES, *SWITCHES, "match-case", "collapse"} - {"all"}

KNOWN = frozenset(
    name
    for names in (KINDS, STRANGE_KINDS, PARTIES, SWITCHES, ACTIONS, REDIRECTS, NEEDS, SITES, FLAGS, IDLE)
    for name in names
)
