"""Network rules of lists, said to WebKit: each rule becomes triggers, or a gap with its reason.

A list's rules stand in this order, for in WebKit the last one that matches decides:

1. carved: blocks with exceptions of their own (`$denyallow`), each right behind its block;
2. soft: blocks that leave pages themselves alone, then one rule that takes back what they did to pages;
3. hard: hosts with all that comes from them, pages too;
4. loose: exceptions that leave pages alone, said as if they did not, for they meet no hard block;
5. blocks of pages and pop-ups alone; 6. all other exceptions; 7. `$important` blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
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
from blockctl.backends.safari_region import LISTS, has_entity, is_regex, left_over, pages, site_expressions
from blockctl.backends.safari_trigger import BLOCK, IGNORE, POPUPS, Table, Trigger, line
from blockctl.model.match import page_keys
from blockctl.model.names import parents
from blockctl.model.pattern import anchored_host
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Effect, Party, Rule, Scope

_ADDRESS = re.compile(r"\|\|(\d+(?:\.\d+){3})[/^:]")

ALL, SOFT = ALL_KINDS.value, SUBRESOURCES.value  # numbers: the complement of a flag would not know `POPUPS`


class Carved(NamedTuple):
    """A block, and the hosts that it spares on the pages and for the kinds it is about."""

    sites: frozenset[str]  # empty: every page
    kinds: int
    spared: tuple[str, ...]
    rule: Rule
    triggers: Sequence[Trigger]
    where: Sequence[str] | None

    def lines(self) -> Iterator[str]:
        """Write the block, and behind it what it spares."""
        block, ignore = Table(BLOCK), Table(IGNORE)
        for trigger in self.triggers:
            block.add(trigger, self.kinds, self.where)
        for host in self.spared:
            trigger = Trigger(host_filter(host), party=self.rule.party, unless=self.triggers[0].unless)
            ignore.add(trigger, self.kinds, self.where)
        for each in (*block.strict(), *ignore.strict()):
            yield line(*each)


class Loose(NamedTuple):
    """An exception for frames but not for pages: two rules, and one where no hard block is at home near it."""

    home: str
    trigger: Trigger
    kinds: int
    where: Sequence[str] | None


@dataclass(slots=True)
class Network:
    """The network rules of all lists, sorted into their places."""

    gaps: Gaps
    soft: Table = field(default_factory=lambda: Table(BLOCK))
    hard: Table = field(default_factory=lambda: Table(BLOCK))
    loose: Table = field(default_factory=lambda: Table(IGNORE))
    pages: Table = field(default_factory=lambda: Table(BLOCK))
    exceptions: Table = field(default_factory=lambda: Table(IGNORE))
    important: Table = field(default_factory=lambda: Table(BLOCK))
    covered: frozenset[str] = frozenset()  # names blocked with all below them, whatever the request
    redundant: int = 0
    _carved: list[Carved] = field(default_factory=list)
    _loose: list[Loose] = field(default_factory=list)
    _homes: set[str] = field(default_factory=set)  # of the hard blocks

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
        name = _home(rule)
        return name in self.covered or is_below(name, self.covered)

    def _lower(self, rule: Rule, kinds: int) -> None:
        spared = _carved_hosts(rule)
        filters = url_filters(rule)
        where = pages(rule.sites, rule.not_sites) if rule.sites else None
        if where == () or not filters:
            return  # every page or host it names is taken away again: it never speaks
        unless = () if rule.sites else _unless(rule.not_sites)
        never_top = _never_top(rule)
        triggers = [Trigger(each, rule.match_case, rule.party, unless, never_top) for each in filters]
        if spared:
            if rule.effect is Effect.ALLOW or rule.important or kinds & ~SOFT:
                raise Unsayable("carve")
            if any(map(is_regex, rule.sites)):
                raise Unsayable("site-regex")  # whether two such rules share a page cannot be told
            self._carved.append(Carved(frozenset(rule.sites), kinds, spared, rule, triggers, where))
        else:
            self._place(rule, kinds, triggers, where)
        self._note_approximations(rule, kinds)

    def _place(self, rule: Rule, kinds: int, triggers: Sequence[Trigger], where: Sequence[str] | None) -> None:
        home = _home(rule)
        for trigger in triggers:
            if rule.effect is Effect.ALLOW:
                if home and kinds & Kind.FRAME and not kinds & ~SOFT:
                    self._loose.append(Loose(home, trigger, kinds, where))
                    continue
                # a page let through may also be opened in a new window
                self.exceptions.add(trigger, kinds | POPUPS if kinds & Kind.DOCUMENT else kinds, where)
            elif rule.important:
                self.important.add(trigger, kinds, where)
            elif kinds == ALL and (home or _ADDRESS.match(rule.pattern)):  # below an address lies no name
                self._homes.add(home)
                self.hard.add(trigger, kinds, where)
            else:
                if kinds & SOFT:
                    self.soft.add(trigger, kinds & SOFT, where)
                if kinds & ~SOFT:
                    self.pages.add(trigger, kinds & ~SOFT | (POPUPS if kinds == ALL else 0), where)

    def settle(self, blocked: Iterable[str]) -> None:
        """Say the exceptions whose form hangs on what else is blocked; these hosts are, with all that they send."""
        homes = {each.home for each in self._loose}
        blocks = self._homes.union(blocked)
        met = {home for home in homes if home in blocks or is_below(home, blocks)}
        met |= {up for name in blocks for up in parents(name) if up in homes}
        for each in self._loose:
            if each.home in met:
                self.exceptions.add(each.trigger, each.kinds, each.where)
            else:
                self.loose.add(each.trigger._replace(never_top=False), each.kinds, each.where)

    def carved(self) -> Iterator[str]:
        """Write the carved rules, those that spare most first; a gap where one would undo another's block."""
        placed: list[tuple[Carved, frozenset[str]]] = []
        for new in sorted(self._carved, key=lambda each: (-len(each.spared), each.spared, each.rule.text)):
            keys = frozenset(key for site in new.sites for key in _keys(site))
            if any(_undoes(new, keys, old, old_keys) for old, old_keys in placed):
                self.gaps.add("carve", new.rule.origin, new.rule.text)
            else:
                placed.append((new, keys))
                yield from new.lines()

    def _note_approximations(self, rule: Rule, kinds: int) -> None:
        if has_entity(rule.sites):
            self.gaps.add("entity", rule.origin, rule.text)
        elif has_entity(rule.not_sites):
            self.gaps.add("entity-not", rule.origin, rule.text)
        if kinds != POPUPS and bool(kinds & Kind.PING) != bool(kinds & Kind.OTHER):
            self.gaps.add("beacon", rule.origin, rule.text)


def _home(rule: Rule) -> str:
    """Return the host at or below which all addresses lie that a rule is about, "" when it does not fix one."""
    return rule.host or ("" if rule.regex else anchored_host(rule.pattern))


def _never_top(rule: Rule) -> bool:
    """Whether a rule can never be about a page that is opened itself, which is its own page and of its own party."""
    if rule.party is Party.THIRD:
        return True
    host = _home(rule)
    if not host or not rule.sites:
        return False
    return not any(
        site.endswith(".*") or site.startswith("/") or host in parents(site) or site in parents(host)
        for site in rule.sites
    )


def is_below(name: str, names: Set[str]) -> bool:
    """Whether a name lies below one of these."""
    at = name.find(".")
    while at >= 0:
        if name[at + 1 :] in names:
            return True
        at = name.find(".", at + 1)
    return False


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
    elif (address := _ADDRESS.fullmatch(rule.pattern)) and rule.pattern.endswith("^"):
        filters = [host_filter(address[1])]  # what follows a host is never the end of an address
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


def _undoes(new: Carved, keys: frozenset[str], old: Carved, old_keys: frozenset[str]) -> bool:
    """Whether the exceptions to the new block could let through what the old one blocks."""
    if not new.kinds & old.kinds:
        return False
    if new.sites and old.sites and new.sites.isdisjoint(old_keys) and old.sites.isdisjoint(keys):
        return False  # no page is on both
    return not all(any(name in old.spared for name in parents(host)) for host in new.spared)


def _keys(site: str) -> Iterable[str]:
    """Return every name that covers a site's pages: for `www.news.*` that is itself, and `news.*`."""
    return page_keys(site) if not site.endswith(".*") else (name for name in parents(site) if name != "*")
