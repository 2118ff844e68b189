"""Settings said in words: what is now in force, without double negatives."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from blockctl.cli.common import clock_time
from blockctl.model.names import is_address
from blockctl.model.policy import HostEntry, JavaScript, Policy, Site
from blockctl.policy.edit import utc_text

if TYPE_CHECKING:
    from blockctl.io.pause import Pauses

JAVASCRIPT = {
    JavaScript.ALLOW: "allowed",
    JavaScript.DENY: "denied",
    JavaScript.FIRST_PARTY: "from the site itself only",
}
LISTS = {True: "apply", False: "do nothing"}


def reach(host: str) -> str:
    """Return a site as its entry covers it."""
    return host if is_address(host) else f"{host} and below"


def until_text(until: datetime | None, now: datetime) -> str:
    """Return `, until TIME`, or nothing for what stays."""
    return f", until {clock_time(until, now)}" if until else ""


def site_lines(site: Site, now: datetime) -> list[str]:
    """Say what one entry says."""
    where, end = f"on {reach(site.host)}", until_text(site.until, now)
    lines = []
    if site.javascript is not None:
        lines.append(f"JavaScript: {JAVASCRIPT[site.javascript]} {where}{end}")
    if site.blocking is not None:
        lines.append(f"Lists: {LISTS[site.blocking]} {where}{end}")
    lines += [host_line(entry, now, where, site.until) for entry in site.hosts]
    if site.hide:
        lines.append(f"Hidden {where}: {', '.join(site.hide)}{end}")
    if site.unlock_scroll:
        lines.append(f"Scrolling: unlocked {where}{end}")
    if site.note:
        lines.append(f"Note: {site.note}")
    return lines


def host_line(entry: HostEntry, now: datetime, where: str = "everywhere", until: datetime | None = None) -> str:
    """Say what is said of one host; `until` is the end of the entry it stands in."""
    ends = [each for each in (entry.until, until) if each is not None]
    note = f" ({entry.note})" if entry.note else ""
    verb = "allowed" if entry.allow else "denied"
    return f"{verb} {where}: {reach(entry.host)}{until_text(min(ends, default=None), now)}{note}"


def pause_line(policy: Policy, until: datetime | None, now: datetime) -> list[str]:
    """Say that a pause is in force, if it is."""
    return [f"Paused{until_text(until, now)}: everything is let through"] if policy.paused else []


def group_pause_lines(pauses: Pauses, now: datetime) -> list[str]:
    """Say which groups of the resolver's pause by themselves."""
    return [
        f"Paused for {group} in DNS{until_text(pause.until, now)}: everything is let through"
        for group, pause in pauses.groups.items()
        if pause.in_force
    ]


def site_json(site: Site) -> dict[str, Any]:
    """Return an entry for programs; null is what it does not say."""
    return {
        "site": site.host,
        "line": site.origin.line,
        "javascript": site.javascript.value if site.javascript else None,
        "blocking": site.blocking,
        "hosts": [host_json(entry) for entry in site.hosts],
        "hide": list(site.hide),
        "scroll": "unlock" if site.unlock_scroll else None,
        "until": utc_text(site.until) if site.until else None,
        "note": site.note,
    }


def host_json(entry: HostEntry) -> dict[str, Any]:
    """Return a host entry for programs."""
    return {
        "host": entry.host,
        "verdict": "allow" if entry.allow else "deny",
        "until": utc_text(entry.until) if entry.until else None,
        "note": entry.note,
        "line": entry.origin.line,
    }
