r"""Enterprise policies of Chrome, Chromium, Edge and Brave: per-site JavaScript, and DNS over HTTPS to our resolver.

Chromium takes the page above all frames, so this is what `javascript` means, service workers included. `[*.]site` is a
site and all below it, a nearer pattern wins. A browser with policies says that it is managed and locks these settings.
Forms: JSON (Linux: /etc/chromium/policies/managed/ and its like), a configuration profile (macOS), .reg (Windows).
"""

from __future__ import annotations

import json
import plistlib
from collections.abc import Sequence
from uuid import UUID, uuid5

from blockctl.backends.browser_doh import NOTE, OPTION, doh_address
from blockctl.backends.output import Output, Prepared
from blockctl.backends.policy_entries import entries
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.names import is_address, reversed_labels
from blockctl.model.policy import JavaScript, Policy

OPTIONS: dict[str, str] = {
    "form": "json (as it is), mobileconfig (macOS) or reg (Windows)",
    "browser": "chrome (as it is), chromium, edge or brave: whose the profile or .reg file is; JSON is for all alike",
    "doh": OPTION,
    "doh-mode": "automatic (as it is: other DNS where ours does not answer) or secure (no other)",
}

# browser -> its domain in macOS, its key in Windows
BROWSERS = {
    "chrome": ("com.google.Chrome", r"Google\Chrome"),
    "chromium": ("org.chromium.Chromium", "Chromium"),
    "edge": ("com.microsoft.Edge", r"Microsoft\Edge"),
    "brave": ("com.brave.Browser", r"BraveSoftware\Brave"),
}
FORMS = ("json", "mobileconfig", "reg")
MODES = ("automatic", "secure")
LISTS = ("JavaScriptAllowedForUrls", "JavaScriptBlockedForUrls")
NAMESPACE = UUID("5f0d4c1e-7d0b-5c59-9a7e-0b6a3a0d6f51")  # of our profiles: the same browser has the same identifier


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:  # noqa: ARG001 - the interface
    """Lists have no place in these policies."""
    return Prepared()


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:  # noqa: ARG001 - the interface
    """Write the policies in the form asked for."""
    form, browser, mode = (_choice(options, key, known) for key, known in
                           (("form", FORMS), ("browser", tuple(BROWSERS)), ("doh-mode", MODES)))  # fmt: skip
    output = Output({})
    said = policies(policy)
    if address := doh_address(policy, options):
        said |= {"DnsOverHttpsMode": mode, "DnsOverHttpsTemplates": address}
        output.notes.append(NOTE.format(address))
    writers = {"json": _json, "mobileconfig": _profile, "reg": _registry}
    output.files[""] = [writers[form](said, browser)]
    for entry in entries(policy):
        output.rules_in += 1
        if entry.key != "javascript":
            output.gaps.add("requests", entry.origin, entry.text)
        elif entry.javascript is JavaScript.FIRST_PARTY:
            output.gaps.add("first-party", entry.origin, entry.text)
    output.rules_out = sum(len(value) if isinstance(value, list) else 1 for value in said.values())
    output.notes.append("lists are not for these policies: the targets `dnr` and `ublock` carry them")
    if policy.paused:
        output.notes.append("paused: scripts are on everywhere")
    return output


def _choice(options: dict[str, str], key: str, known: tuple[str, ...]) -> str:
    said = options.get(key, known[0])
    if said not in known:
        raise BlockctlError(f"{key}: {said!r} is none of {', '.join(known)}")
    return said


def policies(policy: Policy) -> dict[str, object]:
    """Return the policies on JavaScript by name."""
    allowed: list[str] = []
    denied: list[str] = []
    if not policy.paused:
        for host in sorted(policy.sites, key=reversed_labels):
            said = policy.sites[host].javascript
            if said is not None:
                (denied if said is JavaScript.DENY else allowed).append(host if is_address(host) else f"[*.]{host}")
    found: dict[str, object] = dict(zip(LISTS, (allowed, denied), strict=True))
    found = {name: sites for name, sites in found.items() if sites}
    if policy.javascript is JavaScript.DENY and not policy.paused:
        found["DefaultJavaScriptSetting"] = 2
    return found


def _json(said: dict[str, object], browser: str) -> bytes:  # noqa: ARG001 - the file is the same for all
    return (json.dumps(said, indent=1) + "\n").encode("ascii")


def _profile(said: dict[str, object], browser: str) -> bytes:
    """Return a configuration profile of macOS."""
    domain = BROWSERS[browser][0]
    common = {"PayloadVersion": 1, "PayloadDisplayName": f"blockctl: {browser}"}
    inner = said | common | {
        "PayloadType": domain,
        "PayloadIdentifier": f"blockctl.{browser}.settings",
        "PayloadUUID": str(uuid5(NAMESPACE, f"{domain}.settings")).upper(),
    }  # fmt: skip
    outer = common | {
        "PayloadType": "Configuration",
        "PayloadIdentifier": f"blockctl.{browser}",
        "PayloadUUID": str(uuid5(NAMESPACE, domain)).upper(),
        "PayloadScope": "System",
        "PayloadContent": [inner],
    }
    return plistlib.dumps(outer)


def _registry(said: dict[str, object], browser: str) -> bytes:
    """Return a .reg file; a list that was there before goes first, or its last entries would stay."""
    root = rf"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\{BROWSERS[browser][1]}"
    lines = ["Windows Registry Editor Version 5.00", ""]
    lines += [line for name in LISTS for line in (rf"[-{root}\{name}]", "")]
    lines.append(f"[{root}]")
    for name in ("DefaultJavaScriptSetting", "DnsOverHttpsMode", "DnsOverHttpsTemplates"):
        value = said.get(name)
        lines.append(f'"{name}"=' + ("-" if value is None else _value(value)))
    for name in LISTS:
        sites = said.get(name)
        if isinstance(sites, list):
            lines += ["", rf"[{root}\{name}]"]
            lines += [f'"{number}"={_value(site)}' for number, site in enumerate(sites, start=1)]
    return ("\ufeff" + "\r\n".join([*lines, ""])).encode("utf-16-le")


def _value(value: object) -> str:
    if isinstance(value, int):
        return f"dword:{value:08x}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
