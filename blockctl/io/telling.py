"""What the service tells of what goes wrong: each thing once, however often it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from blockctl.io.upstreams import UpstreamState
from blockctl.model.diagnostic import BlockctlError, WorldError

Say = Callable[[str], None]


class Telling:
    """Tells by `say`, which takes sentences that a person should read."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told = ""
        self._alone = False  # no upstream answers

    def upstreams(self, states: Sequence[UpstreamState]) -> None:
        """Tell when no upstream answers any more, and when one does again."""
        alone = bool(states) and not any(each.healthy for each in states)
        if alone and not self._alone:
            whys = "; ".join(f"{each.upstream}: {each.error or 'silent'}" for each in states)
            self._say(f"no upstream answers, so only blocked, local and kept names are answered ({whys})")
        elif self._alone and not alone:
            self._say("an upstream answers again")
        self._alone = alone

    def well(self) -> None:
        """All is well: told when it was not before. What goes wrong next is news."""
        if self._told:
            self._say("that is mended: what the policy says now is in force")
        self._told = ""

    def faults(self, error: BlockctlError, so: str) -> None:
        """Tell why something cannot be had, and what is done in its place."""
        if isinstance(error, WorldError) and self._told == str(error):
            return  # tried again, in vain
        self._told = str(error)
        for fault in error.diagnostics:
            self._say(str(fault))
        self._say(f"{error}: {so}")

    def own(self, what: str, error: Exception) -> None:
        """Tell of a fault that is not the user's."""
        if self._told != repr(error):
            self._told = repr(error)
            self._say(f"a fault of blockctl's own: {what}: {error!r}")

    def of_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Tell what nobody else caught."""
        del loop
        self._say(f"a fault of blockctl's own: {context.get('message')}: {context.get('exception')!r}")
