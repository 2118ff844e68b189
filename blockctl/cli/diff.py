"""`diff`: what one version of a list says and another does not, and what the gate makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blockctl.cli.common import JsonOption, PolicyOption, StateOption, load_policy, print_json
from blockctl.cli.table import BOLD, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blockctl.cli.common import Loaded
    from blockctl.compiler import Compilation
    from blockctl.io.lock import Version
    from blockctl.model.filterlist import ListText
    from blockctl.model.policy import ListSource
    from blockctl.policy.gate import Hold, Known
    from blockctl.policy.gate import Version as Judged

NAMED = ("live", "held", "before")
WORDS = "live, held, before, a date (2026-11-20) or the beginning of a sha256, as `blockctl lists --json` has them"
SHORTEST = 6  # characters of a digest


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions."""

    called: str
    judged: Judged


@dataclass(frozen=True, slots=True)
class Compared:
    """What two versions differ in, and what the gate says of the second after the first."""

    old: Side
    new: Side
    added: list[str]
    removed: list[str]
    holds: list[Hold]


def diff_command(
    name: Annotated[str, typer.Argument(metavar="LIST", help="A list of the policy.")],
    old: Annotated[str, typer.Argument(help="A file, or which version.", show_default=False)] = "",
    new: Annotated[str, typer.Argument(help="A file, or which version.", show_default=False)] = "",
    policy: PolicyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what one version of a list says and another does not: names and rules, the most visited first.

    OLD and NEW are files, or versions of the list: live, held, before, a date, or the beginning of a sha256. Without
    them it is the live version and the one that is held; where none is held, the one before and the live one.

    Exit status: 0 they say the same, 1 they differ, 2 there is no such version or the policy is wrong, 3 reading
    failed.
    """
    from blockctl.io.known import known_names

    loaded = load_policy(policy, state)
    source = list_called(loaded, name)
    old, new = (old, new or "live") if old else ends(loaded, source)
    known = known_names(loaded.policy, loaded.state, loaded.now)
    found = compare(loaded, source, known, old, new)
    if as_json:
        print_json(to_json(source, found, known))
    else:
        show(source, found, known)
    if found.added or found.removed:
        raise typer.Exit(1)


def list_called(loaded: Loaded, name: str) -> ListSource:
    """Return a list of the policy. Raises BlockctlError."""
    from blockctl.model.diagnostic import BlockctlError

    for source in loaded.policy.lists:
        if source.name == name:
            return source
    known = ", ".join(source.name for source in loaded.policy.lists)
    raise BlockctlError(f"the policy has no list {name!r}", f"its lists are: {known or 'none'}")


def ends(loaded: Loaded, source: ListSource) -> tuple[str, str]:
    """Return the versions that are meant when none is named. Raises BlockctlError where there is only one."""
    from blockctl.io.addresses import address_of
    from blockctl.io.history import read_history
    from blockctl.model.diagnostic import BlockctlError

    past = read_history(loaded.state).lists.get(address_of(source)) if source.url else None
    if past is not None and past.held is not None:
        return "live", "held"
    if past is None or not past.earlier:
        raise BlockctlError(
            f"only one version of {source.name} is here, so there is nothing to compare it with",
            f"name a file: blockctl diff {source.name} live FILE",
        )
    return "before", "live"


def compare(loaded: Loaded, source: ListSource, known: Known, old: str, new: str) -> Compared:
    """Read two versions, compare them, and judge the second after the first. Raises BlockctlError."""
    from blockctl.cli.build import open_versions
    from blockctl.io.lock import live_lock
    from blockctl.policy.gate import Standing, judge
    from blockctl.policy.list_changes import list_changes
    from blockctl.policy.merge import page_exceptions

    live = open_versions(loaded, live_lock(loaded.state))
    before, after = (Side(word, version_called(loaded, live, source, word)) for word in (old, new))
    others = [
        served
        for each in loaded.policy.lists
        if each.name != source.name and (served := serving(live, each)) is not None
    ]
    exceptions = [
        rule for rule in live.exceptions() if rule.origin.file not in {text.file for text in texts(live, source)}
    ]
    exceptions += page_exceptions([after.judged.parsed])
    holds = judge(before.judged, after.judged, known, Standing(loaded.policy, others, exceptions))
    return Compared(before, after, *list_changes(before.judged.parsed, after.judged.parsed), holds)


def texts(run: Compilation, source: ListSource) -> list[ListText]:
    """Return the texts of a list."""
    return [text for text in run.texts if text.source.name == source.name]


def serving(run: Compilation, source: ListSource) -> Judged | None:
    """Return a list as a run read it, None when it could not."""
    from blockctl.io.versions import version_of

    parts = [(text, run.parsed(text)) for text in texts(run, source) if not text.problem]
    return version_of(parts) if parts else None


def version_called(loaded: Loaded, live: Compilation, source: ListSource, word: str) -> Judged:
    """Return the version that a word or a file name means. Raises BlockctlError."""
    from blockctl.cli.build import open_versions
    from blockctl.io.addresses import address_of
    from blockctl.io.versions import version_of_file
    from blockctl.model.diagnostic import BlockctlError

    if word == "live":
        found = serving(live, source)
    elif source.url and (version := _kept(loaded, source, word)) is not None:
        found = serving(open_versions(loaded, {address_of(source): version}), source)
    elif word in NAMED and source.url:
        found = None
    else:
        return version_of_file(source, Path(word), f"name a file, or a version of {source.name}: {WORDS}")
    if found is None:
        raise BlockctlError(f"{source.name} has no version {word!r} that can be read", f"name a file, or: {WORDS}")
    return found


def _kept(loaded: Loaded, source: ListSource, word: str) -> Version | None:
    """Return a version that the history knows."""
    for name, version in _history(loaded, source):
        is_date = len(word) >= len("2026-11-20") and version.date.startswith(word)
        if word == name or is_date or (len(word) >= SHORTEST and version.sha256.startswith(word)):
            return version
    return None


def _history(loaded: Loaded, source: ListSource) -> Iterator[tuple[str, Version]]:
    from blockctl.io.addresses import address_of
    from blockctl.io.history import read_history
    from blockctl.io.lock import live_lock

    past = read_history(loaded.state).lists.get(address_of(source))
    live = live_lock(loaded.state).get(address_of(source))
    if live is not None:
        yield "live", live
    if past is not None:
        if past.held is not None:
            yield "held", past.held.version
        for number, (_, version) in enumerate(past.earlier):
            yield "" if number else "before", version


def show(source: ListSource, found: Compared, known: Known) -> None:
    """Print what differs, and what the gate says."""
    from blockctl.cli.changes import counted, show_entries
    from blockctl.cli.holds import hold_lines

    old, new = found.old.judged, found.new.judged
    typer.echo(styled(f"{source.name}: {found.old.called} -> {found.new.called}", BOLD))
    rules = counted(old.parsed.counts.rules, new.parsed.counts.rules)
    refused = counted(old.parsed.counts.refused, new.parsed.counts.refused)
    typer.echo(
        f"  +{len(found.added):,} -{len(found.removed):,}; rules {rules}, refused {refused},"
        f" bytes {counted(old.size, new.size)}"
    )
    show_entries(found.added, known, added=True)
    show_entries(found.removed, known, added=False)
    typer.echo("\n".join(hold_lines(found.holds)) if found.holds else "The gate lets it pass.")


def to_json(source: ListSource, found: Compared, known: Known) -> dict[str, Any]:
    """Return what differs for programs."""
    from blockctl.cli.changes import entries_json
    from blockctl.cli.holds import holds_json

    return {
        "version": 1,
        "list": source.name,
        **{side: _side_json(each) for side, each in (("old", found.old), ("new", found.new))},
        **entries_json(found.added, found.removed, known),
        "held": holds_json(found.holds),
    }


def _side_json(side: Side) -> dict[str, Any]:
    counts = side.judged.parsed.counts
    return {
        "called": side.called,
        "format": side.judged.parsed.format,
        "bytes": side.judged.size,
        "lines": counts.lines,
        "rules": counts.rules,
        "refused": counts.refused,
    }
