"""What the policy must know of the lists: their important rules, which give way to it, and a few others.

An important block of a list beats every exception, so the user's allowed hosts, protected hosts and sites with
`blocking: off` are taken out of the rule itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from blockctl.backends.output import Gaps
from blockctl.backends.ublock_lines import and_for_pages, written
from blockctl.backends.ublock_regions import Hosts, Names, Region, above, blocking_of, regions, topmost
from blockctl.model.match import page_keys
from blockctl.model.names import covers, parents, reversed_labels
from blockctl.model.pattern import anchored_host
from blockctl.model.policy import Policy
from blockctl.model.request import ALL_KINDS
from blockctl.model.rule import Party, Rule

# What is taken out of a rule on the pages of a site: allowed names, or everything (None).
Taken = tuple[str, ...] | None


@dataclass(slots=True)
class Carving:
    """The lists' rules that depend on the policy; pickled with what was prepared."""

    important: list[Rule] = field(default_factory=list)
    csp_exceptions: list[Rule] = field(default_factory=list)  # that lift every $csp
    unhidden: frozenset[str] = frozenset()  # selectors that some `#@#` takes back
    shown: frozenset[str] = frozenset()  # hosts of $elemhide and $specifichide exceptions
    actions: frozenset[str] = frozenset()  # what lines do besides blocking
    any: bool = True  # whether the lists are in the output at all

    def important_lines(self, policy: Policy, gaps: Gaps) -> Iterator[str]:
        """Yield the important rules as far as the policy lets them, as uBO writes them."""
        for rule, piece in self.important_pieces(policy, gaps):
            line = rule.text if piece is rule else written(piece)
            if rule.decides and rule.host and rule.kinds == ALL_KINDS and rule.party is not Party.THIRD:
                yield from and_for_pages(line, rule.host, piece.sites)
            else:
                yield line

    def important_pieces(self, policy: Policy, gaps: Gaps) -> Iterator[tuple[Rule, Rule]]:
        """Yield each important rule with what the policy leaves of it, which may be the rule itself."""
        where = _Allowed(policy)
        for rule in self.important:
            yield from ((rule, piece) for piece in _carved(rule, where, gaps))


class _Allowed:
    """What the policy lets through, site by site, whatever the lists say."""

    def __init__(self, policy: Policy) -> None:
        hosts = Hosts(policy)
        free = [host for host, allow in hosts.everywhere.verdicts.items() if allow]
        self.everywhere = topmost([*free, *policy.protect])  # on all pages
        self._free = frozenset(self.everywhere)
        self.default: Taken = () if policy.blocking else None
        self.sites: dict[str, Taken] = {}  # where something else is let through than around them
        for name, site in sorted(policy.sites.items(), key=lambda item: reversed_labels(item[0])):
            if site.blocking is None and not any(entry.allow for entry in site.hosts):
                continue
            taken = _own(hosts, name) if blocking_of(policy, name) else None
            if taken != next((self.sites[up] for up in above(name) if up in self.sites), self.default):
                self.sites[name] = taken
        self._tree = Names(dict.fromkeys(self.sites, True))
        self._by_entity: dict[str, list[str]] = {}
        for name in self.sites:
            for key in page_keys(name):
                if key.endswith(".*"):
                    self._by_entity.setdefault(key, []).append(name)
        self._distinct = list(dict.fromkeys([self.default, *self.sites.values()]))
        self._known: dict[tuple[Taken, ...], list[tuple[Taken, Region]]] = {}

    def regions(self, rule: Rule) -> list[tuple[Taken, Region]]:
        """Return what is taken out of a rule, besides `everywhere`, and on which pages."""
        host = _host(rule)
        projected = {taken: taken if taken is None else _related(host, taken) for taken in self._distinct}
        if rule.sites:
            around = {each: None for site in rule.sites for each in self._around(site)}
            return self._split({site: projected[self.sites[site]] for site in around}, projected[self.default])
        key = tuple(projected.values())
        if key not in self._known:
            values = {site: projected[taken] for site, taken in self.sites.items()}
            self._known[key] = self._split(values, projected[self.default])
        return self._known[key]

    def frees(self, host: str) -> bool:
        """Whether a host is let through on all pages."""
        return any(name in self._free for name in parents(host))

    def _around(self, condition: str) -> Iterator[str]:
        """Yield the sites above and below one that a rule is about."""
        if condition.startswith("/"):
            yield from self.sites
        elif condition.endswith(".*"):
            yield from self._by_entity.get(condition, ())
        else:
            yield from (name for name in parents(condition) if name in self.sites)
            yield from self._tree.below(condition)

    def _split(self, values: dict[str, Taken], default: Taken) -> list[tuple[Taken, Region]]:
        wanted = [taken for taken in dict.fromkeys([default, *values.values()]) if taken is not None]
        return [(taken, region) for taken in wanted for region in regions(values, default, taken)]


def _own(hosts: Hosts, site: str) -> tuple[str, ...]:
    layers = hosts.layers(site)[:-1]
    return topmost([host for names in layers for host, allow in names.verdicts.items() if allow])


def _related(host: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that a rule about a host ("": about any) can speak of."""
    return tuple(name for name in names if covers(name, host) or covers(host, name)) if host else names


def _host(rule: Rule) -> str:
    """Return the name at or below which every match of the rule lies, "" when there is none."""
    return rule.host or ("" if rule.regex else anchored_host(rule.pattern))


def _carved(rule: Rule, where: _Allowed, gaps: Gaps) -> Iterator[Rule]:
    """Yield the rule in the pieces that the policy leaves of it: one for each set of names taken out."""
    host = _host(rule)
    free = where.everywhere if not host else _related(host, where.everywhere)
    if any(covers(name, host) for name in free):
        return
    for taken, region in where.regions(rule):
        names = [*free, *(name for name in taken or () if not where.frees(name))]
        if any(covers(name, host) for name in taken or ()):
            continue
        if region.names and any(site.startswith("/") for site in rule.sites):
            gaps.add("important-regex", rule.origin, rule.text)
        elif not names and region.everywhere and not region.but:
            yield rule
        else:
            yield from _piece(rule, region, names)


def _piece(rule: Rule, region: Region, taken: list[str]) -> Iterator[Rule]:
    """Yield the rule on the pages of a region, if it ever speaks there."""
    sites = rule.sites
    if region.names and sites:
        both = (_both(each, name) for each in sites for name in region.names)
        sites = tuple(dict.fromkeys(each for each in both if each))
        if not sites:
            return
    elif region.names:
        sites = tuple(region.names)
    not_to = (*rule.not_to, *(name for name in taken if name not in rule.not_to))
    yield replace(rule, sites=sites, not_sites=(*rule.not_sites, *region.but), not_to=not_to)


def _both(condition: str, site: str) -> str:
    """Return the site of pages that are both, "" when there are none. `name.*` is the name under any suffix."""
    if condition.endswith(".*"):
        return site if condition in page_keys(site) else ""
    if covers(site, condition):
        return condition
    return site if covers(condition, site) else ""
