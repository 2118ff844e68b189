"""`check`: everything that is wrong with the policy and its lists, in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, diagnostic_json, load_with_faults, print_json

if TYPE_CHECKING:
    from blockctl.cli.common import Loaded
    from blockctl.io.edits import TakenOut
    from blockctl.io.lists import ReadList

LAPSED = "P015"


def check_command(
    remove: Annotated[
        bool,
        typer.Option("--remove-lapsed", help="Delete the entries whose time has passed; what they replaced returns."),
    ] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the policy and its lists and print what is wrong with them.

    Exit status: 0 nothing, or warnings only, 1 a list is left out, 2 the policy is wrong, 3 reading or writing failed.
    """
    from blockctl.io.copies import copy_warnings
    from blockctl.model.diagnostic import Severity

    loaded = load_with_faults(policy, state)
    copies = copy_warnings(loaded.path)
    wrong = any(fault.severity is Severity.ERROR for fault in loaded.diagnostics)
    removed = None
    if remove and not wrong:
        removed = remove_lapsed(loaded)
        loaded = load_with_faults(policy, state)
    loaded.diagnostics.extend(copies)
    lists = [] if wrong else read_lists(loaded)
    if not wrong:
        refuse_shared_paths(loaded)
    if as_json:
        print_json(to_json(loaded, lists, removed, wrong=wrong))
    else:
        show(loaded, lists, removed, wrong=wrong)
    if wrong:
        raise typer.Exit(2)
    if any(left_out(each) for each in lists):
        raise typer.Exit(1)


def refuse_shared_paths(loaded: Loaded) -> None:
    """Raise BlockctlError where `compile` would: two targets on one path, or one on the policy or a list."""
    from blockctl.cli import build as steps

    paths = {target.name: steps.target_path(loaded.policy, target, None) for target in loaded.policy.targets.values()}
    steps.check_paths(loaded.policy, paths, steps.report_path_of(list(paths.values()), None))


def remove_lapsed(loaded: Loaded) -> TakenOut | None:
    """Delete what has lapsed, as `tidy --remove --only lapsed` does; None where nothing has."""
    from blockctl.io import edits

    if not any(fault.code == LAPSED for fault in loaded.diagnostics):
        return None
    return edits.take_out(loaded, (), lapsed=True)


def read_lists(loaded: Loaded) -> list[ReadList]:
    """Read the lists that are here; nothing is downloaded."""
    if not loaded.policy.lists:
        return []
    from blockctl.io import lists

    return list(lists.read_lists(loaded.policy, loaded.state, offline=True))


def left_out(read: ReadList) -> bool:
    """Whether a list is not to be had, or no list."""
    return read.problem is not None or not read.list.format


def show(loaded: Loaded, lists: list[ReadList], removed: TakenOut | None, *, wrong: bool) -> None:
    """Print every diagnostic, then one line for each list and for the policy."""
    for fault in loaded.diagnostics:
        typer.echo(str(fault))
    for read in lists:
        if read.problem is not None:
            typer.echo(str(read.problem))
            continue
        for fault in read.list.diagnostics:
            typer.echo(str(fault))
        for code, count in sorted(read.list.diagnostics.count.items()):
            kept = sum(fault.code == code for fault in read.list.diagnostics)
            if count > kept:
                typer.echo(f"{read.list.file}: {code} {count - kept:,} more lines like these")
    for read in lists:
        counts = read.list.counts
        said = f"{counts.lines:,} lines, {counts.rules:,} with rules, {counts.refused:,} refused"
        part = f" ({read.list.file})" if read.list.file not in (read.source.path, read.source.url) else ""
        typer.echo(f"list {read.source.name}{part}: {'left out' if left_out(read) else said}")
    if removed is not None and removed.lapsed:
        typer.echo(f"removed {removed.lapsed:,} lapsed {'entry' if removed.lapsed == 1 else 'entries'}")
    for host in removed.back if removed is not None else ():
        typer.echo(f"put back what {host} said before")
    missing = f"{_counted(sum(map(left_out, lists)), 'list')} of {len(lists):,} left out"
    typer.echo(f"{loaded.path}: {_summary(loaded, missing if any(map(left_out, lists)) else '', wrong=wrong)}")


def _summary(loaded: Loaded, missing: str, *, wrong: bool) -> str:
    """Say all in a line; what is `missing` is not fine."""
    errors = sum(fault.severity.value == "error" for fault in loaded.diagnostics)
    found = [_counted(errors, "error"), _counted(len(loaded.diagnostics) - errors, "warning")]
    told = ", ".join([*([missing] if missing else []), *(each for each in found if not each.startswith("0"))])
    if wrong:
        return told
    policy = loaded.policy
    holds = ((policy.sites, "site"), (policy.hosts, "host"), (policy.lists, "list"))
    lapsed = sum(fault.code == LAPSED for fault in loaded.diagnostics)
    offer = f"; `blockctl check --remove-lapsed` deletes the {lapsed:,} that lapsed" if lapsed else ""
    return f"{told or 'fine'} ({', '.join(_counted(len(each), word) for each, word in holds)}){offer}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def to_json(loaded: Loaded, lists: list[ReadList], removed: TakenOut | None, *, wrong: bool) -> dict[str, Any]:
    """Return the findings for programs."""
    return {
        "version": 1,
        "policy": str(loaded.path),
        "ok": not wrong and not any(left_out(read) for read in lists),
        "diagnostics": [diagnostic_json(fault) for fault in loaded.diagnostics],
        "lapsed": sum(fault.code == LAPSED for fault in loaded.diagnostics),
        "removed": removed.lapsed if removed is not None else 0,
        "put_back": list(removed.back) if removed is not None else [],
        "lists": [
            {
                "name": read.source.name,
                "left_out": left_out(read),
                "format": read.list.format,
                "lines": read.list.counts.lines,
                "rules": read.list.counts.rules,
                "nothing": read.list.counts.nothing,
                "refused": read.list.counts.refused,
                "diagnostics": [
                    diagnostic_json(fault)
                    for fault in ([read.problem] if read.problem is not None else read.list.diagnostics)
                ],
                "counts": dict(sorted(read.list.diagnostics.count.items())),
            }
            for read in lists
        ],
    }
