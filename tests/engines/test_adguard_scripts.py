"""Per-site JavaScript as AdGuard's engine orders it, in real Chromium: every way to run a script is tried.

The extension itself is not here. What it does with its engine's answers is done by the probe's server: it adds the
`Content-Security-Policy` that the engine gives a document to its headers, and answers no script that it blocks
(tswebextension: CspService, RequestBlockingApi).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from blockctl.backends import adguard_browser
from blockctl.backends.scripts import CLAIMS, ELSEWHERE, WAYS, Claim
from blockctl.model.policy import JavaScript, Policy
from blockctl.model.request import Kind, Request
from tests.engines.adguard_core import World, ask_many, policies_of
from tests.engines.chromium import Chromium
from tests.engines.ledger import record
from tests.engines.probe import OUTER, THIRD, Answer, Site, meant
from tests.engines.require import require
from tests.engines.test_ublock_scripts import BESIDE, CLOSED, NESTED

DENY, ALLOW, FIRST = JavaScript.DENY, JavaScript.ALLOW, JavaScript.FIRST_PARTY
CSP = "Content-Security-Policy"


@dataclass(frozen=True)
class Guarded(Site):
    """The probe as it comes to a browser with AdGuard in it."""

    filters: str

    def pages(self) -> dict[str, Answer]:
        """Return what to answer: documents with the engine's policies, nothing for the scripts that it blocks."""
        found = super().pages()
        documents = [(url, *self._asked_by(url)) for url in found if self._is_document(found[url])]
        for (url, _, _), policies in zip(documents, policies_of(self.filters, documents), strict=True):
            status, headers, body = found[url]
            found[url] = status, headers | ({CSP: ", ".join(policies)} if policies else {}), body
        scripts = [url for url in found if url.endswith(".js")]
        asked = [Request.parse(url, self._page_of(url), Kind.SCRIPT) for url in scripts]
        (answers,) = ask_many([World([self.filters], asked)])
        blocked = {url for url, answer in zip(scripts, answers, strict=True) if answer["by"] == "network"}
        none = 404, {"Content-Type": "text/plain"}, b""
        return {url: none if url in blocked else answer for url, answer in found.items()}

    @staticmethod
    def _is_document(answer: Answer) -> bool:
        return answer[1]["Content-Type"].startswith(("text/html", "image/svg+xml;"))

    def _page_of(self, url: str) -> str:
        """Return the document that asks for a script."""
        return url.replace(".js", "") if url.endswith("/frame.js") else f"http://{self.host}/probe"

    def _asked_by(self, url: str) -> tuple[str, Kind]:
        """Return the page around a document and its kind: one that is opened itself, or a frame."""
        host, path = str(urlsplit(url).hostname), urlsplit(url).path
        if path.endswith(("frame", "/object", "/framed", "-document.svg", "-object.svg")):
            around = f"http://{OUTER}/{self.host}" if path == "/framed" else f"http://{self.host}/probe"
            return around, Kind.FRAME
        return (f"http://{self.host}/clicks" if host == THIRD else "http://elsewhere.invalid/"), Kind.DOCUMENT


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    require("adguard-core")
    require("chromium")
    with Chromium() as browser:
        yield browser


@pytest.mark.parametrize(
    ("wanted", "host", "says"),
    [
        pytest.param(NESTED, "nest.test", DENY, id="denied, with a host below it allowed"),
        pytest.param(NESTED, "sub.nest.test", ALLOW, id="allowed below a denied site"),
        pytest.param(NESTED, "open.test", ALLOW, id="not named, with a host below it denied"),
        pytest.param(NESTED, "first.test", FIRST, id="first-party"),
        pytest.param(BESIDE, "rant.test", DENY, id="denied, all else let through"),
        pytest.param(CLOSED, "off.test", DENY, id="denied by default"),
        pytest.param(CLOSED, "on.test", ALLOW, id="allowed where the default denies"),
    ],
)
def test_every_way(chromium: Chromium, wanted: Policy, host: str, says: JavaScript) -> None:
    """What worked is what the table of claims says; pages elsewhere go by what the policy says of their sites."""
    began = time.monotonic()
    output = adguard_browser.emit(wanted, adguard_browser.prepare([], {}), {})
    site = Guarded(host, b"".join(map(bytes, output.files[""])).decode())
    claims = CLAIMS["adguard-browser"][says]
    claimed = {way for way in WAYS.keys() - ELSEWHERE.keys() if claims[way] is Claim.RUNS}
    claimed |= meant(wanted, host) & ELSEWHERE.keys()
    worked = chromium.probe(site)
    if claimed - worked:  # a busy machine: what comes, comes late
        worked |= chromium.probe(site)
    assert (worked - claimed, claimed - worked) == (set(), set())
    seconds = time.monotonic() - began
    record("adguard-core", "javascript", questions=len(WAYS), agreed=len(WAYS), gaps=Counter(), seconds=seconds)
