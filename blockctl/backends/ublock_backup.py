"""uBlock Origin's backup file, which "Restore from file..." takes. A restore replaces everything, so the file is best
made from the user's own backup: `merge_backup`.

Keys and types as uBO's restore reads them: `version` must be a string, `userSettings` an object, `whitelist` and
`selectedFilterLists` arrays. What blockctl wrote is told apart by a marked block in `userFilters`, which also lists
its switches, host rules, trusted sites and list addresses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blockctl.backends import ublock, ublock_rules
from blockctl.backends.output import Gaps, Output, Prepared
from blockctl.backends.ublock_regions import Names, javascript_of, regions, settings
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import JavaScript, Policy

OPTIONS: dict[str, str] = {
    "list-url": "where uBO finds the target `ublock`; rules and switches then stay out of this file",
    "advanced": "yes: turn advanced mode on and write host rules, which see the page inside frames too",
}

BACK_UP = 'make one in uBO: Settings, "Back up to file..."'
BEGIN, END = "! blockctl begin", "! blockctl end"
OWNED = "! blockctl owns "
WRITTEN = 1767225600000  # a fixed time (2026-01-01), so that the same rules give the same bytes
VERSION = "1.67.0"  # the uBO whose restore was tried
DEFAULTS: dict[str, list[str]] = {  # what a fresh uBO in Firefox has, and a restore would take away
    "dynamic": [
        f"behind-the-scene * {kind} noop"
        for kind in ("*", "image", "3p", "inline-script", "1p-script", "3p-script", "3p-frame")
    ],
    "switches": ["no-large-media: behind-the-scene false", "no-csp-reports: * true"],
    "trusted": ["chrome-extension-scheme", "moz-extension-scheme"],
}  # fmt: skip
TEXTS = {"dynamic": "dynamicFilteringString", "switches": "hostnameSwitchesString"}


def prepare(lists: Sequence[FilterList], options: dict[str, str]) -> Prepared:
    """Write the lists as for the target `ublock`, for they are part of this file unless uBO subscribes to it."""
    return ublock.prepare([] if options.get("list-url") else lists, options)


def emit(policy: Policy, prepared: Prepared, options: dict[str, str]) -> Output:
    """Write a whole backup, for a browser without one of its own."""
    output = Output({}, rules_in=prepared.rules_in)
    parts = own_parts(policy, prepared, options, output)
    backup = _merged(_empty(), parts)
    output.files[""] = [as_json(backup)]
    output.notes.append(
        "a restore replaces all of uBO's settings: `export ublock-backup --into FILE` keeps those of a backup of yours"
    )
    return output


def as_json(backup: dict[str, Any]) -> bytes:
    """Return the file's bytes."""
    return (json.dumps(backup, indent=1, ensure_ascii=False) + "\n").encode()


def merge_backup(
    existing: dict[str, Any], policy: Policy, prepared: Prepared, options: dict[str, str]
) -> dict[str, Any]:
    """Return the user's own backup with what blockctl says in it, in place of what it said before.

    BlockctlError: the file is no backup of uBO.
    """
    _check(existing)
    return _merged(existing, own_parts(policy, prepared, options, Output({})))


def _check(existing: object) -> None:
    """Raise BlockctlError unless the restore of uBO would take this, each part of the kind that it writes itself."""
    if not isinstance(existing, dict):
        raise BlockctlError("not a backup of uBlock Origin: no object", BACK_UP)
    settings_of = existing.get("userSettings")
    texts = [existing.get("version"), *(existing.get(key, "") for key in (*TEXTS.values(), "userFilters"))]
    lists = [existing.get("whitelist"), existing.get("selectedFilterLists")]
    if not isinstance(settings_of, dict) or not all(isinstance(text, str) for text in texts):
        raise BlockctlError("not a backup of uBlock Origin: a part of it is missing or of another kind", BACK_UP)
    for each in (*lists, settings_of.get("importedLists", [])):
        if not isinstance(each, list) or not all(isinstance(line, str) for line in each):
            raise BlockctlError("not a backup of uBlock Origin: lists and trusted sites are no lists of texts", BACK_UP)


class Parts:
    """What blockctl says, sorted by where a backup holds it."""

    def __init__(self) -> None:
        self.own: dict[str, list[str]] = {"switches": [], "dynamic": [], "trusted": [], "list": []}
        self.filters = ""
        self.advanced = False


def own_parts(policy: Policy, prepared: Prepared, options: dict[str, str], output: Output) -> Parts:
    """Return what the policy says in each part of a backup, and note counts and gaps in the output.

    Scripts are kept off by the subscribed list's sandbox or by the switches here, never by both.
    """
    parts = Parts()
    parts.advanced = ublock_rules.is_advanced(options)
    if url := options.get("list-url", ""):
        parts.own["list"] = [url]
    else:
        parts.own["switches"] = ublock_rules.switches(policy)
    if policy.paused:
        output.notes.append("paused: no rule is written")
        return parts
    parts.own["trusted"] = trusted_sites(policy, output.gaps)
    if parts.advanced:
        parts.own["dynamic"] = list(ublock_rules.host_rules(policy, True, output.gaps))
    if not url:
        lines, body = ublock.policy_text(policy, prepared, output, sandbox=False, seen=_seen(policy, parts))
        parts.filters = "".join(f"{line}\n" for line in lines) + bytes(body).decode()
    output.rules_out += sum(map(len, parts.own.values()))
    return parts


def _seen(policy: Policy, parts: Parts) -> frozenset[tuple[str, str]]:
    """Return the entries that hold inside frames as well: trusted sites and, in advanced mode, host rules."""
    seen = {(site, "blocking") for site in parts.own["trusted"]}
    if parts.advanced:
        seen |= {(site, key) for site in policy.sites for key in ("hosts", "javascript")}
    return frozenset(seen)


def trusted_sites(policy: Policy, gaps: Gaps) -> list[str]:
    """Return the sites with `blocking: off` that uBO may trust altogether.

    A trusted site is free of everything, the policy's own denials and the script switch included, so one with any of
    these stays with the filter list alone.
    """
    denying = any(not entry.allow for entry in policy.hosts.values())
    strict = Names({host: True for host in policy.sites if _is_strict(policy, host)})
    trusted: list[str] = []
    for region in regions(settings(policy, lambda site: site.blocking), policy.blocking, False):
        again = Names(dict.fromkeys(region.but, True))
        for name in region.names:
            if denying or strict.covers(name) or any(True for each in (strict, again) for _ in each.below(name)):
                site = policy.sites[name]
                gaps.add("trusted", site.lines.get("blocking", site.origin), f"sites: {name}: blocking: off")
            else:
                trusted.append(name)
    return trusted


def _is_strict(policy: Policy, host: str) -> bool:
    """Whether the site's own entry, or what it inherits, denies anything."""
    denies = any(not entry.allow for entry in policy.sites[host].hosts)
    return denies or javascript_of(policy, host) is not JavaScript.ALLOW


def _empty() -> dict[str, Any]:
    return {
        "timeStamp": WRITTEN,
        "version": VERSION,
        "userSettings": {},
        "selectedFilterLists": ["user-filters"],
        "hiddenSettings": {},
        "whitelist": list(DEFAULTS["trusted"]),
        "dynamicFilteringString": "\n".join(DEFAULTS["dynamic"]),
        "urlFilteringString": "",
        "hostnameSwitchesString": "\n".join(DEFAULTS["switches"]),
        "userFilters": "",
    }


def _merged(existing: dict[str, Any], parts: Parts) -> dict[str, Any]:
    backup = dict(existing)
    users, before = _without_block(backup.get("userFilters", ""))
    for kind, key in TEXTS.items():
        backup[key] = "\n".join(_replaced(backup.get(key, "").splitlines(), before[kind], parts.own[kind]))
    backup["whitelist"] = _replaced(backup["whitelist"], before["trusted"], parts.own["trusted"])
    chosen = _replaced(backup["selectedFilterLists"], before["list"], parts.own["list"])
    backup["selectedFilterLists"] = chosen if "user-filters" in chosen else ["user-filters", *chosen]
    told = dict(backup["userSettings"])
    imported = _replaced(told.get("importedLists", []), before["list"], parts.own["list"])
    if imported or "importedLists" in told:
        told |= {"importedLists": imported, "externalLists": "\n".join(imported)}
    if parts.advanced:
        told["advancedUserEnabled"] = True
    backup["userSettings"] = told
    owned = "".join(f"{OWNED}{kind} {line}\n" for kind, lines in parts.own.items() for line in lines)
    backup["userFilters"] = f"{users}{BEGIN}\n{owned}{parts.filters}{END}\n"
    return backup


def _without_block(filters: str) -> tuple[str, dict[str, list[str]]]:
    """Return the user's own filters, and what blockctl said it owned."""
    kept: list[str] = []
    owned: dict[str, list[str]] = {"switches": [], "dynamic": [], "trusted": [], "list": []}
    inside = False
    for line in filters.removesuffix("\n").split("\n") if filters else ():  # a list's line may hold U+2028
        if line in (BEGIN, END):
            inside = line == BEGIN
        elif not inside:
            kept.append(line)
        elif line.startswith(OWNED):
            kind, _, said = line.removeprefix(OWNED).partition(" ")
            owned.get(kind, []).append(said)
    return "".join(f"{line}\n" for line in kept), owned


def _replaced(lines: Sequence[str], before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return the user's lines without what blockctl said before, and with what it says now.

    What the policy says of a cell (a line but for its last word) stands in place of what the user said of it.
    """
    cells = {line.rpartition(" ")[0] for line in now if " " in line}
    gone = {*before, *now}
    return [*(line for line in lines if line not in gone and line.rpartition(" ")[0] not in cells), *now]
