"""What `why.NAME.blockctl` advises is what would help."""

from __future__ import annotations

import pytest

from blockctl.dns.exchange import Reason, Verdict
from blockctl.dns.explain import lines_about
from blockctl.dns.inspect import REBINDING
from blockctl.dns.wire import name_wire
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.rule import Effect, Rule

GROUP = Rule(Effect.BLOCK, Origin("policy.yaml", 7), "resolver: groups: kids: deny: game.example")
PAUSE = Rule(Effect.ALLOW, Origin("policy.yaml"), "pause")
LIST = Rule(Effect.BLOCK, Origin("ads", 3), "game.example")


@pytest.mark.parametrize(
    ("verdict", "led", "advice"),
    [
        pytest.param(
            Verdict(True, Reason(Step.HOST, GROUP, "game.example")),
            None,
            "let it through: change that entry",
            id="group",
        ),
        pytest.param(
            Verdict(True, Reason(Step.LIST_BLOCK, LIST, "game.example")),
            None,
            "let it through: blockctl allow game.example --for 1h",
            id="list",
        ),
        pytest.param(
            Verdict(False, Reason(Step.PAUSE, PAUSE, "game.example")),
            None,
            "end the pause: blockctl resume",
            id="pause",
        ),
        pytest.param(Verdict(False), None, "block it: blockctl deny game.example", id="nothing"),
        pytest.param(
            Verdict(False),
            Reason(Step.REBINDING, REBINDING, via="address", name="192.168.1.1"),
            "let it through: resolver: private: [game.example]",
            id="rebinding",
        ),
    ],
)
def test_the_advice_fits_what_decided(verdict: Verdict, led: Reason | None, advice: str) -> None:
    assert lines_about(name_wire("game.example"), verdict, "", led, [])[-1] == advice
