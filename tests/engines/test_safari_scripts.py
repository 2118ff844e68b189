"""Per-site JavaScript in the real WebKit, with what we write for Safari: which ways to run a script it stops."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from blockctl.backends import safari
from blockctl.backends.output import Output
from blockctl.backends.scripts import CLAIMS, WAYS, Claim
from blockctl.model.policy import JavaScript, Policy
from blockctl.parsers import PARSERS
from tests.backends.test_ublock import policy, site
from tests.engines.ledger import record
from tests.engines.probe import QUIET, Answer, Site, Step, read
from tests.engines.require import SYSTEM_PYTHON, require

DENY, ALLOW, FIRST = JavaScript.DENY, JavaScript.ALLOW, JavaScript.FIRST_PARTY
NESTED = policy(
    site("nest.test", javascript=DENY),
    site("sub.nest.test", javascript=ALLOW),
    site("sub.open.test", javascript=DENY),
    site("first.test", javascript=FIRST),
)
CLOSED = policy(*(site(name, javascript=ALLOW) for name in ("on.test", "third.test", "outer.test")), javascript=DENY)
DRIVER = Path(__file__).with_name("probe_webkit.py")


def asked_of_server(
    folder: Path, output: Output, pages: dict[str, Answer], steps: list[Step], quiet: float
) -> list[str]:
    """Return the addresses that WebKit asks for, one page after the other, with what we wrote for Safari in force."""
    blockers = []
    for name, pieces in output.files.items():
        if name.endswith(".json") and "1blocker" not in name.lower():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"".join(pieces))
            blockers.append(str(file))
    job = {
        "blockers": blockers,
        "pages": {url: [status, headers, body.decode()] for url, (status, headers, body) in pages.items()},
        "steps": [[step.url, step.clicks] for step in steps],
        "quiet": quiet,
    }
    command = ["xvfb-run", "-a", SYSTEM_PYTHON, str(DRIVER)]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, timeout=900, check=False)
    assert done.stdout, f"WebKit ended without an answer ({done.returncode}): {done.stderr[-2000:]}"
    found: list[str] = json.loads(done.stdout)
    return found


def probe(folder: Path, wanted: Policy, site: Site, quiet: float = QUIET) -> set[str]:
    """Return the ways that work on a site in WebKit, with a policy in force."""
    output = safari.emit(wanted, safari.prepare([], {}), {})
    return read(asked_of_server(folder, output, site.pages(), site.steps(), quiet), site.host)


@pytest.mark.parametrize(
    ("wanted", "host", "says"),
    [
        pytest.param(NESTED, "nest.test", DENY, id="denied, with a host below it allowed"),
        pytest.param(NESTED, "sub.nest.test", ALLOW, id="allowed below a denied site"),
        pytest.param(NESTED, "open.test", ALLOW, id="not named, with a host below it denied"),
        pytest.param(NESTED, "first.test", FIRST, id="first-party"),
        pytest.param(CLOSED, "off.test", DENY, id="denied by default"),
        pytest.param(CLOSED, "on.test", ALLOW, id="allowed where the default denies"),
    ],
)
def test_every_way(tmp_path: Path, wanted: Policy, host: str, says: JavaScript) -> None:
    """What worked is what the table of claims says."""
    require("webkit")
    began = time.monotonic()
    worked = probe(tmp_path, wanted, Site(host))
    claimed = {way for way, claim in CLAIMS["safari"][says].items() if claim is Claim.RUNS}
    if claimed - worked:  # a busy machine: what comes, comes late
        worked |= probe(tmp_path, wanted, Site(host), 5 * QUIET)
    assert (worked - claimed, claimed - worked) == (set(), set())
    seconds = time.monotonic() - began
    record("webkit", "javascript", questions=len(WAYS), agreed=len(WAYS), gaps=Counter(), seconds=seconds)


REPORTING = """\
<!doctype html><img src="http://pic.test/x.png"><a id="link" href="#x" ping="http://ads.test/ping">x</a>
<script>navigator.sendBeacon("http://ads.test/beacon", "x")</script>"""
REPORTS = {f"http://ads.test/{kind}" for kind in ("csp", "beacon", "ping")}


@pytest.mark.parametrize(
    ("line", "left"),
    [
        pytest.param("||elsewhere.test^", REPORTS, id="nothing said"),
        pytest.param("||ads.test/*", set(), id="a pattern"),
        pytest.param("||ads.test^$other,ping", set(), id="by kind"),
    ],
)
def test_what_a_page_reports(tmp_path: Path, line: str, left: set[str]) -> None:
    """A breach of the page's policy, a beacon and the ping of a link are stopped as `other` and `ping`."""
    require("webkit")
    output = safari.emit(Policy("policy"), safari.prepare([PARSERS["adblock"](line, "list")], {}), {})
    told = {"Content-Type": "text/html", "Content-Security-Policy": "img-src 'none'; report-uri http://ads.test/csp"}
    page = "http://site.test/"
    asked = asked_of_server(tmp_path, output, {page: (200, told, REPORTING.encode())}, [Step(page, ("#link",))], QUIET)
    assert {url for url in asked if url != page} == left
