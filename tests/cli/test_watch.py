"""`blockctl watch` in a process of its own."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

POLICY = """\
version: 1
hosts: {deny: [telemetry.example]}
lists:
  - {name: mine, path: list.txt}
targets:
  domains: {path: out/domains.txt}
"""
PATIENCE = 60.0  # seconds: for a loaded machine


class Watching:
    """The command, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, b""
        words = ["watch", "--json", "--policy", str(folder / "policy.yaml"), "--state", str(folder / "state")]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "blockctl", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )

    def line(self, about: str) -> str:
        """Return the next line that holds this."""
        assert self.process.stdout is not None
        end = time.monotonic() + PATIENCE
        while True:
            *lines, self.said = self.said.split(b"\n")
            for number, each in enumerate(lines):
                if about in each.decode():
                    self.said = b"\n".join([*lines[number + 1 :], self.said])
                    return each.decode()
            assert time.monotonic() < end, f"never said: {about}"
            if select.select([self.process.stdout], [], [], 1.0)[0]:
                piece = self.process.stdout.read(4096)
                assert piece, f"it ended before it said: {about}"
                self.said += piece


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "list.txt").write_text("||ads.example^\n")
    found = Watching(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()


def test_outputs_follow_the_policy_and_its_lists(tmp_path: Path, watching: Watching) -> None:
    out = tmp_path / "out/domains.txt"
    watching.line("Ctrl-C ends it")
    assert "telemetry.example" in out.read_text()

    new = tmp_path / ".new"
    new.write_text(POLICY.replace("telemetry", "edited"))
    new.replace(tmp_path / "policy.yaml")
    assert json.loads(watching.line("changed"))["changed"] == ["policy.yaml"]
    assert "edited.example" in out.read_text()

    (tmp_path / "list.txt").write_text("||listed.example^\n")
    assert json.loads(watching.line("changed")) | {"seconds": 0} == {
        "changed": ["list.txt"], "written": ["domains"], "seconds": 0,
    }  # fmt: skip
    assert "listed.example" in out.read_text()

    (tmp_path / "policy.yaml").write_text("version: 1\nhots: {}\n")
    watching.line("policy.yaml:2:1")
    watching.line("the outputs stay as they were")
    assert "listed.example" in out.read_text()

    (tmp_path / "policy.yaml").write_text(POLICY + "# a comment\n")
    watching.line("changed")
    assert "telemetry.example" in out.read_text()

    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(PATIENCE) == 0


def test_a_policy_that_is_wrong_at_the_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nhots: {}\n")
    found = Watching(tmp_path)
    assert found.process.wait(PATIENCE) == 2
