"""What the query log costs: a note, the writing thread's share of a core, a row's bytes, and the pauses it makes.

Run it by `python -m tests.bench.query_log`; it takes half a minute.
"""

from __future__ import annotations

import random
import resource
import statistics
import tempfile
import time
import timeit
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from blockctl.dns.exchange import Outcome, Reason
from blockctl.dns.noted import Noted
from blockctl.io.query_log import QueryLog, log_path
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Resolver
from blockctl.model.rule import Effect, Rule

SECONDS = 8.0
NAMES = 20_000
BATCH = 64  # queries that the hot path answers between two system calls


def notes() -> Iterator[Noted]:
    """Yield notes as a household makes them, for ever: 20 clients, names of 20 characters, a fifth blocked."""
    rng = random.Random(3)
    made: list[Noted] = []
    for _ in range(NAMES):
        labels = [bytes(rng.choices(b"abcdefghijklmnop", k=rng.randint(3, 10))) for _ in range(2)] + [b"com"]
        name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
        query = b"\1\0\0\1\0\0\0\0\0\0" + name + bytes((0, rng.choice((1, 28, 65)), 0, 1))
        line = rng.randrange(100_000)
        rule = Rule(Effect.BLOCK, Origin("list", line), f"||{line}.example.com^")
        blocked = rng.random() < 0.2
        outcome = Outcome.BLOCKED if blocked else Outcome.CACHED
        reason = Reason(Step.LIST_BLOCK, rule, "x") if blocked else None
        made.append((0.0, f"192.168.1.{rng.randrange(20)}", query, int(outcome), reason, 0.0))
    return cycle(made)


def cpu_of(thread: int) -> float:
    """Return the seconds of processor time that a thread of this process has used (Linux)."""
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0]) / 1e9


def cost_of_a_note(folder: Path) -> None:
    """Time `append` of a tuple made on the spot."""
    append = QueryLog(log_path(folder), Resolver()).append
    noted = next(notes())
    key, reason = noted[2], noted[4]
    count = 1_000_000
    spent = min(timeit.repeat(lambda: append((1.5, "192.168.1.1", key, 3, reason, 0.0)), number=count, repeat=5)) - min(
        timeit.repeat(lambda: None, number=count, repeat=5)
    )
    print(f"a note: {spent / count * 1e6:.3f} us")


def cost_of_writing(folder: Path, rate: int) -> None:
    """Feed the log at a rate and tell what its thread used."""
    hot = [0] * len(Outcome)
    log = QueryLog(log_path(folder), Resolver(), hot_counts=lambda: hot)
    append, source = log.append, notes()
    log.start()
    assert log._thread is not None
    assert log._thread.native_id is not None
    thread = log._thread.native_id
    begin = time.monotonic()
    before, sent, gaps, last = cpu_of(thread), 0, [], begin
    while (now := time.monotonic()) - begin < SECONDS:
        gaps.append(now - last)
        due = int((now - begin) * rate) - sent
        for _ in range(due):
            noted = next(source)
            hot[noted[3]] += 1
            append((now, *noted[1:]))  # type: ignore[arg-type]
        sent += due
        last = time.monotonic()
        time.sleep(0.0005)
    used = cpu_of(thread) - before
    log.close()
    figures = log.figures()
    assert figures.queries == sent == figures.kept + figures.not_kept
    late = sorted(gaps)
    print(
        f"{rate:,}/s: {used / SECONDS:.2%} of a core, {figures.kept:,} rows of {sent:,}; between two wake-ups of 0.5 ms"
        f" median {statistics.median(late) * 1e3:.2f} ms, 99.9 % {late[int(len(late) * 0.999)] * 1e3:.2f} ms,"
        f" longest {late[-1] * 1e3:.2f} ms"
    )


def size_of_a_row(folder: Path) -> None:
    """Write many rows, and tell what one takes, and how long a turn lasts."""
    log = QueryLog(log_path(folder), Resolver())
    append, source = log.append, notes()
    turns = []
    for turn in range(100):
        for _ in range(2000):
            append(next(source))
        begin = time.perf_counter()
        log.turn(1.8e9 + turn, 10.0 + turn)
        turns.append(time.perf_counter() - begin)
    size = log_path(folder).stat().st_size
    print(f"a row: {size / 200_000:.0f} bytes; a turn of 2,000 rows: {statistics.median(turns) * 1e3:.0f} ms")


def main() -> None:
    """Measure all of it."""
    for at, what in enumerate(
        (cost_of_a_note, size_of_a_row, *(lambda f, r=rate: cost_of_writing(f, r) for rate in (0, 200, 2000, 100_000)))
    ):
        with tempfile.TemporaryDirectory() as folder:
            what(Path(folder) / str(at))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
