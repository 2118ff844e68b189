"""My rules: switches and host rules."""

from __future__ import annotations

import pytest

from blockctl.backends import ublock_rules
from blockctl.model.policy import Policy
from tests.backends.test_ublock import ALLOW, DENY, FIRST, HERE, policy, site


def lines(wanted: Policy, **options: str) -> list[str]:
    output = ublock_rules.emit(wanted, ublock_rules.prepare([], options), options)
    return b"".join(output.files[""]).decode().splitlines()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(policy(), ["no-scripting: * false"], id="nothing said"),
        pytest.param(
            policy(site("a.example", javascript=ALLOW), site("x.a.example", javascript=DENY), javascript=DENY),
            ["no-scripting: * true", "no-scripting: a.example false", "no-scripting: x.a.example true"],
            id="default deny",
        ),
        pytest.param(
            policy(site("a.example", javascript=DENY), site("x.a.example", javascript=DENY)),
            ["no-scripting: * false", "no-scripting: a.example true"],
            id="a site that says the same as the one above it",
        ),
        pytest.param(
            policy(site("a.example", javascript=DENY), paused=True),
            ["no-scripting: * false", "no-scripting: a.example false"],
            id="paused",
        ),
    ],
)
def test_switches(wanted: Policy, expected: list[str]) -> None:
    assert lines(wanted) == expected


def test_a_removed_site_gets_the_inverse_line() -> None:
    wanted = policy(site("a.example", javascript=DENY))
    assert lines(wanted, removed="Gone.example x.a.example nonsense!") == [
        "no-scripting: * false",
        "no-scripting: a.example true",
        "no-scripting: x.a.example true",
        "no-scripting: gone.example false",
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(policy(deny=("t.example",)), ["* t.example * block"], id="a denied host"),
        pytest.param(policy(allow=("t.example",)), ["* t.example * allow"], id="an allowed host"),
        pytest.param(
            policy(site("t.example", javascript=DENY), allow=("t.example",)), ["* t.example * noop"],
            id="allow would lift the switch on the host's own pages",
        ),
        pytest.param(
            policy(site("n.example", allow=("cdn.example",), javascript=FIRST)),
            ["n.example * 3p-script block", "n.example cdn.example * noop"],
            id="allow would let third-party scripts pass",
        ),
        pytest.param(
            policy(site("n.example", deny=("t.example",)), allow=("a.t.example",)),
            ["* a.t.example * allow", "n.example t.example * block", "n.example a.t.example * block"],
            id="what a site overrides is said again",
        ),
    ],
)  # fmt: skip
def test_host_rules(wanted: Policy, expected: list[str]) -> None:
    assert [line for line in lines(wanted, advanced="yes") if not line.startswith("no-scripting:")] == expected


def test_without_advanced_mode_every_entry_is_a_gap() -> None:
    wanted = policy(
        site("n.example", deny=("t.example",), hide=(".a",)), deny=("t.example",), protect={"b.example": HERE}
    )
    output = ublock_rules.emit(wanted, ublock_rules.prepare([], {}), {})
    assert output.gaps.count == {"advanced": 2, "list-carried": 2}
