"""Compiles the resolver's rules in a process of its own, so that the one that answers stays small and quick."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path

from blockctl.io.live import stamps
from blockctl.io.lock import lock_path
from blockctl.io.telling import Say

LEFT_OUT = ("held: ", "left out: ")  # how the compiler begins to tell of a list that it holds, or cannot read
TRIES = 3  # a first version of a list is new versions too
TOLD = 20  # lines of what the compiler says that a person may want to read


async def done_before(end: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do something that may take long; give it up, and return False, when the event comes first."""
    doing, told = asyncio.ensure_future(work), asyncio.ensure_future(end.wait())
    await asyncio.wait((doing, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    await asyncio.wait((doing,))
    return False


async def rebuild(policy: Path, state: Path, say: Say, *, offline: bool = False) -> str:
    """Run `blockctl compile resolver`; return "" or what went wrong. Tells which lists are left out.

    Where other versions of lists came into force meanwhile, what was made of those before may have come last.
    """
    for _ in range(TRIES):
        before = stamps([lock_path(state)])
        problem = await _compile(policy, state, say, offline=offline)
        if problem or stamps([lock_path(state)]) == before:
            break
    return problem


async def _compile(policy: Path, state: Path, say: Say, *, offline: bool) -> str:
    words = ["compile", "resolver", "--policy", str(policy), "--state", str(state)]
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "blockctl", *words, *(["--offline"] if offline else [])),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=_politely if hasattr(os, "nice") else None,
        )
    except (OSError, subprocess.SubprocessError) as error:  # no descriptor, no memory, or Python itself is replaced
        return f"the compiler could not be started: {error}"
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    lines = said.decode("utf-8", "replace").strip().splitlines()
    if process.returncode == 0:
        left_out = [at for at, line in enumerate(lines) if line.startswith(LEFT_OUT)]
        if left_out:
            say("\n".join(lines[left_out[0] :][:TOLD]))
        return ""
    return "\n".join(lines[-TOLD:]) or f"the compiler ended with {process.returncode}"


def _politely() -> None:
    os.nice(10)
