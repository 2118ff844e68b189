"""Versions of lists come into force: the first one of a list without further ado, the others through the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from blockctl.io.addresses import address_of
from blockctl.io.history import History, read_history, write_history
from blockctl.io.lock import Lock, live_lock, lock_path, write_lock
from blockctl.io.policy_file import locked
from blockctl.io.refresh import Event, Look, Refresher
from blockctl.io.shelf import FOLDER, Shelf
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.policy import ListSource

TURN = "turn"  # the file whose lock says whose turn it is to change what is live


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


def adopt_first(
    sources: Sequence[ListSource], state: Path, lock: Lock, moment: float, *, pinned: bool
) -> dict[str, BlockctlError]:
    """Download lists of which nothing is here, and put them into `lock` and into force.

    `pinned`: the lock says which version is wanted, and stays as it is. Returns by address why one is not to be had.
    """
    shelf = Shelf(state)
    before = dict(lock)
    looks = Refresher(shelf, lock, read_history(state), moment).look_at(sources, at_once=True)
    failed = {
        address_of(look.source): problem for look in looks if (problem := _problem(look, before, shelf, pinned=pinned))
    }
    good = [look for look in looks if address_of(look.source) not in failed]
    if good and not pinned:
        with changing(state):
            live, history = live_lock(state), read_history(state)
            for look in good:
                address = address_of(look.source)
                assert look.version is not None, "what did not fail is there"
                if not look.version.same_text(live.get(address)):
                    history.replaced(address, live.get(address), datetime.fromtimestamp(int(moment), UTC))
                    live[address] = look.version
                note(look, history, shelf, moment)
            write_history(state, history)
            write_lock(lock_path(state), live)
            lock.update(live)
    return failed


def note(look: Look, history: History, shelf: Shelf, moment: float) -> None:
    """Keep what addresses gave, and that they were asked."""
    history.answers.update(look.answers)
    for address in look.checked:
        shelf.look(address, moment)


def _problem(look: Look, before: Lock, shelf: Shelf, *, pinned: bool) -> BlockctlError | None:
    """Return why what was found cannot be used."""
    if look.event is Event.FAILED or look.version is None:
        return look.problem
    wanted = before.get(address_of(look.source))
    if pinned and wanted is not None and not all(map(shelf.has, wanted.texts)):
        return BlockctlError(
            f"{address_of(look.source)} has moved on from the version that the lock file names",
            "copy the folder `lists` of the state folder in which the lock was made, or sync with a new lock",
        )
    if pinned and wanted is None:
        return BlockctlError("the lock file does not name this list", "sync with --lock once more")
    return not_a_list(shelf.read(look.version.sha256), look.source)


def not_a_list(data: bytes, source: ListSource) -> BlockctlError | None:
    """Return what a download is that is no list; None when it may be one, or the policy says its format."""
    from blockctl.parsers.detect import recognise, refuse_bytes
    from blockctl.parsers.text import decode

    fault = refuse_bytes(data) or recognise(decode(data))
    if isinstance(fault, str) or (source.format and fault.code in ("L007", "L009", "L010")):
        return None
    return BlockctlError(f"{address_of(source)}: {fault.message}", fault.hint)
