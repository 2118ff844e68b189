"""`watch`: compiles again whenever the policy or a list file of the user's own changes."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blockctl.cli.common import JsonOption, Loaded, PolicyOption, StateOption, json_text, load_policy, stderr
from blockctl.cli.compile import OutOption

if TYPE_CHECKING:
    from blockctl.cli.build import Written


def watch_command(
    out: OutOption = None, policy: PolicyOption = None, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Compile every target again whenever the policy or a list file beside it changes, until interrupted.

    Nothing is downloaded: `sync` does that. A policy with errors leaves the outputs as they are, and is told.

    Exit status: 0 interrupted, 2 the policy is wrong at the start, 3 writing failed at the start.
    """
    from blockctl.io.following import follow
    from blockctl.io.policy_file import policy_path

    followed: list[Path] = []

    def compile_again(changed: list[Path]) -> list[Path]:
        from blockctl.cli.main import tell
        from blockctl.model.diagnostic import BlockctlError

        try:
            loaded, written, seconds = compile_once(policy, state, out)
            say(changed, written, seconds, as_json=as_json)
            if not followed:
                stderr("Ctrl-C ends it")
            followed[:] = files_of(loaded)
        except BlockctlError as error:
            if not followed:
                raise
            tell(error)
            stderr("the outputs stay as they were")
        gc.collect()  # loading turns it off, and this may run for months
        return followed

    path = policy_path(policy)
    follow([path, path.resolve()], compile_again)


def compile_once(policy: Path | None, state: Path | None, out: Path | None) -> tuple[Loaded, list[Written], float]:
    """Compile all targets, and the resolver's rules where there are any; return what was written, in which time."""
    from blockctl.cli.build import open_compilation
    from blockctl.cli.compile import build
    from blockctl.cli.resolver_rules import is_served, make_rules
    from blockctl.io.clock import passed

    begun = passed()
    loaded = load_policy(policy, state)
    run = open_compilation(loaded, offline=True)
    if is_served(loaded.state):
        make_rules(run, loaded.state)
    written = build(run, [], out)
    run.memory.prune()
    return loaded, written, passed() - begun


def files_of(loaded: Loaded) -> list[Path]:
    """Return the files whose change matters: the policy, the file it is a link to, and the user's own lists."""
    from blockctl.io.live import list_files

    return list(dict.fromkeys([loaded.path, loaded.path.resolve(), *list_files(loaded.policy)]))


def say(changed: list[Path], written: list[Written], seconds: float, *, as_json: bool) -> None:
    """Say in one line what changed, and what was written for it."""
    names = list(dict.fromkeys(path.name for path in changed))
    new = [item.target.name for item in written if item.changed]
    if as_json:
        typer.echo(json_text({"changed": names, "written": new, "seconds": round(seconds, 3)}))
        return
    what = f"{', '.join(names)} changed" if names else "compiled"
    typer.echo(f"{what}: {', '.join(new) + ' written' if new else 'no output differs'} ({seconds:.1f} s)")
