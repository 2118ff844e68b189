"""What goes wrong is told once, and so is that it is over."""

from __future__ import annotations

from blockctl.io.telling import Telling
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
