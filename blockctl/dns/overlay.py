"""The policy laid over the lists: what it says of names, as one small table in which the nearest name decides.

It is what `model.decide.decide_name` says before it asks the lists. Every entry covers all below its name, so what the
policy says of any name is what it says of the nearest name it speaks of; that is settled here once for each.

A group of devices comes first: what it is denied by its schedules and its own hosts, nearest name first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from blockctl.dns.table import wire_names
from blockctl.model.decide import Step, entry_rule, is_site_allow, own_names
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Group, Policy
from blockctl.model.rule import Effect, Rule

Said = tuple[Step, Rule]
T = TypeVar("T")

EVERY = ""  # as a name: all names
ROOT = b"\0"


@dataclass(slots=True)
class Overlay:
    """What the policy says of names, in wire form; the root speaks of every name."""

    names: dict[bytes, Said] = field(default_factory=dict)
    own: frozenset[str] = frozenset()  # names without which blockctl does not work

    def find(self, name: bytes) -> Said | None:
        """Return what decides a name in wire form, None where the policy is silent."""
        names = self.names
        if not names:
            return None
        while True:
            if said := names.get(name):
                return said
            if not name[0]:
                return None
            name = name[name[0] + 1 :]


def lay(
    policy: Policy,
    yielded: Mapping[str, Rule],
    group: Group | None = None,
    denied: Collection[str] = (),
    *,
    paused: bool = False,
) -> Overlay:
    """Return what the policy says, for everybody or for a group.

    `policy` is as it stands now (`Policy.at`), `yielded` what `model.decide.yields` returns, `denied` the names that
    schedules of the group deny now ("": every name). `paused`: the group is.
    """
    own = frozenset(own_names(policy))
    if policy.paused or paused:
        return Overlay({ROOT: (Step.PAUSE, Rule(Effect.ALLOW, Origin(policy.file), "pause"))}, own)
    first = _of_group(group, denied) if group else {}
    off = _lists_off(group)
    spoken = sorted({*first, *yielded, *policy.hosts, *policy.protect, *([EVERY] if off else [])})
    found: dict[bytes, Said] = {}
    for name, wire in zip(spoken, _wires(spoken), strict=True):
        if said := _settle(name, policy, yielded, first) or off:
            found[wire] = said
    return Overlay(found, own)


def _settle(name: str, policy: Policy, yielded: Mapping[str, Rule], first: Mapping[str, Rule]) -> Said | None:
    """Return what decides a name and all below it, down to the next name that the policy speaks of."""
    above = [name] if name else []
    while name := name.partition(".")[2]:
        above.append(name)
    above.append(EVERY)
    if rule := _nearest(first, above):
        return Step.HOST, rule
    given = [yielded[each] for each in above if each in yielded] if yielded else []
    for rule in given:
        if is_site_allow(rule):
            return Step.YIELD, rule
    if entry := _nearest(policy.hosts, above):
        return Step.HOST, entry_rule(entry)
    if origin := _nearest(policy.protect, above):
        protected = next(each for each in above if each in policy.protect)
        return Step.PROTECT, Rule(Effect.ALLOW, origin, f"protect: {protected}", host=protected)
    return (Step.YIELD, given[0]) if given else None


def _nearest(said: Mapping[str, T], names: Collection[str]) -> T | None:
    """Return what is said of the first of these names that anything is said of."""
    if said:
        for name in names:
            if name in said:
                return said[name]
    return None


def _wires(names: Sequence[str]) -> list[bytes]:
    """Return sorted names in wire form; the first may be that of every name."""
    if names[:1] == [EVERY]:
        return [ROOT, *_wires(names[1:])]
    return wire_names("".join(f"{name}\n" for name in names).encode("ascii"))


def _of_group(group: Group, denied: Collection[str]) -> dict[str, Rule]:
    """Return what a group says of names before all others; where both speak of one name, the schedule does."""
    where = f"resolver: groups: {group.name}: "
    found = {}
    for entry in group.hosts.values():
        effect, verb = (Effect.ALLOW, "allow") if entry.allow else (Effect.BLOCK, "deny")
        found[entry.host] = Rule(effect, entry.origin, f"{where}{verb}: {entry.host}", host=entry.host)
    for name in denied:
        origin = next((each.origin for each in group.schedules if name in (each.deny or (EVERY,))), group.origin)
        found[name] = Rule(Effect.BLOCK, origin, f"{where}schedule: deny: {name or 'all'}", host=name)
    return found


def _lists_off(group: Group | None) -> Said | None:
    if group is None or group.blocking:
        return None
    rule = Rule(Effect.ALLOW, group.origin, f"resolver: groups: {group.name}: blocking: off")
    return Step.BLOCKING_OFF, rule
