"""When the system should ask us, and when it had better ask whom the network names: pure, for `service watch`."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 4.0  # seconds of silence until we step aside
TRUST = 4.0  # seconds of answers until we come back


@dataclass(frozen=True, slots=True)
class Looked:
    """What the watchdog sees at a moment."""

    answers: bool  # our resolver answers
    since: float  # seconds that it has been so
    reaches: bool = True  # what it answers comes from outside when it has to
    others_reach: bool = False  # the network's own resolvers find what ours does not
    portal: str = ""  # where a captive portal leads
    vpn: str = ""  # the interface of a VPN that brings resolvers of its own


def why_aside(looked: Looked, *, is_aside: bool) -> str:
    """Return the reason to step aside, "" where the system should ask us."""
    if looked.vpn:
        return f"the VPN {looked.vpn} brings resolvers of its own"
    if not looked.answers and (is_aside or looked.since >= PATIENCE):
        return "our resolver does not answer"
    if looked.answers and is_aside and looked.since < TRUST:
        return "our resolver has only just come back"
    if looked.portal:
        return f"a captive portal wants a visit: {looked.portal}"
    if not looked.reaches and looked.others_reach:
        return "our upstreams cannot be reached from this network, and its own resolvers can"
    return ""
