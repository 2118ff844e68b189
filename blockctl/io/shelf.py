"""The texts of downloaded lists, each in a file named by its sha256: never changed, only added and swept away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Collection
from pathlib import Path

from blockctl.io.files import ABANDONED, write_file
from blockctl.model.diagnostic import BlockctlError, WorldError

FOLDER = "lists"
_NAME = re.compile(r"[0-9a-f]{64}")


def digest(text: str) -> str:
    """Return a short text that another text has not."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Shelf:
    """The texts that are kept in a state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self._texts: dict[str, bytes] = {}  # put or read here before: they are true, and many megabytes to prove so

    def has(self, digest: str) -> bool:
        """Whether a text is here."""
        return bool(_NAME.fullmatch(digest)) and (self.folder / digest).is_file()

    def put(self, data: bytes) -> str:
        """Keep a text; return its digest. Raises WorldError."""
        digest = hashlib.sha256(data).hexdigest()
        write_file(self.folder / digest, [data], lasting=True)
        self._texts[digest] = data
        return digest

    def read(self, digest: str) -> bytes:
        """Return a text. Raises BlockctlError when it is not here, or is damaged: it is then taken away."""
        if not _NAME.fullmatch(digest):
            raise BlockctlError(f"not a digest: {digest[:80]!r}", "the lock file is damaged: delete it, then sync")
        if digest in self._texts:
            return self._texts[digest]
        path = self.folder / digest
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorldError(f"its text is not here any more ({reason})", "`blockctl sync --now` fetches it") from error
        if hashlib.sha256(data).hexdigest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            raise WorldError("its text on this disk is damaged", "`blockctl sync --now` fetches it again")
        self._texts[digest] = data
        return data

    def begin(self, digest: str, size: int = 4096) -> bytes:
        """Return the beginning of a text; nothing when it is not here."""
        try:
            with (self.folder / digest).open("rb") as file:
                return file.read(size)
        except OSError:
            return b""

    def sweep(self, keep: Collection[str]) -> None:
        """Delete every text but these, and what a kill left half-made."""
        with contextlib.suppress(OSError):  # no folder
            for path in self.folder.iterdir():
                with contextlib.suppress(OSError):  # another run is done with it
                    if _NAME.fullmatch(path.name) and path.name not in keep:
                        path.unlink()
                    if path.name.endswith(".new") and time.time() - path.stat().st_mtime > ABANDONED:
                        path.unlink()

    def looked(self, address: str) -> float:
        """Return when an address was last found to be up to date (seconds since 1970), 0 for never."""
        try:
            return self._mark(address).stat().st_mtime
        except OSError:
            return 0.0

    def look(self, address: str, moment: float) -> None:
        """Note that an address is up to date. It is the time of an empty file: nothing is written anew."""
        mark = self._mark(address)
        with contextlib.suppress(OSError):  # a full disk: it will be asked for again
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
            os.utime(mark, (moment, moment))

    def _mark(self, address: str) -> Path:
        return self.folder / "looked" / hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:32]
