"""The policy as the web API sees it: read again when the file or the pauses change, which it knows at once."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from bisect import bisect_right
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from blockctl.io.clock import now
from blockctl.io.loaded import Loaded, refuse_errors, standing
from blockctl.io.pause import NAME as PAUSE
from blockctl.io.policy_file import read_text
from blockctl.io.standing import lapses
from blockctl.io.watch import Seen, Watch, look_at
from blockctl.model.diagnostic import BlockctlError, Diagnostic
from blockctl.model.policy import Policy
from blockctl.policy.read import read_policy

MOST_ENDS = 8  # and fewer where a policy is large: each brings all its rules
FEWEST_ENDS = 2  # the next one, and the last of all
MANY = 8000  # entries, in all that is told at once
Stamp = tuple[Seen, Seen]


class View:
    """One policy file. Every method runs in the loop; reading a file that changed does not hold it up."""

    def __init__(self, path: Path, state: Path) -> None:
        self.path, self.state = path, state
        self._reading = asyncio.Lock()
        self._text_seen: Seen = None
        self._read: tuple[Policy, str, list[Diagnostic]] | None = None
        self._stamp: Stamp | None = None
        self._loaded: Loaded | None = None
        self._until: datetime | None = None  # when something of `_loaded` ends by itself
        self._ends: list[datetime] = []
        self._revision = ""
        self._changed = asyncio.Event()
        self._watch = Watch(self._wake)

    def start(self) -> None:
        """Begin to follow the files."""
        self._watch.start(list(dict.fromkeys([self.path, self.path.resolve(), self.state / PAUSE])))

    def stop(self) -> None:
        """End."""
        self._watch.stop()

    async def loaded(self) -> Loaded:
        """Return the policy as it stands now. Raises BlockctlError when it cannot be read or has errors."""
        moment = now()
        if self._loaded is None or self._stamp != self._look() or (self._until is not None and self._until <= moment):
            async with self._reading:
                if self._loaded is None or self._stamp != self._look() or self._is_over(moment):
                    stamp = self._look()
                    loaded = await asyncio.to_thread(self._load, stamp[0])
                    self._stand(loaded, stamp)
        assert self._loaded is not None
        return replace(self._loaded, now=moment)

    async def revision(self) -> str:
        """Return what is another after each change of what the policy says now; a file with errors changes nothing."""
        try:
            await self.loaded()
        except BlockctlError:
            if not self._revision:
                raise
        return self._revision

    async def wait(self, revision: str, seconds: float) -> str:
        """Return the revision as soon as it is another than that one, or after so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            changed = self._changed
            current = await self.revision()
            left = end - loop.time()
            if current != revision or left <= 0:
                return current
            if self._until is not None:
                left = min(left, max((self._until - now()).total_seconds(), 0) + 0.01)
            try:
                async with asyncio.timeout(left):
                    await changed.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _look(self) -> Stamp:
        return look_at(self.path), look_at(self.state / PAUSE)

    def _is_over(self, moment: datetime) -> bool:
        return self._until is not None and self._until <= moment

    def _load(self, seen: Seen) -> Loaded:
        if self._read is None or seen is None or seen != self._text_seen:
            text = read_text(self.path)
            gc.disable()  # a large policy is a hundred thousand objects and no cycle
            try:
                policy, faults = read_policy(text, str(self.path), again=True)
            finally:
                gc.enable()
            self._read, self._text_seen = (policy, text, faults), seen
        policy, text, faults = self._read
        refuse_errors(faults, self.path)
        return standing(policy, self.path, text, faults, self.state)

    def _stand(self, loaded: Loaded, stamp: Stamp) -> None:
        is_same = self._loaded is not None and loaded.whole is self._loaded.whole
        ends = self._ends if is_same else sorted(lapses(loaded.whole))
        passed = bisect_right(ends, loaded.now)
        following = [*ends[passed : passed + 1], *([end] if (end := loaded.pauses.next_end()) is not None else [])]
        self._loaded, self._stamp, self._ends = loaded, stamp, ends
        self._until = min(following, default=None)
        pauses = sorted(name for name, pause in loaded.pauses.groups.items() if pause.in_force)
        said = f"{loaded.pause.in_force}\n{loaded.pause.until}\n{passed}\n{pauses}\n{loaded.text}"
        self._revision = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:24]

    def ends(self) -> list[datetime]:
        """Return when something that stands now ends by itself: the next few moments, and the last of all.

        Who follows is told anew at each of them; one who reaches nobody meanwhile goes by these alone.
        """
        if self._loaded is None:
            return []
        entries = len(self._loaded.whole.sites) + len(self._loaded.whole.hosts)
        most = max(FEWEST_ENDS, min(MOST_ENDS, MANY // max(entries, 1)))
        pause = self._loaded.pauses.next_end()
        found = sorted({end for end in (*self._ends, pause) if end is not None and end > self._loaded.now})
        return found if len(found) <= most else [*found[: most - 1], found[-1]]
