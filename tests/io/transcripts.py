"""Transcripts of a system that is not here: each command in its order, and what it says.

    $ networksetup -listallnetworkservices
    An asterisk (*) denotes that a network service is disabled.
    Wi-Fi
    ? 0

A command that is not the next one fails the test, and so does one that never came.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from blockctl.io.system_commands import Done

FOLDER = Path(__file__).parent / "recorded"


class Transcript:
    """Stands in for the system's programs."""

    def __init__(self, name: str, programs: tuple[str, ...] = ()) -> None:
        self.left: list[tuple[list[str], Done]] = []
        self._programs = programs
        lines: list[str] = []
        words: list[str] = []
        for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("$ "):
                words, lines = shlex.split(line[2:]), []
            elif line.startswith("? "):
                text = "".join(f"{each}\n" for each in lines)
                status = int(line[2:])
                self.left.append((words, Done(status, "", text) if status else Done(0, text)))
            elif not line.startswith("#"):
                lines.append(line)

    def has(self, program: str) -> bool:
        """Whether the transcript's system has a program."""
        return program in self._programs

    def run(self, *words: str) -> Done:
        """Return what the next command said; it must be this one."""
        assert self.left, f"not in the transcript: {shlex.join(words)}"
        expected, done = self.left.pop(0)
        assert list(words) == expected
        return done
