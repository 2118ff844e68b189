"""NoScript's settings, for "Import" in its options: who may run scripts, by the page of the tab.

NoScript's presets are about where a script comes from. What the policy means is about the page, so it is said by
contextual permissions: one entry for everything that comes by http or https, with the sites as its contexts, of which
the nearest counts. `first-party` has an entry for each registrable domain of its sites. Read in NoScript's sources
(`Policy.js`, `Sites.js`, `Permissions.js`, `Settings.js`); the import replaces its policy and leaves the rest as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blockctl.backends.output import Output, Prepared
from blockctl.backends.policy_entries import entries
from blockctl.model.filterlist import FilterList
from blockctl.model.names import registrable_domain, reversed_labels
from blockctl.model.policy import JavaScript, Policy

OPTIONS: dict[str, str] = {}

CAPABILITIES = (
    "script", "object", "media", "frame", "font", "wasm", "webgl", "fetch", "ping", "noscript", "lazy_load",
    "unchecked_css", "lan", "other",
)  # fmt: skip
SCRIPTLESS = tuple(each for each in CAPABILITIES if each not in ("script", "object", "wasm", "webgl"))
VERSION = "13.6.31"  # whose format it is
SCHEMES = ("http:", "https:")


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Lists have no place in NoScript."""
    return Prepared()


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Write the file to import."""
    output = Output({})
    custom = _custom(policy)
    settings = {
        "exportMeta": {"version": VERSION, "knownCapabilities": list(CAPABILITIES)},
        "policy": {
            "DEFAULT": _permissions(_runs(policy.javascript) or policy.paused),
            "TRUSTED": _permissions(True),
            "UNTRUSTED": {"capabilities": [], "temp": False},
            "sites": {"trusted": [], "untrusted": [], "custom": custom},
            "enforced": True,
            "autoAllowTop": False,
        },
    }
    output.files[""] = [(json.dumps(settings, indent=1) + "\n").encode("ascii")]
    output.rules_out = sum(1 + len(each.get("contextual", ())) for each in custom.values())
    for entry in entries(policy):
        output.rules_in += 1
        if entry.key != "javascript":
            output.gaps.add("requests", entry.origin, entry.text)
        elif entry.javascript is JavaScript.FIRST_PARTY:
            reason = "first-party-default" if entry.text.startswith("defaults") else "first-party-frame"
            output.gaps.add(reason, entry.origin, entry.text)
    output.notes.append("an import replaces NoScript's own sites, those that it trusts from the start included")
    if policy.paused:
        output.notes.append("paused: scripts are on everywhere")
    return output


def _runs(said: JavaScript) -> bool:
    """Whether scripts from anywhere may run: `first-party` for all sites cannot be said, and is left open."""
    return said is not JavaScript.DENY


def _permissions(script: bool) -> dict[str, Any]:
    return {"capabilities": list(CAPABILITIES if script else SCRIPTLESS), "temp": False}


def _custom(policy: Policy) -> dict[str, dict[str, Any]]:
    """Return the entries: for every address, and for the domains whose own scripts alone may run on their sites."""
    said = {} if policy.paused else {host: each.javascript for host, each in policy.sites.items() if each.javascript}
    if not said:
        return {}
    hosts = sorted(said, key=reversed_labels)
    contexts = {host: _permissions(said[host] is JavaScript.ALLOW) for host in hosts}
    everything = {**_permissions(_runs(policy.javascript)), "contextual": contexts}
    found = dict.fromkeys(SCHEMES, everything)
    own: dict[str, list[str]] = {}
    for host in hosts:
        if said[host] is JavaScript.FIRST_PARTY:
            own.setdefault(registrable_domain(host), []).append(host)
    for domain, sites in own.items():
        found[domain] = {**everything, "contextual": contexts | {site: _permissions(True) for site in sites}}
    return found
