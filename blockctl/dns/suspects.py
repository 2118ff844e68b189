"""Which blocked names a page asked for, told from a log of queries that never says which page asked.

A page that opens asks for its own name, and within seconds for the others. A name that is blocked at other times too
is less likely to be the page's: an app or a device asks for it by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blockctl.model.names import covers

BEFORE = 3.0  # seconds: browsers ask ahead, and the page's own name may be remembered a little
AFTER = 30.0  # seconds in which a page asks for what it needs


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of the log, as far as it matters here."""

    at: float  # Unix time
    client: str
    name: str
    blocked: bool
    allow: str = ""  # the name that has to be allowed so that it is answered; "" when a site cannot allow it


@dataclass(frozen=True, slots=True)
class Suspect:
    """A blocked host that the page may have asked for."""

    host: str  # what has to be allowed
    near: int  # times it was blocked while the page opened
    elsewhere: int  # and at other times
    client: str  # who asked for it last


def openings(rows: Iterable[Asked], site: str) -> dict[str, list[float]]:
    """Return for each client when it asked for the site's own names, in order."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if covers(site, row.name):
            found[row.client].append(row.at)
    return {client: sorted(times) for client, times in found.items()}


def suspects(rows: Sequence[Asked], site: str, since: float | None = None) -> list[Suspect]:
    """Return the blocked hosts that the site's page asked for, the most likely first.

    `since`: the page was opened at that time for sure, by whoever asked for anything from then on.
    """
    opened = openings(rows, site)
    near: dict[str, int] = defaultdict(int)
    elsewhere: dict[str, int] = defaultdict(int)
    clients: dict[str, str] = {}
    for row in rows:
        if not row.blocked or not row.allow:
            continue
        if _is_near(row.at, opened.get(row.client, ())) or (since is not None and row.at >= since):
            near[row.allow] += 1
            clients[row.allow] = row.client
        else:
            elsewhere[row.allow] += 1
    found = [Suspect(host, count, elsewhere[host], clients[host]) for host, count in near.items()]
    return sorted(found, key=lambda each: (each.elsewhere / each.near, -each.near, each.host))


def companions(rows: Iterable[Asked], site: str) -> list[str]:
    """Return the names that were answered while the site's page opened: what a browser's rules may have stopped."""
    rows = list(rows)
    opened = openings(rows, site)
    near = (row.name for row in rows if not row.blocked and _is_near(row.at, opened.get(row.client, ())))
    return sorted(set(near))


def _is_near(at: float, times: Sequence[float]) -> bool:
    number = bisect_right(times, at + BEFORE)
    return number > 0 and at - times[number - 1] <= AFTER
