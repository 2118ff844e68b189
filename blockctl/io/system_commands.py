"""The programs of the system that the service needs, behind one door: networksetup, launchctl, systemctl, resolvectl...

Everything the service asks or changes by a command goes through `Commands`, so that a transcript can stand in for a
system that is not here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Protocol

from blockctl.model.diagnostic import WorldError

# Root looks for programs where only root writes, whatever the PATH of who asked.
FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT = 20.0  # seconds: networksetup may take a few for each service


@dataclass(frozen=True, slots=True)
class Done:
    """What a command said, and its exit status."""

    status: int
    out: str = ""
    err: str = ""

    @property
    def said(self) -> str:
        """The first line of its complaint, or of what it said."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[0].strip() if lines else f"exit status {self.status}"


class Commands(Protocol):
    """Runs programs of the system."""

    def has(self, program: str) -> bool:
        """Whether a program is here."""

    def run(self, *words: str) -> Done:
        """Run a program to its end; one that is missing or too slow counts as failed."""


class SystemCommands:
    """Runs them for real, in the C locale, for what they say is read."""

    def has(self, program: str) -> bool:
        """Whether a program is here."""
        return shutil.which(program, path=FOLDERS) is not None

    def run(self, *words: str) -> Done:
        """Run a program to its end; one that is missing or too slow counts as failed."""
        path = shutil.which(words[0], path=FOLDERS)
        if path is None:
            return Done(127, err=f"{words[0]} is not installed")
        environment = {**os.environ, "LC_ALL": "C", "PATH": FOLDERS}
        try:
            done = subprocess.run(  # noqa: S603 - words of our own, no shell
                [path, *words[1:]],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT,
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Done(124, err=f"{words[0]} did not end within {LIMIT:.0f} s")
        except OSError as error:
            return Done(126, err=f"{words[0]}: {error.strerror or error}")
        return Done(done.returncode, done.stdout, done.stderr)


def must(commands: Commands, *words: str) -> str:
    """Run a command that has to work and return what it said. Raises WorldError with its complaint."""
    done = commands.run(*words)
    if done.status:
        raise WorldError(f"`{' '.join(words)}` failed: {done.said}")
    return done.out
