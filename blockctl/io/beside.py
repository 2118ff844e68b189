"""Work done in threads beside the work that goes on: writing a file holds nobody up who makes the next one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE = 3  # threads; each holds what it writes in memory


class _Job(Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self._work: Callable[[], T] | None = work
        self._done: list[T] = []
        self._failed: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do the work, and forget it: what it wrote is not needed again."""
        assert self._work is not None, "a job is done once"
        try:
            self._done.append(self._work())
        except BaseException as error:
            self._failed = error
        self._work = None

    def result(self) -> T:
        """Wait for the work and return what it returned, or raise what it raised."""
        self.join()
        if self._failed is not None:
            raise self._failed
        return self._done[0]


class Beside(Generic[T]):
    """A few jobs at once. No job outlives the `with` block."""

    def __init__(self) -> None:
        self._jobs: list[_Job[T]] = []

    def __enter__(self) -> Beside[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for job in self._jobs:
            job.join()

    def start(self, work: Callable[[], T]) -> None:
        """Begin a job; wait for the oldest before if there are enough. Raises what an earlier job raised."""
        running = [job for job in self._jobs if job.is_alive()]
        if len(running) >= AT_ONCE:
            running[0].join()
        for job in self._jobs:
            if not job.is_alive():
                job.result()
        self._jobs.append(_Job(work))

    def results(self) -> list[T]:
        """Wait for all jobs; return what they returned in the order in which they began, or raise the first error."""
        return [job.result() for job in self._jobs]
