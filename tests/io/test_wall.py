"""The wall's clock that is set, and a machine that sleeps."""

from __future__ import annotations

import time

import pytest

from blockctl.io.wall import WallClock


@pytest.mark.parametrize(
    ("ahead", "told"),
    [(0.0, 0.0), (1.5, 0.0), (3600.0, 3600.0), (-3600.0, -3600.0)],
    ids=["runs", "is steered", "set forward, or slept", "set back"],
)
def test_what_it_tells(monkeypatch: pytest.MonkeyPatch, ahead: float, told: float) -> None:
    wall, monotonic = [1_000_000.0], [50.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: monotonic[0])
    clock = WallClock()
    wall[0] += 10 + ahead
    monotonic[0] += 10
    assert clock.moved() == told
    assert clock.moved() == 0.0, "it is told once"


def test_small_steps_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: 50.0)
    clock, told = WallClock(), []
    for _ in range(5):
        wall[0] += 1
        told.append(clock.moved())
    assert sum(told) == 4.0
