"""Work in threads: the results in their order, the first error told, nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from blockctl.io.beside import AT_ONCE, Beside
from blockctl.model.diagnostic import WorldError


def test_results_come_in_the_order_of_the_jobs() -> None:
    later = threading.Event()

    def first() -> int:
        assert later.wait(10)
        return 1

    def second() -> int:
        later.set()
        return 2

    with Beside[int]() as beside:
        beside.start(first)
        beside.start(second)
        assert beside.results() == [1, 2]


def test_no_more_run_at_once_than_may() -> None:
    lock = threading.Lock()
    running: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with lock:
            running.append(number)
            most.append(len(running))
        with lock:
            running.remove(number)

    with Beside[None]() as beside:
        for number in range(50):
            beside.start(partial(work, number))
    assert (len(most), max(most) <= AT_ONCE) == (50, True)


def test_the_first_error_is_raised_and_the_others_end_whole() -> None:
    done: list[str] = []
    go = threading.Event()

    def good() -> None:
        assert go.wait(10)
        done.append("good")

    with pytest.raises(WorldError, match="full"), Beside[None]() as beside:
        beside.start(good)
        beside.start(_failing("full"))
        go.set()
        beside.results()
    assert done == ["good"]


def test_an_error_ends_what_would_come_after() -> None:
    begun: list[int] = []
    with pytest.raises(WorldError, match="full"), Beside[None]() as beside:
        beside.start(_failing("full"))
        for number in range(1000):
            beside.start(partial(begun.append, number))
    assert len(begun) < 1000


def _failing(message: str) -> Callable[[], None]:
    def work() -> None:
        raise WorldError(message)

    return work
