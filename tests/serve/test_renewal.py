"""A running resolver keeps its lists fresh by itself: through the gate, and without an answer missed or late by it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.io.list_server import ListServer, status
from tests.io.list_server import running as lists_running
from tests.serve.running import Running, Upstream, free_port, start

# As `blockctl serve`, but the first look, and the one after each, comes in a moment.
HURRIED = (
    "from blockctl.io import renewal; renewal.FIRST = 0.5; renewal.next_wait = lambda done, now: 0.5;"
    "from blockctl.cli.main import main; main()"
)
POLICY = """\
version: 1
lists: [{{name: a, url: "{url}", use: [dns]}}]
protect: [my-bank.example]
targets: {{hosts: {{path: hosts}}}}
resolver: {{listen: ["127.0.0.1:{port}"], upstreams: ["127.0.0.1:{upstream}"]}}
"""
TEXT = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(300))


class Household:
    """A device that asks all the time for a name that is blocked and for one that is not."""

    def __init__(self, running: Running) -> None:
        self.answers, self.wrong = 0, list[str]()
        self._running, self._end = running, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self._end.wait(0.02):
            for name, wanted in (("ads1.example", "NXDOMAIN"), ("www.news.example", "NOERROR")):
                try:
                    found = self._running.code(name)
                except OSError as error:
                    found = repr(error)
                self.answers += 1
                if found != wanted:
                    self.wrong.append(f"{name}: {found}")

    def leave(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def lists() -> Iterator[ListServer]:
    with lists_running() as started:
        started.texts["/a.txt"] = TEXT
        yield started


@pytest.fixture
def server(tmp_path: Path, lists: ListServer) -> Iterator[Running]:
    upstream, port = Upstream(), free_port()
    policy = POLICY.format(url=lists.url("/a.txt"), port=port, upstream=upstream.port)
    (tmp_path / "policy.yaml").write_text(policy)
    with start(tmp_path, port, command=(sys.executable, "-c", HURRIED, "serve")) as running:
        yield running
    upstream.close()


def later(server: Running) -> None:
    """Let so much time pass that every list is due."""
    for mark in (server.folder / "state" / "lists" / "looked").iterdir():
        with contextlib.suppress(OSError):
            os.utime(mark, (time.time() - 30 * 86_400,) * 2)


def test_lists_are_renewed_while_it_answers(server: Running, lists: ListServer) -> None:
    """Of each name is asked when it is blocked already: a name that was answered once would hold its list."""
    household = Household(server)

    lists.texts["/a.txt"] = TEXT + b"0.0.0.0 fresh.example\n"
    later(server)
    server.until(lambda: "lists renewed: a" in server.said())
    server.until(lambda: server.code("fresh.example") == "NXDOMAIN")

    lists.texts["/a.txt"] += b"0.0.0.0 my-bank.example\n0.0.0.0 ocsp.apple.com\n0.0.0.0 another.example\n"
    later(server)
    server.until(lambda: "held: " in server.said())
    assert "my-bank.example, a name that the policy protects; the version before serves on" in server.said()
    assert [server.code(name) for name in ("ocsp.apple.com", "fresh.example")] == ["NOERROR", "NXDOMAIN"]
    accepted = server.run("sync", "a", "--leave-out")
    assert accepted.returncode == 0, accepted.stderr
    server.until(lambda: server.code("another.example") == "NXDOMAIN")
    assert server.code("ocsp.apple.com") == "NOERROR"

    lists.faults["/a.txt"] = status(404)
    later(server)
    server.until(lambda: "list a could not be fetched" in server.said())
    lists.texts["/a.txt"] += b"0.0.0.0 last.example\n"
    lists.faults.clear()
    server.until(lambda: server.said().count("lists renewed: a") == 2)
    server.until(lambda: server.code("last.example") == "NXDOMAIN")

    household.leave()
    assert household.answers > 50
    assert household.wrong == []
