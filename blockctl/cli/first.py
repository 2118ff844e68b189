"""The first version of a list, for a command other than `sync` that needs it: by the same steps and the same gate."""

from __future__ import annotations

import contextlib

from blockctl.cli.common import Loaded, stderr
from blockctl.cli.held import held_lines
from blockctl.cli.refreshing import Refreshing, Wish
from blockctl.io.addresses import address_of
from blockctl.io.adopt import changing
from blockctl.io.clock import seconds
from blockctl.io.history import read_history
from blockctl.io.lists import first_wanted
from blockctl.model.diagnostic import BlockctlError, WorldError


def take_first(loaded: Loaded) -> dict[str, BlockctlError]:
    """Fetch the lists of which nothing is here and put in force those that the gate lets pass.

    Tells what it holds, and what accepts it. Returns by address why a list is not to be had. Raises WorldError;
    not where another run has the turn and none of these lists could be had the last time either.
    """
    with contextlib.ExitStack() as turn:
        try:
            turn.enter_context(changing(loaded.state))
        except WorldError:
            if (failed := _failed_before(loaded)) is None:
                raise
            return failed
        wanted = first_wanted(loaded.policy, loaded.state)  # another run may have fetched them meanwhile
        if not wanted:
            return {}
        run = Refreshing(loaded, seconds())
        rows = run.look(Wish(tuple(source.name for source in wanted)), lambda _: None)
        run.put_in_force(None)
    for row in rows:
        if row.held is not None:
            stderr("\n".join(held_lines(row.held)))
    return {address_of(row.source): row.problem for row in rows if row.problem is not None}


def _failed_before(loaded: Loaded) -> dict[str, BlockctlError] | None:
    """Return by address why the last look at each list that is wanted failed; None where one did not."""
    history, found = read_history(loaded.state), dict[str, BlockctlError]()
    for address in map(address_of, first_wanted(loaded.policy, loaded.state)):
        past = history.lists.get(address)
        if past is None or past.failed is None:
            return None
        found[address] = BlockctlError(past.failed.why, past.failed.hint)
    return found
