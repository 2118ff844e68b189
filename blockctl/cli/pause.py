"""`pause` and `resume`: everything lets through for a while, and the policy file is not touched."""

from __future__ import annotations

from typing import Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, end_of, print_json


def pause_command(
    duration: Annotated[str | None, typer.Argument(metavar="TIME", help="As in 10m; until `resume` if absent.")] = None,
    policy: PolicyOption = None,  # noqa: ARG001 - works on every command
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let everything through for a while. The policy file is not touched.

    Exit status: 0 done, 2 the time is wrong, 3 writing failed.
    """
    from blockctl.cli.words import until_text
    from blockctl.io.clock import now
    from blockctl.io.pause import write_pause
    from blockctl.io.policy_file import state_path
    from blockctl.policy.edit import utc_text

    moment = now()
    until = end_of(duration, moment)
    write_pause(state_path(state), until)
    if as_json:
        print_json({"version": 1, "paused": True, "until": utc_text(until) if until else None})
    else:
        end = until_text(until, moment) or " until `blockctl resume`"
        typer.echo(f"Paused{end}: everything is let through")


def resume_command(
    policy: PolicyOption = None,  # noqa: ARG001 - works on every command
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the pause.

    Exit status: 0 done, 3 writing failed.
    """
    from blockctl.io.pause import end_pause
    from blockctl.io.policy_file import state_path

    end_pause(state_path(state))
    if as_json:
        print_json({"version": 1, "paused": False, "until": None})
    else:
        typer.echo("The policy is in force")
