"""The step that `compile`, `export`, `up` and `why` share: read the lists, compile, write."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from blockctl import __version__
from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.backends.capabilities import CAPABILITIES
from blockctl.backends.output import Output, Row
from blockctl.cli.common import Loaded
from blockctl.compiler import Compilation, Kept
from blockctl.io import zone
from blockctl.io.beside import Beside
from blockctl.io.clock import now
from blockctl.io.files import is_in_memory, read_object, remove_leftovers, write_file
from blockctl.io.lists import Library, first_wanted
from blockctl.io.lock import Lock
from blockctl.io.shelf import Shelf
from blockctl.io.store import Store
from blockctl.model.diagnostic import BlockctlError, Diagnostic, WorldError
from blockctl.model.policy import Policy, Target

REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Written:
    """What one target holds now."""

    target: Target
    path: Path
    output: Output
    files: dict[str, int]  # relative name -> bytes
    changed: bool


@dataclass(frozen=True, slots=True)
class Before:
    """What compilations of one command that come before another leave to it."""

    shelf: Shelf  # with the texts that were read
    lists: Kept = field(default_factory=dict)


def open_compilation(loaded: Loaded, *, offline: bool, lock: Path | None = None) -> Compilation:
    """Read the lists' texts, in the live versions or those of a lock file, and know what is in each.

    Unless `offline`, lists of which nothing is here are fetched; the gate says whether their first version may serve.
    """
    gc.disable()  # millions of names and no cycles: the collector would only walk them again and again
    failed = {}
    if not offline and lock is None and first_wanted(loaded.policy, loaded.state):
        from blockctl.cli.first import take_first  # late: it is the first time of a list

        failed = take_first(loaded)
    return _opened(loaded, Library(loaded.policy, loaded.state, offline=offline, pinned=lock, failed=failed), {})


def open_versions(loaded: Loaded, versions: Lock, before: Before | None = None) -> Compilation:
    """Read the lists' texts in these versions, which are all here."""
    gc.disable()
    before = before or Before(Shelf(loaded.state))
    library = Library(loaded.policy, loaded.state, offline=True, versions=versions, shelf=before.shelf)
    return _opened(loaded, library, before.lists)


def _opened(loaded: Loaded, library: Library, kept: Kept) -> Compilation:
    run = Compilation(library.policy, library.texts(), Store(loaded.state), library.include, kept)
    run.read()
    return run


def problems(run: Compilation) -> list[Diagnostic]:
    """Return why lists, or files that lists include, were left out: not to be had, or not lists."""
    missing = [text.problem for text in run.texts if text.problem]
    unread = [
        diagnostic
        for text, facts in zip(run.texts, run.facts, strict=True)
        if not text.problem and not facts.format
        for diagnostic in facts.diagnostics
    ]
    return [*missing, *unread, *run.absent]


def choose_targets(policy: Policy, names: list[str]) -> list[Target]:
    """Return the targets of those names, all when none is named; DNS last, which uses the lists' columns up."""
    unknown = [name for name in names if name not in policy.targets]
    if unknown:
        known = ", ".join(policy.targets) or "none: add a `targets:` entry"
        raise BlockctlError(f"the policy has no target {unknown[0]!r}", f"its targets are: {known}")
    chosen = [policy.targets[name] for name in names] or list(policy.targets.values())
    return sorted(chosen, key=lambda target: target.backend in DNS_BACKENDS)


def has_lists(run: Compilation, target: Target) -> bool:
    """Whether a list for a target could be read, or none is named for it."""
    is_browser = target.backend in BROWSER_BACKENDS
    wanted = [
        bool(facts.format)
        for text, facts in zip(run.texts, run.facts, strict=True)
        if (text.source.browser if is_browser else text.source.dns)
    ]
    return any(wanted) or not wanted


def target_path(policy: Policy, target: Target, out: Path | None) -> Path:
    """Return where a target is written: beside the policy file, or into `out` under its last name."""
    if out is not None:
        return out / Path(target.path).name
    return Path(policy.file).parent / Path(target.path).expanduser()


def check_paths(policy: Policy, paths: dict[str, Path], report: Path | None) -> None:
    """Raise BlockctlError where a target would be written over another, the policy, one of its lists or the report."""
    beside = Path(policy.file).parent
    files = {source.name: Path(source.path).expanduser() for source in policy.lists if source.path}
    taken = {(beside / path).resolve(): f"list {name}" for name, path in files.items()}
    taken[Path(policy.file).resolve()] = "the policy"
    if report is not None:
        taken[report.resolve()] = "the report"
    for name, path in paths.items():
        if (other := taken.setdefault(path.resolve(), f"target {name}")) != f"target {name}":
            raise BlockctlError(f"target {name} would write over {other}: {path}", "give it a path of its own")


def write_targets(run: Compilation, made: Iterable[tuple[Target, Path]], before: dict[str, Any]) -> list[Written]:
    """Compile each target for its path; one is written while the next is made. `before` is the earlier report.

    An output that is no part of the store's files, but in memory, is waited for: there is no room for two of them.
    """
    with Beside[Written]() as beside:
        for target, path in made:
            output = run.output(target)
            is_large = any(map(is_in_memory, chain.from_iterable(output.files.values())))
            beside.start(partial(write_target, path, target, output, files_before(before, target)))
            if is_large:
                beside.results()
        return beside.results()


def write_target(path: Path, target: Target, output: Output, before: set[str]) -> Written:
    """Write one target's files, each whole; `before` names what an earlier run wrote there."""
    files, changed = {}, False
    if target.options.get("serial") == zone.AUTO:
        output.files[""] = zone.settle(path, output.files[""], now().timestamp())
    for name, chunks in output.files.items():
        changed |= write_file(path / name if name else path, chunks)
        files[name] = sum(len(chunk) for chunk in chunks)
    if "" not in output.files:
        remove_leftovers(path, set(output.files), before)
    output.files.clear()  # a hundred megabytes that nobody asks for again
    return Written(target, path, output, files, changed)


def report_path_of(paths: list[Path], out: Path | None) -> Path | None:
    """Return where the report goes: into `out`, else beside the first target."""
    if out is not None:
        return out / REPORT
    return paths[0].parent / REPORT if paths else None


def read_report(path: Path | None) -> dict[str, Any]:
    """Return the report of an earlier run, {} when there is none."""
    try:
        return read_object(path) if path else {}
    except BlockctlError:
        return {}


def files_before(report: dict[str, Any], target: Target) -> set[str]:
    """Return the names of the files that the earlier run wrote for a target."""
    files = report.get("targets", {}).get(target.name, {}).get("files", {})
    return {name for name in files if name and "/" not in name and not name.startswith(".")}


def refuse_empty(run: Compilation, kept: list[Target]) -> None:
    """Raise WorldError when outputs were not written, for want of every list that they are made of."""
    if kept:
        names = ", ".join(target.name for target in kept)
        hint = "see to the lists named above; to write it without them, take them out of the policy"
        raise WorldError(f"not written, for none of its lists can be read: {names}", hint, tuple(problems(run)))


def make_report(
    run: Compilation, written: list[Written], kept: Iterable[Target] = (), before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the report: lists, targets, counts and gaps. Nothing in it depends on the time of day.

    Targets in `kept` were not written: what an earlier report said of them still holds.
    """
    earlier = (before or {}).get("targets", {})
    still = {target.name: earlier[target.name] for target in kept if target.name in earlier}
    return {
        "version": 1,
        "blockctl": __version__,
        "policy": Path(run.policy.file).name,
        "lists": [
            {
                "name": text.source.name,
                "file": text.file,
                "sha256": text.digest,
                "format": facts.format,
                "lines": facts.counts.lines,
                "rules": facts.counts.rules,
                "nothing": facts.counts.nothing,
                "refused": facts.counts.refused,
                "diagnostics": dict(sorted(facts.diagnostics.count.items())),
            }
            for text, facts in zip(run.texts, run.facts, strict=True)
        ],
        "problems": [str(problem) for problem in problems(run)],
        "targets": {**still, **{item.target.name: _target_report(item) for item in written}},
        "gaps": _gaps_report(written),
    }


def _target_report(item: Written) -> dict[str, Any]:
    return {
        "backend": item.target.backend,
        "path": item.target.path,
        "files": item.files,
        "rules_in": item.output.rules_in,
        "rules_out": item.output.rules_out,
        **({"rules": item.output.rules_of} if item.output.rules_of else {}),
        "notes": item.output.notes,
        "gaps": dict(sorted(item.output.gaps.count.items())),
    }


def _gaps_report(written: list[Written]) -> list[dict[str, Any]]:
    """Return the gaps with their reasons and rules; those that several targets share stand here once."""
    found: list[dict[str, Any]] = []
    for item in written:
        gaps, table = item.output.gaps, CAPABILITIES.get(item.target.backend, {})
        rows: dict[str, list[Row]] = {reason: [] for reason in sorted(gaps.count)}
        for row in gaps.rows:
            rows[row[0]].append(row)
        for reason, kept in rows.items():
            same = next((each for each in found if (each["reason"], each["rows"]) == (reason, kept)), None)
            if same is not None:
                same["targets"].append(item.target.name)
                continue
            known = table.get(reason)
            fidelity, why = (known.fidelity.value, known.why) if known else ("impossible", reason)
            found.append({"targets": [item.target.name], "reason": reason, "fidelity": fidelity, "why": why,
                          "count": gaps.count[reason], "rows": kept})  # fmt: skip
    for each in found:
        each["rules"] = [[f"{file}:{line}", text] for _, file, line, _, text in each.pop("rows")]
    return found
