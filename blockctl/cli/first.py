"""The first version of a list, for a command other than `sync` that needs it: by the same steps and the same gate."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

from blockctl.cli.common import Loaded, clock_time, stderr
from blockctl.cli.held import held_lines
from blockctl.cli.refreshing import Refreshing, Wish
from blockctl.io.addresses import address_of
from blockctl.io.adopt import TRIED, changing, rests_until
from blockctl.io.clock import seconds
from blockctl.io.history import read_history
from blockctl.io.lists import first_wanted
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.model.policy import ListSource


def take_first(loaded: Loaded) -> dict[str, BlockctlError]:
    """Fetch the lists of which nothing is here and put in force those that the gate lets pass.

    Those that were waited for in vain a short time ago are left alone. Tells what it holds, and what accepts it.
    Returns by address why a list is not to be had. Raises WorldError; not where another run has the turn and none of
    these lists could be had the last time either.
    """
    if not _to_ask(loaded, resting := _resting(loaded)):
        return resting
    with contextlib.ExitStack() as turn:
        try:
            turn.enter_context(changing(loaded.state))
        except WorldError:
            if (failed := _failed_before(loaded)) is None:
                raise
            return failed
        resting = _resting(loaded)  # another run may have fetched them meanwhile
        wanted = _to_ask(loaded, resting)
        if not wanted:
            return resting
        run = Refreshing(loaded, seconds())
        rows = run.look(Wish(tuple(source.name for source in wanted)), lambda _: None)
        run.put_in_force(None)
    for row in rows:
        if row.held is not None:
            stderr("\n".join(held_lines(row.held)))
    return resting | {address_of(row.source): row.problem for row in rows if row.problem is not None}


def _to_ask(loaded: Loaded, resting: Mapping[str, BlockctlError]) -> list[ListSource]:
    return [source for source in first_wanted(loaded.policy, loaded.state) if address_of(source) not in resting]


def _resting(loaded: Loaded) -> dict[str, BlockctlError]:
    """Return by address when those were asked in vain that are not asked again yet, and why it was in vain."""
    history, shelf, found = read_history(loaded.state), Shelf(loaded.state), dict[str, BlockctlError]()
    moment = seconds()
    for source in first_wanted(loaded.policy, loaded.state):
        past, tried = history.lists.get(address_of(source)), shelf.looked(TRIED + address_of(source))
        if past is None or past.failed is None or not tried <= moment < (until := rests_until(past, tried)):
            continue
        then, later = (clock_time(datetime.fromtimestamp(each, UTC), loaded.now) for each in (tried, until))
        why = f"it could not be had at {then}, and is not asked for again before {later}: {past.failed.why}"
        found[address_of(source)] = BlockctlError(why, f"`blockctl sync {source.name}` tries it now")
    return found


def _failed_before(loaded: Loaded) -> dict[str, BlockctlError] | None:
    """Return by address why the last look at each list that is wanted failed; None where one did not."""
    history, found = read_history(loaded.state), dict[str, BlockctlError]()
    for address in map(address_of, first_wanted(loaded.policy, loaded.state)):
        past = history.lists.get(address)
        if past is None or past.failed is None:
            return None
        found[address] = BlockctlError(past.failed.why, past.failed.hint)
    return found
