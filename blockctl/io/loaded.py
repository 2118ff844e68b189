"""The policy as it stands at a moment: read, without what has lapsed, paused if a pause is in force."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from blockctl.io.pause import Pause, Pauses
    from blockctl.model.diagnostic import Diagnostic
    from blockctl.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Loaded:
    """The policy as it stands at a moment, and where it came from."""

    policy: Policy  # without what has lapsed; paused if a pause is in force
    path: Path
    text: str
    diagnostics: list[Diagnostic]  # warnings; errors end the command
    state: Path
    now: datetime
    pause: Pause  # everybody's
    pauses: Pauses  # and those of the resolver's groups
    whole: Policy  # what has lapsed too


def load_policy(policy: Path | None, state: Path | None) -> Loaded:
    """Read the policy, or say everything that is wrong with it and end with status 2."""
    loaded = load_with_faults(policy, state)
    refuse_errors(loaded.diagnostics, loaded.path)
    return loaded


def load_with_faults(policy: Path | None, state: Path | None) -> Loaded:
    """Read the policy whatever is wrong with it; `diagnostics` holds the errors too."""
    from blockctl.io.policy_file import policy_path, read_text, state_path
    from blockctl.policy.read import read_policy

    gc.disable()  # a large policy is a hundred thousand objects and no cycle: the collector would walk them in vain
    path, folder = policy_path(policy), state_path(state)
    text = read_text(path)
    whole, diagnostics = read_policy(text, str(path))
    return standing(whole, path, text, diagnostics, folder)


def standing(whole: Policy, path: Path, text: str, diagnostics: list[Diagnostic], state: Path) -> Loaded:
    """Return a policy that was read as it stands now. `diagnostics` is not changed."""
    from blockctl.io.clock import now
    from blockctl.io.pause import read_pauses, strangers
    from blockctl.policy.read import lapsed

    moment = now()
    pauses = read_pauses(state, moment)
    pause = pauses.everybody
    faults = [*diagnostics, *lapsed(whole, moment)]
    if pause.problem is not None:
        faults.append(pause.problem)
    faults += strangers(state, pauses, whole)
    policy = replace(whole.at(moment), paused=pause.in_force)
    return Loaded(policy, path, text, faults, state, moment, pause, pauses, whole)


def refuse_errors(diagnostics: Iterable[Diagnostic], path: Path) -> None:
    """Raise with every error there is, if there is one."""
    from blockctl.model.diagnostic import BlockctlError, Severity

    errors = tuple(fault for fault in diagnostics if fault.severity is Severity.ERROR)
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors):,} errors"
        raise BlockctlError(f"{path} has {count}; nothing was done", diagnostics=errors)
