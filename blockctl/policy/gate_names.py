"""Which of the names that matter a new version of a list blocks, and the one before did not.

A list may have a million names and a household a hundred thousand, so names are compared as sets of keys: those that
matter with those of each column, and those above them with what covers all below. Only the few that are found so are
looked at one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from blockctl.model.decide import decide_name, own_names, yields
from blockctl.model.filterlist import FilterList
from blockctl.model.hostset import order
from blockctl.model.names import covers, is_listed_suffix, is_special_use
from blockctl.model.packed import Packed, has_name, keys_of
from blockctl.model.policy import ListSource
from blockctl.model.request import Request
from blockctl.model.rule import Effect, Rule, Scope
from blockctl.policy.gate_nouns import Blocked, Concern, Hold, HoldKind, Known, Names, Standing, Version
from blockctl.policy.merge import speaks_of_names

FEW = 2_000  # keys that are looked up one by one; more are met with the whole column at once

WWW = "www."  # before a site's name: the same site
MOST_TOLD = 500  # names of one concern; a version that blocks more of them is no matter of some lines

SENTENCES = {
    Concern.PROTECT: ("a name that the policy protects", "names that the policy protects"),
    Concern.HOUSEHOLD: ("a name that is used here", "names that are used here"),
    Concern.ESSENTIAL: ("an essential name", "essential names"),
    Concern.POPULAR: ("one of the most visited sites", "of the most visited sites"),
}


@dataclass(frozen=True, slots=True)
class Speech:
    """What lists say of some names: those that an `$important` rule blocks, a plain one, and those let through."""

    important: frozenset[str]
    blocked: frozenset[str]
    allowed: frozenset[str]

    @property
    def effective(self) -> frozenset[str]:
        """Return the names that are blocked when it is all said."""
        return self.important | (self.blocked - self.allowed)

    def __or__(self, other: Speech) -> Speech:
        return Speech(self.important | other.important, self.blocked | other.blocked, self.allowed | other.allowed)


SILENCE = Speech(frozenset(), frozenset(), frozenset())


def newly_blocked(before: Version | None, after: Version, known: Known, was: Standing, now: Standing) -> list[Hold]:
    """Return a hold for each concern whose names that the new version blocks and that were let through.

    `was` and `now`: what is in force beside the version before, and beside the new one; `$badfilter` lines of a
    version change what other lists say.
    """
    fresh = speech(after, known.names)
    changed = fresh.important | fresh.blocked
    if before is not None:
        changed |= speech(before, known.names, allowed_only=True).allowed - fresh.allowed
    if was is not now:
        changed |= set(_unsettled(before, after, known.names))
    if not changed:
        return []
    names = Names(changed)
    old = speech(before, names) if before is not None else SILENCE
    own = fresh.effective - old.effective
    found = {name for name in own if known.concern(name) is Concern.PROTECT}
    old_others = _together(was.others, names)
    others = _together(now.others, names) if was is not now else old_others
    effective = (fresh | others).effective - (old | old_others).effective
    found |= _not_settled({name for name in changed & effective if known.concern(name) is not Concern.PROTECT}, now)
    if before is None:  # he who adds a list means it to block what he meets and what others visit, but no site of his
        sites, always = now.policy.sites, (Concern.PROTECT, Concern.ESSENTIAL)
        found = {name for name in found if known.concern(name) in always or name.removeprefix(WWW) in sites}
    return _holds(after, known, found)


def _unsettled(before: Version | None, after: Version, names: Names) -> Iterator[str]:
    """Yield the names of which other lists may say something else, for the version takes other rules from them."""
    old, new = ({rule.identity(): rule for rule in each.parsed.badfilters} if each else {} for each in (before, after))
    differing = old.keys() ^ new.keys()
    keys = {order(rule.host) for identity, rule in (old | new).items() if identity in differing and rule.host}
    yield from names.at_and_below(keys & names.covering)


def _together(versions: Iterable[Version], names: Names) -> Speech:
    """Return what several lists say of names."""
    said = SILENCE
    for version in versions:
        said |= speech(version, names)
    return said


def speech(version: Version, names: Names, *, allowed_only: bool = False) -> Speech:
    """Return what one version says of names; of what it blocks nothing where only what it lets through is asked."""
    parsed = version.parsed
    parsed.pack()
    allowed = set(_named(parsed, names, "allow_exact", "allow_subtree"))
    blocked = set() if allowed_only else set(_named(parsed, names, "exact", "subtree"))
    important: set[str] = set()
    for rule in parsed.rules:
        if rule.host and order(rule.host) in names.covering and speaks_of_names(rule, version.source):
            said = allowed if rule.effect is Effect.ALLOW else important if rule.important else blocked
            said.update(name for name in names.at_and_below([order(rule.host)]) if _means(rule, name))
    return Speech(frozenset(important), frozenset(blocked), frozenset(allowed))


def _named(parsed: FilterList, names: Names, exact: str, subtree: str) -> Iterator[str]:
    """Yield the names that two columns speak of."""
    yield from (key[-2::-1] for key in common_keys(parsed.packed.get(exact, b""), names.own))
    yield from names.at_and_below(common_keys(parsed.packed.get(subtree, b""), names.covering))


def common_keys(packed: Packed, keys: frozenset[str]) -> Collection[str]:
    """Return those of some keys that a column has."""
    if not packed:
        return ()
    if len(keys) <= FEW:
        return [key for key in keys if has_name(packed, key[-2::-1])]
    return keys.intersection(keys_of(packed))


def _means(rule: Rule, name: str) -> bool:
    """Whether a rule on names speaks of a name at or below its own."""
    if (rule.scope is Scope.EXACT and name != rule.host) or (rule.scope is Scope.BELOW and name == rule.host):
        return False
    return not any(covers(hole, name) for hole in rule.not_to)


class _NoLists:
    """Lists that are silent, so that `decide_name` tells what the policy alone says."""

    def verdict(self, request: Request) -> tuple[Effect, Rule] | None:  # noqa: ARG002 - as Lists asks
        """Return nothing."""
        return None

    def matching(self, request: Request) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return nothing."""
        return []

    def naming(self, host: str) -> list[Rule]:  # noqa: ARG002 - as Lists asks
        """Return nothing."""
        return []


def _not_settled(found: Iterable[str], standing: Standing) -> set[str]:
    """Return the names of which the policy says nothing before the lists speak."""
    policy = standing.policy
    yielded = yields(policy, standing.exceptions)
    if "" in yielded:  # the lists apply nowhere
        return set()
    own, silent = own_names(policy), _NoLists()
    names = {name for name in found if not (name in own or _is_above_lists(name))}
    spoken_of = (*policy.hosts, *policy.protect, *yielded)  # a decision is asked for only where there can be one
    asked = set(Names(names).at_and_below(map(order, spoken_of)))
    return {name for name in names if name not in asked or decide_name(policy, silent, name, yielded).rule is None}


def _is_above_lists(name: str) -> bool:
    """Whether no list may block a name that is in use: as `decide.is_above_lists`, but quick with many names."""
    return "." not in name or is_special_use(name) or is_listed_suffix(name)


def _holds(after: Version, known: Known, found: set[str]) -> list[Hold]:
    sites = {name for name in found if not (name.startswith(WWW) and name.removeprefix(WWW) in found)}
    kept = {
        concern: sorted((name for name in sites if known.concern(name) is concern), key=_depth) for concern in Concern
    }
    told = {name for names in kept.values() for name in names[:MOST_TOLD]}
    blocking = after.lines_for(told | {name for name in found if name.removeprefix(WWW) in told}) if told else {}
    lines = {name: tuple(dict.fromkeys((*blocking.get(name, ()), *blocking.get(WWW + name, ())))) for name in told}
    return [
        Hold(
            after.source.name,
            HoldKind(concern.value),
            _sentence(after.source, concern, names),
            tuple(Blocked(name, known.why[name][1], lines[name]) for name in names[:MOST_TOLD]),
            more=len(names[MOST_TOLD:]),
        )
        for concern, names in kept.items()
        if names
    ]


def _depth(name: str) -> tuple[int, str]:
    """Return the key that puts a site before what lies below it: it is what people know."""
    return name.count("."), name


def _sentence(source: ListSource, concern: Concern, names: Sequence[str]) -> str:
    one, many = SENTENCES[concern]
    more = "" if len(names) == 1 else f" and {names[1]}" if len(names) == 2 else f" and {len(names) - 1:,} more"
    return f"the new version of {source.name} blocks {names[0]}{more}, {one if len(names) == 1 else many}"
