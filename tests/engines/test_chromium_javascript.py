"""Scripts by site in real Chromium: every way to run one is tried, under our rules and our enterprise policies."""

from __future__ import annotations

import json
import os
import time
from collections import Counter

import pytest

from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from blockctl.model.policy import JavaScript
from tests.engines.chromium import Chromium
from tests.engines.judge import Judged
from tests.engines.ledger import record
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


def tried(backend: str, name: str) -> dict[str, set[str]]:
    """Return what worked on each host of a policy; a browser of its own for each."""
    output = judged(name).output(backend)
    policies = json.loads(b"".join(output.files[""])) if backend == "chromium-policy" else None
    with Chromium(policies) as browser:
        if policies is None:
            browser.load(output, feedback=False)
        return {host: browser.probe(Site(host)) for host in POLICIES[name][1]}


@pytest.mark.parametrize("backend", ["dnr", "chromium-policy"])
def test_every_way(backend: str) -> None:
    """What worked is what the table of claims says; the pages elsewhere go by what the policy says of their sites."""
    require("chromium")
    if backend == "chromium-policy" and os.geteuid() != 0:
        pytest.skip("enterprise policies lie in /etc: root only")
    began = time.monotonic()
    asked, wrong = 0, {}
    for name, (_, hosts) in POLICIES.items():
        for host, worked in tried(backend, name).items():
            elsewhere = meant(judged(name).policy, host) & ELSEWHERE.keys()
            claims = CLAIMS[backend][hosts[host]]
            claimed = elsewhere | {way for way in WAYS.keys() - ELSEWHERE.keys() if claims[way] is Claim.RUNS}
            asked += len(WAYS)
            if worked != claimed:
                wrong[name, host] = {"too much": worked - claimed, "too little": claimed - worked}
    assert not wrong, wrong
    record("chromium", "javascript", questions=asked, agreed=asked, gaps=Counter(), seconds=time.monotonic() - began)
