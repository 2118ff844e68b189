"""What follows files ends when it is told to, whenever that is."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from blockctl.io import following
from blockctl.io.watch import look_at


def test_an_end_while_things_settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has changed, so that nothing else would wake it."""
    path, sleep = tmp_path / "policy.yaml", asyncio.sleep
    path.write_text("version: 1\n")

    async def settle(seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await sleep(seconds)

    monkeypatch.setattr(following.asyncio, "sleep", settle)
    ended = asyncio.wait_for(following._follow({path: look_at(path)}, lambda changed: changed), 20)
    asyncio.run(ended)
