"""`plan`: what `sync` would change, target by target, without changing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.table import BOLD, styled

if TYPE_CHECKING:
    from blockctl.backends.compare import Difference
    from blockctl.cli.common import Loaded
    from blockctl.cli.refreshing import Refreshing, Row
    from blockctl.compiler import Compilation
    from blockctl.model.policy import Target
    from blockctl.policy.gate import Known

RESOLVER = "resolver"


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of one target."""

    name: str
    path: Path | None  # None: the resolver, which has no file to look at
    difference: Difference
    size: tuple[int | None, int]  # bytes before and after; None: it is not there yet
    gaps: dict[str, tuple[int, int]]  # by reason, before and after; those that change
    differs: bool  # whether a byte would be another


def plan_command(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Targets of the policy; all when none is named.", show_default=False)
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Look at lists that are not due, too.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Look at no list; only what the policy changes.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what `sync` would change: rules and hosts of each target, gaps, sizes, and what would be held.

    New versions of lists are fetched to be looked at; nothing comes into force, and no output is written.

    Exit status: 0 nothing would change, 1 something would, 2 the policy is wrong, 3 reading failed.
    """
    from blockctl.cli.build import open_versions
    from blockctl.cli.refreshing import Refreshing
    from blockctl.io.clock import seconds
    from blockctl.io.known import known_names

    loaded = load_policy(policy, state)
    refreshing = Refreshing(loaded, seconds())
    rows = [] if offline else look(refreshing, at_once=now)
    known = known_names(loaded.policy, loaded.state, loaded.now)
    run = open_versions(loaded, refreshing.lock)
    planned = list(plan(run, targets or []))
    if refreshing.lock != refreshing.live and not targets:
        planned += plan_resolver(loaded, open_versions(loaded, refreshing.live), run)
    if as_json:
        print_json(to_json(rows, planned, known))
    else:
        show(rows, planned, known)
    if any(each.differs for each in planned) or refreshing.lock != refreshing.live:
        raise typer.Exit(1)


def look(refreshing: Refreshing, *, at_once: bool) -> list[Row]:
    """Look for new versions and judge them, so that the next `sync` looks again."""
    from blockctl.cli.progress import Progress
    from blockctl.cli.refreshing import Wish

    wish = Wish(at_once=at_once)
    with Progress("fetching lists", len(refreshing.chosen(()))) as progress:
        return refreshing.look(wish, lambda each: progress.step(each.source.name), noting=False)


def plan(run: Compilation, names: list[str]) -> list[Planned]:
    """Compile each target and compare it with what is there."""
    from blockctl.cli import build as steps

    chosen = steps.choose_targets(run.policy, names)
    paths = {target.name: steps.target_path(run.policy, target, None) for target in chosen}
    report = steps.read_report(steps.report_path_of(list(paths.values()), None))
    steps.check_paths(run.policy, paths, None)
    run.prepare_questions()  # first, as `compile` does: the outputs for DNS use the lists' columns up
    made = [target for target in chosen if steps.has_lists(run, target)]
    return [_planned(run, target, paths[target.name], report) for target in made]


def _planned(run: Compilation, target: Target, path: Path, report: dict[str, Any]) -> Planned:
    from blockctl.backends.compare import Difference, difference
    from blockctl.cli.build import files_before
    from blockctl.io.outputs import read_output

    output = run.output(target)
    after = {name: b"".join(chunks) for name, chunks in output.files.items()}
    before = read_output(path, {*after, *files_before(report, target)})
    differs = before != after
    changed = difference(before, after) if differs else Difference([], [])
    old_gaps = report.get("targets", {}).get(target.name, {}).get("gaps", {}) if before else {}
    reasons = sorted({*old_gaps, *output.gaps.count})
    gaps = {reason: (int(old_gaps.get(reason, 0)), output.gaps.count.get(reason, 0)) for reason in reasons}
    old_size = sum(map(len, before.values())) if before else None
    return Planned(
        target.name, path, changed, (old_size, sum(map(len, after.values()))),
        {reason: pair for reason, pair in gaps.items() if pair[0] != pair[1]}, differs,
    )  # fmt: skip


def plan_resolver(loaded: Loaded, before: Compilation, after: Compilation) -> list[Planned]:
    """Compare what the lists say to the resolver, if it is used here."""
    from blockctl.backends.compare import Difference, difference
    from blockctl.cli.resolver_rules import is_served

    if not is_served(loaded.state):
        return []
    added, removed = [], []
    sizes = [0, 0]
    for column, form in _COLUMNS.items():
        old, new = (getattr(run.names(), column) for run in (before, after))
        changed = difference({"": old}, {"": new})
        added += [form.format(name) for name in changed.added]
        removed += [form.format(name) for name in changed.removed]
        sizes = [sizes[0] + len(old), sizes[1] + len(new)]
    found = Difference(sorted(added), sorted(removed))
    return [Planned(RESOLVER, None, found, (sizes[0], sizes[1]), {}, bool(found))]


# What the names of each column of a HostSet mean, as adblock lists write it.
_COLUMNS = {
    "block_exact": "{}", "block_subtree": "||{}^", "block_below": "*.{}",
    "allow_exact": "@@{}", "allow_subtree": "@@||{}^", "allow_below": "@@*.{}",
}  # fmt: skip


def show(rows: list[Row], planned: list[Planned], known: Known) -> None:
    """Print what would change, what would be held, and one sentence."""
    from blockctl.cli.changes import counted, show_entries
    from blockctl.cli.held import held_lines

    for row in rows:
        if row.event == "new":
            typer.echo(f"list {row.source.name}: a new version, +{row.added:,} -{row.removed:,} lines")
        if row.problem is not None:
            typer.echo(f"list {row.source.name}: {row.problem}", err=True)
        if row.held is not None:
            typer.echo("\n".join(held_lines(row.held)))
    for each in planned:
        if not each.differs:
            continue
        added, removed = each.difference.added, each.difference.removed
        where = f"  {each.path}" if each.path else ""
        typer.echo(styled(f"{each.name}{where}", BOLD))
        typer.echo(f"  +{len(added):,} -{len(removed):,}; bytes {counted(*each.size)}")
        show_entries(added, known, added=True)
        show_entries(removed, known, added=False)
        for reason, (old, new) in each.gaps.items():
            typer.echo(f"  gaps, {reason}: {old:,} -> {new:,}")
    typer.echo(sentence(rows, planned))


def sentence(rows: list[Row], planned: list[Planned]) -> str:
    """Return in one sentence what `sync` would do."""
    changed = [each.name for each in planned if each.differs]
    held = [row.source.name for row in rows if row.held is not None]
    lists = sum(row.event == "new" for row in rows)
    said = f"`blockctl sync` would write {', '.join(changed)}" if changed else "`blockctl sync` would write nothing"
    said += f" and take {lists} new {'version' if lists == 1 else 'versions'} of lists" if lists else ""
    return said + (f"; held: {', '.join(held)}" if held else "")


def to_json(rows: list[Row], planned: list[Planned], known: Known) -> dict[str, Any]:
    """Return the plan for programs."""
    from blockctl.cli.changes import entries_json

    return {
        "version": 1,
        "lists": [
            {"name": row.source.name, "event": row.event, "added": row.added, "removed": row.removed,
             "held": row.held.holds if row.held else [], "problem": str(row.problem) if row.problem else ""}
            for row in rows
        ],
        "targets": {
            each.name: {
                "path": str(each.path) if each.path else "",
                "changes": each.differs,
                "bytes": {"before": each.size[0], "after": each.size[1]},
                **entries_json(each.difference.added, each.difference.removed, known),
                "gaps": {reason: {"before": old, "after": new} for reason, (old, new) in each.gaps.items()},
            }
            for each in planned
        },
    }  # fmt: skip
