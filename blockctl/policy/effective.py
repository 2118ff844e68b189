"""What applies on a site, key by key, and which entry says it: the nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blockctl.model.policy import HostEntry, Policy, Site


@dataclass(frozen=True, slots=True)
class Applies:
    """One key as it applies on a site."""

    value: Any  # as Policy and Site hold it
    by: str  # the entry that says so; "defaults" where none does
    line: int  # of the policy file; 0: nobody wrote it


def effective(policy: Policy, host: str) -> dict[str, Applies]:
    """Return javascript and blocking, and of hide and scroll what is said, as they apply on a page's host."""
    found: dict[str, Applies] = {}
    for key, default in (("javascript", policy.javascript), ("blocking", policy.blocking)):
        origin = policy.defaults_lines.get(key)
        found[key] = Applies(default, "defaults", origin.line if origin else 0)
    for site in reversed(policy.sites_above(host)):
        said = {
            "javascript": site.javascript,
            "blocking": site.blocking,
            "hide": site.hide or None,
            "scroll": site.unlock_scroll,
        }
        for key, value in said.items():
            if value is not None:
                found[key] = Applies(value, site.host, site.lines.get(key, site.origin).line)
    return found


def hosts_on(policy: Policy, host: str) -> list[tuple[Site, HostEntry]]:
    """Return the hosts that are allowed or denied on a page, each once: as the nearest site has it."""
    found: dict[str, tuple[Site, HostEntry]] = {}
    for site in policy.sites_above(host):
        for entry in site.hosts:
            found.setdefault(entry.host, (site, entry))
    return list(found.values())
