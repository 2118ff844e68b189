"""Scripts by site in real Chromium: every way to run one is tried, under our rules and our enterprise policies."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from blockctl.model.policy import JavaScript, Policy
from tests.engines.chromium import Chromium
from tests.engines.judge import Judged
from tests.engines.ledger import record
from tests.engines.mutations import Mutation, scripts_allowed
from tests.engines.probe import Site, meant
from tests.engines.require import require
from tests.engines.worlds import World

# policy -> hosts to try, each with what the policy says of it
NESTED = (
    "  rant.test: {javascript: deny}\n  fine.rant.test: {javascript: allow}\n  deep.fine.rant.test: {javascript: deny}"
)
POLICIES = {
    "by site": (
        f"defaults: {{javascript: allow}}\nsites:\n{NESTED}\n  own.test: {{javascript: first-party}}\n",
        {
            "rant.test": JavaScript.DENY,
            "www.rant.test": JavaScript.DENY,
            "fine.rant.test": JavaScript.ALLOW,
            "deep.fine.rant.test": JavaScript.DENY,
            "own.test": JavaScript.FIRST_PARTY,
            "other.test": JavaScript.ALLOW,
        },
    ),
    "denied by default": (
        "defaults: {javascript: deny}\nsites:\n  good.test: {javascript: allow}\n  bad.good.test: {javascript: deny}\n",
        {
            "good.test": JavaScript.ALLOW,
            "www.good.test": JavaScript.ALLOW,
            "bad.good.test": JavaScript.DENY,
            "other.test": JavaScript.DENY,
        },
    ),
    "off beside": (  # what lets everything else through lets no script through
        "sites:\n  rant.test: {javascript: deny, blocking: off, allow: [rant.test, third.test]}\nhosts:\n"
        "  allow: [rant.test]\nprotect: [rant.test]\n",
        {"rant.test": JavaScript.DENY, "other.test": JavaScript.ALLOW},
    ),
}


def judged(name: str) -> Judged:
    """Return a policy of the table, compiled."""
    return Judged(World(f"version: 1\n{POLICIES[name][0]}", {}, []))


def tried(backend: str, name: str, hosts: Iterable[str]) -> dict[str, set[str]]:
    """Return what worked on hosts of a policy, all in one browser of its own."""
    output = judged(name).output(backend)
    policies = json.loads(b"".join(output.files[""])) if backend == "chromium-policy" else None
    with Chromium(policies) as browser:
        if policies is None:
            browser.load(output, feedback=False)
        return {host: browser.probe(Site(host)) for host in hosts}


def wrong_about(backend: str, name: str, hosts: Iterable[str]) -> dict[tuple[str, str], object]:
    """Return on which hosts of a policy something else worked than the table of claims says.

    The pages elsewhere go by what the policy says of their sites.
    """
    wrong: dict[tuple[str, str], object] = {}
    for host, worked in tried(backend, name, hosts).items():
        claims = CLAIMS[backend][POLICIES[name][1][host]]
        claimed = meant(judged(name).policy, host) & ELSEWHERE.keys()
        claimed |= {way for way in WAYS.keys() - ELSEWHERE.keys() if claims[way] is Claim.RUNS}
        if claimed - worked:  # a busy machine: what comes, comes late
            worked |= tried(backend, name, [host])[host]
        if worked != claimed:
            wrong[name, host] = {"too much": worked - claimed, "too little": claimed - worked}
    return wrong


def require_for(backend: str) -> None:
    require("chromium")
    if backend == "chromium-policy" and os.geteuid() != 0:
        pytest.skip("enterprise policies lie in /etc: root only")


@pytest.mark.parametrize("backend", ["dnr", "chromium-policy"])
def test_every_way(backend: str) -> None:
    require_for(backend)
    began = time.monotonic()
    asked, wrong = 0, dict[tuple[str, str], object]()
    for name, (_, hosts) in POLICIES.items():
        wrong |= wrong_about(backend, name, hosts)
        asked += len(WAYS) * len(hosts)
    assert not wrong, wrong
    record("chromium", "javascript", questions=asked, agreed=asked, gaps=Counter(), seconds=time.monotonic() - began)


def without_the_nested(policy: Policy) -> Policy:
    return replace(policy, sites={name: site for name, site in policy.sites.items() if name != "fine.rant.test"})


@pytest.mark.parametrize("backend", ["dnr", "chromium-policy"])
@pytest.mark.parametrize(
    ("mutation", "host"),
    [
        pytest.param(Mutation("lost javascript", policy=scripts_allowed), "rant.test", id="lost javascript"),
        pytest.param(Mutation("lost exception", policy=without_the_nested), "fine.rant.test", id="lost exception"),
    ],
)
def test_planted_errors_are_noticed(
    backend: str, mutation: Mutation, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_for(backend)
    mutation.plant(backend, monkeypatch)
    assert wrong_about(backend, "by site", [host])
