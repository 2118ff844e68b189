"""The lock file: which version of each downloaded list is live.

`lists/lock.json` of the state folder is the one that counts: replaced whole, and the last step by which a new version
comes into force. A copy of it (`--lock FILE`), put beside the policy, gives the same build anywhere, to the byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from blockctl.io.files import read_object, write_file
from blockctl.io.shelf import FOLDER
from blockctl.model.diagnostic import BlockctlError

NAME = "lock.json"
VERSION = 1
PIN_ANEW = "look at what changed, then pin the new sum"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a downloaded list, with what it includes."""

    sha256: str
    date: str  # when it was first seen, ISO 8601 in UTC
    size: int  # bytes, with what it includes
    lines: int
    expires: int  # seconds after which the list wants to be looked for again
    rules: int = -1  # -1: not read yet
    format: str = ""
    includes: dict[str, str] = field(default_factory=dict)  # address -> sha256
    without: tuple[str, ...] = ()  # lines that the user does not accept, as texts

    @property
    def texts(self) -> set[str]:
        """The digests of all its texts."""
        return {self.sha256, *self.includes.values()}

    @property
    def mark(self) -> str:
        """A digest that another download of the list has not, what it includes being a part of it."""
        return mark_of(self.sha256, self.includes)

    def same_text(self, other: Version | None) -> bool:
        """Whether another version is the same download."""
        return other is not None and (self.sha256, self.includes) == (other.sha256, other.includes)


def mark_of(sha256: str, includes: Mapping[str, str]) -> str:
    """Return the digest of a list with what it includes (place -> digest): `sha256:` of the policy names it.

    Of a list that includes nothing it is the digest of its text.
    """
    if not includes:
        return sha256
    parts = (sha256, *(f"{place} {digest}" for place, digest in sorted(includes.items())))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def not_pinned(mark: str, includes: Mapping[str, str]) -> str:
    """Return the sum of a list that is not the pinned one, as it is told."""
    return f"with what it includes {mark}" if includes else mark


Lock = dict[str, Version]  # by address, without what opens it


def lock_path(state: Path) -> Path:
    """Return where the lock file is that counts."""
    return state / FOLDER / NAME


def read_lock(path: Path) -> Lock:
    """Read a lock file; nothing when there is none. Raises BlockctlError when it is no lock file."""
    try:
        text = read_object(path)
    except BlockctlError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return {}
        raise BlockctlError(str(error), "delete it; `blockctl sync --now` makes it again") from error.__cause__
    try:
        if text["version"] != VERSION:
            raise ValueError(text["version"])
        return {str(address): version_from(entry) for address, entry in text["lists"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "delete it; `blockctl sync --now` makes it again"
        raise BlockctlError(f"{path} is no lock file of this version: {error}", hint) from error


def live_lock(state: Path) -> Lock:
    """Read the lock file that counts. A damaged one is as good as none: what it named is downloaded again."""
    try:
        return read_lock(lock_path(state))
    except BlockctlError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return {}


def write_lock(path: Path, lock: Lock) -> bool:
    """Put versions into force; say whether anything changed. Raises WorldError, the file as it was."""
    lists = {address: version_json(version) for address, version in sorted(lock.items())}
    data = json.dumps({"version": VERSION, "lists": lists}, indent=1, ensure_ascii=False).encode() + b"\n"
    return write_file(path, [data], lasting=True)


def version_json(version: Version) -> dict[str, Any]:
    """Return a version as it is written; what is usual is left out."""
    kept = asdict(version)
    return {key: value for key, value in kept.items() if value not in ({}, (), "")}


def version_from(entry: dict[str, Any]) -> Version:
    """Read what `version_json` wrote. Raises ValueError, TypeError, KeyError, AttributeError."""
    known = {key: value for key, value in entry.items() if key in _FIELDS}
    version = Version(**known)
    wrong = [
        name
        for name, kind in (("sha256", str), ("date", str), ("size", int), ("lines", int), ("expires", int),
                           ("rules", int), ("format", str))
        if not isinstance(getattr(version, name), kind)
    ]  # fmt: skip
    if wrong:
        raise ValueError(wrong[0])
    includes = {str(address): str(digest) for address, digest in version.includes.items()}
    return replace(version, includes=includes, without=tuple(map(str, version.without)))


_FIELDS = frozenset(each.name for each in fields(Version))
