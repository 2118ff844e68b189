"""What becomes of a page's scripts under each output: the ways a script can run, and which of them an output stops.

One table, read by the report, the README and the tests. The tests try every way in the real browser
(`tests/engines/probe.py`) and compare: no row is here that was not seen. So `adguard-safari` has none: what stands
between it and Safari runs on a Mac alone; its gaps `inline` and `mixed-domains` say what it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from blockctl.model.policy import JavaScript


class Claim(Enum):
    """What happens in one way."""

    STOPPED = "stopped"  # the script does not run, the <noscript> does not show
    RUNS = "runs"  # the script runs, the <noscript> shows, the form is sent


# way -> what it is. "Elsewhere" are pages of other sites, which `javascript: deny` of this one leaves alone.
WRITTEN = {
    "inline": "a script written in the page",
    "module": "a module written in the page",
    "handler-load": "onload of the page",
    "handler-error": "onerror of an image",
    "handler-click": "onclick of a button",
    "javascript-link": "a javascript: link",
    "javascript-frame": "a frame with a javascript: address",
    "svg-script": "a script within an SVG image in the page",
    "svg-handler": "onload of an SVG image in the page",
    "blob": "a script from a blob, which another script made",
    "data-script": "a script from a data: address",
    "frame-own": "a script written in a frame of the site's own",
    "frame-below": "a script written in a frame from a host below the site",
    "frame-third": "a script written in a frame from another site",
    "object": "a script written in a page within <object>",
    "srcdoc": "a script written in a frame's srcdoc",
    "data-frame": "a script in a frame with a data: address",
    "svg-document": "a script in an SVG document within a frame",
    "svg-object": "a script in an SVG document within <object>",
    "svg-page": "a script in an SVG document that is the page",
}
LOADED = {
    "external-own": "a script file of the site's own",
    "module-external": "a module file of the site's own",
    "worker": "a worker",
    "worker-module": "a worker that is a module",
    "worker-shared": "a shared worker",
}
LOADED_THIRD = {
    "external-third": "a script file from another site",
    "frame-third-external": "a script file in a frame from another site",
    "worker-third": "a script file from another site in a worker",
}
WITHOUT = {"noscript": "<noscript> shows", "noscript-frame": "<noscript> in a frame shows"}
STAYS = {"link": "a link leads on", "form": "a form is sent", "popup": "a link opens a new tab"}
ELSEWHERE = {
    "popup-script": "scripts of another site in a tab that the site opened",
    "framed-elsewhere": "scripts of the site in a frame on another site",
}
NEVER = {"svg-image": "a script in an SVG document within <img>, which no browser runs"}
WAYS: dict[str, str] = WRITTEN | LOADED | LOADED_THIRD | WITHOUT | STAYS | ELSEWHERE | NEVER

_ALLOW = {*WAYS} - {*WITHOUT, *NEVER}
_DENY = {*WITHOUT, *STAYS, *ELSEWHERE}
_FIRST_PARTY = _ALLOW - {*LOADED_THIRD}


def _claims(runs: Iterable[str]) -> dict[str, Claim]:
    acting = set(runs)
    return {way: Claim.RUNS if way in acting else Claim.STOPPED for way in WAYS}


# What `javascript: ...` means, and what an engine does that knows nothing of it.
MEANT = {
    JavaScript.ALLOW: _claims(_ALLOW),
    JavaScript.DENY: _claims(_DENY),
    JavaScript.FIRST_PARTY: _claims(_FIRST_PARTY),
}

# A list's filter sees the frame that asks, never the page around it.
_IN_LISTS = MEANT | {JavaScript.FIRST_PARTY: _claims({*_FIRST_PARTY, "frame-third-external"})}
# A content blocker stops the files that scripts come in, but for those of workers and what these load; a blob is of no
# party to it.
WORKERS = ("worker", "worker-module", "worker-shared", "worker-third")
_IN_SAFARI = {*WRITTEN, *WORKERS, *STAYS, *ELSEWHERE} - {"blob"}

# output (and its option) -> what the policy says -> way -> what happens
CLAIMS: dict[str, dict[JavaScript, dict[str, Claim]]] = {
    "adguard-browser": _IN_LISTS,
    "ublock": _IN_LISTS,
    "ublock-rules": MEANT | {JavaScript.FIRST_PARTY: MEANT[JavaScript.ALLOW]},  # the list carries it
    "ublock-rules, advanced": MEANT,
    "ublock-backup": _IN_LISTS,
    "ublock-backup, advanced": MEANT,
    "ublock-managed": _IN_LISTS,
    "safari": MEANT
    | {
        JavaScript.DENY: _claims(_IN_SAFARI),
        JavaScript.FIRST_PARTY: _claims({*_FIRST_PARTY, "worker-third"} - {"blob"}),
    },
    "dnr": MEANT,
    "dnr, firefox": MEANT | {JavaScript.FIRST_PARTY: _claims({*_FIRST_PARTY, "frame-third-external"})},
    "chromium-policy": MEANT | {JavaScript.FIRST_PARTY: MEANT[JavaScript.ALLOW]},
}
