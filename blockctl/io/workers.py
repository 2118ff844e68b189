"""One process that answers, or several on the same ports with a parent that only watches them (SO_REUSEPORT)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from blockctl.io.handed import handed_over
from blockctl.io.listen import Inherited, bind
from blockctl.io.service import Service
from blockctl.io.standing import read_quickly
from blockctl.io.store import Store
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import Resolver

Say = Callable[[str], None]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PAUSE = 1.0  # seconds until a worker that ended by itself is started again


def run(path: Path, state: Path, say: Say) -> int:
    """Serve until told to end, and return the exit status. Raises BlockctlError when there is nothing to serve by."""
    settings = Resolver()
    with contextlib.suppress(BlockctlError):  # the service says what is wrong with a policy, or serves the last one
        settings = read_quickly(path, Store(state))[0].resolver
    inherited = handed_over()
    if settings.workers == 1 or not hasattr(os, "fork"):
        return asyncio.run(Service(path, state, say, inherited).serve())
    _see_that_nobody_is_there(settings, inherited)
    return Parent(path, state, say, inherited, settings.workers).run()


def _see_that_nobody_is_there(settings: Resolver, inherited: Sequence[Inherited]) -> None:
    """Raise WorldError when a stranger holds a port: one that shares it too would go unnoticed later."""
    bind(settings.listen, [Inherited(each.sock.dup(), each.name) for each in inherited]).close()


class Parent:
    """Starts workers, starts those again that fail, and ends them all."""

    def __init__(self, path: Path, state: Path, say: Say, inherited: Sequence[Inherited], count: int) -> None:
        """`inherited` stay open here, for a worker that is started again."""
        self._path, self._state, self._say, self._inherited = path, state, say, inherited
        self._count = count
        self._workers: dict[int, int] = {}  # process -> number
        self._ending = False
        self._status = 0

    def run(self) -> int:
        """Watch until told to end, or until the first worker finds nothing to serve by."""
        for each in SIGNALS:
            signal.signal(each, self._pass_on)
        for number in range(self._count):
            self._start(number)
        while self._workers:
            try:
                process, status = os.wait()
            except InterruptedError:
                continue
            self._ended(process, os.waitstatus_to_exitcode(status))
        return self._status

    def _start(self, number: int) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # or one between fork and entry would miss this worker
        if process := os.fork():
            self._workers[process] = number
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            return
        status = 1  # of what nobody thought of: then another is started
        try:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            first = number == 0
            service = Service(self._path, self._state, self._say, self._inherited, first=first, share=True)
            status = asyncio.run(service.serve())
        except BlockctlError as error:
            if number == 0:
                for fault in error.diagnostics:
                    self._say(str(fault))
                self._say(f"blockctl: {error}" + (f"\n  hint: {error.hint}" if error.hint else ""))
            status = error.status
        except Exception as error:
            self._say(f"a fault of blockctl's own: worker {number}: {error!r}")
        finally:
            os._exit(status)

    def _ended(self, process: int, status: int) -> None:
        number = self._workers.pop(process, None)
        if number is None or self._ending:
            return
        if status in (2, 3):  # told already, and the same for all
            self._status = status
            self._end(signal.SIGTERM)
            return
        self._say(f"worker {number} ended with {status}: starting it again")
        time.sleep(PAUSE)
        if not self._ending:
            self._start(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number != signal.SIGHUP:
            self._end(number)
            return
        for process in self._workers:
            os.kill(process, number)

    def _end(self, number: int) -> None:
        self._ending = True
        for process in list(self._workers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
