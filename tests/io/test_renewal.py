"""A running resolver keeps its lists fresh: what a `sync` says becomes what is told and when it is done again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blockctl.io import renewal as module
from blockctl.io.renewal import AGAIN, LONGEST, Renewal, next_wait, told_of
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import ListSource, Policy, Resolver


def done(**changes: Any) -> dict[str, Any]:
    entry = {"name": "a", "what": "same", "next_look": 5000.0, "held": [], "problem": None} | changes
    return {"lists": [entry], "problem": None}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param(done(), "", id="nothing new"),
        pytest.param(done(what="new"), "lists renewed: a", id="new"),
        pytest.param(done(what="failed", problem="404"), "list a could not be fetched: 404", id="failed"),
        pytest.param(done(what="held", held=[{"message": "it blocks x"}]), "held: it blocks x; the version", id="held"),
        pytest.param({"lists": [], "problem": "no disk"}, "no disk", id="not written"),
    ],
)
def test_what_is_told(said: dict[str, Any], told: str) -> None:
    assert told_of(said).startswith(told)
    assert bool(told_of(said)) == bool(told)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        pytest.param(done(), 4000.0, id="when it is due"),
        pytest.param(done(next_look=900.0), AGAIN, id="still due: it failed"),
        pytest.param(done(next_look=None), LONGEST, id="pinned"),
        pytest.param(done(next_look=1e9), LONGEST, id="far away"),
    ],
)
def test_when_it_is_done_again(said: dict[str, Any], wait: float) -> None:
    assert next_wait(said, 1000.0) == wait


def policy(*, refresh: bool, url: str = "https://lists.example/a") -> Policy:
    lists = (ListSource("a", Origin("p"), url=url),) if url else ()
    return replace(Policy("p", lists=lists), resolver=Resolver(refresh=refresh))


@pytest.mark.parametrize(
    ("standing", "runs"),
    [
        pytest.param(policy(refresh=True), True, id="on"),
        pytest.param(policy(refresh=False), False, id="refresh: off"),
        pytest.param(policy(refresh=True, url=""), False, id="nothing is downloaded"),
    ],
)
def test_it_looks_only_where_it_is_wanted(standing: Policy, runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 0.0)
    looked = []

    async def once(self: Renewal) -> float:
        looked.append(1)
        return 1000.0

    monkeypatch.setattr(Renewal, "_once", once)

    async def main() -> None:
        task = asyncio.create_task(Renewal(Path("p"), Path("s"), lambda: standing, lambda _: None).run())
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(main())
    assert bool(looked) == runs


def test_a_sync_that_fails_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    renewal = Renewal(tmp_path / "none.yaml", tmp_path / "state", lambda: policy(refresh=True), told.append)

    async def twice() -> list[float]:
        return [await renewal._once(), await renewal._once()]

    assert asyncio.run(twice()) == [AGAIN, AGAIN]
    assert len(told) == 1
    assert "there is no policy at" in told[0]
