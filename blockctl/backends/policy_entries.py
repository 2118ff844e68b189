"""Everything that a policy says, entry by entry: for outputs that can carry a part of it and name the rest as gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockctl.model.diagnostic import Origin
from blockctl.model.policy import JavaScript, Policy, Site


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a policy says: what it is about (`javascript`, `hosts`...), where, and how it reads."""

    key: str
    origin: Origin
    text: str
    javascript: JavaScript | None = None


def entries(policy: Policy) -> Iterator[Entry]:
    """Yield what the policy says: its defaults, sites, hosts and protected names."""
    if policy.javascript is not JavaScript.ALLOW:
        yield _default(policy, "javascript", policy.javascript.value, policy.javascript)
    if not policy.blocking:
        yield _default(policy, "blocking", "off")
    for site in policy.sites.values():
        yield from _of_site(site)
    for entry in policy.hosts.values():
        yield Entry("hosts", entry.origin, f"hosts: {'allow' if entry.allow else 'deny'}: {entry.host}")
    for name, origin in policy.protect.items():
        yield Entry("protect", origin, f"protect: {name}")


def _default(policy: Policy, key: str, value: str, javascript: JavaScript | None = None) -> Entry:
    return Entry(key, policy.defaults_lines.get(key, Origin(policy.file)), f"defaults: {key}: {value}", javascript)


def _of_site(site: Site) -> Iterator[Entry]:
    said: dict[str, str] = {}
    if site.javascript is not None:
        said["javascript"] = site.javascript.value
    if site.blocking is not None:
        said["blocking"] = "on" if site.blocking else "off"
    if site.unlock_scroll:
        said["scroll"] = "unlock"
    for key, value in said.items():
        javascript = site.javascript if key == "javascript" else None
        yield Entry(key, site.lines.get(key, site.origin), f"sites: {site.host}: {key}: {value}", javascript)
    for entry in site.hosts:
        verb = "allow" if entry.allow else "deny"
        yield Entry("hosts", entry.origin, f"sites: {site.host}: {verb}: {entry.host}")
    for selector in site.hide:
        yield Entry("hide", site.lines.get("hide", site.origin), f"sites: {site.host}: hide: {selector}")
