"""Files: outputs written whole or not at all, and left alone when nothing changed; small inputs read."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blockctl.model.diagnostic import BlockctlError, WorldError

Chunk = bytes | memoryview
PIECE = 1 << 20
ABANDONED = 600  # seconds: a file in the making that is older was left by a run that was killed


def write_file(path: Path, chunks: Sequence[Chunk], *, lasting: bool = False) -> bool:
    """Write the pieces to a temporary name beside `path` and rename it; say whether anything changed.

    A `lasting` file is on the disk before it has its name, so that a power cut leaves no file with holes under it.
    Raises WorldError (no space, no permission); the previous file is then still whole.
    """
    try:
        path = path.resolve()  # a link stays a link
        if path.exists() and not path.is_file():
            return _write_through(path, chunks)
        if holds(path, chunks):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(path)
        aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            for chunk in chunks:
                _write_all(file.fileno(), memoryview(chunk).cast("B"))
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            if lasting:
                os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise _failed(path, error) from error
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return True


def _write_through(path: Path, chunks: Sequence[Chunk]) -> bool:
    """Write into a device or a pipe, which must not be replaced by a file."""
    with path.open("wb", buffering=0) as file:
        for chunk in chunks:
            _write_all(file.fileno(), memoryview(chunk).cast("B"))
    return True


def remove_leftovers(folder: Path, keep: set[str], before: set[str]) -> None:
    """Remove the files that an earlier run wrote here and this one did not, and what a kill left half-made."""
    for name in before - keep:
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob(".*.new"):
        with contextlib.suppress(OSError):  # another run is done with it
            ours = any(path.name.startswith(f".{name}.") for name in keep | before)
            if ours and time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def is_in_memory(chunk: Chunk) -> bool:
    """Whether a large piece takes memory of its own, and is not a part of a file that is mapped."""
    return len(chunk) > PIECE and not (isinstance(chunk, memoryview) and isinstance(chunk.obj, mmap.mmap))


def is_there(path: Path) -> bool:
    """Whether there is anything at a path."""
    return path.exists()


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises BlockctlError: not there, not readable, not JSON, not an object."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise BlockctlError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BlockctlError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BlockctlError(f"{path} does not hold a JSON object")
    return found


def holds(path: Path, chunks: Sequence[Chunk]) -> bool:
    """Whether a file holds just these pieces."""
    size = sum(len(chunk) for chunk in chunks)
    try:
        if path.stat().st_size != size or not path.is_file():
            return False
    except FileNotFoundError:
        return False
    if size == 0:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as old:
        at = 0
        for chunk in chunks:
            for start in range(0, len(chunk), PIECE):  # bytes compare by memcmp, memoryviews item by item
                piece = bytes(chunk[start : start + PIECE])
                if old[at : at + len(piece)] != piece:
                    return False
                at += len(piece)
    return True


def _write_all(descriptor: int, view: memoryview) -> None:
    """Write in pieces: of a mapped file the system takes as much at once in half the time that all of it takes."""
    while view:
        view = view[os.write(descriptor, view[:PIECE]) :]


def _mode(path: Path) -> int | None:
    """Return who may read and write the file that is there; None when there is none."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _failed(path: Path, error: OSError) -> WorldError:
    return WorldError(f"{path}: cannot write: {error.strerror or error}", "the previous file is untouched")
