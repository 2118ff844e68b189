"""Ask the real WebKit: does a content blocker compile, and what does it block and hide."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from tests.engines.require import SYSTEM_PYTHON

DRIVER = Path(__file__).with_name("webkit_driver.py")
ENVIRONMENT = {
    "GDK_BACKEND": "x11",
    "GSETTINGS_BACKEND": "memory",
    "GTK_A11Y": "none",
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "NO_AT_BRIDGE": "1",
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
}


@dataclass
class Ask:
    """What to ask of one page with some content blockers in force. Kinds are those of `webkit_ask.js`, and document."""

    page: str
    use: Sequence[str] = ()  # as `WebKit.compile` called them
    requests: Sequence[tuple[str, str]] = ()
    selectors: Sequence[str] = ()
    html: str | None = None


@dataclass
class Answer:
    """A verdict for each request: True (blocked), False (let through), None (cannot be tried here)."""

    verdicts: list[bool | None]
    hidden: set[str]


@dataclass
class Compiled:
    """How WebKit took one content blocker. `cpu_s` is that of the compiling process."""

    error: str
    cpu_s: float
    wall_s: float
    peak_mb: int
    rules: int
    size: int


@dataclass
class WebKit:
    """A running WebKit with a display of its own; use it in a `with`. RuntimeError when it ends without an answer."""

    compiled: dict[str, Compiled] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="blockctl-webkit-"))
        self._errors = (self._folder / "errors").open("w+", encoding="utf-8")
        self._display, screen = _start_display()
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(DRIVER)],
            env={**os.environ, **ENVIRONMENT, "DISPLAY": screen},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()
        self._display.terminate()
        self._display.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def compile(self, data: bytes) -> str:
        """Compile a content blocker; return what it is called from now on. `compiled` knows how it went."""
        return self.compile_all([data])[0]

    def compile_all(self, each: Iterable[bytes]) -> list[str]:
        """Compile content blockers, those that are known already not again; return their names."""
        named = [(sha256(data).hexdigest()[:24], data) for data in each]
        new = {name: data for name, data in named if name not in self.compiled}
        paths = {}
        for name, data in new.items():
            paths[name] = str(self._folder / name)
            Path(paths[name]).write_bytes(data)
        if paths:
            for name, said in self._do({"compile": paths}).items():
                Path(paths[name]).unlink()
                self.compiled[name] = Compiled(**said, rules=new[name].count(b'{"trigger"'), size=len(new[name]))
        return [name for name, _ in named]

    def forget(self, names: Iterable[str]) -> None:
        """Drop content blockers."""
        gone = [name for name in dict.fromkeys(names) if name in self.compiled]
        self._do({"forget": [name for name in gone if not self.compiled[name].error]})
        for name in gone:
            del self.compiled[name]

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask, page by page, whatever the order in which they are given; return the answers in that order."""
        order = sorted(range(len(asks)), key=lambda at: (bool(asks[at].selectors), asks[at].page))
        found = self._do({"ask": [_as_json(asks[at]) for at in order]})
        by_place = dict(zip(order, found, strict=True))
        return [Answer(by_place[at]["verdicts"], set(by_place[at]["hidden"])) for at in range(len(asks))]

    def unreadable(self, selectors: Sequence[str]) -> list[str]:
        """Return the selectors that WebKit cannot read."""
        return list(self._do({"unreadable": list(selectors)}))

    def _do(self, job: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            self._errors.flush()
            said = (self._folder / "errors").read_text(encoding="utf-8")[-2000:]
            raise RuntimeError(f"WebKit ended without an answer ({self._process.wait()}): {said}")
        return json.loads(line)


def _as_json(ask: Ask) -> dict[str, Any]:
    said: dict[str, Any] = {"page": ask.page, "use": list(ask.use), "requests": list(map(list, ask.requests))}
    if ask.selectors:
        said["selectors"] = list(ask.selectors)
    return said if ask.html is None else said | {"html": ask.html}


def _start_display() -> tuple[subprocess.Popen[bytes], str]:
    """Start an X server of our own on a number that is free."""
    for _ in range(10):
        number = random.SystemRandom().randrange(300, 30_000)
        socket = Path(tempfile.gettempdir()) / ".X11-unix" / f"X{number}"
        if socket.exists():
            continue
        command = ["Xvfb", f":{number}", "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
        display = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end and display.poll() is None:
            if socket.exists():
                return display, f":{number}"
            time.sleep(0.02)
        display.kill()
        display.wait()
    raise RuntimeError("no X server starts")
