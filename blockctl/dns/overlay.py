"""The policy laid over the lists: what it says of names, as one small table in which the nearest name decides.

It is what `model.decide.decide_name` says before it asks the lists. Every entry covers all below its name, so what the
policy says of any name is what it says of the nearest name it speaks of; that is settled here once for each.

A group of devices comes first: what it is denied by its schedules and its own hosts, nearest name first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from blockctl.dns.labels import name_wire
from blockctl.model.decide import Step, entry_rule, is_site_allow, own_names
from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents
from blockctl.model.policy import Group, Policy
from blockctl.model.rule import Effect, Rule

Said = tuple[Step, Rule]
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
    found: dict[bytes, Said] = {}
    for name in {*first, *yielded, *policy.hosts, *policy.protect, *([EVERY] if off else [])}:
        if said := _settle(name, policy, yielded, first) or off:
            found[name_wire(name)] = said
    return Overlay(found, own)


def _settle(name: str, policy: Policy, yielded: Mapping[str, Rule], first: Mapping[str, Rule]) -> Said | None:
    """Return what decides a name and all below it, down to the next name that the policy speaks of."""
    above = (*parents(name), EVERY) if name else (EVERY,)
    if rule := _nearest(first, above):
        return Step.HOST, rule
    if yielded:
        for each in above:
            if (rule := yielded.get(each)) and is_site_allow(rule):
                return Step.YIELD, rule
    for each in above:
        if entry := policy.hosts.get(each):
            return Step.HOST, entry_rule(entry)
    for each in above:
        if each in policy.protect:
            return Step.PROTECT, Rule(Effect.ALLOW, policy.protect[each], f"protect: {each}", host=each)
    if rule := _nearest(yielded, above):
        return Step.YIELD, rule
    return None


def _nearest(rules: Mapping[str, Rule], names: Collection[str]) -> Rule | None:
    return next((rules[name] for name in names if name in rules), None) if rules else None


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
