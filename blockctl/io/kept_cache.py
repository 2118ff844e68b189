"""The answers of upstreams, kept over a restart: a service that comes back knows what it knew."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from blockctl.dns.cache import Cache
from blockctl.io.live import FOLDER
from blockctl.io.policy_file import replace_file
from blockctl.model.diagnostic import BlockctlError

NAME = "answers.cache"
LARGEST = 1 << 30  # bytes: ours are never so large


def load_cache(state: Path, cache: Cache) -> None:
    """Take over what was kept; a file that is not there, or none of ours, is an empty cache."""
    path = state / FOLDER / NAME
    with contextlib.suppress(OSError):
        if path.stat().st_size < LARGEST:
            cache.load(path.read_bytes(), time.monotonic(), time.time())


def save_cache(state: Path, cache: Cache) -> None:
    """Keep what is known, for us alone: it tells what was asked. A disk that does not take it is no reason to stop."""
    with contextlib.suppress(OSError, BlockctlError):
        (state / FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(state / FOLDER / NAME, cache.dump(time.monotonic(), time.time()), private=True)
