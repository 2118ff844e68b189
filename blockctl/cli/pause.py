"""`pause` and `resume`: everything lets through for a while, and the policy file is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, end_of, load_policy, print_json

GroupOption = Annotated[
    str | None,
    typer.Option("--group", metavar="GROUP", help="Only the resolver's clients in this group.", show_default=False),
]


def pause_command(
    duration: Annotated[str | None, typer.Argument(metavar="TIME", help="As in 10m; until `resume` if absent.")] = None,
    group: GroupOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let everything through for a while. The policy file is not touched.

    Exit status: 0 done, 2 the time or the group is wrong, 3 writing failed.
    """
    from blockctl.cli.words import until_text
    from blockctl.io.clock import now
    from blockctl.io.pause import EVERYBODY, write_pause
    from blockctl.io.policy_file import state_path
    from blockctl.policy.edit import utc_text

    moment = now()
    until = end_of(duration, moment)
    require_group(group, policy, state)
    write_pause(state_path(state), until, EVERYBODY if group is None else group)
    if as_json:
        named = {} if group is None else {"group": group}
        print_json({"version": 1, "paused": True, "until": utc_text(until) if until else None, **named})
    else:
        resume = "`blockctl resume`" if group is None else f"`blockctl resume --group {group}`"
        end = until_text(until, moment) or f" until {resume}"
        whom = "" if group is None else f" for {group} in DNS"
        typer.echo(f"Paused{whom}{end}: everything is let through")


def resume_command(
    group: GroupOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the pause: every pause there is, or one group's.

    Exit status: 0 done, 2 the group is wrong, 3 writing failed.
    """
    from blockctl.io.clock import now
    from blockctl.io.pause import EVERYBODY, end_pause, read_pauses
    from blockctl.io.policy_file import state_path

    folder = state_path(state)
    pauses = read_pauses(folder, now())
    if group not in pauses.groups:  # one that the policy no longer has may still pause
        require_group(group, policy, state)
    end_pause(folder, group)
    paused = group is not None and pauses.of(EVERYBODY)
    if as_json:
        named = {} if group is None else {"group": group}
        print_json({"version": 1, "paused": paused, "until": None, **named})
    elif paused:
        typer.echo(f"The pause of {group} is over, but everybody pauses: `blockctl resume` ends that too")
    else:
        typer.echo("The policy is in force" if group is None else f"The policy is in force for {group}")


def require_group(group: str | None, policy: Path | None, state: Path | None) -> None:
    """Raise when the policy has no such group."""
    if group is None:
        return
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.words import advice

    groups = load_policy(policy, state).policy.resolver.groups
    if group not in groups:
        hint = advice(group, groups) if groups else "`resolver: {groups: ...}` in the policy names groups of devices"
        raise BlockctlError(f"the policy has no group {group!r}", hint)
