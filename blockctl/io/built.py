"""What the last `sync` built, so that the next one sees at a glance that there is nothing to build.

Every step before it may be cut off by a kill: the stamp is written last, and without it everything is made again
(from memory, mostly) and compared with what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from blockctl.io.files import write_file
from blockctl.io.live import FOLDER as RULES
from blockctl.io.live import stamps
from blockctl.io.lock import lock_path
from blockctl.io.shelf import FOLDER
from blockctl.io.store import code_fingerprint

NAME = "built.json"


def stamp_of(text: str, state: Path, *, paused: bool) -> str:
    """Return what changes when outputs have to be made again: the policy's text, the versions of lists, our code."""
    try:
        versions = lock_path(state).read_bytes()
    except OSError:
        versions = b""
    parts = (code_fingerprint(), text.encode("utf-8", "surrogatepass"), versions, str(paused).encode())
    return hashlib.sha256(b"\0".join(part if isinstance(part, bytes) else part.encode() for part in parts)).hexdigest()


def is_built(state: Path, stamp: str, now: datetime) -> bool:
    """Whether what was built for this stamp is all there still, and nothing in it has lapsed since."""
    try:
        kept = json.loads((state / FOLDER / NAME).read_bytes())
        if kept["stamp"] != stamp or (kept["until"] and datetime.fromisoformat(kept["until"]) <= now):
            return False
        paths = [Path(path) for path, _ in kept["files"]]
        return [list(each) if each else None for each in stamps(paths)] == [seen for _, seen in kept["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def note_built(state: Path, stamp: str, until: datetime | None, files: Iterable[Path]) -> None:
    """Note what was built, of which local lists too. A full disk is no error: it is then looked at again."""
    paths = sorted({path.absolute() for path in (*files, state / RULES / "live.json")})
    seen = [[str(path), stamp] for path, stamp in zip(paths, stamps(paths), strict=True)]
    kept = {"stamp": stamp, "until": until.isoformat() if until else "", "files": seen}
    with contextlib.suppress(OSError, ValueError):
        write_file(state / FOLDER / NAME, [json.dumps(kept, indent=1).encode() + b"\n"])
