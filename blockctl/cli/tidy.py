"""`tidy`: entries of the policy that are done with, and those that come again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import (
    JsonOption,
    PolicyOption,
    StateOption,
    end_of,
    load_policy,
    print_json,
    stderr,
)
from blockctl.policy.tidy_findings import KINDS, LAPSED, SURE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from blockctl.cli.common import Loaded
    from blockctl.model.policy import Policy
    from blockctl.policy.tidy_findings import Finding, Visits

MONTHS = "60d"


def tidy_command(
    remove: Annotated[bool, typer.Option("--remove", help="Take out what can go; comments of others stay.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KIND", help=f"Only this kind: {', '.join(KINDS)}.", show_default=False),
    ] = None,
    unvisited: Annotated[
        str, typer.Option("--unvisited", metavar="TIME", help="For how long nobody asked for a site: 30d, 12w.")
    ] = MONTHS,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries of the policy that lapsed, stand twice, are covered by another, that no list blocks any more, or
    whose site nobody visited; and temporary ones that come back again and again, with the command that keeps them.

    --remove takes out of the file what changes nothing: lapsed (what that had replaced comes back), double, shadowed. A
    rule that names no host, as /ads/*, may block what an idle entry allows, and visits are known from the query log
    alone: --remove takes those out when they are named, with --only idle or --only unvisited.

    Exit status: 0 nothing can go (or it went), 1 something can go, 2 the policy is wrong, 3 reading or writing failed.
    """
    from blockctl.model.diagnostic import BlockctlError
    from blockctl.policy.words import advice

    for kind in only or []:
        if kind not in KINDS:
            raise BlockctlError(f"tidy knows no kind {kind!r}", advice(kind, KINDS))
    loaded = load_policy(policy, state)
    visits, found = findings(loaded, unvisited, only or list(KINDS))
    gone = [each for each in found if each.removable and (each.kind in SURE or only)] if remove else []
    if gone:
        take_out(loaded, gone)
    if as_json:
        print_json(to_json(loaded, visits, found, gone))
    else:
        show(visits, found, gone)
    if any(each.removable for each in found) and not remove:
        raise typer.Exit(1)


def findings(loaded: Loaded, unvisited: str, kinds: Sequence[str]) -> tuple[Visits, list[Finding]]:
    """Look at the policy as it is written, the lists, the log and what was done before."""
    from blockctl.io.returns import coming_back
    from blockctl.io.temporary import noted
    from blockctl.policy.read import read_policy
    from blockctl.policy.tidy import tidy

    whole, faults = read_policy(loaded.text, str(loaded.path))
    back = coming_back(loaded.state, loaded.now)
    end = end_of(unvisited, loaded.now)
    assert end is not None, "a time was given"
    visits = read_visits(whole, loaded.state)
    past = noted(loaded.state)
    found = tidy(whole, faults, loaded.now, past, visits, end - loaded.now, blocking(loaded), back)
    return visits, [each for each in found if each.kind in kinds]


def read_visits(policy: Policy, state: Path) -> Visits:
    """Return when the sites of the policy were asked for last, as far back as the log reaches."""
    from blockctl.io.log_reader import open_log
    from blockctl.io.query_log import log_path
    from blockctl.model.names import parents
    from blockctl.policy.tidy_findings import Visits

    reader = open_log(log_path(state))
    if reader is None:
        return Visits({}, None)
    last: dict[str, datetime] = {}
    with reader:
        begins = reader.begins()
        _, names = reader.answered(0)
    for name, _, at in names:
        moment = datetime.fromtimestamp(at, UTC)
        for parent in parents(name):
            if parent in policy.sites and (parent not in last or last[parent] < moment):
                last[parent] = moment
    return Visits(last, None if begins is None else datetime.fromtimestamp(begins, UTC))


def blocking(loaded: Loaded) -> Callable[[str], bool] | None:
    """Return what says whether a list blocks a name, what covers it or what is below it; None without the lists."""
    policy = loaded.policy
    if not any(entry.allow for site in policy.sites.values() for entry in site.hosts) and not policy.hosts:
        return None  # nothing to ask about
    from blockctl.cli.build import open_compilation, problems
    from blockctl.policy.tidy_lists import Blocked

    run = open_compilation(loaded, offline=True)
    if missing := problems(run):
        stderr(f"not all lists are here, so nothing is said of what they block: {missing[0].message}")
        return None
    return Blocked(run.all_lists())


def take_out(loaded: Loaded, gone: Sequence[Finding]) -> None:
    """Take entries out of the file. Raises BlockctlError when it was changed meanwhile."""
    from blockctl.io import edits

    places = {(each.origin.line, each.origin.column) for each in gone if each.kind != LAPSED}
    edits.take_out(loaded, places, lapsed=any(each.kind == LAPSED for each in gone))


def show(visits: Visits, found: Sequence[Finding], gone: Sequence[Finding]) -> None:
    """Print each finding with its line and reason."""
    for each in found:
        did = "removed: " if each in gone else ""
        typer.echo(f"{each.origin}: {each.kind}: {did}{each.entry}: {each.reason}")
        if each.command:
            typer.echo(f"  for good: {each.command}")
    if visits.since is None:
        typer.echo("visits: the resolver has logged no query, so nothing is known of them")
    else:
        typer.echo(f"visits: known since {visits.since:%Y-%m-%d}, when the query log begins")
    left = [each for each in found if each.removable and each not in gone]
    if gone:
        typer.echo(f"removed {len(gone):,} {'entry' if len(gone) == 1 else 'entries'}")
    if not any(each.removable for each in found):
        typer.echo("tidy: nothing can go")
    elif any(each.kind in SURE for each in left):
        typer.echo("`blockctl tidy --remove` takes out what is lapsed, double or shadowed: that changes nothing")
    for kind in dict.fromkeys(each.kind for each in left if each.kind not in SURE):
        typer.echo(f"`blockctl tidy --remove --only {kind}` takes out what is {kind}")


def to_json(loaded: Loaded, visits: Visits, found: Sequence[Finding], gone: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for programs."""
    return {
        "version": 1,
        "policy": str(loaded.path),
        "visits_since": visits.since.isoformat() if visits.since else None,
        "findings": [
            {
                "kind": each.kind,
                "line": each.origin.line or None,
                "column": each.origin.column or None,
                "entry": each.entry,
                "reason": each.reason,
                "command": each.command or None,
                "removed": each in gone,
            }
            for each in found
        ],
    }
