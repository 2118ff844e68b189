"""The page without JavaScript in a real Chromium that runs no scripts: by mouse, by keyboard, on a phone and a desk."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from blockctl.model.policy import JavaScript, Policy
from blockctl.policy.read import read_policy
from tests.engines.chromium import RefusedError
from tests.engines.require import require
from tests.engines.test_page import DESK, PHONE, Tab, check_looks, code, house
from tests.io.list_server import running as lists_running
from tests.serve.running import Running

NAMES = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(300))
# What the keyboard is at, and what a screen reader would call it.
AT = "(at => (at?.innerText || at?.closest('label')?.innerText || at?.getAttribute('aria-label') || '').trim())"
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}


class Plain(Tab):
    """A tab in which no script of a page runs."""

    def __init__(self, size: tuple[int, int], dark: bool) -> None:
        super().__init__(size, dark)
        self("Emulation.setScriptExecutionDisabled", value=True)

    def run(self, script: str) -> Any:
        """Return what a script of ours comes to, None where the page went away meanwhile."""
        try:
            return super().run(script)
        except RefusedError as error:
            if "navigated" not in str(error):
                raise
            return None

    def key(self, name: str) -> str:
        """Press a key; return what has the focus then."""
        number, text = KEYS[name]
        self("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, windowsVirtualKeyCode=number, text=text)
        self("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=number)
        return str(self.run(f"{AT}(document.activeElement)"))

    def write(self, name: str, text: str) -> None:
        """Write into a field."""
        self.run(f"document.querySelector('[name={name}]').focus()")
        self("Input.insertText", text=text)

    def goes_to(self, name: str) -> None:
        """Go on with the keyboard until that has the focus."""
        passed = []
        while (at := self.key("Tab")) != name:
            passed.append(at)
            assert len(passed) < 60, f"{name} is not reached: {passed}"

    def look(self, path: Path) -> None:
        """Judge the looks, and take a picture of the whole screen."""
        check_looks(self)
        width, height = self.run("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = self("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def paired(folder: Path, size: tuple[int, int] = DESK, dark: bool = False) -> Iterator[tuple[Running, Plain]]:
    with house(folder) as (running, page), closing(Plain(size, dark)) as tab:
        digits = code(running)
        tab.open(f"{page}plain")
        tab.says("Pair this browser")
        tab.write("code", digits)
        tab.press("Pair")
        tab.says("This browser is paired, as phone.")
        yield running, tab


def policy_of(running: Running) -> Policy:
    read, faults = read_policy(running.policy.read_text(), "policy.yaml")
    assert not faults
    return read


@pytest.mark.parametrize(
    ("size", "dark"),
    [
        pytest.param(PHONE, False, id="phone, light"), pytest.param(DESK, True, id="desk, dark"),
        pytest.param(PHONE, True, id="phone, dark"), pytest.param(DESK, False, id="desk, light"),
    ],
)  # fmt: skip
def test_pair_deny_scripts_of_a_site_and_let_a_name_through(size: tuple[int, int], dark: bool, tmp_path: Path) -> None:
    require("chromium")
    pictures = Path(os.environ.get("BLOCKCTL_PICTURES", tmp_path))
    shot = f"{size[0]}-{'dark' if dark else 'light'}.png"
    with house(tmp_path) as (running, page), closing(Plain(size, dark)) as tab:
        digits = code(running)
        tab.open(page)
        tab.says("This page needs its own script")  # so none runs here
        tab.press("The page without JavaScript")
        tab.says("Pair this browser")
        tab.look(pictures / f"plain-pair-{shot}")
        tab.write("code", digits)
        tab.press("Pair")
        tab.says("This browser is paired, as phone.")
        tab.look(pictures / f"plain-home-{shot}")
        tab.write("what", "shop.example")
        tab.press("Show")
        tab.says("JavaScript: allowed here.")
        tab.press("Denied")
        tab.says("JavaScript: denied here.")
        assert tab.run("location.href") == f"{page}plain"  # nothing of it is in the address
        assert "# mine" in running.policy.read_text()
        assert policy_of(running).sites["shop.example"].javascript is JavaScript.DENY
        tab.look(pictures / f"plain-site-{shot}")
        tab("Page.reload")  # the form is sent again: its origin is the page's still
        tab.says("JavaScript: denied here.")
        assert running.code("ads.example") == "NXDOMAIN"
        running.until(lambda: '"ads.example"' in running.run("log", "--json").stdout)
        tab.press("Log")
        tab.says("ads.txt:1")
        tab.look(pictures / f"plain-log-{shot}")
        tab.press("Let through")
        tab.says("ads.example is allowed everywhere.")
        running.until(lambda: running.code("ads.example") == "NOERROR")
        tab.press("10 minutes")
        tab.says("Paused until")
        tab.look(pictures / f"plain-paused-{shot}")
        running.until(lambda: running.code("telemetry.example") == "NOERROR")
        tab.press("Go on blocking")
        tab.says("The pause is over.")
        running.until(lambda: running.code("telemetry.example") == "NXDOMAIN")
        tab.press("End this pairing")
        tab.says("phone is paired no longer.")
        tab.look(pictures / f"plain-left-{shot}")


def test_the_keyboard_is_enough(tmp_path: Path) -> None:
    require("chromium")
    with house(tmp_path) as (running, page), closing(Plain(DESK, dark=False)) as tab:
        digits = code(running)
        tab.open(f"{page}plain")
        tab.says("Pair this browser")
        assert [tab.key("Tab") for _ in range(4)] == ["To the content", "Code", "Name of this device", "Pair"]
        tab.write("code", digits)
        tab.key("Enter")
        tab.says("This browser is paired")
        tab.goes_to("Site or address")
        tab("Input.insertText", text="shop.example")
        tab.key("Enter")
        tab.says("JavaScript: allowed here.")
        tab.goes_to("Denied")
        tab.key("Enter")
        tab.says("JavaScript: denied here.")
        assert policy_of(running).sites["shop.example"].javascript is JavaScript.DENY


def test_who_kept_the_key_comes_back_without_a_code(tmp_path: Path) -> None:
    require("chromium")
    with paired(tmp_path) as (_, tab):
        key = tab.run("document.querySelector('details input').value")
        page = str(tab.run("location.href"))
        tab.open(page)
        tab.says("Or come back with a key")
        tab.write("token", key)
        tab.press("Open")
        tab.says("In your policy")
        tab.says("Paired as phone.")
        tab.open(page)
        tab.says("Or come back with a key")
        tab.write("token", "guessed")
        tab.press("Open")
        tab.says("this needs a browser that is paired")


def test_a_held_list_is_seen_and_taken(tmp_path: Path) -> None:
    require("chromium")
    pictures = Path(os.environ.get("BLOCKCTL_PICTURES", tmp_path))
    with lists_running() as server, paired(tmp_path, PHONE) as (running, tab):
        server.texts["/a.txt"] = NAMES
        text = running.policy.read_text()
        fetched = f'  - {{name: fetched, url: "{server.base}/a.txt", use: [dns]}}\nprotect: [bank.example]\nresolver:'
        running.policy.write_text(text.replace("resolver:", fetched))
        assert running.run("sync", "--now").returncode == 0
        server.texts["/a.txt"] = NAMES + b"0.0.0.0 bank.example\n0.0.0.0 fresh.example\n"
        assert running.run("sync", "--now").returncode == 1
        tab.press("Lists")
        tab.says("Held back: ")
        tab.look(pictures / "plain-lists-390-light.png")
        tab.press("Take it without those lines")
        tab.says("fetched is taken.")
        running.until(lambda: running.code("fresh.example") == "NXDOMAIN")
        assert running.code("bank.example") == "NOERROR"


def test_what_others_wrote_is_shown_and_runs_nothing(tmp_path: Path) -> None:
    """With scripts on: the policy of the page lets none run, and no text becomes an element."""
    require("chromium")
    note = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"
    with paired(tmp_path) as (running, tab):
        tab("Emulation.setScriptExecutionDisabled", value=False)
        assert running.run("set", "bad.example", "javascript=deny", "--note", note).returncode == 0
        tab.write("what", "bad.example")
        tab.press("Show")
        tab.says(note)
        assert "run" not in tab.run("document.title")
        assert tab.run("document.querySelectorAll('img, script').length") == 0
        made = "const made = document.createElement('script'); made.textContent = \"document.title = 'run'\";"
        tab.run(f"{{ {made} document.body.append(made); }}")  # as if one had come through
        time.sleep(0.2)
        assert "run" not in tab.run("document.title")
        assert json.loads(running.run("devices", "--json").stdout)["devices"]
