"""`compile` and `export`: the policy and its lists into every engine's own rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.table import BOLD, print_table, styled

if TYPE_CHECKING:
    from blockctl.backends.output import Output
    from blockctl.cli.build import Written
    from blockctl.compiler import Compilation, ListFacts

OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write everything into this folder instead.", show_default=False)
]

MOST_NOTES = 20  # printed; the report has them all
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never download; use what is here.")]
LockOption = Annotated[
    Path | None,
    typer.Option("--lock", metavar="FILE", help="Use the versions of lists that this file names.", show_default=False),
]


def compile_command(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Targets of the policy, or `resolver`; all when none is named.", show_default=False),
    ] = None,
    out: OutOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when a rule or a list is left out.")] = False,
    offline: OfflineOption = False,
    lock: LockOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the outputs and say what each engine cannot express.

    A list of which nothing is here is fetched, and passes the gate as in `sync`, or is left out. --lock builds what the
    file names, accepted where it was made; files beside the policy are your own: neither is judged.

    Exit status: 0 done, 1 something is left out (with --strict), 2 the policy is wrong, 3 reading or writing
    failed, or an output is not written because none of its lists can be read; what was there stays.
    """
    from blockctl.cli.build import open_compilation, problems
    from blockctl.cli.resolver_rules import TARGET, is_served, make_rules

    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline, lock=lock)
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
    kept = [target for target in chosen if not steps.has_lists(run, target)]
    made = [target for target in chosen if target not in kept]
    written = steps.write_targets(run, [(target, paths[target.name]) for target in made], before)
    if report_path:
        import json

        report = steps.make_report(run, written, kept, before)
        write_file(report_path, [json.dumps(report).encode()])
    steps.refuse_empty(run, kept)
    return written


def show(run: Compilation, written: list[Written]) -> None:
    """Print what was made, as people read it."""
    if run.texts:
        lists = [
            (text.source.name, facts.format or "-", *(f"{count:,}" for count in _line_counts(facts)))
            for text, facts in zip(run.texts, run.facts, strict=True)
        ]
        print_table(("list", "format", "lines", "rules", "refused"), lists, {2, 3, 4})
        typer.echo()
    rows = [
        (
            item.target.name, f"{item.output.rules_in:,}", f"{item.output.rules_out:,}",
            f"{sum(item.files.values()):,}", f"{len(item.output.gaps):,}",
            f"{item.path}{'' if item.changed else '  (unchanged)'}",
        )
        for item in written
    ]  # fmt: skip
    if rows:
        print_table(("target", "rules in", "rules out", "bytes", "gaps", "written to"), rows, {1, 2, 3, 4})
    _show_files(written)
    _show_gaps(written)
    _show_notes(written)


def _show_files(written: list[Written]) -> None:
    """Print the files that each have a limit of their own."""
    rows = [
        (item.target.name, file, f"{rules:,}", f"{item.files[file]:,}")
        for item in written
        for file, rules in item.output.rules_of.items()
    ]
    if rows:
        typer.echo()
        print_table(("target", "file", "rules", "bytes"), rows, {2, 3})


def _line_counts(facts: ListFacts) -> tuple[int, int, int]:
    return facts.counts.lines, facts.counts.rules, facts.counts.refused


def _show_gaps(written: list[Written]) -> None:
    """Print the gaps by reason, those that several targets share once; every rule behind them is in the report."""
    from blockctl.backends.capabilities import CAPABILITIES

    shared: dict[tuple[str, int], list[str]] = {}
    for item in written:
        known = CAPABILITIES.get(item.target.backend, {})
        for reason, count in sorted(item.output.gaps.count.items(), key=lambda pair: -pair[1]):
            why = known[reason].why if reason in known else reason
            shared.setdefault((why, count), []).append(item.target.name)
    if shared:
        rows = [(", ".join(names), f"{count:,}", why) for (why, count), names in shared.items()]
        typer.echo()
        print_table(("gap in", "rules", "why"), rows, {1})


def _show_notes(written: list[Written]) -> None:
    """Print what else a person should know; a note that several targets share once."""
    shared: dict[str, list[str]] = {}
    for item in written:
        for note in item.output.notes:
            shared.setdefault(note, []).append(item.target.name)
    if shared:
        typer.echo()
    for note, names in list(shared.items())[:MOST_NOTES]:
        typer.echo(f"{styled(', '.join(names), BOLD)}: {note}")
    if len(shared) > MOST_NOTES:
        typer.echo(f"...and {len(shared) - MOST_NOTES:,} more in the report")


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
    browser: Annotated[
        str,
        typer.Option(
            "--browser", metavar="NAME", help="extension: chromium (Chrome, Edge, Brave...), firefox, safari."
        ),
    ] = "chromium",
    offline: OfflineOption = False,
    lock: LockOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Write one output to standard output or a file. `extension` is the companion extension, `safari-app` an Xcode
    project of content blockers for Safari: -o names their folder.

    Exit status: 0 done, 2 the policy or the target is wrong, 3 reading or writing failed.
    """
    if target == "extension":
        _export_extension(output, browser)
        return
    from blockctl.cli.build import open_compilation
    from blockctl.cli.export import export_target, pick_file

    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=offline, lock=lock)
    if target == "safari-app":
        _export_safari_app(run, output)
        return
    name, _, file = target.partition("/")
    made = export_target(run, name, into, output)
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


def _export_extension(folder: Path | None, browser: str) -> None:
    from blockctl.io.extension import LOADING, extension
    from blockctl.model.diagnostic import BlockctlError

    made = extension(browser)
    if folder is None:
        raise BlockctlError("the extension is a folder", "name one: blockctl export extension -o DIR")
    _write_all(made, folder)
    typer.echo(f"wrote {folder}: {LOADING[browser]}, then blockctl pair")


def _export_safari_app(run: Compilation, folder: Path | None) -> None:
    from blockctl.cli.export import safari_app
    from blockctl.model.diagnostic import BlockctlError

    if folder is None:
        raise BlockctlError("the Xcode project is a folder", "name one: blockctl export safari-app -o DIR")
    _write_all(safari_app(run), folder)
    typer.echo(f"wrote {folder}: open Blockctl.xcodeproj in Xcode, set your team and BLOCKCTL_BUNDLE, run it")


def _write_all(made: Output, folder: Path) -> None:
    from blockctl.io.files import write_file

    for name, chunks in made.files.items():
        write_file(folder / name, chunks)
