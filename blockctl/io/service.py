"""The service: everything put together, following the policy file, pauses, schedules and rules as they change.

At the start it serves what was compiled last, at once and without network; what is newer is compiled by another
process and swapped in when it is ready. What cannot be read leaves the one before serving, and is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.dns.cache import Cache
from blockctl.dns.exchange import Client
from blockctl.dns.rules import Lists
from blockctl.io.answering import Answering
from blockctl.io.descriptors import raise_limit
from blockctl.io.kept_cache import load_cache, save_cache
from blockctl.io.listen import Inherited
from blockctl.io.listeners import Listeners
from blockctl.io.live import FOLDER, Live, discard, list_files, prune, read_live, stamps, wanted
from blockctl.io.pause import NAME as PAUSE
from blockctl.io.query_log import QueryLog, log_path
from blockctl.io.rebuild import done_before, rebuild
from blockctl.io.renewal import Renewal
from blockctl.io.side_doors import SideDoors
from blockctl.io.standing import Standing, first_policy, keep_good, let_go, open_lists, read_quickly, refuse, stand
from blockctl.io.store import Store
from blockctl.io.system_resolvers import with_upstreams
from blockctl.io.telling import Say, Telling
from blockctl.io.udp import UdpHooks
from blockctl.io.upstreams import Upstreams, read_all
from blockctl.io.wall import WallClock
from blockctl.io.watch import Watch
from blockctl.model.diagnostic import BlockctlError, WorldError

if TYPE_CHECKING:
    from blockctl.model.policy import Policy

TICK = 1.0  # seconds between looks at what comes with time: lapses, schedules, popular answers
SAVE_EVERY = 300.0  # seconds between two copies of the cache
# Objects until garbage is looked for: the ring of the query log makes a hundred thousand a second, none in cycles.
COLLECT = (20_000, 20, 20)
GRACE = 3.0  # seconds for answers under way when it ends
SETTLE = 3.0  # seconds after the start until lists are compiled anew, so that a start is quick
TRY_AGAIN = 300.0  # seconds after lists that could not be compiled
AGAIN = 5.0  # seconds after a policy that could not be read or followed, though nothing is wrong with it
SWITCH = 0.001  # seconds for which a thread that reads the policy may hold up an answer


class Service:
    """One process that answers. Of several workers the `first` compiles and keeps; `share`: there are several."""

    def __init__(
        self,
        path: Path,
        state: Path,
        say: Say,
        inherited: Sequence[Inherited] = (),
        *,
        first: bool = True,
        share: bool = False,
    ) -> None:
        self._path, self._state, self._say, self._inherited = path, state, say, inherited
        self._first, self._share, self._parent = first, share, os.getppid()
        self._store = Store(state)
        self._lists: dict[str, Lists] = {}
        self._live = Live()
        self._changed = asyncio.Event()
        self._doors: SideDoors | None = None
        self._outdated = asyncio.Event()  # the rules may be older than the lists
        self._stamps: list[tuple[int, int] | None] = []
        self._end = asyncio.Event()
        self._tell = Telling(say)

    async def serve(self) -> int:
        """Run from start to end: SIGTERM or SIGINT. Raises BlockctlError when there is nothing to serve by."""
        sys.setswitchinterval(SWITCH)
        raise_limit()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._tell.of_loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        with contextlib.suppress(AttributeError):
            loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._whole, error = first_policy(self._path, self._state, self._store)
        if error is not None:
            self._tell.faults(error, "the policy that was served last is served")
        if not await done_before(self._end, self._first_rules()):
            return 0
        await self._open(self._stand())
        renewal = Renewal(self._path, self._state, lambda: self._whole, self._say)
        works = [self._follow(), self._tick(), *([self._compile(), renewal.run()] if self._first else [])]
        tasks = [loop.create_task(each) for each in works]
        try:
            await self._end.wait()
        finally:
            for task in tasks:
                task.cancel()
            await self._close()
        return 0

    async def _first_rules(self) -> None:
        """Map the rules that were compiled last; compile where there are none that fit."""
        self._stamps = stamps(list_files(self._whole))
        self._outdated.set()
        live = read_live(self._state)
        try:
            if live is not None:
                self._lists = open_lists(self._state, live, {})
                self._live = live
                return
        except BlockctlError as error:
            self._say(f"{error}: compiling again")
            if self._first and live is not None:
                discard(self._state, live)
        if not self._first:
            await self._wait_for_rules()
            return
        self._outdated.clear()
        self._say("compiling the lists...")
        problem = await rebuild(self._path, self._state, self._say)
        live = read_live(self._state)
        if live is None or problem:
            raise WorldError(f"the lists could not be compiled:\n{problem}", "`blockctl check` says more")
        self._lists, self._live = open_lists(self._state, live, {}), live

    async def _wait_for_rules(self) -> None:
        """Wait for what the first worker compiles."""
        while True:
            with contextlib.suppress(BlockctlError):  # damaged: it makes them again
                if (live := read_live(self._state)) is not None:
                    self._lists, self._live = open_lists(self._state, live, {}), live
                    return
            if os.getppid() != self._parent:
                self._end.set()
            await asyncio.sleep(0.1)

    def _stand(self, policy: Policy | None = None) -> Standing:
        whole = with_upstreams(policy or self._whole, self._say)
        return stand(whole, self._state, self._live, self._lists, datetime.now(UTC))

    async def _open(self, standing: Standing) -> None:
        settings = standing.policy.resolver
        self._standing = standing
        self._cache = Cache(settings.cache_size, settings.stale)
        load_cache(self._state, self._cache)
        self._upstreams = Upstreams(settings)
        self._log = QueryLog(
            log_path(self._state),
            settings,
            hot_counts=lambda: self._listeners.counts(),
            group_of=self._group_of,
            tell=self._say,
        )
        self._answering = Answering(standing, self._cache, self._upstreams, self._log)
        hooks = UdpHooks(self._answering.seat, self._answering.slow, self._log.append)
        say = self._say if self._first else lambda _: None  # the others listen where the first does
        self._listeners = Listeners(self._answering.handle, hooks, self._path.parent, say)
        await self._listeners.follow(settings, self._inherited, share=self._share)
        self._go_by(standing)
        if self._first:
            self._doors = SideDoors(self._path, self._state, self._say, self._figures, self._answering.allows)
            await self._doors.follow(settings)
        self._watch = Watch(self._changed.set)
        self._watch.start(self._followed())
        gc.enable()
        gc.freeze()  # what stays for good need not be walked again
        gc.set_threshold(*COLLECT)
        self._log.start()
        keep_good(self._whole, self._path, self._state)

    async def _close(self) -> None:
        self._watch.stop()
        if self._doors is not None:
            await self._doors.stop()
        await self._listeners.stop(GRACE)
        await self._answering.stop(GRACE)
        await self._upstreams.close()
        if self._first:
            save_cache(self._state, self._cache)
        self._log.close()

    def _go_by(self, standing: Standing) -> None:
        self._standing = standing
        self._answering.go_by(standing, self._listeners.host, self._listeners.addresses)
        self._listeners.forget()

    async def _follow(self) -> None:
        """Put every change of the policy, the pauses and the rules into force."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._renew()
                self._tell.well()
            except BlockctlError as error:
                self._tell.faults(error, "what was served before is served on")
                if isinstance(error, WorldError):
                    self._once_more()
            except Exception as error:  # of what is read or opened
                self._tell.own("the policy could not be followed", error)
                self._once_more()

    def _once_more(self) -> None:
        asyncio.get_running_loop().call_later(AGAIN, self._changed.set)

    async def _renew(self) -> None:
        policy, faults = await asyncio.to_thread(read_quickly, self._path, self._store)
        refuse(self._path, faults)
        if (live := read_live(self._state)) is not None and live != self._live:
            self._lists, self._live = open_lists(self._state, live, self._lists), live
            prune(self._state, live)
        standing = await asyncio.to_thread(self._stand, policy)
        settings = standing.policy.resolver
        if settings != self._standing.policy.resolver:
            read_all(settings)  # may fail, and so may the next, where a port is taken: both before anything is changed
            await self._listeners.follow(settings, share=self._share)
            self._upstreams.follow(settings)
            self._cache.size, self._cache.stale = settings.cache_size, settings.stale
            self._log.configure(settings, self._group_of)
        self._whole = policy
        self._go_by(standing)
        if self._doors is not None:
            await self._doors.follow(settings)
        self._watch.follow(self._followed())
        before, self._stamps = self._stamps, stamps(list_files(policy))
        if self._stamps != before or wanted(policy) != self._live.made_for:
            self._outdated.set()
        keep_good(self._whole, self._path, self._state)

    async def _tick(self) -> None:
        saved, wall = time.monotonic(), WallClock()
        while True:
            await asyncio.sleep(TICK)
            if self._share and os.getppid() != self._parent:
                self._end.set()  # a worker whose parent was killed
            self._cache.age(max(moved := wall.moved(), 0.0))
            until = self._standing.until
            if moved or (until is not None and until <= datetime.now(UTC)):
                await self._stand_anew()
                if self._doors is not None:
                    self._doors.lapsed()
            try:
                self._tell.upstreams(self._upstreams.state())
                let_go(self._lists.values())
                if self._whole.resolver.prefetch:
                    self._answering.refresh()
            except Exception as error:  # or nothing would lapse any more
                self._tell.own("upkeep", error)
            if self._first and time.monotonic() - saved > SAVE_EVERY:
                saved = time.monotonic()
                await asyncio.to_thread(save_cache, self._state, self._cache)

    async def _stand_anew(self) -> None:
        whole = self._whole
        try:
            standing = await asyncio.to_thread(self._stand)
            if whole is self._whole:  # else `_renew` has put into force meanwhile what is newer
                self._go_by(standing)
        except Exception as error:  # of what is read or opened
            self._tell.own("what lapses could not be followed", error)
            self._once_more()

    async def _compile(self) -> None:
        """Compile whenever the rules may be older than the lists; the watch sees what comes of it."""
        await asyncio.sleep(SETTLE)
        while True:
            await self._outdated.wait()
            self._outdated.clear()
            if problem := await rebuild(self._path, self._state, self._say):
                self._say(f"the lists could not be compiled; the rules in use stay\n{problem}")
                asyncio.get_running_loop().call_later(TRY_AGAIN, self._outdated.set)

    def _figures(self) -> str:
        from blockctl.io.metrics import figures_text  # late: few have a Prometheus

        return figures_text(self._log, self._upstreams, self._cache)

    def _followed(self) -> list[Path]:
        files = [self._path, self._path.resolve(), self._state / PAUSE, self._state / FOLDER / "live.json"]
        files += list_files(self._whole)
        return list(dict.fromkeys(files))

    def _reload(self) -> None:
        self._outdated.set()
        self._changed.set()

    def _group_of(self, client: Client) -> str:
        return self._answering.group_of(client)
