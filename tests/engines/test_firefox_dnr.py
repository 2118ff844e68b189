"""Our rules in real Firefox, whose declarativeNetRequest knows no page above frames: every way to run a script.

A browser takes a minute, so it runs only when $BLOCKCTL_BROWSERS asks for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from blockctl.backends.output import Output
from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from tests.engines.firefox_ubo import PREFERENCES, FirefoxUbo, Marionette, Web, _number, wait
from tests.engines.judge import Judged
from tests.engines.ledger import record
from tests.engines.probe import QUIET, Site, meant
from tests.engines.require import require
from tests.engines.test_chromium_javascript import POLICIES, judged

pytestmark = pytest.mark.skipif(
    not os.environ.get("BLOCKCTL_BROWSERS"), reason="$BLOCKCTL_BROWSERS does not ask for it"
)
OPTIONS = {"browser": "firefox"}


class FirefoxDnr(FirefoxUbo):
    """A fresh Firefox with the folder that the `dnr` target wrote as its only extension."""

    def __init__(self, output: Output) -> None:
        self.web = Web()
        self._folder = Path(tempfile.mkdtemp(prefix="firefox-"))
        for name, chunks in output.files.items():
            path = self._folder / "extension" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(chunks))
        profile = self._folder / "profile"
        profile.mkdir()
        preferences = PREFERENCES | {"network.proxy.http_port": self.web.port}
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        )
        words = ["firefox-esr", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        environment |= {"HOME": str(self._folder), "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        self._process = subprocess.Popen(
            [*words, "--profile", str(profile), "about:blank"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._marionette: Marionette | None = None
        try:
            self._marionette = Marionette(wait("Firefox", lambda: _number(profile / "MarionetteActivePort")))
            self.ask("Addon:Install", path=str(self._folder / "extension"), temporary=True)
        except BaseException:
            self.close()
            raise


@pytest.fixture(params=list(POLICIES))
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[str, Judged, FirefoxDnr]]:
    """Return a policy by name, and Firefox under it."""
    require("firefox")
    run = judged(request.param)
    firefox = FirefoxDnr(run.output("dnr", OPTIONS))
    try:
        yield request.param, run, firefox
    finally:
        firefox.close()


def test_every_way(asked: tuple[str, Judged, FirefoxDnr]) -> None:
    """What worked is what the table of claims says; the pages elsewhere go by what the policy says of their sites."""
    name, run, firefox = asked
    began, wrong, hosts = time.monotonic(), {}, POLICIES[asked[0]][1]
    for host, said in hosts.items():
        worked = firefox.probe(Site(host))
        claims = CLAIMS["dnr, firefox"][said]
        claimed = {way for way in WAYS.keys() - ELSEWHERE.keys() if claims[way] is Claim.RUNS}
        claimed |= meant(run.policy, host) & ELSEWHERE.keys()
        if claimed - worked:  # a busy machine: what comes, comes late
            worked |= firefox.probe(Site(host), 5 * QUIET)
        if worked != claimed:
            wrong[name, host] = {"too much": worked - claimed, "too little": claimed - worked}
    assert not wrong, wrong
    ways = len(WAYS) * len(hosts)
    record("firefox", "javascript", questions=ways, agreed=ways, gaps=Counter(), seconds=time.monotonic() - began)
