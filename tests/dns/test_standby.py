"""When the watchdog steps aside, and when it comes back."""

from __future__ import annotations

import pytest

from blockctl.dns.standby import PATIENCE, TRUST, Looked, why_aside

WELL = Looked(answers=True, since=100)


@pytest.mark.parametrize(
    ("looked", "is_aside", "expected"),
    [
        pytest.param(WELL, False, "", id="all is well"),
        pytest.param(WELL, True, "", id="all is well again"),
        pytest.param(Looked(False, PATIENCE - 0.1), False, "", id="a restart is waited for"),
        pytest.param(Looked(False, PATIENCE), False, "our resolver does not answer", id="silent"),
        pytest.param(Looked(False, 0), True, "our resolver does not answer", id="still silent"),
        pytest.param(Looked(True, TRUST - 0.1), True, "our resolver has only just come back", id="once is no promise"),
        pytest.param(Looked(True, 0), False, "", id="a missed answer is no reason to move"),
        pytest.param(Looked(True, 9, portal="at a"), False, "a captive portal wants a visit: at a", id="portal"),
        pytest.param(Looked(True, 9, vpn="wg0"), False, "the VPN wg0 brings resolvers of its own", id="VPN"),
        pytest.param(Looked(True, 9, reaches=False, others_reach=False), False, "", id="offline: nobody knows better"),
        pytest.param(
            Looked(True, 9, reaches=False, others_reach=True),
            True,
            "our upstreams cannot be reached from this network, and its own resolvers can",
            id="a network that lets only its own through",
        ),
    ],
)  # fmt: skip
def test_why_aside(looked: Looked, is_aside: bool, expected: str) -> None:
    assert why_aside(looked, is_aside=is_aside) == expected
