"""Earlier texts of the policy, kept so that two devices' edits of it can be merged: what both began with.

They are copies, in the state folder, and can be deleted at any time; a merge then keeps all that either side has.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from blockctl.io.policy_file import MAX_BYTES, replace_file
from blockctl.model.diagnostic import BlockctlError

FOLDER = "policies"
MOST = 40
MOST_BYTES = 4 * MAX_BYTES


def remember(state: Path, *texts: str) -> None:
    """Keep texts of the policy, the oldest first. What cannot be kept is no error."""
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(data).hexdigest()[:16]
        with contextlib.suppress(BlockctlError, OSError):
            kept = _files(state)
            if any(path.stem.endswith(digest) for path in kept):
                continue
            folder = state / FOLDER
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(folder / f"{time.time_ns():020}-{digest}.yaml", data, private=True)
            _prune(_files(state))


def known(state: Path) -> list[str]:
    """Return the texts that are kept, the newest first."""
    found = []
    for path in reversed(_files(state)):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found.append(path.read_bytes().decode("utf-8"))
    return found


def common_base(texts: Iterable[str], theirs: str) -> str:
    """Return the one of these earlier texts that theirs most likely began with, "" when there is none.

    That is the one that differs from theirs in the fewest lines. What a merge is about to change, and what it made of
    other copies, must be none of them: that holds edits that theirs never saw, which would be taken for deleted.
    """
    wanted = Counter(theirs.splitlines())

    def distance(text: str) -> int:
        lines = Counter(text.splitlines())
        return (lines - wanted).total() + (wanted - lines).total()

    return min(texts, key=distance, default="")


def forget(state: Path) -> None:
    """Let go of all texts: a copy showed that none is what the devices began with."""
    for path in _files(state):
        with contextlib.suppress(OSError):
            path.unlink()


def _files(state: Path) -> list[Path]:
    return sorted((state / FOLDER).glob("[0-9]*-*.yaml"))


def _prune(files: list[Path]) -> None:
    room = MOST_BYTES
    for number, path in enumerate(reversed(files)):
        room -= path.stat().st_size
        if number >= MOST or (room < 0 and number):
            path.unlink(missing_ok=True)
