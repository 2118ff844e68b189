"""What clients are told of who blocks: files by their names; where these are is for this machine alone."""

from __future__ import annotations

import pytest

from blockctl.dns import reasons
from blockctl.dns.exchange import Reason, Verdict
from blockctl.dns.explain import lines_about
from blockctl.dns.labels import name_wire
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.rule import Effect, Rule


def reason(file: str) -> Reason:
    rule = Rule(Effect.BLOCK, Origin(file, 7), "||ads.example^", host="ads.example")
    return Reason(Step.LIST_BLOCK, rule, "ads.example")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        pytest.param("/home/ann/lists/ads.txt", "ads.txt", id="a path"),
        pytest.param(r"C:\Users\ann\ads.txt", "ads.txt", id="a path of Windows"),
        pytest.param("https://lists.example/secret/ads.txt", "ads.txt", id="an address"),
        pytest.param("https://lists.example/ads/", "ads", id="an address that ends in a slash"),
        pytest.param("ads", "ads", id="a name"),
    ],
)
def test_files_are_told_by_their_names(file: str, told: str) -> None:
    found = reason(file)
    name, verdict = name_wire("ads.example"), Verdict(blocked=True, reason=found)
    assert reasons.sentence(found, "ads.example").startswith(f"blocked by {told} line 7: ||ads.example^;")
    assert lines_about(name, verdict, "", None, (), paths=False)[1] == f"by {told}:7: ||ads.example^"
    assert lines_about(name, verdict, "", None, (), paths=True)[1] == f"by {file}:7: ||ads.example^"
