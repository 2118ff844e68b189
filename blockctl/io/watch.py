"""Tells at once when one of a few files changes, however an editor writes it: in place, or by a new file renamed.

On Linux by inotify(7) on the files' folders. Everywhere also by looking at size and time of the files now and then:
a folder shared over a network sends no events.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

SOON = 0.005  # seconds for an editor to finish what it does in several steps
LOOK_EVERY = 2.0 if sys.platform == "linux" else 0.1  # seconds; where there are no events a look is all there is

# <sys/inotify.h>
CLOSE_WRITE, MOVED_TO, CREATE, DELETE = 0x8, 0x80, 0x100, 0x200
IGNORED = 0x8000  # the folder is gone, and with it the watch
FLAGS = 0o4000 | 0o2000000  # IN_NONBLOCK | IN_CLOEXEC
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows

Seen = tuple[int, int, int] | None


class Watch:
    """Calls `changed` in the loop after one of the files changed; `follow` says which files."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._seen: dict[Path, Seen] = {}
        self._folders: dict[Path, tuple[int, int]] = {}  # number of the watch, and the folder's inode
        self._fd = -1
        self._libc: ctypes.CDLL | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None

    def start(self, paths: Iterable[Path]) -> None:
        """Begin; the loop runs."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):
                self._libc = ctypes.CDLL(None, use_errno=True)
                self._fd = self._libc.inotify_init1(FLAGS)
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._events)
        self.follow(paths)
        self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_again)

    def follow(self, paths: Iterable[Path]) -> None:
        """Follow these files and no others. A file need not be there yet."""
        self._seen = {path: self._seen[path] if path in self._seen else look_at(path) for path in paths}
        self._watch_folders()

    def _watch_folders(self) -> None:
        """Ask for the events of each folder that tells none yet, or in whose place another was put."""
        if self._libc is None or self._fd < 0:
            return
        for folder in {path.parent for path in self._seen}:
            seen = look_at(folder)
            number, inode = self._folders.get(folder, (-1, 0))
            if seen is None or (number >= 0 and inode == seen[0]):
                continue
            if number >= 0 and list(self._folders.values()).count((number, inode)) == 1:
                self._libc.inotify_rm_watch(self._fd, number)
            mask = CLOSE_WRITE | MOVED_TO | CREATE | DELETE
            number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), mask)
            if number >= 0:
                self._folders[folder] = number, seen[0]

    def stop(self) -> None:
        """End."""
        for timer in (self._soon, self._look):
            if timer is not None:
                timer.cancel()
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _events(self) -> None:
        names: set[bytes] = set()
        with contextlib.suppress(BlockingIOError):
            data, at = os.read(self._fd, 1 << 16), 0
            while at < len(data):
                number, mask, _, length = EVENT.unpack_from(data, at)
                at += EVENT.size
                if mask & IGNORED:
                    self._folders = {folder: each for folder, each in self._folders.items() if each[0] != number}
                names.add(data[at : at + length].rstrip(b"\0"))
                at += length
        if self._soon is None and any(os.fsencode(path.name) in names for path in self._seen):
            self._soon = asyncio.get_running_loop().call_later(SOON, self._compare)

    def _look_again(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_again)
        self._watch_folders()  # one that was deleted may have been made again, or a link to it leads elsewhere
        self._compare()

    def _compare(self) -> None:
        self._soon = None
        now = {path: look_at(path) for path in self._seen}
        if now != self._seen:
            self._seen = now
            self._changed()


def look_at(path: Path) -> Seen:
    """Return what is another when a file was changed or replaced; None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
