"""What goes wrong is told once, and so is that it is over."""

from __future__ import annotations

from blockctl.io.telling import Telling
from blockctl.io.upstreams import UpstreamState
from blockctl.model.diagnostic import BlockctlError, WorldError


def test_a_fault_is_told_once_and_its_end_once() -> None:
    said: list[str] = []
    tell = Telling(said.append)
    tell.well()
    assert said == [], "nothing was wrong"
    for _ in range(3):
        tell.faults(WorldError("no disk"), "as before")
    tell.well()
    tell.well()
    tell.faults(BlockctlError("policy.yaml has 1 error"), "as before")
    mended = "that is mended: what the policy says now is in force"
    assert said == ["no disk: as before", mended, "policy.yaml has 1 error: as before"]


def _state(healthy: bool) -> UpstreamState:
    return UpstreamState("192.0.2.53", healthy, None, 1, 0, 1, "" if healthy else "refused")


def test_upstreams_that_are_gone_are_told_once_and_so_is_their_return() -> None:
    said: list[str] = []
    tell = Telling(said.append)
    for healthy in (True, False, False, True, True):
        tell.upstreams([_state(healthy), _state(False)])
    assert len(said) == 2
    assert "no upstream answers" in said[0]
    assert "192.0.2.53: refused" in said[0]
    assert said[1] == "an upstream answers again"
    tell.upstreams([])
    assert len(said) == 2, "a policy without upstreams was told when it was read"
