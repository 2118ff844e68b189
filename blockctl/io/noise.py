"""Random bytes for ids and letters, fetched from the system many at a time: a call for each costs more than they do."""

from __future__ import annotations

import os

POOL = 4096  # bytes


class Noise:
    """Bytes that nobody can foresee, each handed out once: a process that forks leaves its child none."""

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return so many bytes, at most POOL."""
        at = self._at
        if at + count > len(self._pool):
            self._pool, at = os.urandom(POOL), 0
        self._at = at + count
        return self._pool[at : self._at]

    def forget(self) -> None:
        """Throw away what was fetched."""
        self._pool = b""


_noise = Noise()
take = _noise.take
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_noise.forget)
