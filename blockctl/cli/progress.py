"""A line on the terminal that says how far long work is; nothing where nobody looks on."""

from __future__ import annotations

import sys


class Progress:
    """Counts what is done of so many; the line goes when the work is over."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._on = sys.stderr.isatty() and total > 0

    def __enter__(self) -> Progress:
        self._write(f"{self._what}: 0 of {self._total}")
        return self

    def __exit__(self, *ended: object) -> None:
        self._write("")

    def step(self, name: str) -> None:
        """Say that one more is done."""
        self._done += 1
        self._write(f"{self._what}: {self._done} of {self._total} ({name[:40]})")

    def _write(self, text: str) -> None:
        if self._on:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
