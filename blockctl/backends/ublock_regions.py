"""Where in the trees of sites and hosts a verdict holds, so that a line can say it with `domain=` and `to=`.

Names form trees and the nearest entry wins. A region is the part of a tree with one verdict: everything below its
root but what a nearer entry takes away. What a third entry gives back again is a region of the next level.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from blockctl.model.names import parents, reversed_labels
from blockctl.model.policy import JavaScript, Policy, Site

T = TypeVar("T")


@dataclass(slots=True)
class Region:
    """Names (`everywhere`: every name) and all below them, but not below the `but` names."""

    everywhere: bool = False
    names: list[str] = field(default_factory=list)
    but: list[str] = field(default_factory=list)

    def option(self, name: str) -> str:
        """Return the region as an option of a line, "" when it is everywhere."""
        values = [*self.names, *(f"~{each}" for each in self.but)]
        return f"{name}={'|'.join(values)}" if values else ""


def regions(values: Mapping[str, T], default: T, wanted: T) -> list[Region]:
    """Return where the nearest value is the wanted one, a region for each level of nesting."""
    levels: list[Region] = [Region(everywhere=True)] if default == wanted else []
    outermost = (bool(levels), len(levels) - 1)
    state: dict[str, tuple[bool, int]] = {}
    for name in sorted(values, key=reversed_labels):
        inside, level = next((state[up] for up in above(name) if up in state), outermost)
        holds = values[name] == wanted
        if holds and not inside:
            level += 1
            if level == len(levels):
                levels.append(Region())
            levels[level].names.append(name)
        elif inside and not holds:
            levels[level].but.append(name)
        state[name] = (holds, level)
    return levels


def above(name: str) -> Iterator[str]:
    """Yield the names above a name, the nearest first."""
    up = parents(name)
    next(up)
    return up


def settings(policy: Policy, read: Callable[[Site], T | None]) -> dict[str, T]:
    """Return what each site that says something says."""
    return {host: value for host, site in policy.sites.items() if (value := read(site)) is not None}


def javascript_of(policy: Policy, host: str) -> JavaScript:
    """Return what scripts a page of that host may run."""
    said = (site.javascript for site in policy.sites_above(host) if site.javascript is not None)
    return next(said, policy.javascript)


def blocking_of(policy: Policy, host: str) -> bool:
    """Return whether lists apply to a page of that host."""
    said = (site.blocking for site in policy.sites_above(host) if site.blocking is not None)
    return next(said, policy.blocking)


class Names:
    """Names with a verdict each, and the names below a name found without a scan."""

    def __init__(self, verdicts: Mapping[str, bool]) -> None:
        self.verdicts = verdicts  # True allows
        self._sorted = sorted((reversed_labels(name), name) for name in verdicts)

    def covers(self, host: str) -> bool:
        """Whether an entry speaks of this host."""
        return any(name in self.verdicts for name in parents(host))

    def below(self, host: str) -> Iterator[str]:
        """Yield the names strictly below a host, parents first."""
        key = reversed_labels(host)
        for at in range(bisect_left(self._sorted, (key,)), len(self._sorted)):
            found, name = self._sorted[at]
            if not found.startswith(key):
                return
            if name != host:
                yield name


def topmost(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that none of the others covers, in the order of their labels."""
    kept: set[str] = set()
    for name in sorted(set(names), key=reversed_labels):
        if not any(up in kept for up in above(name)):
            kept.add(name)
    return tuple(sorted(kept, key=reversed_labels))


class Hosts:
    """The user's allowed and denied hosts, seen from any page: the nearest site speaks first, `hosts` last."""

    def __init__(self, policy: Policy) -> None:
        self.everywhere = Names({host: entry.allow for host, entry in policy.hosts.items()})
        self.by_site: dict[str, Names] = {}
        for name, site in policy.sites.items():
            if site.hosts:
                said: dict[str, bool] = {}
                for entry in site.hosts:
                    said[entry.host] = entry.allow or said.get(entry.host, False)  # between equals, allow
                self.by_site[name] = Names(said)

    def layers(self, page: str) -> list[Names]:
        """Return the entries that speak on a page, the nearest site's first; "" is a page of no named site."""
        return [self.by_site[name] for name in parents(page) if name in self.by_site] + [self.everywhere]

    def denied(self, page: str, host: str) -> tuple[str, ...] | None:
        """Return the allowed names below a host that the page's layers deny, None when they do not deny it."""
        allowed: list[str] = []
        nearer: list[Names] = []
        for names in self.layers(page):
            allowed += [
                name
                for name in names.below(host)
                if names.verdicts[name] and not any(layer.covers(name) for layer in nearer)
            ]
            said = names.verdicts.get(host)
            if said is not None:
                return None if said or any(layer.covers(host) for layer in nearer) else topmost(allowed)
            nearer.append(names)
        return None

    def concerned(self) -> dict[str, set[str]]:
        """Return each denied host with the sites where what is denied of it changes; "" is every page."""
        found: dict[str, set[str]] = {host: {""} for host, allow in self.everywhere.verdicts.items() if not allow}
        for site, own in self.by_site.items():
            outer = self.layers(site)[1:]
            for host, allow in own.verdicts.items():
                if not allow:
                    found.setdefault(host, set()).add(site)
                for names in outer:
                    for related in (*parents(host), *names.below(host)):
                        if names.verdicts.get(related) is False:
                            found.setdefault(related, set()).add(site)
        return found
