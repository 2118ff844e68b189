"""The gate: what a new version of a list would break, before it may serve.

Pure: two versions of a list, the names that matter to this household, and what else is in force go in; holds come
out. No hold means that the version may serve. A held version is not put in force: the one before goes on serving
until somebody accepts the new one, whole or without the lines that a hold names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from blockctl.model.rule import Rule
from blockctl.policy.gate_names import newly_blocked
from blockctl.policy.gate_nouns import Hold, HoldKind, Known, Standing, Version
from blockctl.policy.gate_pages import newly_blocked_pages
from blockctl.policy.gate_shape import misshapen
from blockctl.policy.merge import settle_badfilters

__all__ = ["Hold", "HoldKind", "Known", "Standing", "Version", "judge"]


def judge(before: Version | None, after: Version, known: Known, standing: Standing) -> list[Hold]:
    """Return why a new version of a list is to be held; nothing when it may serve.

    `before` is the version that serves, None for a list that is new to this household: then only what no list
    should ever do counts, and the sites that the policy names, for he who adds a list means it to block. `standing` is
    the policy as it stands now, and the other lists as they will serve: a name that the policy settles, or that another
    list blocks anyway, is not newly blocked. Of several lists that are new at once, each is judged with those accepted
    before it among the others.
    """
    standing = replace(standing, policy=replace(standing.policy, paused=False))  # a pause ends
    holds = misshapen(before, after)
    if not after.parsed.format:
        return holds  # it is no list, so there are no names in it
    taken, taking = ([*_unwanted(standing.others), *_unwanted([each] if each else [])] for each in (before, after))
    was = _settled(standing, taken)
    now = was if _identities(taken) == _identities(taking) else _settled(standing, taking)
    old, new = _without(before, taken) if before else None, _without(after, taking)
    return [*holds, *newly_blocked(old, new, known, was, now), *newly_blocked_pages(old, new, known, was, now)]


def _unwanted(versions: Iterable[Version]) -> list[Rule]:
    """Return the rules that the `$badfilter` lines of lists mean."""
    return [rule for version in versions for rule in version.parsed.badfilters]


def _identities(rules: Iterable[Rule]) -> set[tuple[object, ...]]:
    return {rule.identity() for rule in rules}


def _settled(standing: Standing, unwanted: Sequence[Rule]) -> Standing:
    """Return what is in force beside a list, without the rules that `$badfilter` lines take away."""
    gone = _identities(unwanted)
    exceptions = [rule for rule in standing.exceptions if rule.identity() not in gone] if gone else standing.exceptions
    return replace(standing, others=[_without(each, unwanted) for each in standing.others], exceptions=exceptions)


def _without(version: Version, unwanted: Sequence[Rule]) -> Version:
    """Return a version of a list without the rules that `$badfilter` lines take away."""
    if not unwanted:
        return version
    parsed = version.parsed.copy()
    settle_badfilters([parsed], unwanted)
    return replace(version, parsed=parsed)


def acceptable_without(holds: Sequence[Hold]) -> tuple[str, ...] | None:
    """Return the lines, as texts, without which nothing would be held; None when only the whole can be accepted."""
    if any(not hold.lines for hold in holds):
        return None
    return tuple(dict.fromkeys(line.text for hold in holds for line in hold.lines))
