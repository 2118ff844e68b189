"""Which rules the resolver serves: read-only files in the state folder, and a small file that names the ones in use.

A rules file is named by its content's key and never changed. `live.json` is replaced whole, so a kill at any moment
leaves either the rules before or those after it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blockctl.io.files import Chunk, write_file
from blockctl.model.policy import Policy

FOLDER = "resolver"
VERSION = 1
EVERYBODY = ""  # the group of those that are in none


@dataclass(frozen=True, slots=True)
class Live:
    """The rules in use: for each group that has lists of its own, and for everybody."""

    rules: dict[str, str] = field(default_factory=dict)  # group -> file name
    lists: tuple[str, ...] = ()  # names of the lists that are in them
    made_for: str = ""  # `wanted()` of the policy they were made for


def wanted(policy: Policy) -> str:
    """Return a text that changes when rules files made for the policy have to be made again."""
    lists = [
        (each.name, each.path, each.url, each.dns, each.dns_only, each.format, each.match, each.widen, each.trust,
         each.sha256)
        for each in policy.lists
    ]  # fmt: skip
    groups = sorted((name, group.lists) for name, group in policy.resolver.groups.items())
    return repr((lists, groups, policy.resolver.upstreams))


def list_files(policy: Policy) -> list[Path]:
    """Return the list files of the user's own."""
    beside = Path(policy.file).parent
    named = (source.path for source in policy.lists)
    return [beside / Path(path).expanduser() for path in named if path and not path.startswith("builtin:")]


def stamps(paths: Iterable[Path]) -> list[tuple[int, int] | None]:
    """Return what changes when one of the files does: size and time of each."""
    found: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_size, stat.st_mtime_ns))
    return found


def read_live(state: Path) -> Live | None:
    """Return what is in use, None when there is nothing that can be used."""
    try:
        kept = json.loads((state / FOLDER / "live.json").read_bytes())
        if kept["version"] != VERSION:
            return None
        rules = {str(group): str(name) for group, name in kept["rules"].items()}
        live = Live(rules, tuple(map(str, kept["lists"])), str(kept["made_for"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    folder = state / FOLDER
    if EVERYBODY not in rules or not all((folder / name).is_file() for name in rules.values()):
        return None
    return live


def write_live(state: Path, live: Live) -> None:
    """Put rules into use."""
    kept = {"version": VERSION, "rules": live.rules, "lists": live.lists, "made_for": live.made_for}
    write_file(state / FOLDER / "live.json", [json.dumps(kept, indent=1).encode() + b"\n"], lasting=True)


def rules_path(state: Path, key: str) -> Path:
    """Return where the rules of a key lie."""
    return state / FOLDER / f"{key}.rules"


def write_rules(path: Path, make: Callable[[], Sequence[Chunk]]) -> None:
    """Keep a rules file, made only if it is not there. Raises WorldError."""
    if not path.is_file():
        write_file(path, make(), lasting=True)


def prune(state: Path, live: Live) -> None:
    """Delete rules that are not in use. Who still has them mapped keeps them until he lets go."""
    for path in (state / FOLDER).glob("*.rules"):
        if path.name not in live.rules.values():
            with contextlib.suppress(OSError):
                path.unlink()


def discard(state: Path, live: Live) -> None:
    """Delete rules that cannot be used, so that they are made again: what is there is never written over."""
    for name in live.rules.values():
        with contextlib.suppress(OSError):
            (state / FOLDER / name).unlink()


def map_rules(state: Path, name: str) -> mmap.mmap:
    """Map a rules file. Raises OSError, or ValueError when it is empty."""
    with (state / FOLDER / name).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
