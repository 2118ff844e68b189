"""`compile` and `export`: the policy and its lists into every engine's own rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from blockctl.backends.output import Output
    from blockctl.cli.build import Written
    from blockctl.compiler import Compilation

OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write everything into this folder instead.", show_default=False)
]

MOST_NOTES = 20  # printed; the report has them all
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never download; use what is here.")]


def compile_command(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Targets of the policy, or `resolver`; all when none is named.", show_default=False),
    ] = None,
    out: OutOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a rule or a list is left out.")] = False,
    offline: OfflineOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the outputs and say what each engine cannot express.

    Exit status: 0 done, 1 something is left out (with --strict), 2 the policy is wrong, 3 reading or writing failed.
    """
    from blockctl.cli.build import open_compilation, problems
    from blockctl.cli.resolver_rules import TARGET, is_served, make_rules

    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline)
    names = [name for name in targets or [] if name != TARGET]
    if TARGET in (targets or []) or (not targets and is_served(loaded.state)):
        make_rules(run, loaded.state)
    written = build(run, names, out) if names or not targets else []
    run.memory.prune()
    left_out = problems(run)
    if as_json:
        from blockctl.cli.build import make_report

        print_json(make_report(run, written))
    else:
        show(run, written)
        for problem in left_out:
            typer.echo(f"left out: {problem}", err=True)
    if strict and (left_out or any(len(item.output.gaps) for item in written)):
        raise typer.Exit(1)


def build(run: Compilation, names: list[str], out: Path | None) -> list[Written]:
    """Compile and write these targets and the report."""
    from blockctl.cli import build as steps
    from blockctl.io.files import write_file

    chosen = steps.choose_targets(run.policy, names)
    paths = {target.name: steps.target_path(run.policy, target, out) for target in chosen}
    report_path = steps.report_path_of(list(paths.values()), out)
    steps.check_paths(run.policy, paths, report_path)
    run.prepare_questions()
    before = steps.read_report(report_path)
    written = [
        steps.write_target(paths[target.name], target, run.output(target), steps.files_before(before, target))
        for target in chosen
    ]
    if report_path:
        import json

        report = steps.make_report(run, written)
        write_file(report_path, [json.dumps(report).encode()])
    return written


def show(run: Compilation, written: list[Written]) -> None:
    """Print what was made, as people read it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    lists = Table("list", "format", "lines", "rules", "refused", box=None, header_style="bold", pad_edge=False)
    for column in lists.columns[2:]:
        column.justify = "right"
    for text, facts in zip(run.texts, run.facts, strict=True):
        counts = facts.counts
        lists.add_row(
            text.source.name, facts.format or "-", f"{counts.lines:,}", f"{counts.rules:,}", f"{counts.refused:,}"
        )
    if run.texts:
        console.print(lists)
        console.print()
    table = Table(
        "target", "rules in", "rules out", "bytes", "gaps", "written to", box=None, header_style="bold", pad_edge=False
    )
    for column in table.columns[1:5]:
        column.justify = "right"
    for item in written:
        size, gaps = sum(item.files.values()), len(item.output.gaps)
        place = Text(str(item.path)).append("" if item.changed else "  (unchanged)", style="dim")
        table.add_row(
            item.target.name, f"{item.output.rules_in:,}", f"{item.output.rules_out:,}", f"{size:,}", f"{gaps:,}", place
        )
    console.print(table)
    _show_gaps(console, written)
    _show_notes(console, written)


def _show_gaps(console: Console, written: list[Written]) -> None:
    """Print the gaps by reason, those that several targets share once; every rule behind them is in the report."""
    from rich.table import Table

    from blockctl.backends.capabilities import CAPABILITIES

    shared: dict[tuple[str, int], list[str]] = {}
    for item in written:
        known = CAPABILITIES.get(item.target.backend, {})
        for reason, count in sorted(item.output.gaps.count.items(), key=lambda pair: -pair[1]):
            why = known[reason].why if reason in known else reason
            shared.setdefault((why, count), []).append(item.target.name)
    if not shared:
        return
    table = Table("gap in", "rules", "why", box=None, header_style="bold", pad_edge=False)
    table.columns[1].justify = "right"
    for (why, count), names in shared.items():
        table.add_row(", ".join(names), f"{count:,}", why)
    console.print()
    console.print(table)


def _show_notes(console: Console, written: list[Written]) -> None:
    """Print what else a person should know; a note that several targets share once."""
    from rich.text import Text

    shared: dict[str, list[str]] = {}
    for item in written:
        for note in item.output.notes:
            shared.setdefault(note, []).append(item.target.name)
    if shared:
        console.print()
    for note, names in list(shared.items())[:MOST_NOTES]:
        console.print(Text.assemble((", ".join(names), "bold"), f": {note}"), soft_wrap=True)
    if len(shared) > MOST_NOTES:
        console.print(f"...and {len(shared) - MOST_NOTES:,} more in the report")


def export_command(
    target: Annotated[
        str, typer.Argument(help="A target of the policy or a backend; TARGET/FILE for one of several files.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file (or a folder, for several files).", show_default=False)
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="ublock-backup: your own backup file, to merge into.", show_default=False),
    ] = None,
    offline: OfflineOption = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Write one output to standard output or a file.

    Exit status: 0 done, 2 the policy or the target is wrong, 3 reading or writing failed.
    """
    from blockctl.cli.build import open_compilation
    from blockctl.cli.export import export_target, pick_file

    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline)
    name, _, file = target.partition("/")
    made = export_target(run, name, into)
    if output is not None and not file and len(made.files) > 1:
        _write_all(made, output)
        return
    chunks = pick_file(made, name, file)
    if output is not None:
        from blockctl.io.files import write_file

        write_file(output, chunks)
        return
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _write_all(made: Output, folder: Path) -> None:
    from blockctl.io.files import write_file

    for name, chunks in made.files.items():
        write_file(folder / name, chunks)
