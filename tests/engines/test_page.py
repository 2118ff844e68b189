"""The page of the web API in a real Chromium: pairing, switching, the live log, at the width of a phone."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from blockctl.io.opening import lead_to
from blockctl.model.policy import JavaScript
from blockctl.policy.read import read_policy
from tests.engines.chromium import FLAGS, Pipe
from tests.engines.require import require
from tests.serve.running import Running, Upstream, free_port, serving

PATIENCE = 60.0  # seconds, for a loaded machine
PHONE, DESK = (390, 844), (1280, 900)
POLICY = """\
version: 1
# mine
sites:
  rant.example: {{javascript: deny}}
hosts: {{deny: [telemetry.example]}}
lists:
  - {{name: ads, path: ads.txt}}
resolver: {{listen: ["127.0.0.1:PORT"], upstreams: ["127.0.0.1:{upstream}"], api: "127.0.0.1:{api}"}}
"""
LARGEST = 100_000  # bytes of the whole page
UNNAMED = """
[...document.querySelectorAll('button, input, select, a')].filter(each => each.checkVisibility()).filter(each =>
  !(each.innerText || each.getAttribute('aria-label') || each.closest('label')?.innerText || '').trim())
  .map(each => each.outerHTML)
"""
# Contrast as WCAG 2.2, 1.4.3 has it, of every visible text against the nearest background that is not transparent.
PALE = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = each => { for (; each; each = each.parentElement) {
    const found = rgb(getComputedStyle(each).backgroundColor); if (found[3] > 250) return found; }
    return [255, 255, 255]; };
  const shown = each => each.checkVisibility() && !each.closest('.hidden, :disabled');
  const says = each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const ratio = each => {
    const [more, less] = [light(rgb(getComputedStyle(each).color)), light(behind(each))].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05); };
  return [...document.querySelectorAll('body *')].filter(each => shown(each) && says(each) && ratio(each) < 4.5)
    .map(each => [ratio(each), each.innerText.slice(0, 40)]);
})()
"""


class Tab:
    """A tab that shows the page, at some width."""

    def __init__(self, size: tuple[int, int], dark: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blockctl-page-"))
        program = next(path for path in ("/usr/lib/chromium/chromium", shutil.which("chromium")) if path)
        self.pipe = Pipe([program, *FLAGS, f"--user-data-dir={self.folder / 'profile'}", "about:blank"], self.folder)
        target = self.pipe("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.pipe("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        width, height = size
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self("Emulation.setEmulatedMedia", features=features)

    def __call__(self, method: str, **parameters: object) -> Any:
        return self.pipe(method, session=self.session, **parameters)

    def open(self, url: str) -> None:
        self("Page.navigate", url="about:blank")
        self("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        done = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, script: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"{script}: {self.run('document.body?.innerText')}"
            time.sleep(0.05)

    def press(self, text: str) -> None:
        """Press the first visible button or link with a text."""
        shown = f"each.checkVisibility() && each.innerText.trim() === {json.dumps(text)}"
        found = f"[...document.querySelectorAll('button, a')].find(each => {shown})"
        self.until(f"!!{found}")
        self.run(f"{found}.click()")

    def says(self, text: str) -> None:
        self.until(f"document.body?.innerText.includes({json.dumps(text)})")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        self.pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def house(folder: Path) -> Iterator[tuple[Running, str]]:
    upstream, api = Upstream(), free_port()
    policy = POLICY.format(upstream=upstream.port, api=api)
    with closing(upstream), serving(folder, policy, **{"ads.txt": "||ads.example^\n"}) as running:
        yield running, f"http://127.0.0.1:{api}/"


def code(running: Running) -> str:
    end = time.monotonic() + PATIENCE
    while True:
        done = running.run("pair", "--name", "phone", "--json")
        if done.returncode == 0:
            return str(json.loads(done.stdout)["code"])
        assert time.monotonic() < end, done.stderr
        time.sleep(0.3)


def check_looks(tab: Tab) -> None:
    assert tab.run(UNNAMED) == []
    assert tab.run(PALE) == []
    assert tab.run("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize(
    ("size", "dark"), [pytest.param(PHONE, False, id="phone, light"), pytest.param(DESK, True, id="desk, dark")]
)
def test_pair_switch_a_site_and_let_a_blocked_name_through(size: tuple[int, int], dark: bool, tmp_path: Path) -> None:
    require("chromium")
    pictures = Path(os.environ.get("BLOCKCTL_PICTURES", tmp_path))
    with house(tmp_path) as (running, page), closing(Tab(size, dark)) as tab:
        digits = code(running)
        tab.open(page)
        tab.says("Pair this browser")
        check_looks(tab)
        tab.picture(pictures / f"pair-{size[0]}.png")
        tab.open(f"{page}#code={digits}")
        tab.says("In your policy")
        assert tab.run("location.href") == f"{page}#site"  # the code is gone from the address
        tab.open(f"{page}#site=shop.example")
        tab.says("JavaScript: allowed here.")
        tab.press("Denied")
        tab.says("JavaScript: denied here.")
        text = running.policy.read_text()
        assert "# mine" in text
        read, faults = read_policy(text, "policy.yaml")
        assert not faults
        assert read.sites["shop.example"].javascript is JavaScript.DENY
        check_looks(tab)
        tab.picture(pictures / f"site-{size[0]}.png")
        tab.open(f"{page}#site=https%3A%2F%2Fads.example%2Fx.js")
        tab.says("ads.txt:1")
        tab.press("Log")
        tab.until("document.querySelector('#rows').children.length > 0")
        assert running.code("ads.example") == "NXDOMAIN"
        tab.says("ads.example")
        check_looks(tab)
        tab.picture(pictures / f"log-{size[0]}.png")
        tab.press("Let through")
        running.until(lambda: running.code("ads.example") == "NOERROR")
        for view, words in (("Day", "Blocked most"), ("Lists", "ads.txt"), ("Devices", "phone")):
            tab.press(view)
            tab.says(words)
            check_looks(tab)
            tab.picture(pictures / f"{view.lower()}-{size[0]}.png")
        tab.press("10 minutes")
        tab.says("everything is let through")
        running.until(lambda: running.code("telemetry.example") == "NOERROR")
        tab.press("Go on blocking")
        running.until(lambda: running.code("telemetry.example") == "NXDOMAIN")
        tab.press("Devices")
        tab.press("Revoke")
        tab.says("Pair this browser")


def test_a_browser_that_is_paired_pairs_once_and_an_odd_address_shows_the_page(tmp_path: Path) -> None:
    """`up` opens the page with a new code each time; an old one, and one cut short, are no reason to show nothing."""
    require("chromium")
    with house(tmp_path) as (running, page), closing(Tab(DESK, dark=False)) as tab:
        tab.open(f"{page}#code=999999x")
        tab.says("Pair this browser")
        for words in (code(running), code(running), "000000x"):
            tab.open(f"{page}#code={words}")
            tab.says("In your policy")
            assert tab.run("location.href") == f"{page}#site"
        devices = json.loads(running.run("devices", "--json").stdout)["devices"]
        assert [each["name"] for each in devices] == ["phone"]
        tab.open(f"{page}#site=%")
        tab.says("In your policy")


def test_what_a_name_or_a_rule_holds_is_shown_and_never_run(tmp_path: Path) -> None:
    require("chromium")
    with house(tmp_path) as (running, page), closing(Tab(DESK, dark=False)) as tab:
        tab.open(f"{page}#code={code(running)}")
        tab.says("In your policy")
        note = "<img src=x onerror=document.title='run'>"
        assert running.run("set", "bad.example", "javascript=deny", "--note", note).returncode == 0
        tab.open(f"{page}#site=bad.example")
        tab.says(note)
        assert tab.run("document.title") == "blockctl"


def test_a_large_policy_and_wrong_words(tmp_path: Path) -> None:
    """Thousands of entries make no long page, and what is typed wrong is told with the reason."""
    require("chromium")
    with house(tmp_path) as (running, page), closing(Tab(PHONE, dark=False)) as tab:
        sites = "".join(f"  site{each}.example: {{javascript: deny}}\n" for each in range(3000))
        text = running.policy.read_text().replace("hosts:", f"{sites}hosts:")
        running.policy.write_text(text)
        tab.open(f"{page}#code={code(running)}")
        tab.says("And 2,901 more: search for one.")
        assert tab.run("document.querySelectorAll('#entries li').length") < 200
        tab.open(f"{page}#site=site2999.example")
        tab.says("JavaScript: denied here.")
        tab.open(f"{page}#site=co.uk")
        tab.says("co.uk is a public suffix")
        running.policy.write_text(f"{text}nonsense: 1\n")
        tab.open(f"{page}#site=other.example")
        tab.says(f"line {text.count(chr(10)) + 1}: ")


def test_a_file_leads_to_the_page_and_pairs(tmp_path: Path) -> None:
    """As `up` opens it: what the browser is started with names the file, and the code is in the file alone."""
    require("chromium")
    with house(tmp_path) as (running, page), closing(Tab(DESK, dark=False)) as tab:
        file = lead_to(f"{page}#code={code(running)}", tmp_path)
        assert file is not None
        tab.open(file.as_uri())
        tab.says("In your policy")
        assert tab.run("location.href") == f"{page}#site"


def test_the_page_is_small_and_asks_nobody_else() -> None:
    folder = Path(__file__).parents[2] / "blockctl" / "page"
    files = [each for each in folder.iterdir() if each.is_file()]
    assert sum(each.stat().st_size for each in files) < LARGEST
    texts = "".join(each.read_text(encoding="utf-8") for each in files)
    assert set(re.findall(r"https?://\w[\w.]+", texts)) <= {"http://www.w3.org"}
