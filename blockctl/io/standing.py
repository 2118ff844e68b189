"""What the resolver goes by, as it stands now: the policy, pauses and schedules of this moment over mapped rules.

It is made anew, whole, whenever the policy file or the rules change or a time in them has come, and put in the place
of the one before between two queries.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from blockctl.dns.groups import Groups
from blockctl.dns.overlay import lay
from blockctl.dns.rules import Lists, Rules
from blockctl.io.live import EVERYBODY, FOLDER, Live, map_rules
from blockctl.io.pause import Pauses, read_pauses
from blockctl.io.policy_file import read_text, replace_file
from blockctl.io.store import Store
from blockctl.model.diagnostic import BlockctlError, Diagnostic, Severity, WorldError
from blockctl.model.policy import HostEntry, Policy, Site

LAST_GOOD = "policy.yaml"  # in the folder of the rules: what was served last
LOOK_AGAIN = timedelta(hours=1)  # where schedules wait for the wall's clock, which somebody may set


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy as it stands, and the rules by group's name."""

    policy: Policy
    groups: Groups
    rules: dict[str, Rules]
    until: datetime | None  # when something in it changes by itself


def open_lists(state: Path, live: Live, before: Mapping[str, Lists]) -> dict[str, Lists]:
    """Map the rules in use, by file name; those mapped before stay. Raises BlockctlError for a file that is none."""
    found = {}
    for name in dict.fromkeys(live.rules.values()):
        try:
            found[name] = before[name] if name in before else Lists(map_rules(state, name))
        except (OSError, ValueError) as error:
            raise WorldError(f"cannot map {name}: {error}", "`blockctl compile resolver` makes it again") from error
    return found


def let_go(lists: Iterable[Lists]) -> None:
    """Give back the memory that the maps took: it stays in the system's file cache, and is mapped again when asked for.

    Without this the pages of a file that was asked for here and there stay this process's for good.
    """
    for each in lists:
        buffer = each.table.hot.buffer
        if isinstance(buffer, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            buffer.madvise(mmap.MADV_DONTNEED)


def stand(whole: Policy, state: Path, live: Live, lists: Mapping[str, Lists], now: datetime) -> Standing:
    """Return how everything stands at a moment (aware). `whole` is the policy as written."""
    pauses = read_pauses(state, now)
    policy = replace(whole.at(now), paused=pauses.everybody.in_force)
    groups = Groups(policy.resolver)
    wall = now.astimezone().replace(tzinfo=None)
    everybody = lists[live.rules[EVERYBODY]]
    rules = {EVERYBODY: Rules(everybody, lay(policy, everybody.yields(policy)))}
    for name, group in policy.resolver.groups.items():
        own = lists[live.rules.get(name, live.rules[EVERYBODY])]
        denied = groups.denied(group, wall)
        rules[name] = Rules(own, lay(policy, own.yields(policy), group, denied, paused=pauses.of(name)))
    return Standing(policy, groups, rules, _next_change(whole, pauses, groups, now, wall))


def _next_change(whole: Policy, pauses: Pauses, groups: Groups, now: datetime, wall: datetime) -> datetime | None:
    moments = [moment for moment in lapses(whole) if moment > now]
    if (end := pauses.next_end()) is not None:
        moments.append(end)
    if (change := groups.next_change(wall)) is not None:
        moments += [now + LOOK_AGAIN, now + max(change - wall, timedelta(0))]
    return min(moments, default=None)


def lapses(whole: Policy) -> Iterator[datetime]:
    """Yield the moments at which entries of a policy lapse."""
    entries: list[Site | HostEntry] = [*whole.sites.values()]
    for site in whole.sites.values():
        entries += site.hosts
    for hosts in (whole.hosts, *(group.hosts for group in whole.resolver.groups.values())):
        entries += hosts.values()
    yield from (each.until for each in entries if each.until is not None)


def read_quickly(path: Path, store: Store) -> tuple[Policy, list[Diagnostic]]:
    """Read the policy; one that was read before, by its text, is at hand. Raises BlockctlError: it cannot be read."""
    text = read_text(path)
    key = store.key("policy", str(path), hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    if kept := store.get(key):
        policy: Policy = kept[0]
        return policy, []
    from blockctl.policy.read import read_policy  # late: what has not changed needs no YAML

    policy, faults = read_policy(text, str(path))
    if not any(fault.severity is Severity.ERROR for fault in faults):
        store.put(key, policy, {})
    return policy, faults


def first_policy(path: Path, state: Path, store: Store) -> tuple[Policy, BlockctlError | None]:
    """Read the policy; where it cannot be read or has errors, take the one that was served last, and say what is wrong.

    Raises BlockctlError where there is no such one either.
    """
    try:
        policy, faults = read_quickly(path, store)
        refuse(path, faults)
    except BlockctlError as error:
        try:
            policy, faults = read_quickly(last_good(state), store)
            refuse(last_good(state), faults)
        except BlockctlError:
            raise error from None
        return policy, error
    return policy, None


def refuse(path: Path, faults: list[Diagnostic]) -> None:
    """Raise BlockctlError with the errors of a policy, if there are any."""
    errors = tuple(fault for fault in faults if fault.severity is Severity.ERROR)
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors):,} errors"
        raise BlockctlError(f"{path} has {count}", "`blockctl check` shows them", errors)


def keep_good(policy: Policy, path: Path, state: Path) -> None:
    """Keep the policy that is served, for a start at which the file cannot be read."""
    if policy.file != str(path):
        return  # it is the one that was kept, for the file has errors
    with contextlib.suppress(BlockctlError, OSError, UnicodeDecodeError):
        data = path.read_bytes()
        kept = last_good(state)
        if not kept.exists() or kept.read_bytes() != data:
            replace_file(kept, data, private=True)  # the policy itself may be
            from blockctl.io.kept_policies import remember  # late: the first answer need not wait for it

            remember(state, data.decode("utf-8"))


def last_good(state: Path) -> Path:
    """Return where the policy that was served last is kept."""
    return state / FOLDER / LAST_GOOD
