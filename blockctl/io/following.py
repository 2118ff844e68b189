"""Follows files until interrupted, for a command that does something each time one of them changes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from blockctl.io.watch import Seen, Watch, look_at

SETTLE = 0.1  # seconds: what writes several files in a row is heard once


def follow(paths: Iterable[Path], changed: Callable[[list[Path]], Iterable[Path]]) -> None:
    """Call `changed` now, and each time with the files that changed; it returns which to follow from then on.

    Raises what the first call raises. Ends at SIGINT or SIGTERM: at once, or after the call that is under way.
    """
    seen = {path: look_at(path) for path in paths}  # before they are read
    wanted = changed([])
    asyncio.run(_follow({path: seen[path] if path in seen else look_at(path) for path in wanted}, changed))


async def _follow(seen: dict[Path, Seen], changed: Callable[[list[Path]], Iterable[Path]]) -> None:
    loop = asyncio.get_running_loop()
    heard, end = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        end.set()
        heard.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    watch = Watch(heard.set)
    watch.start(seen)
    heard.set()  # something may have changed since it was looked at
    try:
        while True:
            await heard.wait()
            if not end.is_set():
                await asyncio.sleep(SETTLE)
            heard.clear()
            if end.is_set():  # before or while things settled
                return
            now = {path: look_at(path) for path in seen}
            different = [path for path in seen if now[path] != seen[path]]
            if different:
                wanted = await asyncio.to_thread(changed, different)
                seen = {path: now[path] if path in now else look_at(path) for path in wanted}
                watch.follow(seen)
                heard.set()
    finally:
        watch.stop()
