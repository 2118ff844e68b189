"""Notices when the wall's clock was set, and when this machine slept: the monotonic clock knows of neither."""

from __future__ import annotations

import time

LEAST = 2.0  # seconds: less is how clocks are steered


class WallClock:
    """Both clocks, and how far apart they were at the last look."""

    def __init__(self) -> None:
        self._apart = time.time() - time.monotonic()

    def moved(self) -> float:
        """Return by how many seconds the wall's clock went ahead of the other since the last look, 0 for hardly any."""
        apart = time.time() - time.monotonic()
        moved = apart - self._apart
        if abs(moved) < LEAST:
            return 0.0
        self._apart = apart
        return moved
