"""What the policy must know of the lists: their important rules, which give way to it, and a few others.

An important block of a list beats every exception, so the user's allowed hosts, protected hosts and sites with
`blocking: off` are taken out of the rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from blockctl.backends.output import Gaps
from blockctl.backends.ublock_lines import name_of, options_at, split_options
from blockctl.backends.ublock_regions import Hosts, above, blocking_of, topmost
from blockctl.model.names import covers, is_public_suffix, parents, reversed_labels
from blockctl.model.pattern import anchored_host
from blockctl.model.policy import Policy
from blockctl.model.request import SUBRESOURCES
from blockctl.model.rule import Rule

_CONDITIONS = frozenset(("domain", "from", "to", "denyallow"))

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

    def strict(self) -> Callable[[str], bool]:
        """Return whether an important rule may match a document of a host before a deny of that host does.

        uBO stops at the first important match, and blocks a document only by a match of its whole host name.
        """
        anchors = {_host(rule) for rule in self.important if rule.pattern and rule.kinds == SUBRESOURCES}
        return lambda host: "" in anchors or any(covers(name, host) or covers(host, name) for name in anchors)

    def important_lines(self, policy: Policy, gaps: Gaps) -> Iterator[str]:
        """Yield the important rules as far as the policy lets them."""
        where = _Allowed(policy)
        for rule in self.important:
            yield from _carved(rule, where, gaps)


class _Allowed:
    """What the policy lets through, site by site, whatever the lists say."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.hosts = Hosts(policy)
        free = [host for host, allow in self.hosts.everywhere.verdicts.items() if allow]
        self.everywhere = topmost([*free, *policy.protect])
        self.sites = [
            name
            for name, site in sorted(policy.sites.items(), key=lambda item: reversed_labels(item[0]))
            if site.blocking is not None or any(entry.allow for entry in site.hosts)
        ]

    def on(self, site: str) -> Taken:
        """Return what is let through on the pages of a site; "" is a page of no named site."""
        if not blocking_of(self.policy, site):
            return None
        own = [
            host
            for names in self.hosts.layers(site)[:-1]
            for host, allow in names.verdicts.items()
            if allow
        ]  # fmt: skip
        return topmost([*own, *self.everywhere]) if own else self.everywhere

    @cached_property
    def by_site(self) -> list[tuple[str, Taken]]:
        """Return the sites where something else is let through than around them."""
        found: dict[str, Taken] = {"": self.on("")}
        for site in self.sites:
            taken = self.on(site)
            around = next((found[up] for up in above(site) if up in found), found[""])
            if taken != around:
                found[site] = taken
        return list(found.items())


def _carved(rule: Rule, where: _Allowed, gaps: Gaps) -> Iterator[str]:
    """Yield the rule in the pieces that the policy leaves of it: one for each set of names taken out."""
    taken: dict[str, Taken] = {}
    for site, names in where.by_site:
        around = next((taken[up] for up in above(site) if up in taken), taken.get("", ())) if site else ()
        own = names if names is None else _related(rule, names)
        if not site or own != around:
            taken[site] = own
    pieces: dict[Taken, list[str]] = {}
    for site in taken:
        pieces.setdefault(taken[site], []).append(site)
    for names, sites in pieces.items():
        if names is None or any(covers(name, _host(rule)) for name in names):
            continue
        for site in sites:
            inner = [name for name in taken if name and name != site and (not site or site in parents(name))]
            line = _piece(rule, site, topmost(inner), names)
            if line:
                yield line
            elif line is None:
                gaps.add("important-regex", rule.origin, rule.text)


def _related(rule: Rule, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that the rule can speak of."""
    host = _host(rule)
    return tuple(name for name in names if covers(name, host) or covers(host, name)) if host else names


def _host(rule: Rule) -> str:
    """Return the name at or below which every match of the rule lies, "" when there is none."""
    return rule.host or ("" if rule.regex else anchored_host(rule.pattern))


def _piece(rule: Rule, site: str, but: Iterable[str], taken: tuple[str, ...]) -> str | None:
    """Return the rule on the pages of a site only; "" where it never speaks there, None where uBO cannot say it."""
    sites = rule.sites
    if site:
        if any(each.startswith("/") for each in sites):
            return None
        sites = tuple(dict.fromkeys(both for each in sites if (both := _both(each, site)))) if sites else (site,)
        if not sites:
            return ""
    not_sites = [*rule.not_sites, *(name for name in but if not sites or any(_both(each, name) for each in sites))]
    at = options_at(rule.text)
    kept = [option for option in split_options(rule.text[at + 1 :]) if name_of(option) not in _CONDITIONS]
    for name, values, negated in (
        ("domain", sites, not_sites),
        ("to", rule.to, [*rule.not_to, *(name for name in taken if name not in rule.not_to)]),
    ):
        if listed := [*values, *(f"~{value}" for value in negated)]:
            kept.append(f"{name}={'|'.join(listed)}")
    return f"{rule.text[:at]}${','.join(kept)}"


def _both(condition: str, site: str) -> str:
    """Return the site of pages that are both, "" when there are none. `name.*` is the name under any suffix."""
    if condition.startswith("/"):
        return site
    if condition.endswith(".*"):
        stem = condition[:-1]
        under = any(name.startswith(stem) and is_public_suffix(name[len(stem) :]) for name in parents(site))
        return site if under else ""
    if covers(site, condition):
        return condition
    return site if covers(condition, site) else ""
