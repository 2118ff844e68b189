"""The lists that a policy names, as bytes: shipped with blockctl, beside the policy, or downloaded before."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from blockctl.io.addresses import address_of, joined, shown
from blockctl.io.lock import PIN_ANEW, Lock, Version, live_lock, mark_of, not_pinned, read_lock
from blockctl.io.packed import too_large, unpacked
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import BlockctlError, Diagnostic, Origin, Severity
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.policy import ListSource, Policy
from blockctl.parsers.left_out import leave_out
from blockctl.parsers.text import MAX_BYTES

if TYPE_CHECKING:
    from blockctl.io.history import Held

BUILTIN = "builtin:"


@dataclass(frozen=True, slots=True)
class ReadList:
    """A list's text, parsed."""

    source: ListSource
    list: FilterList
    problem: Diagnostic | None


class Library:
    """The texts of the lists of a policy, in the versions that a lock names: the live ones, or those of `pinned`.

    Texts that `pinned` names are downloaded where they are not here, unless `offline`; else nothing is. `failed` says
    by address why a list was not to be had just now. `versions` are taken in the place of any lock file's.
    Raises BlockctlError: the lock is none.
    """

    def __init__(
        self,
        policy: Policy,
        state: Path,
        *,
        offline: bool,
        pinned: Path | None = None,
        versions: Lock | None = None,
        failed: Mapping[str, BlockctlError] | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self.policy = policy
        self.shelf = shelf or Shelf(state)
        self.lock: Lock = versions if versions is not None else read_lock(pinned) if pinned else live_lock(state)
        self.failed: dict[str, BlockctlError] = dict(failed or {})  # by address: why there is nothing
        absent = _absent_of(policy, self.lock, self.shelf)
        if absent and pinned is None:
            self.failed = {address: _waits(held) for address, held in _held(absent, state).items()} | self.failed
        elif absent and not offline:
            from blockctl.io.adopt import fetch_named  # late: rarely needed

            self.failed |= fetch_named(absent, state, self.lock, time.time())

    def texts(self) -> list[ListText]:
        """Read every list of the policy. One that cannot be had is there with its problem and no data."""
        return [self.text(source) for source in self.policy.lists]

    def text(self, source: ListSource) -> ListText:
        """Read one list."""
        file = source.path or shown(source.url)
        try:
            data = self._bytes(source)
            if source.sha256:
                self._refuse_unpinned(source, file, data)
        except BlockctlError as error:
            problem = Diagnostic("L001", source.origin, f"list {source.name}: {error}", error.hint)
            return ListText(source, file, b"", "", problem)
        return self._in_force(source, file, data)

    def _refuse_unpinned(self, source: ListSource, file: str, data: bytes) -> None:
        """Raise BlockctlError where a list, with what it includes, is not the one that the policy pins."""
        if source.url:
            includes = self.lock[address_of(source)].includes
        else:
            includes = _includes_of(ListText(source, file, data, ""))
        mark = mark_of(hashlib.sha256(data).hexdigest(), includes)
        if mark != source.sha256.lower():
            said = not_pinned(mark, includes)
            raise BlockctlError(f"the list is not the one that sha256 names, but {said}", PIN_ANEW)

    def include(self, parent: ListText, name: str) -> ListText | Diagnostic:
        """Read what a list includes: of its own folder or below; or say why there is nothing to read."""
        if not parent.source.url:
            return read_include(parent, name)
        version = self.lock.get(address_of(parent.source))
        try:
            file = joined(parent.file, name)
        except BlockctlError as error:
            return _absent(parent, name, str(error))
        digest = version.includes.get(file) if version else None
        if digest is None:
            return _absent(parent, name, f"there is nothing at {file}")
        try:
            return self._in_force(parent.source, file, self.shelf.read(digest))
        except BlockctlError as error:
            problem = Diagnostic("L001", _place(parent, name), f"cannot include {name[:80]}: {error}", error.hint)
            return ListText(parent.source, file, b"", "", problem)

    def _in_force(self, source: ListSource, file: str, data: bytes) -> ListText:
        """Return a text without the lines that the user does not accept."""
        version = self.lock.get(address_of(source)) if source.url else None
        return text_of(source, file, data, version)

    def _bytes(self, source: ListSource) -> bytes:
        if source.path.startswith(BUILTIN):
            return builtin(source.path.removeprefix(BUILTIN))
        if source.path:
            return _read_file(Path(self.policy.file).parent / Path(source.path).expanduser())
        address = address_of(source)
        version = self.lock.get(address)
        if address in self.failed:
            raise self.failed[address]
        if version is None:
            raise BlockctlError("never downloaded", "`blockctl sync` fetches it; a command with --offline does not")
        return self.shelf.read(version.sha256)


def first_wanted(policy: Policy, state: Path) -> list[ListSource]:
    """Return the lists of which nothing is here, but for those of which all that there is waits to be accepted.

    What is held as no list at all, which nobody can accept, is looked for again.
    """
    absent = _absent_of(policy, live_lock(state), Shelf(state))
    held = _held(absent, state) if absent else {}
    waiting = {address for address, each in held.items() if not each.is_no_list}
    return [source for source in absent if address_of(source) not in waiting]


def _absent_of(policy: Policy, lock: Lock, shelf: Shelf) -> list[ListSource]:
    """Return the downloaded lists whose texts are not all here."""
    named = [(source, lock.get(address_of(source))) for source in policy.lists if source.url]
    return [source for source, version in named if version is None or not all(map(shelf.has, version.texts))]


def _held(sources: Sequence[ListSource], state: Path) -> dict[str, Held]:
    """Return what the gate holds of lists of which nothing is in force, by address."""
    from blockctl.io.history import read_history  # late, as above

    past, addresses = read_history(state).lists, map(address_of, sources)
    return {address: held for address in addresses if address in past and (held := past[address].held) is not None}


def _waits(held: Held) -> BlockctlError:
    """Return why a list of which all that there is is held cannot be read."""
    if held.is_no_list:
        return BlockctlError(str(held.holds[0]["message"]), "look at its address: it should give a list")
    return BlockctlError("what there is of it is held", "`blockctl lists` shows why, and how to accept it")


def text_of(source: ListSource, file: str, data: bytes, version: Version | None) -> ListText:
    """Return a text of a list in a version: without the lines that the user does not accept."""
    data = leave_out(data, version.without) if version else data
    return ListText(source, file, data, hashlib.sha256(data).hexdigest())


def read_include(parent: ListText, name: str) -> ListText | Diagnostic:
    """Read what a list file includes: a file of its folder or below; or say why there is nothing to read.

    A file that is there and cannot be read is a text with a problem.
    """
    base = _local(parent)
    if base is None:
        return _absent(parent, name, "a shipped list comes without the files it includes",
                       "name each file it includes as a list of its own")  # fmt: skip
    if ".." in Path(name).parts or Path(name).is_absolute():
        return _absent(parent, name, "it must lie beside the list or below it")
    file = str(Path(parent.file).parent / name)
    for candidate in (base.parent / name, base.parent / f"{name}.gz"):
        try:
            if not candidate.is_file():
                continue
            data = _read_file(candidate)
        except (BlockctlError, OSError) as error:
            hint = error.hint if isinstance(error, BlockctlError) else ""
            problem = Diagnostic("L001", _place(parent, name), f"cannot include {name[:80]}: {error}", hint)
            return ListText(parent.source, file, b"", "", problem)
        return ListText(parent.source, file, data, hashlib.sha256(data).hexdigest())
    return _absent(parent, name, f"there is no file {file}")


def _includes_of(whole: ListText) -> dict[str, str]:
    """Return the files that a list of the user's own includes, and these in turn, by their place beside it: digests."""
    from blockctl.parsers.includes import includes  # late: few lists are pinned

    found: dict[str, str] = {}
    queue, seen = [whole], {whole.file}
    while queue:
        parent = queue.pop()
        for part in (read_include(parent, name) for name in includes(parent.data)):
            if isinstance(part, ListText) and part.problem is None and part.file not in seen:
                seen.add(part.file)
                found[Path(part.file).relative_to(Path(whole.file).parent).as_posix()] = part.digest
                queue.append(part)
    return found


def _absent(parent: ListText, name: str, why: str, hint: str = "") -> Diagnostic:
    said = "".join(char if char.isprintable() else "\ufffd" for char in f"cannot include {name[:80]}: {why}")
    return Diagnostic("L213", _place(parent, name), said, hint, Severity.WARNING)


def _place(parent: ListText, name: str) -> Origin:
    """Return the line on which a list includes something."""
    line = re.search(rb"^!#include[ \t]+" + re.escape(name.encode()) + rb"[ \t\r]*$", parent.data, re.MULTILINE)
    return Origin(parent.file, parent.data.count(b"\n", 0, line.start()) + 1) if line else Origin(parent.file)


def read_lists(policy: Policy, state: Path, *, offline: bool) -> Iterator[ReadList]:
    """Read and parse every list and what it includes, one at a time, for those who want the diagnostics."""
    from blockctl.parsers import parse  # late: most commands read lists that were parsed before

    library = Library(policy, state, offline=offline)
    queue = library.texts()
    seen = set()
    while queue:
        text = queue.pop(0)
        if (text.source.name, text.file) in seen:
            continue  # a list that includes itself
        seen.add((text.source.name, text.file))
        source = text.source
        parsed = parse(text.data, text.file, source.format, source.match, dns_only=source.dns_only)
        found = [library.include(text, name) for name in parsed.header.get("include", "").split("\n") if name]
        for absent in (each for each in found if isinstance(each, Diagnostic)):
            parsed.diagnostics.add(absent)
        queue = [each for each in found if isinstance(each, ListText)] + queue
        yield ReadList(text.source, parsed, text.problem)


def builtin(name: str) -> bytes:
    """Return a list that ships with blockctl."""
    folder = resources.files("blockctl.lists")
    for entry in (folder / f"{name}.txt", folder / name / f"{name}.txt"):
        if entry.is_file():
            return entry.read_bytes()
    known = sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".txt"))
    raise BlockctlError(f"no shipped list is called {name!r}", f"there are: {', '.join(known)}")


def catalogue_text() -> str:
    """Return the text of the catalogue of known lists."""
    return (resources.files("blockctl.lists") / "catalogue.yaml").read_text(encoding="utf-8")


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # the size that a device or a growing file tells means nothing
    except OSError as error:
        raise BlockctlError(
            f"cannot read {path}: {error.strerror or error}", "check the path; it is relative to the policy file"
        ) from error
    if len(data) > MAX_BYTES:
        raise too_large(str(path), MAX_BYTES, packed=False)
    return unpacked(str(path), data, MAX_BYTES)


def _local(text: ListText) -> Path | None:
    """Return where a text's own file is, None for shipped and downloaded ones."""
    source = text.source
    if not source.path or source.path.startswith(BUILTIN):
        return None
    return Path(source.origin.file).parent / Path(text.file).expanduser()
