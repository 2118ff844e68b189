"""What blockctl keeps between runs: parsed lists and what each backend made of them, keyed by content.

An entry is a folder: `meta` (pickled) and one file for each body, which is mapped, not read. Entries are made
aside and renamed into place, so a kill leaves either the whole entry or none. Pickles are only read from a
folder that belongs to this user and that nobody else can write.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import blockctl

KEEP_BYTES = 2 << 30  # older entries go when the store is larger than this


def code_fingerprint() -> str:
    """Return a digest that changes when blockctl or the public suffix list it uses changes."""
    said = [blockctl.__version__, *sorted(_stamps(str(Path(blockctl.__file__).parent), ".py"))]
    suffixes = find_spec("publicsuffixlist")
    if suffixes is not None and suffixes.origin:  # an update replaces its data in its place
        said += sorted(_stamps(str(Path(suffixes.origin).parent), ".dat"))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _stamps(folder: str, ending: str) -> Iterator[str]:
    """Say of each file below a folder its size and age; every command waits for this, so without `Path`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _stamps(entry.path, ending)
            elif entry.name.endswith(ending):
                stat = entry.stat()
                yield f"{entry.name}\0{stat.st_size}\0{stat.st_mtime_ns}"


class Store:
    """A folder of entries by key. Reading a broken or foreign entry gives None, and it is made anew."""

    def __init__(self, state: Path) -> None:
        self.root = state / "cache"
        self._fingerprint = code_fingerprint()
        self._used: set[Path] = set()
        self._maps: list[mmap.mmap] = []

    def key(self, *parts: object) -> str:
        """Return the key of an entry made from these parts by this version of the code."""
        return hashlib.sha256(repr((self._fingerprint, parts)).encode()).hexdigest()

    def get(self, key: str) -> tuple[Any, dict[str, memoryview]] | None:
        """Return an entry's meta and its bodies, mapped; None when there is none."""
        folder = self.root / key
        try:
            if not self._trusted():
                return None
            sizes, meta = pickle.loads((folder / "meta").read_bytes())  # noqa: S301 - our own folder, see _trusted
            bodies = {name: self._map(folder / f"body-{name}") for name in sizes}
        except Exception:  # a damaged pickle raises anything
            return None
        if any(len(body) != sizes[name] for name, body in bodies.items()):  # a power cut can leave it short
            return None
        self._used.add(folder)
        with contextlib.suppress(OSError):
            os.utime(folder)
        return meta, bodies

    def put(self, key: str, meta: object, bodies: dict[str, bytes | memoryview]) -> None:
        """Keep an entry. A full disk is no error: the work is then done again next time."""
        folder = self.root / key
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        except OSError:
            return
        try:
            for name, body in bodies.items():
                (aside / f"body-{name}").write_bytes(body)
            sizes = {name: memoryview(body).nbytes for name, body in bodies.items()}
            (aside / "meta").write_bytes(pickle.dumps((sizes, meta), protocol=5))
            if folder.exists():  # broken, or it would not be made again
                shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
            self._used.add(folder)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)

    def prune(self) -> None:
        """Remove what a killed run left, and the longest unused entries while the store is too large."""
        sizes: dict[Path, int] = {}
        times: dict[Path, float] = {}
        with contextlib.suppress(OSError):  # no folder
            for path in self.root.iterdir():
                with contextlib.suppress(OSError):  # another run prunes as well
                    times[path] = path.stat().st_mtime
                    sizes[path] = sum(file.stat().st_size for file in path.iterdir())
        total = sum(sizes.values())
        for path in sorted(sizes, key=times.__getitem__):
            left_by_kill = path.name.startswith(".new-") and path not in self._used
            if left_by_kill or (total > KEEP_BYTES and path not in self._used):
                total -= sizes[path]
                shutil.rmtree(path, ignore_errors=True)

    def _trusted(self) -> bool:
        stat = self.root.stat()
        return not hasattr(os, "getuid") or (stat.st_uid == os.getuid() and not stat.st_mode & 0o022)

    def _map(self, path: Path) -> memoryview:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return memoryview(b"")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._maps.append(mapped)
        return memoryview(mapped)
