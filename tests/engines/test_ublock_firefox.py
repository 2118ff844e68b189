"""Real uBlock Origin in real Firefox: it restores our backup, and pages behave as the policy says, inline scripts too.

One start of the browser and a restore take 10 to 40 seconds, so it runs only when $BLOCKCTL_BROWSERS asks for it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from blockctl.backends import ublock, ublock_backup
from blockctl.backends.capabilities import UBLOCK
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import JavaScript
from blockctl.model.rule import Cosmetic, Effect, Rule
from tests.backends.test_ublock import policy, site
from tests.engines.firefox_ubo import FirefoxUbo
from tests.engines.require import require

pytestmark = pytest.mark.skipif(
    not os.environ.get("BLOCKCTL_BROWSERS"), reason="$BLOCKCTL_BROWSERS does not ask for it"
)

PAGE = (
    '<!doctype html><title>static</title><script src="/own.js"></script>'
    '<script>document.title = "inline ran"</script><body onload="document.body.dataset.loaded = 1">'
    "<noscript><p id=told>scripts are off</p></noscript><p class=modal>modal</p>"
    "<p class=banner>banner</p><p class=own>own</p>"
    '<iframe src="http://frame.test/f"></iframe>'
)
HERE = Origin("list", 1)
LISTS = [
    FilterList("names", "hosts", subtree={"ads.test"}, exact={"one.test"}),
    FilterList(
        "list",
        "adblock",
        rules=[Rule(Effect.ALLOW, HERE, "@@||news.test^$ehide", host="news.test", action="elemhide")],
        cosmetics=[
            Cosmetic(Effect.BLOCK, HERE, "##.banner", ".banner"),
            Cosmetic(Effect.BLOCK, HERE, "shop.test,quiet.test##.own", ".own", sites=("shop.test", "quiet.test")),
            Cosmetic(Effect.ALLOW, HERE, "news.test#@#.modal", ".modal", sites=("news.test",)),
        ],
    ),
]
POLICY = policy(
    site("rant.test", javascript=JavaScript.DENY),
    site("fine.rant.test", javascript=JavaScript.ALLOW),
    site("shop.test", blocking=False),
    site("quiet.test", blocking=False),
    site("on.quiet.test", blocking=True),
    site("news.test", allow=("good.ads.test",), deny=("chat.test",), hide=(".modal",)),
)


@pytest.fixture(scope="module", params=["list", "backup"])
def firefox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxUbo]:
    """The browser after "Restore from file": of our backup, or of one that holds the filter list and nothing else."""
    require("firefox-ubo")
    backup = written(ublock_backup)
    if request.param == "list":
        output = ublock.emit(POLICY, ublock.prepare(LISTS, {}), {})
        text = b"".join(output.files[""]).decode()
        backup |= {"hostnameSwitchesString": "", "whitelist": [], "userFilters": text}
    backup["userSettings"]["autoUpdate"] = False
    file = tmp_path_factory.mktemp("restore") / "backup.json"
    file.write_text(json.dumps(backup))
    browser = FirefoxUbo()
    try:
        browser.restore(file)
        settings = browser.settings()
        assert settings["userFilters"].strip() == backup["userFilters"].strip()
        assert set(settings["whitelist"]) == set(backup["whitelist"])
        denied = {line for line in backup["hostnameSwitchesString"].split("\n") if line.endswith(" true")}
        assert denied <= set(settings["hostnameSwitchesString"].split("\n"))
        yield browser
    finally:
        browser.close()


def written(backend: ModuleType) -> dict[str, Any]:
    output = backend.emit(POLICY, backend.prepare(LISTS, {}), {})
    backup: dict[str, Any] = json.loads(b"".join(output.files[""]))
    return backup


@pytest.mark.parametrize(
    ("host", "runs"),
    [("rant.test", False), ("www.rant.test", False), ("fine.rant.test", True), ("other.test", True)],
)
def test_javascript(firefox: FirefoxUbo, host: str, runs: bool) -> None:
    seen = len(firefox.web.hits)
    firefox.load(f"http://{host}/page", PAGE)
    told = firefox.js(
        "const told = document.getElementById('told');"
        "return [document.title, document.body.dataset.loaded || null, !!told && told.offsetHeight > 0]"
    )
    assert told == (["inline ran", "1", False] if runs else ["static", None, True])
    assert any(url.endswith("/own.js") for url in firefox.web.hits[seen:]) is runs


@pytest.mark.parametrize(
    ("page", "url", "blocked"),
    [
        pytest.param("news.test", "http://ads.test/x.js", True, id="list"),
        pytest.param("news.test", "http://good.ads.test/x.js", False, id="allowed here"),
        pytest.param("other.test", "http://good.ads.test/x.js", True, id="not allowed elsewhere"),
        pytest.param("news.test", "http://chat.test/x.js", True, id="denied here"),
        pytest.param("other.test", "http://chat.test/x.js", False, id="not denied elsewhere"),
        pytest.param("shop.test", "http://ads.test/x.js", False, id="blocking: off"),
        pytest.param("other.test", "http://one.test/x.js", True, id="one name"),
        pytest.param("other.test", "http://below.one.test/x.js", False, id="not below it"),
    ],
)
def test_requests(firefox: FirefoxUbo, page: str, url: str, blocked: bool) -> None:
    assert firefox.blocks_script(f"http://{page}/", url) is blocked


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("other.test", {"modal", "own"}, id="a list's generic rule"),
        pytest.param("news.test", {"banner", "own"}, id="the user's own selector, though a list takes it back"),
        pytest.param("shop.test", {"modal", "banner", "own"}, id="blocking: off"),
        pytest.param("quiet.test", {"modal", "banner", "own"}, id="blocking: off, on again below"),
        pytest.param("on.quiet.test", {"modal"}, id="on again"),
    ],
)
def test_hide(firefox: FirefoxUbo, host: str, shown: set[str]) -> None:
    firefox.load(f"http://{host}/hide", PAGE)
    script = (
        "const all = [...document.querySelectorAll('p[class]')];"
        "return all.filter(each => each.offsetHeight > 0).map(each => each.className)"
    )
    deadline = time.monotonic() + 5  # generic rules come once the page is known
    while (seen := set(firefox.js(script))) != shown and time.monotonic() < deadline:
        time.sleep(0.1)
    assert seen == shown


def test_a_frame_from_another_site_is_the_gap_that_we_name(firefox: FirefoxUbo, request: pytest.FixtureRequest) -> None:
    """On a page whose blocking is off its foreign frame still meets the lists, unless the site is trusted."""
    trusted = "shop.test" in firefox.settings()["whitelist"]
    firefox.web.pages["http://frame.test/f"] = '<!doctype html><script src="http://ads.test/in-frame.js"></script>'
    seen = len(firefox.web.hits)
    firefox.load("http://shop.test/framing", PAGE)
    fetched = any(url.endswith("/in-frame.js") for url in firefox.web.hits[seen:])
    assert fetched is trusted
    assert "frame" in UBLOCK
