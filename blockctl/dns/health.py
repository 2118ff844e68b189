"""Which upstream to ask: how fast and how well each answered so far, and the order that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

UNKNOWN_PATIENCE = 0.4  # seconds, before the first answer of an upstream
LONGEST_PATIENCE = 1.5  # seconds
# Seconds that anybody may take. A recursion takes longer than an answer from the upstream's cache, and is no fault;
# with a strict order it must not lead to the next upstream, which may know other names.
SHORTEST_PATIENCE = {"ordered": 0.5}
USUAL_SHORTEST = 0.1
MISSES = 3  # failures in a row that may be bad luck
FIRST_BACK_OFF = 1.0  # seconds; doubled by each further failure
LONGEST_BACK_OFF = 60.0
LOOK_AGAIN = 60.0  # seconds after which the time of an upstream that was not asked is measured anew
PROBE = 0.02  # share of questions that are put to another upstream besides


@dataclass(slots=True)
class Health:
    """What is known of one upstream. Times are in seconds."""

    smoothed: float | None = None  # time of an answer, as RFC 6298 smooths it
    spread: float = 0.0
    failures: int = 0  # in a row
    retry_at: float = 0.0  # until then it is asked only where nobody else is left
    same_until: float = field(default=0.0, repr=False)  # failures until then are of the one that led to the back-off
    measured_at: float = -LOOK_AGAIN
    asked: int = 0
    answered: int = 0
    failed: int = 0
    error: str = ""  # the last one, for people
    keeps_case: bool = True  # answers with the question's letters as they were asked (0x20)
    knows_edns: bool = True

    def works(self, now: float) -> bool:
        """Whether nothing speaks against asking it and waiting for it alone."""
        return self.failures < MISSES and self.retry_at <= now

    def succeed(self, took: float, now: float) -> None:
        """Note an answer."""
        if self.smoothed is None:
            self.smoothed, self.spread = took, took / 2
        else:
            self.spread += (abs(took - self.smoothed) - self.spread) / 4
            self.smoothed += (took - self.smoothed) / 8
        self.answered += 1
        self.failures = 0
        self.retry_at = self.same_until = 0.0
        self.measured_at = now

    def fail(self, error: str, now: float, certain: bool = False) -> None:
        """Note that it did not answer, or not to the question; `certain` where it cannot have been bad luck."""
        self.failed += 1
        self.error = error
        if now < self.same_until:
            return
        self.failures = max(self.failures + 1, MISSES if certain else 0)
        if self.failures >= MISSES:
            self.retry_at = now + min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** min(self.failures - MISSES, 10))
            self.same_until = self.retry_at

    def try_again(self, now: float) -> None:
        """Note that a question finds out whether it is back; others need not until that one knows."""
        if self.failures >= MISSES:
            self.retry_at = max(self.retry_at, now + LONGEST_PATIENCE)

    def forgive(self) -> None:
        """Forget failures and times: the network is another one."""
        self.failures = 0
        self.retry_at = self.same_until = 0.0
        self.smoothed = None
        self.spread = 0.0
        self.keeps_case = self.knows_edns = True

    def patience(self, strategy: str) -> float:
        """Return how long to wait for it before somebody else is asked too."""
        if self.smoothed is None:
            return max(UNKNOWN_PATIENCE, SHORTEST_PATIENCE.get(strategy, 0.0))
        shortest = SHORTEST_PATIENCE.get(strategy, USUAL_SHORTEST)
        return min(LONGEST_PATIENCE, max(shortest, self.smoothed + 4 * self.spread))


@dataclass(frozen=True, slots=True)
class Plan:
    """In which order upstreams are asked; each number is a place in the list that was planned for."""

    order: tuple[int, ...]
    at_once: int  # how many of them are asked together, to begin with


ALONE = Plan((0,), 1)


def plan(strategy: str, healths: Sequence[Health], now: float, chance: Callable[[], float]) -> Plan:
    """Return whom to ask for one question. `chance` gives numbers from 0 up to but not 1.

    An upstream that works stands before one that recovers, and that one before one in back-off, but all are in
    the order: when nobody is well, all are tried. An upstream that recovers, or whose time is not known, is asked
    besides the one that is relied upon, so that no client waits for it.
    """
    count = len(healths)
    if count == 1:
        return ALONE
    well = [each for each in range(count) if healths[each].works(now)]
    back = [each for each in range(count) if healths[each].retry_at <= now and each not in well]
    off = sorted((each for each in range(count) if healths[each].retry_at > now), key=lambda at: healths[at].retry_at)
    if strategy == "fastest":
        well.sort(key=lambda at: healths[at].smoothed or 0.0)
    elif strategy == "spread" and len(well) > 1:
        first = int(chance() * len(well))
        well = well[first:] + well[:first]
    if not well:
        return Plan((*back, *off), min(2, count))
    probe = _probe(strategy, healths, well, back, now, chance)
    if probe is None:
        return Plan((*well, *back, *off), 1)
    rest = [each for each in (*well[1:], *back, *off) if each != probe]
    return Plan((well[0], probe, *rest), 2)


def _probe(
    strategy: str, healths: Sequence[Health], well: list[int], back: list[int], now: float, chance: Callable[[], float]
) -> int | None:
    """Return the upstream to be measured by this question besides the first."""
    if back:
        return back[int(chance() * len(back))]
    if strategy != "fastest":
        return None
    if healths[well[0]].smoothed is None:
        return well[1] if len(well) > 1 else None
    old = [each for each in well[1:] if now - healths[each].measured_at >= LOOK_AGAIN]
    if old:
        return min(old, key=lambda at: healths[at].measured_at)
    return well[1 + int(chance() * (len(well) - 1))] if len(well) > 1 and chance() < PROBE else None
