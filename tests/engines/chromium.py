"""Chromium, driven by the DevTools protocol over a pipe; every page comes from a proxy of ours, so no network.

Messages are JSON, each closed by NUL, on descriptors 3 (to Chromium) and 4 (chromedevtools.github.io, "Pipe"). Rules
are asked in bulk by `declarativeNetRequest.testMatchOutcome`, which requests nothing; `open` and `click` load pages for
real. Enterprise policies lie over /etc/chromium in a mount namespace of Chromium's own (root only).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from blockctl.backends.output import Output
from tests.engines.firefox_ubo import Web
from tests.engines.probe import QUIET, Site, read

PATIENCE = 120.0  # seconds, for any answer
SETTINGS = "/etc/chromium"  # Debian's; below it are policies/managed
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
    "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--password-store=basic", "--ignore-certificate-errors",
    "--allow-running-insecure-content", "--proxy-bypass-list=<-loopback>",
    "--remote-debugging-pipe", "--enable-unsafe-extension-debugging",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,OptimizationHints,MediaRouter,"
    "LocalNetworkAccessChecks",
)  # fmt: skip
# The extension as it is, with a page of its own in which its rules can be asked.
BLANK = "blank.html"
ASK = """
async questions => {
  const ask = question => chrome.declarativeNetRequest.testMatchOutcome(question).then(
    outcome => outcome.matchedRules.map(rule => [rule.rulesetId, rule.ruleId]), error => String(error));
  const found = [];
  for (let at = 0; at < questions.length; at += 250) {
    found.push(...await Promise.all(questions.slice(at, at + 250).map(ask)));
  }
  return found;
}
"""
TYPES = {
    "document": "main_frame", "frame": "sub_frame", "style": "stylesheet", "xhr": "xmlhttprequest",
}  # fmt: skip


class RefusedError(RuntimeError):
    """Chromium says no to a command."""


class Pipe:
    """Chromium and the two pipes to it; a command at a time."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._number = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        theirs, self._to = os.pipe()
        self._from, back = os.pipe()
        # a shell puts the pipes where Chromium looks for them; Python's own way would need code between fork and exec
        script = f'exec "$@" 3<&{theirs} 4>&{back}'
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", script, "chromium", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(theirs, back), start_new_session=True,
                env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder), "DBUS_SESSION_BUS_ADDRESS": "/dev/null"},
            )  # fmt: skip
        os.close(theirs)
        os.close(back)

    def __call__(self, method: str, session: str = "", **parameters: object) -> Any:
        """Return a command's result. Raises RefusedError."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data[: 1 << 16]) :]
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RefusedError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the first event that is wanted, of those that came before too. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            for at, event in enumerate(self.events):
                if wanted(event):
                    return self.events.pop(at)
            self.events.append(self._read(deadline))

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError("no answer from Chromium")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise RuntimeError("Chromium has gone")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def close(self) -> None:
        """End Chromium, by force if it must be."""
        with contextlib.suppress(Exception):
            self("Browser.close")
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
        os.close(self._to)
        os.close(self._from)


class Chromium:
    """One browser with one tab. `extension` is a folder, `policies` the content of a managed policy file."""

    def __init__(self, policies: Mapping[str, object] | None = None, flags: Sequence[str] = ()) -> None:
        self.web = Web()
        self._folder = Path(tempfile.mkdtemp(prefix="blockctl-chromium-"))
        program = next(path for path in ("/usr/lib/chromium/chromium", shutil.which("chromium")) if path)
        command = [program, *FLAGS, f"--proxy-server=http://127.0.0.1:{self.web.port}",
                   f"--user-data-dir={self._folder / 'profile'}", *flags, "about:blank"]  # fmt: skip
        if policies is not None:
            managed = self._folder / "etc" / "policies" / "managed"
            managed.mkdir(parents=True)
            (managed / "blockctl.json").write_text(json.dumps(policies))
            mount = f'mount --bind "$0" {SETTINGS} && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", mount, str(managed.parent.parent), *command]
        try:
            self._pipe = Pipe(command, self._folder)
            self.version = str(self._pipe("Browser.getVersion")["product"])
            self._tab = self._new_tab()
        except BaseException:
            self._end()
            raise
        self._extension = ""
        self._asking = ""

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if hasattr(self, "_pipe"):
            self._pipe.close()
        self.web.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def load(self, output: Output, feedback: bool = True) -> dict[tuple[str, int], dict[str, Any]]:
        """Load the folder that the `dnr` target wrote, in place of the last; return its rules by file and number.

        Chromium answers questions about rules only to extensions that may ask, which ours need not.
        """
        if self._extension:
            self._pipe("Extensions.uninstall", id=self._extension)
        folder = Path(tempfile.mkdtemp(prefix="extension-", dir=self._folder))
        for name, chunks in output.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"".join(chunks))
        manifest = json.loads((folder / "manifest.json").read_text())
        if feedback:
            manifest["permissions"].append("declarativeNetRequestFeedback")
            (folder / "manifest.json").write_text(json.dumps(manifest))
            (folder / BLANK).write_text("<!doctype html><title>blank</title>")
        self._extension = self._pipe("Extensions.loadUnpacked", path=str(folder))["id"]
        self._asking = ""
        named = manifest["declarative_net_request"]["rule_resources"]
        rules = {each["id"]: json.loads((folder / each["path"]).read_text()) for each in named}
        return {(name, rule["id"]): rule for name, listed in rules.items() for rule in listed}

    def ask(self, questions: Sequence[Mapping[str, str]]) -> list[list[tuple[str, int]]]:
        """Return the rules (ruleset, number) that would act on each request: one decides, several change."""
        if not self._asking:
            self._asking = self._new_tab()
            self.open(f"chrome-extension://{self._extension}/{BLANK}", self._asking)
        answers = self.evaluate(f"({ASK})({json.dumps(list(questions))})", extension=True)
        wrong = [answer for answer in answers if isinstance(answer, str)]
        assert not wrong, wrong[0]
        return [[(name, number) for name, number in answer] for answer in answers]

    def open(self, url: str, session: str = "") -> str:
        """Load a page; return "" or why it did not load."""
        session = session or self._tab
        self._pipe.events.clear()
        error = str(self._pipe("Page.navigate", session, url=url).get("errorText", ""))
        if not error:
            loaded = "Page.loadEventFired"
            self._pipe.wait(lambda event: event.get("method") == loaded and event.get("sessionId") == session)
        return error

    def evaluate(self, expression: str, *, extension: bool = False) -> Any:
        """Return what an expression comes to, promises waited for; scripts of the page may be off.

        It is looked at on the open page, or on the extension's own page once its rules have been asked.
        """
        session = self._asking if extension else self._tab
        result = self._pipe(
            "Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in result:
            raise RefusedError(str(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.evaluate(f"(box => [box.x + box.width / 2, box.y + box.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self._pipe("Input.dispatchMouseEvent", self._tab, type=kind, x=x, y=y, button="left", clickCount=1)

    def probe(self, site: Site) -> set[str]:
        """Return the ways in which scripts ran and pages worked on a site."""
        self.web.answers |= site.pages()
        start = len(self.web.hits)
        before = self._targets()
        for step in site.steps():
            self.open(step.url)
            for selector in step.clicks:
                self.click(selector)
                time.sleep(0.5)  # a javascript: link runs later than its click, and the last click leads away
            self.web.settle(QUIET)
            for target in self._targets() - before:
                self._pipe("Target.closeTarget", targetId=target)
        return read(self.web.hits[start:], site.host)

    def _targets(self) -> set[str]:
        found = self._pipe("Target.getTargets")["targetInfos"]
        return {each["targetId"] for each in found if each["type"] == "page"}

    def _new_tab(self) -> str:
        target = self._pipe("Target.createTarget", url="about:blank")["targetId"]
        session = str(self._pipe("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        self._pipe("Page.enable", session)
        return session


def question(url: str, page: str, kind: str, frame: str = "") -> dict[str, str]:
    """Return a request as `testMatchOutcome` takes it: asked by the page at the top of its tab, or by a frame in it."""
    asked = {"url": url, "type": TYPES.get(kind, kind), "method": "get"}
    if kind == "document":
        return asked | {"topUrl": url}
    page = page or url  # unknown: a page of its own
    return asked | {"initiator": frame or page, "topUrl": page}
