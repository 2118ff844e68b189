"""The time that the regular expressions of lists may take together for one request."""

from __future__ import annotations

from collections.abc import Callable

from blockctl.model.pattern import REGEX_SECONDS, Pattern

LOOKUP_SECONDS = 0.1  # for all searches of one look-up: a list of a thousand slow expressions holds nobody up

Clock = Callable[[], float]  # seconds that this process has worked


class Purse:
    """What is left of it. Without a clock nothing is counted, and each search has a time of its own."""

    __slots__ = ("_clock", "_left", "cut_short")

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._left = LOOKUP_SECONDS
        self.cut_short = 0  # searches that did not come to their end

    def search(self, pattern: Pattern, url: str, lower: str) -> bool:
        """Whether an address matches; False too when the search is cut short, or not begun for want of time."""
        if pattern.literal not in lower:
            return False
        if pattern.timed_out or self._left <= 0 or pattern.search is None:
            self.cut_short += pattern.search is not None
            return False
        begun = self._clock() if self._clock is not None else 0.0
        try:
            return bool(pattern.search(url, min(self._left, REGEX_SECONDS)))
        except TimeoutError:
            pattern.timed_out = self._left >= REGEX_SECONDS  # it had all the time that a search may have
            self.cut_short += 1
            return False
        finally:
            if self._clock is not None:
                self._left -= self._clock() - begun
