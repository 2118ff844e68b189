"""The parts of `export`: one target or backend compiled, one file of it chosen."""

from __future__ import annotations

from pathlib import Path

from blockctl.backends import BROWSER_BACKENDS, DNS_BACKENDS
from blockctl.backends.output import Chunk, Output
from blockctl.backends.safari_project import project
from blockctl.backends.ublock_backup import as_json, merge_backup
from blockctl.compiler import Compilation
from blockctl.io.clock import now
from blockctl.io.files import read_object
from blockctl.io.safari_app import safari_sources
from blockctl.io.zone import AUTO, settle
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.policy import Target


def export_target(run: Compilation, name: str, into: Path | None, written: Path | None) -> Output:
    """Compile one target of the policy, or a backend that the policy has no target for.

    A zone gets a serial of its own unless the policy fixes one; `written` is the file that it replaces.
    """
    target = run.policy.targets.get(name)
    if target is None:
        if name not in BROWSER_BACKENDS and name not in DNS_BACKENDS:
            known = ", ".join(dict.fromkeys((*run.policy.targets, *BROWSER_BACKENDS, *DNS_BACKENDS)))
            raise BlockctlError(f"there is no target or backend {name!r}", f"there are: {known}")
        target = Target(name, name, "", Origin(run.policy.file))
    if into is not None:
        if target.backend != "ublock-backup":
            raise BlockctlError("--into goes with ublock-backup", "the other outputs are files of their own")
        merged = merge_backup(read_object(into), run.policy, run.prepared(target), target.options)
        return Output({"": [as_json(merged)]})
    made = run.output(target)
    if target.backend == "rpz" and target.options.get("serial", AUTO) == AUTO:
        made.files[""] = settle(written, made.files[""], now().timestamp())
    return made


def safari_app(run: Compilation) -> Output:
    """Return an Xcode project with the JSON files of the policy's first target for Safari, else of the backend."""
    named = (name for name, target in run.policy.targets.items() if target.backend == "safari")
    made = export_target(run, next(named, "safari"), None, None)
    rules = {name: b"".join(chunks) for name, chunks in made.files.items() if name.endswith(".json")}
    return Output({name: [text] for name, text in project(safari_sources(), rules).items()})


def pick_file(output: Output, name: str, file: str) -> list[Chunk]:
    """Return the pieces of the one file asked for."""
    if not file and len(output.files) == 1:
        return next(iter(output.files.values()))
    if file not in output.files:
        names = ", ".join(f"{name}/{each}" for each in output.files)
        raise BlockctlError(
            f"{name} has several files" if not file else f"{name} has no file {file!r}",
            f"name one, or -o a folder: {names}",
        )
    return output.files[file]
