"""`sync` and `rollback`: fresh lists that cannot hurt, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy

if TYPE_CHECKING:
    from blockctl.cli.refreshing import Outcome, Refreshing, Row

ListsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[LIST]...", help="Lists of the policy.", show_default=False)
]


def sync_command(
    lists: ListsArgument = None,
    now: Annotated[bool, typer.Option("--now", help="Also those that are not due by their own `! Expires`.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Accept what is held, whole.")] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Accept what is held without the lines that are to blame.")
    ] = False,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Write a copy of the lock file here.", show_default=False),
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch new versions of lists, hold those that would break something, and build everything from the others.

    A list that is named, or with --now, is looked at whether it is due or not. Lines left out stay left out of later
    versions until they are gone or --force accepts them.

    Exit status: 0 done (where a list could not be fetched, its version before serves on), 1 an update is held,
    2 the policy or an argument is wrong, 3 a list is not to be had at all, or reading or writing failed.
    """
    from blockctl.cli.progress import Progress
    from blockctl.cli.refreshing import Refreshing, Wish
    from blockctl.cli.sync_report import show
    from blockctl.io.adopt import changing
    from blockctl.io.clock import seconds
    from blockctl.model.diagnostic import BlockctlError

    if force and leave_out:
        raise BlockctlError("--force and --leave-out are two ways to accept an update", "choose one")
    if leave_out and not lists:
        raise BlockctlError("--leave-out of which list?", "name it, as in `blockctl sync easylist --leave-out`")
    loaded = load_policy(policy, state)
    with changing(loaded.state):
        run = Refreshing(loaded, seconds())
        wish = Wish(tuple(lists or ()), at_once=now, force=force, leave_out=leave_out)
        with Progress("fetching lists", len(run.chosen(wish.names))) as progress:
            rows = run.look(wish, lambda each: progress.step(each.source.name))
        outcome = finish(run, rows, [lock] if lock else [])
    show(run, outcome, as_json=as_json)
    raise typer.Exit(status(outcome))


def rollback_command(
    lists: ListsArgument = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to the version of a list that was live before, and stay there until its publisher has a newer one.

    Without a LIST all lists go back that the last `sync` changed. Again: one version further back.

    Exit status: 0 done, 1 there is no earlier version, 2 the policy or an argument is wrong, 3 reading or writing
    failed.
    """
    from blockctl.cli.refreshing import Refreshing
    from blockctl.cli.sync_report import show
    from blockctl.io.adopt import changing
    from blockctl.io.clock import seconds

    loaded = load_policy(policy, state)
    with changing(loaded.state):
        run = Refreshing(loaded, seconds())
        rows = run.go_back(lists or ())
        if not rows:
            typer.echo("There is no earlier version to go back to; nothing was changed.", err=True)
            raise typer.Exit(1)
        outcome = finish(run, rows, [])
    show(run, outcome, as_json=as_json)
    raise typer.Exit(status(outcome))


def finish(run: Refreshing, rows: list[Row], copies: list[Path]) -> Outcome:
    """Build what is to be built and put it in force."""
    from blockctl.cli.refreshing import Outcome

    outcome = None if run.is_built() else run.build()
    run.put_in_force(outcome, copies)
    outcome = outcome or Outcome()
    outcome.rows = rows
    return outcome


def status(outcome: Outcome) -> int:
    """Return the exit status of what was done."""
    if outcome.problem is not None or any(row.event == "failed" and row.after is None for row in outcome.rows):
        return 3
    return 1 if any(row.held is not None for row in outcome.rows) else 0
