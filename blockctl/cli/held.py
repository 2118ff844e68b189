"""What the gate holds, as it was kept: for `sync`, `lists`, `doctor` and the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from blockctl.cli.holds import hold_lines
from blockctl.io.addresses import address_of
from blockctl.io.history import Held, read_history
from blockctl.model.policy import Policy
from blockctl.policy.gate_nouns import Blocked, Hold, HoldKind, Line


def held_lists(policy: Policy, state: Path) -> dict[str, Held]:
    """Return what is held of the policy's lists, by the list's name."""
    history = read_history(state)
    found = {}
    for source in policy.lists:
        past = history.lists.get(address_of(source)) if source.url else None
        if past is not None and past.held is not None:
            found[source.name] = past.held
    return found


def held_lines(held: Held) -> list[str]:
    """Return what is held of a list, line by line, and what to type."""
    return hold_lines([_hold(each) for each in held.holds])


def _hold(kept: Mapping[str, Any]) -> Hold:
    blocked = [Blocked(each["name"], each["why"], _lines(each["lines"])) for each in kept["names"]]
    more = int(kept.get("more", 0))
    return Hold(kept["list"], HoldKind(kept["kind"]), kept["message"], tuple(blocked), _lines(kept["lines"]), more)


def _lines(kept: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    return tuple(Line(each["file"], each["line"], each["text"]) for each in kept)
