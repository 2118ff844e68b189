"""The lists' network rules as declarativeNetRequest rules: each becomes conditions, or a gap with its reason.

DNR lets the highest priority decide, and between equals an allow before a block: so `$important`, exceptions and blocks
are three priorities, whatever the order of the rules. Hosts with the same conditions share one rule, and so do rules
that differ only in the pages they are about.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import cast

from blockctl.backends.dnr_actions import Modifiers, resource
from blockctl.backends.dnr_condition import (
    Among,
    Names,
    area,
    bodies,
    labels_filter,
    pages,
    party,
    types,
    url_filter,
    urls,
)
from blockctl.backends.dnr_regex import Unsayable
from blockctl.backends.output import Gaps
from blockctl.model.names import is_address
from blockctl.model.pattern import anchored_host
from blockctl.model.request import SUBRESOURCES, Kind
from blockctl.model.rule import Effect, Party, Rule, Scope

# Priorities of the lists' rules; the policy's begin above them. A block beats a redirect of the same priority, so what
# is sent in place of something stands above plain blocks. What takes parameters away stands beside them: where it has
# nothing to take, Chromium does nothing at all, whatever lower rules say. Headers are changed beside any other action.
BLOCK, INSTEAD, EXCEPTION, IMPORTANT, IMPORTANT_INSTEAD, HEADERS = range(1, 7)
ALLOW_ACTION, BLOCK_ACTION = '{"type":"allow"}', '{"type":"block"}'

MOST_REGEXES = 960  # of the 1,000 that browsers take, for hosts alone are told by expressions too

HIDING = frozenset(("elemhide", "generichide", "specifichide"))  # exceptions to what is not hidden here anyway
DOCUMENT = Kind.DOCUMENT.value
POPUPS = frozenset(("popup", "popunder"))
_NEED_TYPES = frozenset(("object", "csp_report"))
_METHODS = frozenset(("connect", "delete", "get", "head", "options", "patch", "post", "put"))

Said = tuple[int, str, str]  # priority, action, condition
Group = tuple[int, str, Kind, Party, Names, Names, Names, int]  # what hosts share: see `Network.add`


@dataclass(slots=True)
class Network:
    """The network rules of all lists, on their way to be written."""

    gaps: Gaps
    firefox: bool
    covered: Set[str] = frozenset()  # blocked with all below, whatever the request
    redundant: int = 0
    regexes: int = 0
    hosts: dict[Group, set[str]] = field(default_factory=dict)
    others: dict[tuple[object, ...], list[Rule]] = field(default_factory=dict)
    modifiers: Modifiers = field(default_factory=Modifiers)

    def add(self, rule: Rule) -> None:
        """Take a rule, or note a gap."""
        if rule.action:
            if rule.action not in HIDING and not self.modifiers.add(rule):
                self.gaps.add("action", rule.origin, rule.text)
            return
        if rule.needs and not _is_sayable(rule.needs):
            reason = "popup" if rule.needs[0] in POPUPS else "condition"
            self.gaps.add(reason, rule.origin, rule.text)
            return
        allow = rule.effect is Effect.ALLOW
        priority = EXCEPTION if allow else IMPORTANT if rule.important else BLOCK
        action = ALLOW_ACTION if allow else BLOCK_ACTION
        if rule.value and not allow and (instead := resource(rule.value)):
            priority, action = priority + 1, instead
        elif priority == BLOCK and self._is_covered(rule):
            self.redundant += 1
            return
        try:
            if rule.sites or rule.not_sites:
                pages(rule.sites, rule.not_sites)
            if rule.not_to or rule.to:
                area((rule.to, rule.not_to))
        except Unsayable as unsayable:
            self.gaps.add(unsayable.reason, rule.origin, rule.text)
            return
        self._note_entities(rule)
        self._sort_in(rule, priority, action)

    def _note_entities(self, rule: Rule) -> None:
        """Note that what is written out stops at the suffixes we know."""
        if (rule.sites or rule.to) and has_entity(rule.sites + rule.to):
            self.gaps.add("entity", rule.origin, rule.text)
        if (rule.not_sites or rule.not_to) and has_entity(rule.not_sites + rule.not_to):
            self.gaps.add("entity-not", rule.origin, rule.text)

    def _sort_in(self, rule: Rule, priority: int, action: str) -> None:
        if rule.host and not (rule.to or rule.needs):
            group = priority, action, rule.kinds, rule.party, rule.sites, rule.not_sites, rule.not_to, labels(rule)
            self.hosts.setdefault(group, set()).add(rule.host)
        else:
            key = (  # numbers and texts alone, for to hash an enumeration takes Python ten times as long
                rule.pattern, rule.host, rule.scope.value, rule.regex, rule.match_case, priority, action,
                rule.kinds.value, rule.party.value, rule.not_sites, rule.to, rule.not_to, rule.needs,
            )  # fmt: skip
            self.others.setdefault(key, []).append(rule)

    def _is_covered(self, rule: Rule) -> bool:
        name = rule.host
        if not name and not rule.regex and rule.pattern.startswith("||"):
            name = anchored_host(rule.pattern)
        while name and name not in self.covered:
            at = name.find(".") + 1
            name = name[at:] if at else ""
        return bool(name)

    def lines(self) -> Iterator[Said]:
        """Yield every rule."""
        for group, hosts in self.hosts.items():
            priority, action, kinds, of, sites, not_sites, not_to, count = group
            url = labels_filter(abs(count), more=count < 0) if count else ""
            reduced = count or hosts is self.covered  # no name in it covers another
            names = tuple(sorted(hosts if reduced else topmost(hosts)))
            for body in bodies(url, [(names, ()), ((), not_to)], kinds, of, sites, not_sites, self.firefox):
                yield priority, action, body
        for key, same in self.others.items():
            priority, action = cast(tuple[int, str], key[5:7])
            try:
                yield from [(priority, action, body) for body in self._bodies(same)]
            except Unsayable as unsayable:
                for rule in same:
                    self.gaps.add(unsayable.reason, rule.origin, rule.text)
        yield from self.modifiers.lines(self.gaps, self.firefox, HEADERS, BLOCK)

    def _bodies(self, same: list[Rule]) -> Iterator[str]:
        """Yield the conditions of rules that differ in their pages only."""
        rule, sites = same[0], same[0].sites
        if len(same) > 1:
            every = all(each.sites for each in same)
            sites = tuple(dict.fromkeys(site for each in same for site in each.sites)) if every else ()
        if rule.pattern and not (rule.regex or rule.to or rule.not_to or rule.needs or rule.kinds.value & DOCUMENT):
            yield from self._plain(rule, sites)
            return
        hosts: list[Among] = [((rule.host,), ())] if rule.host else []
        if rule.to or rule.not_to:
            hosts.append((rule.to, rule.not_to))
        more = "".join(map(_need, rule.needs))
        kinds = rule.kinds or SUBRESOURCES  # where there is no kind of ours, `more` says which
        for url in urls(rule, self.firefox):
            for body in bodies(url, hosts, kinds, rule.party, sites, rule.not_sites, self.firefox):
                if "regexFilter" in url:
                    self._count_regex()
                yield body + more

    def _plain(self, rule: Rule, sites: Names) -> Iterator[str]:
        """Yield what `bodies` would for a pattern alone, as most rules are, in a third of its time."""
        url = url_filter(rule.pattern, rule.match_case)
        rest = party(rule.party) + types(rule.kinds.value, self.firefox)
        yield from [url + page + rest for page in pages(sites, rule.not_sites)]

    def _count_regex(self) -> None:
        if self.regexes == MOST_REGEXES:
            raise Unsayable("regex-count")
        self.regexes += 1


def _is_sayable(needs: Names) -> bool:
    """Whether DNR knows all these conditions."""
    return all(need in _NEED_TYPES or (need.startswith("method=") and _methods(need) is not None) for need in needs)


def _need(need: str) -> str:
    """Return the condition for something that a Request does not carry."""
    if need in _NEED_TYPES:
        return f',"resourceTypes":["{need}"]'
    negated, methods = _methods(need) or (False, [])
    named = '","'.join(methods)
    return f',"{"excludedRequestMethods" if negated else "requestMethods"}":["{named}"]'


def _methods(need: str) -> tuple[bool, list[str]] | None:
    """Return whether `method=` names what is left out, and the methods; None where DNR has no such condition."""
    methods = need.partition("=")[2].lower().split("|")
    negated = methods[0].startswith("~")
    if any(method.startswith("~") is not negated for method in methods):
        return None
    methods = [method.removeprefix("~") for method in methods]
    return (negated, methods) if _METHODS.issuperset(methods) else None


def has_entity(names: Names) -> bool:
    """Whether one of the names stands for every public suffix."""
    return ".*" in "".join([name[-2:] for name in names])


def labels(rule: Rule) -> int:
    """Return how many labels a host rule is about: 0 is any, a negative number more than so many."""
    if rule.scope is Scope.SUBTREE or is_address(rule.host):
        return 0
    count = rule.host.count(".") + 1
    return count if rule.scope is Scope.EXACT else -count


def topmost(names: Set[str]) -> list[str]:
    """Return the names that no other covers."""
    kept = []
    for name in names:
        at = name.find(".") + 1
        while at and name[at:] not in names:
            at = name.find(".", at) + 1
        if not at:
            kept.append(name)
    return kept
