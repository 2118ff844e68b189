"""`sync` killed again and again, each time at another moment, and what must be true whenever it is looked at.

Each round has a server with a new version of a list. The state folder and the outputs are then looked at as a command
would: everything is there and whole, in the old version or the new one, and the next `sync` is as if nothing had been.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from blockctl.io.live import map_rules, read_live
from blockctl.io.lock import live_lock, lock_path
from blockctl.io.shelf import Shelf
from tests.io.list_server import ListServer

ROOT = Path(__file__).parents[2]
NAMES = 3_000
POLICY = """version: 1
lists:
  - {{name: a, url: "{base}/a.txt", use: [dns]}}
  - {{name: b, url: "{base}/b.txt"}}
targets:
  hosts: {{path: out/hosts}}
  ublock: {{path: out/ublock.txt}}
"""


class Household:
    """A policy, its outputs, a state folder with a resolver's rules, and the server of its lists."""

    def __init__(self, folder: Path, lists: ListServer) -> None:
        self.folder, self.lists, self.version, self.seen = folder, lists, 0, 0
        self.state = folder / "state"
        (folder / "policy.yaml").write_text(POLICY.format(base=lists.base))
        self.renew()
        self.done("sync")
        self.done("compile", "resolver")

    def renew(self) -> None:
        """Publish a new version of both lists."""
        self.version += 1
        mark = self.version
        names = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(NAMES))
        rules = b"".join(b"||track%d.example^$script\n" % number for number in range(NAMES))
        self.lists.texts["/a.txt"] = b"# version %d\n0.0.0.0 v%d.example\n" % (mark, mark) + names
        self.lists.texts["/b.txt"] = b"! Title: version %d\n||w%d.example^\n" % (mark, mark) + rules

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command."""
        env = {**os.environ, "BLOCKCTL_POLICY": str(self.folder / "policy.yaml"), "BLOCKCTL_STATE": str(self.state)}
        command = [sys.executable, "-m", "blockctl", *words]
        return subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def done(self, *words: str) -> None:
        """Run a command that must succeed."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"{words}: {process.returncode}\n{out.decode()}{err.decode()}"

    def killed(self, after: float) -> bool:
        """Run `sync` and kill it after so many seconds; False when it was done before."""
        process = self.start("sync", "--now")
        time.sleep(after)
        over = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return not over

    def check(self) -> None:
        """Look at everything that is served: it is whole, and of one version or the other."""
        shelf = Shelf(self.state)
        assert lock_path(self.state).is_file()
        lock = live_lock(self.state)
        assert len(lock) == 2
        for version in lock.values():
            for digest in version.texts:
                shelf.read(digest)  # raises when it is not whole
        hosts = (self.folder / "out" / "hosts").read_text()
        assert hosts.endswith("\n")
        (seen,) = map(int, re.findall(r" v(\d+)\.example", hosts))
        assert self.seen <= seen <= self.version, "never back to an older version"
        self.seen = seen
        assert hosts.count("ads") >= NAMES
        assert (self.folder / "out" / "ublock.txt").read_text().count("track") >= NAMES
        live = read_live(self.state)
        assert live is not None
        for name in live.rules.values():
            map_rules(self.state, name).close()

    def recovered(self) -> None:
        """Let the next `sync` run to its end: everything is the newest version."""
        self.done("sync", "--now")
        new = self.version
        assert f"v{new}.example" in (self.folder / "out" / "hosts").read_text()
        assert f"w{new}.example" in (self.folder / "out" / "ublock.txt").read_text()
        asked = len(self.lists.asked)
        self.done("sync", "--now")
        assert {status for _, status in self.lists.asked[asked:]} == {304}


def kill_often(household: Household, kills: int, seed: int, *, recover_every: int = 1) -> int:
    """Kill `sync` so many times at random moments, checking after each; return how many kills hit a running one."""
    draw = random.Random(seed)
    household.renew()
    began = time.monotonic()
    household.done("sync", "--now")
    length = time.monotonic() - began
    hit = 0
    for number in range(kills):
        household.renew()
        hit += household.killed(draw.uniform(0.02, length * 1.1))
        household.check()
        if number % recover_every == 0:
            household.recovered()
    household.recovered()
    return hit
