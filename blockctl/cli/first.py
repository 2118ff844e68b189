"""The first version of a list, for a command other than `sync` that needs it: by the same steps and the same gate."""

from __future__ import annotations

from blockctl.cli.common import Loaded, stderr
from blockctl.cli.held import held_lines
from blockctl.cli.refreshing import Refreshing, Wish
from blockctl.io.addresses import address_of
from blockctl.io.adopt import changing
from blockctl.io.clock import seconds
from blockctl.io.lists import first_wanted
from blockctl.model.diagnostic import BlockctlError


def take_first(loaded: Loaded) -> dict[str, BlockctlError]:
    """Fetch the lists of which nothing is here and put in force those that the gate lets pass.

    Tells what it holds, and what accepts it. Returns by address why a list is not to be had. Raises WorldError.
    """
    with changing(loaded.state):
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
