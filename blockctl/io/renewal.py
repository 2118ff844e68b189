"""Keeps the lists of a running resolver fresh: `blockctl sync` in a process of its own, when a list is due.

What passes the gate is live as soon as that process has written it; what does not is told, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blockctl.io.telling import Say
from blockctl.model.policy import Policy

FIRST = 30.0  # seconds after the start
AGAIN = 3600.0  # seconds after a list that could not be fetched
LONGEST = 6 * 3600.0  # until the next look, for the policy may name other lists meanwhile
JITTER = 0.1  # of a wait, added at random: a house must not ask with all others of its kind


class Renewal:
    """Looks for new versions of lists as long as the service runs, unless the policy says `refresh: off`."""

    def __init__(self, path: Path, state: Path, policy: Callable[[], Policy], say: Say) -> None:
        self._path, self._state, self._policy, self._say = path, state, policy, say
        self._told = ""

    async def run(self) -> None:
        """Look again and again."""
        import random  # late: nobody waits for it any more

        wait = FIRST
        while True:
            await asyncio.sleep(wait * (1 + random.uniform(0, JITTER)))  # noqa: S311 - no secret
            policy = self._policy()
            wanted = policy.resolver.refresh and any(source.url for source in policy.lists)
            wait = await self._once() if wanted else LONGEST

    async def _once(self) -> float:
        """Run `sync`; return after how many seconds to do it again."""
        words = ["sync", "--json", "--policy", str(self._path), "--state", str(self._state)]
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "blockctl", *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                preexec_fn=_politely if hasattr(os, "nice") else None,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            self._tell(f"the lists could not be refreshed: {error}")
            return AGAIN
        try:
            out, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        try:
            done = json.loads(out)
            told, wait = told_of(done), next_wait(done, time.time())
        except (ValueError, KeyError, TypeError):
            lines = said.decode("utf-8", "replace").strip().splitlines()
            self._tell("the lists could not be refreshed: " + "\n".join(lines[-5:]))
            return AGAIN
        self._tell(told)
        return wait

    def _tell(self, text: str) -> None:
        """Tell what is news."""
        if text and text != self._told:
            self._say(text)
        self._told = text


def told_of(done: dict[str, Any]) -> str:
    """Return what a person should know of a `sync`, "" for nothing."""
    lines = []
    renewed = [each["name"] for each in done["lists"] if each["what"] == "new"]
    if renewed:
        lines.append(f"lists renewed: {', '.join(renewed)}")
    for each in done["lists"]:
        lines += [f"held: {hold['message']}; the version before serves on" for hold in each["held"]]
        if each["held"]:
            lines.append(f"  `blockctl lists` shows the lines, and how to accept them ({each['name']})")
        if each["problem"]:
            lines.append(f"list {each['name']} could not be fetched: {each['problem']}")
    if done["problem"]:
        lines.append(str(done["problem"]))
    return "\n".join(lines)


def next_wait(done: dict[str, Any], now: float) -> float:
    """Return the seconds until a list is due; those that could not be fetched are tried again after a while."""
    due = [float(each["next_look"]) - now for each in done["lists"] if each["next_look"] is not None]
    soonest = min(due, default=LONGEST)
    return min(soonest, LONGEST) if soonest > 0 else AGAIN


def _politely() -> None:
    os.nice(10)
