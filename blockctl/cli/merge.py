"""`merge`: two devices' edits of one policy, put together."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, print_json, stderr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blockctl.policy.three_way import Merged
    from blockctl.policy.three_way_blocks import Conflict

NOTHING = Path("/dev/null")  # as git calls a file that is not there


@dataclass(frozen=True, slots=True)
class Done:
    """One merge, and where it went."""

    theirs: Path
    merged: Merged
    into: Path
    changed: bool
    aside: Path | None = None  # where the copy is now
    name: str = ""  # of the file that three temporary ones are versions of

    @property
    def called(self) -> str:
        """Return what a person knows the file by."""
        return self.name or str(self.into)


def merge_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[BASE OURS THEIRS]", help="Three versions of one policy.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Not into OURS, but here.", show_default=False)
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="FILE", help="What the three are versions of, for messages.")
    ] = "",
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge two edits of a policy by site and key; comments of both are kept. The result goes into OURS.

    Without files: merges the conflict copies that iCloud, Dropbox, Syncthing, OneDrive, Nextcloud or Google Drive left
    beside the policy into it, and moves them into the state folder. What both sides changed in two ways stays as OURS
    has it, with a comment `# conflict: ...` above it that says what THEIRS had: the file is always one that serves.

    For git:  git config merge.blockctl.driver "blockctl merge %O %A %B --name %P"  and  policy.yaml merge=blockctl
    in .gitattributes.

    Exit status: 0 merged (or nothing to merge), 1 there are conflicts, 2 a file is wrong (nothing was written),
    3 reading or writing failed.
    """
    from blockctl.model.diagnostic import BlockctlError

    if files and len(files) != 3:
        raise BlockctlError(
            f"merge takes three files, or none; here are {len(files)}", "blockctl merge BASE OURS THEIRS"
        )
    gc.disable()  # a large policy is a hundred thousand objects and no cycle
    done = [merge_files(files, output, name)] if files else merge_copies(policy, state, output)
    if as_json:
        print_json({"version": 1, "merges": [_json(each) for each in done]})
    else:
        show(done)
    if any(each.merged.conflicts for each in done):
        raise typer.Exit(1)


def merge_files(files: Sequence[Path], output: Path | None, name: str = "") -> Done:
    """Merge three files into the second, or into `output`. `name` is what git knows them by: they are copies."""
    from blockctl.io.policy_file import edit, read_text
    from blockctl.policy.three_way import merge

    base, ours, theirs = files
    names = [f"{name} (base)", name, f"{name} (theirs)"] if name else [str(path) for path in files]
    before = "" if base == NOTHING else read_text(base)
    other = read_text(theirs)
    if output is not None:
        from blockctl.io.files import write_file

        merged = merge(before, read_text(ours), other, names)
        return Done(theirs, merged, output, write_file(output, [merged.text.encode()]), name=name)
    results: list[Merged] = []

    def change(text: str) -> str:
        results.append(merge(before, text, other, names))
        return results[-1].text

    changed = edit(ours, change)
    return Done(theirs, results[-1], ours, changed, name=name)


def merge_copies(policy: Path | None, state: Path | None, output: Path | None) -> list[Done]:
    """Merge the conflict copies beside the policy into it, one after the other."""
    from blockctl.io.copies import find_copies
    from blockctl.io.kept_policies import forget, known, remember
    from blockctl.io.policy_file import policy_path, read_text, state_path
    from blockctl.model.diagnostic import BlockctlError

    path, folder = policy_path(policy), state_path(state)
    if output is not None:
        raise BlockctlError("-o goes with three files", "blockctl merge BASE OURS THEIRS -o FILE")
    before = read_text(path)  # or say that there is none
    earlier = [text for text in known(folder) if text != before]
    done: list[Done] = []
    try:
        for copy in find_copies(path):
            done.append(_merge_copy(copy, path, folder, earlier))
    finally:
        if done:
            if not earlier:
                forget(folder)
            remember(folder, *([before] if earlier else []), read_text(path))
    return done


def _merge_copy(copy: Path, path: Path, state: Path, earlier: Sequence[str]) -> Done:
    from blockctl.io.clock import now
    from blockctl.io.copies import put_away
    from blockctl.io.kept_policies import common_base
    from blockctl.io.policy_file import edit, read_text
    from blockctl.policy.three_way import merge

    theirs = read_text(copy)
    results: list[Merged] = []

    def change(text: str) -> str:
        results.append(merge(common_base(earlier, theirs), text, theirs, ("an earlier version", str(path), str(copy))))
        return results[-1].text

    changed = edit(path, change)
    return Done(copy, results[-1], path, changed, put_away(copy, state, now()))


def show(done: Sequence[Done]) -> None:
    """Say what was merged, and each conflict with both values."""
    if not done:
        typer.echo("no conflict copies beside the policy: nothing to merge")
    for each in done:
        for conflict in each.merged.conflicts:
            stderr(told(conflict, each))
        count = len(each.merged.conflicts)
        clash = "" if not count else f"; {count:,} {'conflict' if count == 1 else 'conflicts'}, ours kept"
        what = "merged" if each.changed else "nothing new"
        aside = f" (the copy is now {each.aside})" if each.aside else ""
        typer.echo(f"{each.name or f'{each.theirs} -> {each.into}'}: {what}{clash}{aside}")


def told(conflict: Conflict, done: Done) -> str:
    """Return a conflict as a person reads it."""
    sides = []
    for name, said, line in (
        ("ours", conflict.ours, conflict.ours_line),
        ("theirs", conflict.theirs, conflict.theirs_line),
    ):
        sides.append(f"  {name}{f' (line {line})' if line else ''}: {said or 'deleted'}")
    return "\n".join([f"{done.called}: conflict at {conflict.where}", *sides])


def _json(done: Done) -> dict[str, Any]:
    return {
        "theirs": str(done.theirs),
        "into": str(done.into),
        "changed": done.changed,
        "aside": str(done.aside) if done.aside else None,
        "conflicts": [
            {
                "path": list(each.path),
                "ours": each.ours or None,
                "ours_line": each.ours_line or None,
                "theirs": each.theirs or None,
                "theirs_line": each.theirs_line or None,
            }
            for each in done.merged.conflicts
        ],
    }
