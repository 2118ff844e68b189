"""What fuzzing found in the policy reader and its editor."""

from __future__ import annotations

import pytest

from blockctl.policy import edit
from blockctl.policy.read import read_policy
from blockctl.policy.tree import MAX_FAULTS


@pytest.mark.parametrize("odd", ["\t", "\u2028", "\u202e", "\xa0"])
def test_messages_hold_nothing_that_a_terminal_would_obey(odd: str) -> None:
    _, faults = read_policy(f'version: 1\nsites:\n  "blog{odd}.example": script\n', "policy.yaml")
    assert faults
    assert all(fault.message.isprintable() for fault in faults)


def test_nothing_is_taken_out_of_an_empty_flow_mapping() -> None:
    text = "version: 1\nhosts: {}\nsites: {}\n"
    assert edit.forget_host(text, "ads.example") == text
    assert edit.reset_site(text, "news.example") == text


def test_faults_of_syntax_are_bounded() -> None:
    text = "version: 1\nsites:\n" + "".join(f"  s{number}.example: &a {{}}\n" for number in range(MAX_FAULTS + 50))
    _, faults = read_policy(text, "policy.yaml")
    assert [fault.code for fault in faults] == ["P004"] * MAX_FAULTS + ["P000"]
