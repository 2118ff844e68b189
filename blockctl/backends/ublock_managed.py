"""uBlock Origin's managed storage, as Firefox's policies.json (`3rdparty`) hands it over.

uBO puts these parts in place at every launch: all switches, the whole of My filters and, with `list-url`, the whole
choice of lists; trusted sites are added, the others stay. So this is for a browser that the policy file alone governs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blockctl.backends import ublock_backup
from blockctl.backends.output import Output, Prepared
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy

OPTIONS: dict[str, str] = dict(ublock_backup.OPTIONS)
EXTENSION = "uBlock0@raymondhill.net"


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
    """Write the lists as for a backup."""
    return ublock_backup.prepare(lists, options)


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Write policies.json."""
    output = Output({}, rules_in=prepared.rules_in)
    parts = ublock_backup.own_parts(policy, prepared, options, output)
    defaults = ublock_backup.DEFAULTS
    admin: dict[str, Any] = {"hostnameSwitchesString": "\n".join([*defaults["switches"], *parts.own["switches"]])}
    if parts.advanced:
        admin["userSettings"] = {"advancedUserEnabled": True}
        admin["dynamicFilteringString"] = "\n".join([*defaults["dynamic"], *parts.own["dynamic"]])
    # Not splitlines(), which would make two filters of one with U+2028 in it, the second one of a list's own choosing.
    overwrite: dict[str, Any] = {"filters": [line for line in parts.filters.split("\n") if line]}
    if parts.own["list"]:
        overwrite["filterLists"] = ["user-filters", *parts.own["list"]]
    managed: dict[str, Any] = {"adminSettings": json.dumps(admin), "toOverwrite": overwrite}
    if parts.own["trusted"]:
        managed["toAdd"] = {"trustedSiteDirectives": parts.own["trusted"]}
    output.files[""] = [ublock_backup.as_json({"policies": {"3rdparty": {"Extensions": {EXTENSION: managed}}}})]
    lists = ", the choice of lists" if parts.own["list"] else ""
    output.notes.append(f"at every launch uBO overwrites its switches, My filters{lists} with this")
    return output
