"""The service's own steps, where two of them meet."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from blockctl.dns.cache import Cache
from blockctl.io.service import Service
from blockctl.model.diagnostic import WorldError
from blockctl.model.policy import Policy, Resolver


@pytest.mark.parametrize("changes", [False, True])
def test_what_lapses_does_not_bring_an_older_policy_back(tmp_path: Path, changes: bool) -> None:
    """It is made in a thread, and meanwhile a change of the policy may have gone into force."""

    async def run() -> list[Any]:
        service: Any = Service(tmp_path / "policy.yaml", tmp_path, lambda _: None)
        service._whole = Policy(file="before")
        put, hold = [], threading.Event()

        def stand() -> str:
            hold.wait(5)
            return "made of the policy before"

        service._stand, service._go_by = stand, put.append
        task = asyncio.create_task(service._stand_anew())
        await asyncio.sleep(0.01)
        if changes:
            service._whole = Policy(file="after")
        hold.set()
        await task
        return put

    assert asyncio.run(run()) == ([] if changes else ["made of the policy before"])


def test_a_policy_that_cannot_be_listened_by_is_not_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lapses later is made of the one before, and nothing else goes by the new one either."""
    before, after = Policy(file="before"), Policy(file="after", resolver=Resolver(listen=("127.0.0.1:53",)))
    monkeypatch.setattr("blockctl.io.service.read_quickly", lambda *_: (after, []))
    followed: list[object] = []

    async def taken(settings: Resolver, *, share: bool) -> None:
        raise WorldError(f"cannot listen on {settings.listen}, {share=}")

    async def run() -> Policy:
        service: Any = Service(tmp_path / "policy.yaml", tmp_path, lambda _: None)
        service._whole, service._standing = before, SimpleNamespace(policy=before)
        service._listeners = SimpleNamespace(follow=taken)
        service._upstreams = SimpleNamespace(follow=followed.append)
        service._cache = Cache(1 << 20, 60.0)
        service._log = SimpleNamespace(configure=lambda *_: followed.append("log"))
        service._stand = lambda policy=None: SimpleNamespace(policy=policy or service._whole)
        with pytest.raises(WorldError, match="cannot listen"):
            await service._renew()
        return cast(Policy, service._whole)

    assert asyncio.run(run()) == before
    assert followed == []


def test_what_lapses_is_seen_after_a_fault_of_upkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in what is done each second is told once, and ends nothing."""
    monkeypatch.setattr("blockctl.io.service.TICK", 0.001)

    def refresh() -> None:
        raise RuntimeError("nobody thought of this")

    async def run() -> tuple[int, list[str]]:
        told: list[str] = []
        service: Any = Service(tmp_path / "policy.yaml", tmp_path, told.append)
        service._whole = Policy("policy.yaml")
        service._cache = Cache(1 << 20, 60.0)
        service._answering = SimpleNamespace(refresh=refresh)
        service._upstreams = SimpleNamespace(state=list)
        service._standing = SimpleNamespace(until=datetime(2000, 1, 1, tzinfo=UTC))
        made = []
        service._stand, service._go_by = object, made.append
        task = asyncio.create_task(service._tick())
        for _ in range(1000):
            await asyncio.sleep(0.001)
            if len(made) > 2:
                break
        task.cancel()
        return len(made), told

    made, told = asyncio.run(run())
    assert made > 2
    assert len(told) == 1
    assert "nobody thought of this" in told[0]


FAULTY = """
import sys
from pathlib import Path
from blockctl.io import workers
from blockctl.model.diagnostic import BlockctlError

class Service:
    def __init__(self, path, state, say, inherited, *, first, share):
        self.tried = state / "tried"

    async def serve(self):
        if self.tried.exists():
            raise BlockctlError("that was the second")
        self.tried.touch()
        raise RuntimeError("nobody thought of this")

def say(text):
    print(text, flush=True)

workers.Service = Service
sys.exit(workers.Parent(Path("policy.yaml"), Path(sys.argv[1]), say, [], 1).run())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="workers are forked")
def test_a_worker_that_fails_as_nobody_thought_is_told_and_started_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTY, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert "nobody thought of this" in done.stdout
    assert "starting it again" in done.stdout
    assert "that was the second" in done.stdout
    assert done.returncode == 2
