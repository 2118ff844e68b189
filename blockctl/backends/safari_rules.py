"""Network rules of lists, said to WebKit: each rule becomes triggers, or a gap with its reason.

A list's rules stand in this order, for in WebKit the last one that matches decides:

1. carved: blocks with exceptions of their own (`$denyallow`), each right behind its block;
2. soft: blocks that leave pages themselves alone, then one rule that takes back what they did to pages;
3. hard: whole hosts, and blocks that name `$document` or `$popup`;
4. exceptions; 5. `$important` blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from blockctl.backends.output import Gaps
from blockctl.backends.safari_pattern import (
    EVERYTHING,
    MAX_FILTER,
    Unsayable,
    below_filter,
    exact_filter,
    host_filter,
    path_filters,
    pattern_filters,
)
from blockctl.backends.safari_regex import MAX_FILTERS, regex_filters
from blockctl.backends.safari_region import LISTS, has_entity, left_over, pages, site_expressions
from blockctl.backends.safari_trigger import BLOCK, IGNORE, POPUPS, Table, Trigger
from blockctl.model.names import parents
from blockctl.model.pattern import anchored_host
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Effect, Rule, Scope


class Carved(NamedTuple):
    """A block, and the hosts that it spares on the pages and for the kinds it is about."""

    sites: frozenset[str]  # empty: every page
    kinds: int
    spared: tuple[str, ...]
    block: Table
    ignore: Table


@dataclass(slots=True)
class Network:
    """The network rules of all lists, sorted into their places."""

    gaps: Gaps
    carved: list[Carved] = field(default_factory=list)
    soft: Table = field(default_factory=lambda: Table(BLOCK))
    hard: Table = field(default_factory=lambda: Table(BLOCK))
    exceptions: Table = field(default_factory=lambda: Table(IGNORE))
    important: Table = field(default_factory=lambda: Table(BLOCK))
    covered: frozenset[str] = frozenset()  # names blocked with all below them, whatever the request
    redundant: int = 0

    def add(self, rule: Rule) -> None:
        """Put a rule in its place, or among the gaps."""
        if rule.action:
            if rule.action not in ("elemhide", "generichide", "specifichide"):  # those are the style sheet's
                self.gaps.add("action", rule.origin, rule.text)
            return
        popup = rule.needs == ("popup",)
        if rule.needs and not popup:
            self.gaps.add("condition", rule.origin, rule.text)
            return
        if rule.effect is Effect.BLOCK and not rule.important and self._is_covered(rule):
            self.redundant += 1
            return
        try:
            self._lower(rule, POPUPS if popup else rule.kinds.value)
        except Unsayable as unsayable:
            self.gaps.add(unsayable.reason, rule.origin, rule.text)

    def _is_covered(self, rule: Rule) -> bool:
        name = rule.host or ("" if rule.regex else anchored_host(rule.pattern))
        return bool(name) and any(each in self.covered for each in parents(name))

    def _lower(self, rule: Rule, kinds: int) -> None:
        spared = _carved_hosts(rule)
        filters = url_filters(rule)
        where = pages(rule.sites, rule.not_sites) if rule.sites else None
        if where == () or not filters:
            return  # every page or host it names is taken away again: it never speaks
        unless = () if rule.sites else _unless(rule.not_sites)
        triggers = [Trigger(each, rule.match_case, rule.party, unless) for each in filters]
        if spared:
            self._carve(rule, kinds, spared, triggers, where)
        else:
            self._place(rule, kinds, triggers, where)
        self._note_approximations(rule, kinds)

    def _place(self, rule: Rule, kinds: int, triggers: Sequence[Trigger], where: Sequence[str] | None) -> None:
        for trigger in triggers:
            if rule.effect is Effect.ALLOW:
                # a page let through may also be opened in a new window
                self.exceptions.add(trigger, kinds | POPUPS if kinds & Kind.DOCUMENT else kinds, where)
            elif rule.important:
                self.important.add(trigger, kinds, where)
            elif kinds == ALL_KINDS:
                self.hard.add(trigger, kinds, where)
            else:
                if kinds & SUBRESOURCES:
                    self.soft.add(trigger, kinds & SUBRESOURCES, where)
                if kinds & ~SUBRESOURCES:
                    self.hard.add(trigger, kinds & ~SUBRESOURCES, where)

    def _carve(
        self, rule: Rule, kinds: int, spared: tuple[str, ...], triggers: Sequence[Trigger], where: Sequence[str] | None
    ) -> None:
        """Place a block and the exceptions to it alone; no earlier block may be undone by them."""
        if rule.effect is Effect.ALLOW or rule.important or kinds & ~SUBRESOURCES:
            raise Unsayable("carve")
        new = Carved(frozenset(rule.sites), kinds, spared, Table(BLOCK), Table(IGNORE))
        if any(_undoes(new, old) for old in self.carved):
            raise Unsayable("carve")
        for trigger in triggers:
            new.block.add(trigger, kinds, where)
        for host in spared:
            new.ignore.add(Trigger(host_filter(host), party=rule.party, unless=triggers[0].unless), kinds, where)
        self.carved.append(new)

    def _note_approximations(self, rule: Rule, kinds: int) -> None:
        if has_entity(rule.sites):
            self.gaps.add("entity", rule.origin, rule.text)
        elif has_entity(rule.not_sites):
            self.gaps.add("entity-not", rule.origin, rule.text)
        if kinds != POPUPS and bool(kinds & Kind.PING) != bool(kinds & Kind.OTHER):
            self.gaps.add("beacon", rule.origin, rule.text)


def url_filters(rule: Rule) -> list[str]:
    """Return the filters for what a rule says of the address, but for the hosts that it spares."""
    if rule.to and any("*" in name or name.startswith("/") for name in (*rule.to, *rule.not_to)):
        raise Unsayable("to")
    if rule.host:
        return _host_filters(rule)
    if rule.regex:
        filters = regex_filters(rule.pattern)
        if rule.to:
            raise Unsayable("to")
    elif rule.to:
        filters = [each for name in rule.to for each in path_filters(name, rule.pattern)]
    else:
        filters = pattern_filters(rule.pattern) if rule.pattern else [EVERYTHING]
    if any(len(each) > MAX_FILTER for each in filters):
        raise Unsayable("too-long")
    return filters


def _host_filters(rule: Rule) -> list[str]:
    if rule.to:
        raise Unsayable("to")
    above = set(parents(rule.host))
    if not above.isdisjoint(rule.not_to):
        return []
    inside = [name for name in rule.not_to if rule.host in parents(name)]
    if rule.scope is Scope.EXACT:
        return [exact_filter(rule.host)]
    if inside:
        filters = left_over(rule.host, inside, LISTS)
        if len(filters) > MAX_FILTERS:
            raise Unsayable("carve")
        return filters[1:] if rule.scope is Scope.BELOW else filters
    return [below_filter(rule.host) if rule.scope is Scope.BELOW else host_filter(rule.host)]


def _carved_hosts(rule: Rule) -> tuple[str, ...]:
    """Return the hosts that a rule spares and its filter cannot leave out."""
    if rule.host or not rule.not_to:
        return ()
    if any("*" in name or name.startswith("/") for name in rule.not_to):
        raise Unsayable("to")
    if any(name in rule.not_to for to in rule.to for name in parents(to)):
        raise Unsayable("to")
    return rule.not_to


def _unless(not_sites: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({each for name in not_sites for each in site_expressions(name)}))


def _undoes(new: Carved, old: Carved) -> bool:
    """Whether the exceptions to the new block could let through what the old one blocks."""
    if not new.kinds & old.kinds:
        return False
    if new.sites and old.sites and not _share_pages(new.sites, old.sites):
        return False
    return not all(any(name in old.spared for name in parents(host)) for host in new.spared)


def _share_pages(some: frozenset[str], others: frozenset[str]) -> bool:
    if any(name.endswith(".*") for name in (*some, *others)):
        return True
    return any(not others.isdisjoint(parents(name)) for name in some) or any(
        not some.isdisjoint(parents(name)) for name in others
    )
