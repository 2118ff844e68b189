"""Questions under way whose upstreams are late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from blockctl.dns.exchange import Client, Forward, Outcome, Reply
from blockctl.io import errand
from blockctl.io.errand import Errands

STALE = Reply(bytes(12), Outcome.STALE)


class Silent:
    """Upstreams that never answer, with a resolver that knows what is past its time."""

    def put(self, forward: Forward, take: Callable[[bytes | None], None]) -> None:
        """Take a question, and say nothing."""

    def stale(self, forward: Forward, now: float) -> Reply:
        return STALE


def test_who_cannot_take_what_is_stale_keeps_it_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "STALE_AFTER", 0.01)
    got: list[Reply | None] = []
    faults: list[dict[str, Any]] = []

    def broken(_: Reply | None) -> None:
        raise OSError("no way to the client")

    async def run() -> int:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        silent: Any = Silent()
        errands = Errands(silent)
        errands.resolver = silent
        for done in (broken, got.append):
            errands.run(Forward((), b"", (), Client("127.0.0.1"), None), done)
        async with asyncio.timeout(5):
            while errands.under_way:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        return errands.under_way

    assert asyncio.run(run()) == 0
    assert got == [STALE]
    assert [str(each["exception"]) for each in faults] == ["no way to the client"]
