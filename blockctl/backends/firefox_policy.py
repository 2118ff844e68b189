"""Firefox's policies.json: uBlock Origin installed and set up by it, and DNS over HTTPS to our resolver.

Firefox's own policies know nothing of JavaScript by site (nor may they set the preference for all sites), so uBlock
Origin's managed storage carries it. The file stands in `distribution/` beside Firefox or, on Linux, in
/etc/firefox/policies/; it is read at start.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blockctl.backends import ublock_managed
from blockctl.backends.browser_doh import NOTE, OPTION, doh_address
from blockctl.backends.output import Output, Prepared
from blockctl.backends.policy_entries import entries
from blockctl.backends.ublock_backup import as_json
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy

OPTIONS: dict[str, str] = {
    **ublock_managed.OPTIONS,
    "ublock": "install (as it is), keep (set up what is there) or off (DNS alone)",
    "doh": OPTION,
}
SOURCE = "https://addons.mozilla.org/firefox/downloads/latest/ublock-origin/latest.xpi"


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
    """Write the lists as uBlock Origin takes them."""
    return ublock_managed.prepare([] if _ublock(options) == "off" else lists, options)


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Write policies.json."""
    said = _ublock(options)
    policies: dict[str, Any] = {}
    if said == "off":
        output = Output({})
        for entry in entries(policy):
            output.rules_in += 1
            output.gaps.add("javascript" if entry.key == "javascript" else "requests", entry.origin, entry.text)
    else:
        output = ublock_managed.emit(policy, prepared, options)
        policies = json.loads(b"".join(output.files[""]))["policies"]
    if said == "install":
        policies["ExtensionSettings"] = {
            ublock_managed.EXTENSION: {"installation_mode": "normal_installed", "install_url": SOURCE}
        }
    if address := doh_address(policy, options):
        policies["DNSOverHTTPS"] = {"Enabled": True, "ProviderURL": address, "Fallback": True}
        output.notes.append(NOTE.format(address))
        output.rules_out += 1
    output.files[""] = [as_json({"policies": policies})]
    return output


def _ublock(options: dict[str, str]) -> str:
    said = options.get("ublock", "install")
    if said not in ("install", "keep", "off"):
        raise BlockctlError(f"ublock: {said!r} is neither install, keep nor off")
    return said
