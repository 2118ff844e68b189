"""Versions of lists come to this machine: one process at a time puts them in force; a lock file's are only fetched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from blockctl.io.addresses import address_of
from blockctl.io.fetch import FetchError
from blockctl.io.history import Failed, History, Past, read_history
from blockctl.io.lock import Lock
from blockctl.io.policy_file import locked
from blockctl.io.refresh import Event, Look, Refresher
from blockctl.io.shelf import FOLDER, Shelf
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.policy import ListSource

TURN = "turn"  # the file whose lock says whose turn it is to change what is live
TRIED = "tried "  # before an address: when it was last waited for in vain
REST = 300.0  # seconds that a list is left alone at least which was waited for in vain
MOST_REST = 86_400.0


@contextlib.contextmanager
def changing(state: Path) -> Iterator[None]:
    """Let nobody else change which versions are live. Raises WorldError: another run does, or the disk fails."""
    folder = state / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"cannot write in {state}: {error.strerror or error}", "see to the disk") from error
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / TURN))
        except WorldError as error:
            if str(error).startswith("another"):
                raise WorldError("another blockctl is refreshing the lists", "wait for it to end") from error
            raise
        yield


def fetch_named(sources: Sequence[ListSource], state: Path, lock: Lock, moment: float) -> dict[str, BlockctlError]:
    """Download the texts that a lock file names and that are not here; nothing comes into force.

    Returns by address why one is not to be had.
    """
    unnamed = BlockctlError("the lock file does not name this list", "sync with --lock once more")
    failed = {address: unnamed for address in map(address_of, sources) if address not in lock}
    shelf = Shelf(state)
    named = [source for source in sources if address_of(source) in lock]
    looks = Refresher(shelf, lock, read_history(state), moment).look_at(named, at_once=True)
    return failed | {address_of(look.source): problem for look in looks if (problem := _problem(look, lock, shelf))}


def rests_until(past: Past, tried: float) -> float:
    """Return until when nobody need wait for a list that could not be had, in seconds since 1970; 0: not at all.

    `tried` is when it was waited for last. It rests as long as it has failed so far, so each rest is about twice the
    one before. This is for commands that only need the list; who refreshes lists asks whenever he is told to.
    """
    if past.failed is None or not tried:
        return 0.0
    failing = tried - datetime.fromisoformat(past.failed.since).timestamp()
    return tried + min(max(failing, REST), MOST_REST)


def note(look: Look, history: History, shelf: Shelf, moment: float) -> None:
    """Keep what addresses gave, and that they were asked; or why nothing came of it."""
    history.answers.update(look.answers)
    past = history.past(address_of(look.source))
    if look.problem is None:
        past.failed = None if look.event is not Event.NOT_DUE else past.failed
    elif past.failed is None or past.failed.why != str(look.problem):
        since = datetime.fromtimestamp(int(moment), UTC).isoformat()
        past.failed = Failed(since, str(look.problem), look.problem.hint)
    if look.problem is not None and look.version is None:  # nothing of it is here, so commands wait for it
        waited = isinstance(look.problem, FetchError) and look.problem.is_slow
        shelf.look(TRIED + address_of(look.source), moment if waited else 0.0)
    for address in look.checked:
        shelf.look(address, moment)


def _problem(look: Look, lock: Lock, shelf: Shelf) -> BlockctlError | None:
    """Return why what was found is not what the lock file names."""
    if look.event is Event.FAILED:
        return look.problem
    if all(map(shelf.has, lock[address_of(look.source)].texts)):
        return None
    return BlockctlError(
        f"{address_of(look.source)} has moved on from the version that the lock file names",
        "copy the folder `lists` of the state folder in which the lock was made, or sync with a new lock",
    )
