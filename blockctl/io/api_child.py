"""The web API's process, as `serve` sees it: listened for here, started when somebody comes, kept apart from answering.

The framework of the API takes more memory than the resolver, and most hours nobody asks for it. So the sockets are
opened here, where that costs nothing, and handed to a process that is started for the first connection. When it fails
it is started again for the next one, later each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from blockctl.io.telling import Say
from blockctl.model.api_place import read_place
from blockctl.model.policy import Resolver

PROGRAM = "blockctl.cli.api_process"  # brings what this room cannot reach
BACKLOG = 128
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds until one that failed may be started again
STEADY = 60.0  # seconds of life after which the waits begin anew
GRACE = 3.0  # seconds to end in
LONGEST_LINE = 400
Wanted = tuple[tuple[str, ...], str, str]


class Child:
    """Follows `resolver: {api: ...}`."""

    def __init__(self, path: Path, state: Path, say: Say) -> None:
        self._path, self._state, self._say = path, state, say
        self._wanted: Wanted | None = None
        self._sockets: list[tuple[str, socket.socket]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._missing: tuple[str, ...] = ()  # places that could not be had, told once
        self._wait = FIRST_WAIT
        self._again: asyncio.TimerHandle | None = None
        self._stopping = False

    async def follow(self, settings: Resolver) -> None:
        """Listen where the settings say, and nowhere else. What cannot be had is told, and serving goes on."""
        wanted = (settings.api, settings.certificate, settings.key)
        if wanted == self._wanted and not self._missing:
            return
        if wanted == self._wanted and not await self._is_free():
            return
        await self.stop()
        self._wanted, missing = wanted, []
        for text in settings.api:
            try:
                self._sockets.append((text, _listen(text)))
            except OSError as error:
                missing.append(text)
                if text not in self._missing:
                    self._say(f"the web API cannot listen on {text}: {error.strerror or error}; the resolver goes on")
                    self._say('  hint: end what has that port, or name another: resolver: {api: "127.0.0.1:5381"}')
        self._missing = tuple(missing)
        self._ready()

    async def stop(self) -> None:
        """End the process and listen no more."""
        self._stopping = True
        self._rest()
        if self._again is not None:
            self._again.cancel()
            self._again = None
        process, task = self._process, self._task
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if task is not None:
            done, _ = await asyncio.wait([task], timeout=GRACE)
            if not done and process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await asyncio.wait([task], timeout=GRACE)
        self._process, self._task = None, None
        for _, sock in self._sockets:
            sock.close()
        self._sockets.clear()
        self._wanted, self._stopping = None, False

    def wake(self) -> None:
        """Start the process though nobody came: something is to be done. One that failed is waited for."""
        if self._sockets and self._again is None and (self._task is None or self._task.done()):
            self._start()

    async def _is_free(self) -> bool:
        """Whether a place that was taken is free now."""
        for text in self._missing:
            with contextlib.suppress(OSError):
                _listen(text).close()
                return True
        return False

    def _ready(self) -> None:
        """Wait for somebody to come."""
        loop = asyncio.get_running_loop()
        for _, sock in self._sockets:
            loop.add_reader(sock, self._start)

    def _may_start(self) -> None:
        self._again = None
        self._ready()

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        for _, sock in self._sockets:
            loop.remove_reader(sock)

    def _start(self) -> None:
        self._rest()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Start the process, and wait for its end."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        said = await self._live()
        if self._stopping:
            return
        if loop.time() - begun > STEADY:
            self._wait = FIRST_WAIT
        self._say(
            f"the web API ended{said}: it is started again when somebody asks, in {self._wait:.0f} s at the soonest"
        )
        self._again = loop.call_later(self._wait, self._may_start)
        self._wait = min(self._wait * 2, LONGEST_WAIT)

    async def _live(self) -> str:
        """Run the process to its end; return what is to be said of that."""
        assert self._wanted is not None
        _, certificate, key = self._wanted
        doors = [f"--door={sock.fileno()}={text}" for text, sock in self._sockets]
        words = [str(self._path), str(self._state), f"--certificate={certificate}", f"--key={key}", *doors]
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", PROGRAM, *words, stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                pass_fds=[sock.fileno() for _, sock in self._sockets],
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            return f" before it began ({error})"
        last = ""
        assert process.stderr is not None
        try:
            while line := await _line(process.stderr):
                if line != last:
                    self._say(line[:LONGEST_LINE])
                last = line
            status = await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        return f" with {status}"


async def _line(stream: asyncio.StreamReader) -> str:
    try:
        return (await stream.readline()).decode("utf-8", "replace").rstrip() or ("" if stream.at_eof() else " ")
    except ValueError:  # a line longer than anybody reads
        return "..."


def _listen(text: str) -> socket.socket:
    place = read_place(text)
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((place.address, place.port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
