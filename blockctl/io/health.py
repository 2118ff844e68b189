"""What can be wrong with blockctl itself on this machine: lists, disk, certificate, ports, entries that lapse."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from blockctl.dns.culprit import Seen
from blockctl.io.addresses import address_of
from blockctl.io.history import History, Past, read_history
from blockctl.io.lock import Lock, live_lock
from blockctl.io.shelf import Shelf
from blockctl.io.tls import Certificate
from blockctl.io.trial import left_trial
from blockctl.model.diagnostic import BlockctlError, Diagnostic
from blockctl.model.listen import read_listen
from blockctl.model.policy import ListSource, Policy
from blockctl.policy.gate_nouns import HoldKind

ROOM = 200 << 20  # bytes that the state folder should be able to grow by
OLD = timedelta(days=14)  # without a look, whatever a list says of itself
SOON = timedelta(hours=24)


class Level(Enum):
    """How much a check matters."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what is so, and the command that mends it."""

    what: str
    level: Level
    text: str
    mend: str = ""


def checks(policy: Policy, faults: list[Diagnostic], path: Path, state: Path, seen: Seen, now: datetime) -> list[Check]:
    """Look at everything."""
    return [
        *_policy(policy, faults, now),
        *_repair(state),
        *_resolver(seen),
        *_upstreams(seen),
        *_lists(policy, state, now),
        *_certificate(policy, path),
        *_disk(state),
    ]


def _policy(policy: Policy, faults: list[Diagnostic], now: datetime) -> Iterator[Check]:
    errors = [each for each in faults if each.severity.value == "error"]
    if errors:
        first = f"{errors[0].origin}: {errors[0].code} {errors[0].message}"
        yield Check("policy", Level.WRONG, f"{_count(len(errors), 'error')}, the first: {first}", "blockctl check")
    lapsed = [each for each in faults if each.code == "P015"]
    if lapsed:
        yield Check(
            "policy",
            Level.NOTE,
            f"{_count(len(lapsed), 'entry has', 'entries have')} lapsed",
            "blockctl check --remove-lapsed",
        )
    others = len(faults) - len(errors) - len(lapsed)
    if others:
        yield Check("policy", Level.NOTE, _count(others, "warning"), "blockctl check")
    soon = [site.host for site in policy.sites.values() if site.until and site.until - now < SOON]
    soon += [entry.host for entry in policy.hosts.values() if entry.until and entry.until - now < SOON]
    if soon:
        yield Check("policy", Level.NOTE, f"will lapse within a day: {_few(soon)}")
    if not faults and not soon:
        size = f"{_count(len(policy.sites), 'site')}, {_count(len(policy.hosts), 'host')}"
        yield Check("policy", Level.FINE, f"{size}, no fault")
    if policy.paused:
        yield Check("pause", Level.NOTE, "blockctl is paused: nothing is blocked", "blockctl resume")


def _repair(state: Path) -> Iterator[Check]:
    if left := left_trial(state):
        text = f"a repair of {left.site} is under way, or was cut short"
        yield Check("fix", Level.NOTE, text, f"blockctl fix {left.site}")


def _resolver(seen: Seen) -> Iterator[Check]:
    if seen.ours is None:
        yield Check("resolver", Level.NOTE, "listens at no plain address, so it was not asked")
    elif seen.ours.answered:
        yield Check("resolver", Level.FINE, f"{seen.ours.who} answers in {seen.ours.seconds * 1000:.0f} ms")
    elif seen.machine.holder:
        text = f"another program, {seen.machine.holder}, holds {seen.ours.who}"
        yield Check("resolver", Level.WRONG, text, "stop it, or change resolver: listen: of the policy")
    else:
        yield Check("resolver", Level.WRONG, f"{seen.ours.who}: {seen.ours.verdict}", "blockctl serve")


def _upstreams(seen: Seen) -> Iterator[Check]:
    for each in seen.upstreams:
        if not each.answered:
            yield Check("upstream", Level.WRONG, f"{each.who}: {each.verdict}")
        elif each.withholds:
            yield Check("upstream", Level.WRONG, f"{each.who} withholds {seen.name}: {each.withholds}")
        else:
            yield Check("upstream", Level.FINE, f"{each.who} answers in {each.seconds * 1000:.0f} ms")


def _lists(policy: Policy, state: Path, now: datetime) -> Iterator[Check]:
    remote = [source for source in policy.lists if source.url]
    try:
        lock, history, shelf = live_lock(state), read_history(state), Shelf(state)
    except BlockctlError as error:
        yield Check("lists", Level.WRONG, str(error), "blockctl sync")
        return
    found = [each for source in remote for each in _list(source, lock, history, shelf, now)]
    yield from found
    if not any(each.level is not Level.FINE for each in found):
        yield Check("lists", Level.FINE, f"{_count(len(policy.lists), 'list')}, none held, none old")


def _list(source: ListSource, lock: Lock, history: History, shelf: Shelf, now: datetime) -> Iterator[Check]:
    address = address_of(source)
    past = history.lists.get(address)
    if past is not None and past.held is not None:
        why = "; ".join(str(each.get("message", "")) for each in past.held.holds)
        text = f"an update of {source.name} is held: {why}"
        accept = "--leave-out" if past.held.lines else "--force"
        is_list = all(each.get("kind") != HoldKind.NO_LIST.value for each in past.held.holds)
        yield Check("lists", Level.WRONG, text, f"blockctl sync {source.name} {accept}" if is_list else "")
        if address not in lock:
            return  # it is the first one
    live = lock.get(address)
    if live is None or not shelf.has(live.sha256):
        yield Check("lists", Level.WRONG, f"{source.name} was never downloaded{_why(past)}", "blockctl sync")
        return
    age = timedelta(seconds=max(0.0, now.timestamp() - shelf.looked(address)))
    if age > max(OLD, 2 * timedelta(seconds=live.expires)):
        text = f"{source.name} was last looked for {age.days} days ago{_why(past)}"
        yield Check("lists", Level.WRONG, text, "blockctl sync")


def _why(past: Past | None) -> str:
    return f": {past.failed.why}" if past is not None and past.failed is not None else ""


def _certificate(policy: Policy, path: Path) -> Iterator[Check]:
    settings = policy.resolver
    if not any(read_listen(each).secure for each in settings.listen):
        return
    told: list[str] = []
    files = [path.parent / each if each else None for each in (settings.certificate, settings.key)]
    try:
        Certificate(files[0], files[1], told.append)
    except BlockctlError as error:
        yield Check("certificate", Level.WRONG, str(error), error.hint)
        return
    yield from (Check("certificate", Level.WRONG, each) for each in told)
    if not told:
        yield Check("certificate", Level.FINE, f"{settings.certificate} is good")


def _disk(state: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> Iterator[Check]:
    there = next((each for each in (state, *state.parents) if each.exists()), None)
    if there is None:
        return
    free = usage(there)[2]
    if free < ROOM:
        yield Check("disk", Level.WRONG, f"{free >> 20:,} MB left where {state} is", "make room: updates need it")
    else:
        yield Check("disk", Level.FINE, f"{free / 2**30:,.1f} GB left")


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
