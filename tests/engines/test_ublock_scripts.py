"""Per-site JavaScript in Firefox with uBlock Origin: every way to run a script, under each output that rules it.

$BLOCKCTL_BROWSERS asks for it; each output is a start of the browser and some minutes on a busy machine.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blockctl.backends import ublock, ublock_backup, ublock_managed, ublock_rules
from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from blockctl.model.policy import JavaScript, Policy
from tests.backends.test_ublock import policy, site
from tests.engines.firefox_ubo import FirefoxUbo
from tests.engines.ledger import record
from tests.engines.probe import QUIET, Site, meant
from tests.engines.require import require

pytestmark = pytest.mark.skipif(
    not os.environ.get("BLOCKCTL_BROWSERS"), reason="$BLOCKCTL_BROWSERS does not ask for it"
)
DENY, ALLOW, FIRST = JavaScript.DENY, JavaScript.ALLOW, JavaScript.FIRST_PARTY
NESTED = policy(
    site("nest.test", javascript=DENY),
    site("sub.nest.test", javascript=ALLOW),
    site("sub.open.test", javascript=DENY),
    site("first.test", javascript=FIRST),
)
BESIDE = policy(  # what lets everything else through lets no script through
    site("rant.test", ("rant.test", "third.test"), javascript=DENY, blocking=False), allow=("rant.test",)
)
CLOSED = policy(site("on.test", javascript=ALLOW), site("third.test", javascript=ALLOW), javascript=DENY)
# policy, the site to try, and what the policy says of it
TRIED = [
    pytest.param(NESTED, "nest.test", DENY, id="denied, with a host below it allowed"),
    pytest.param(NESTED, "sub.nest.test", ALLOW, id="allowed below a denied site"),
    pytest.param(NESTED, "open.test", ALLOW, id="not named, with a host below it denied"),
    pytest.param(NESTED, "first.test", FIRST, id="first-party"),
    pytest.param(BESIDE, "rant.test", DENY, id="denied, all else let through"),
    pytest.param(CLOSED, "off.test", DENY, id="denied by default"),
    pytest.param(CLOSED, "on.test", ALLOW, id="allowed where the default denies"),
]
OUTPUTS = (
    "ublock",
    "ublock-rules",
    "ublock-rules, advanced",
    "ublock-backup",
    "ublock-backup, advanced",
    "ublock-managed",
)


@dataclass
class Given:
    """A browser, and what it was last given."""

    output: str
    folder: Path
    browser: FirefoxUbo | None = None
    policy: Policy | None = None

    def use(self, wanted: Policy) -> FirefoxUbo:
        """Return the browser with a policy in force."""
        if self.policy is not wanted:
            self.policy = None  # until the browser has taken this one
            if self.output == "ublock-managed" or self.browser is None:
                self.close()
                self.browser = FirefoxUbo(managed(wanted) if self.output == "ublock-managed" else None)
            if self.output != "ublock-managed":
                file = self.folder / "backup.json"
                file.write_text(json.dumps(backup(self.output, wanted)))
                self.browser.restore(file)
            self.policy = wanted
        assert self.browser is not None
        return self.browser

    def close(self) -> None:
        if self.browser is not None:
            self.browser.close()


def backup(output: str, wanted: Policy) -> dict[str, Any]:
    """Return a backup that holds one output and nothing else of ours."""
    advanced = {"advanced": "yes"} if output.endswith("advanced") else {}
    made = ublock_backup.emit(wanted, ublock_backup.prepare([], advanced), advanced)
    file: dict[str, Any] = json.loads(text(made.files[""]))
    file["userSettings"]["autoUpdate"] = False
    if output == "ublock":
        listed = ublock.emit(wanted, ublock.prepare([], {}), {})
        file |= {"hostnameSwitchesString": "", "dynamicFilteringString": "", "userFilters": text(listed.files[""])}
    elif output.startswith("ublock-rules"):
        rules = text(ublock_rules.emit(wanted, ublock_rules.prepare([], advanced), advanced).files[""]).splitlines()
        is_switch = [line.partition(":")[0] == "no-scripting" for line in rules]
        switches = [line for line, switch in zip(rules, is_switch, strict=True) if switch]
        hosts = [line for line, switch in zip(rules, is_switch, strict=True) if not switch]
        told = {"hostnameSwitchesString": "\n".join(switches), "dynamicFilteringString": "\n".join(hosts)}
        file |= told | {"userFilters": ""}
    return file


def managed(wanted: Policy) -> dict[str, Any]:
    """Return what Firefox hands over of our policies.json."""
    made = ublock_managed.emit(wanted, ublock_managed.prepare([], {}), {})
    told: dict[str, Any] = json.loads(text(made.files[""]))["policies"]["3rdparty"]["Extensions"]
    return told[ublock_managed.EXTENSION]


def text(pieces: list[Any]) -> str:
    return b"".join(pieces).decode()


@pytest.fixture(scope="module", params=OUTPUTS)
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    require("firefox-ubo")
    each = Given(request.param, tmp_path_factory.mktemp("restore"))
    try:
        yield each
    finally:
        each.close()


@pytest.mark.parametrize(("wanted", "host", "says"), TRIED)
def test_every_way(given: Given, wanted: Policy, host: str, says: JavaScript) -> None:
    """What worked is what the table of claims says; pages elsewhere go by what the policy says of their sites."""
    began = time.monotonic()
    worked = given.use(wanted).probe(Site(host))
    claims = CLAIMS[given.output][says]
    claimed = {way for way in WAYS.keys() - ELSEWHERE.keys() if claims[way] is Claim.RUNS}
    claimed |= meant(wanted, host) & ELSEWHERE.keys()
    if claimed - worked:  # a busy machine: what comes, comes late
        worked |= given.use(wanted).probe(Site(host), 5 * QUIET)
    assert (worked - claimed, claimed - worked) == (set(), set())
    seconds = time.monotonic() - began
    record("firefox-ubo", "javascript", questions=len(WAYS), agreed=len(WAYS), gaps=Counter(), seconds=seconds)
