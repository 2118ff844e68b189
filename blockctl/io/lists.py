"""The lists that a policy names, as bytes: shipped with blockctl, beside the policy, or downloaded before."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from blockctl.io.fetch import fetch
from blockctl.io.files import write_file
from blockctl.model.diagnostic import BlockctlError, Diagnostic, Origin, Severity
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.policy import ListSource, Policy
from blockctl.parsers.text import MAX_BYTES

BUILTIN = "builtin:"
GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1


@dataclass(frozen=True, slots=True)
class ReadList:
    """A list's text, parsed."""

    source: ListSource
    list: FilterList
    problem: Diagnostic | None


def read_texts(policy: Policy, state: Path, *, offline: bool) -> list[ListText]:
    """Read every list of the policy. One that cannot be had is there with its problem and no data."""
    return [read_text(policy, source, state, offline=offline) for source in policy.lists]


def read_text(policy: Policy, source: ListSource, state: Path, *, offline: bool) -> ListText:
    """Read one list."""
    file = source.path or source.url
    try:
        data = _bytes(policy, source, state, offline=offline)
        if source.sha256 and hashlib.sha256(data).hexdigest() != source.sha256.lower():
            raise BlockctlError(
                "the list is not the one that sha256 names", "look at what changed, then pin the new sum"
            )
    except BlockctlError as error:
        problem = Diagnostic("L001", source.origin, f"list {source.name}: {error}", error.hint)
        return ListText(source, file, b"", "", problem)
    return ListText(source, file, data, hashlib.sha256(data).hexdigest())


def read_include(parent: ListText, name: str) -> ListText | Diagnostic:
    """Read what a list file includes: a file of its folder or below; or say why there is nothing to read.

    Downloads bring no files with them. A file that is there and cannot be read is a text with a problem.
    """
    base = _local(parent)
    if base is None:
        return _absent(parent, name, "a shipped or downloaded list comes without the files it includes",
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


def _absent(parent: ListText, name: str, why: str, hint: str = "") -> Diagnostic:
    return Diagnostic("L213", _place(parent, name), f"cannot include {name[:80]}: {why}", hint, Severity.WARNING)


def _place(parent: ListText, name: str) -> Origin:
    """Return the line on which a list includes something."""
    line = re.search(rb"^!#include[ \t]+" + re.escape(name.encode()) + rb"[ \t\r]*$", parent.data, re.MULTILINE)
    return Origin(parent.file, parent.data.count(b"\n", 0, line.start()) + 1) if line else Origin(parent.file)


def read_lists(policy: Policy, state: Path, *, offline: bool) -> Iterator[ReadList]:
    """Read and parse every list and what it includes, one at a time, for those who want the diagnostics."""
    from blockctl.parsers import parse  # late: most commands read lists that were parsed before

    queue = read_texts(policy, state, offline=offline)
    seen = set()
    while queue:
        text = queue.pop(0)
        if (text.source.name, text.file) in seen:
            continue  # a list that includes itself
        seen.add((text.source.name, text.file))
        source = text.source
        parsed = parse(text.data, text.file, source.format, source.match, dns_only=source.dns_only)
        found = [read_include(text, name) for name in parsed.header.get("include", "").split("\n") if name]
        for absent in (each for each in found if isinstance(each, Diagnostic)):
            parsed.diagnostics.add(absent)
        queue = [each for each in found if isinstance(each, ListText)] + queue
        yield ReadList(text.source, parsed, text.problem)


def _bytes(policy: Policy, source: ListSource, state: Path, *, offline: bool) -> bytes:
    if source.path.startswith(BUILTIN):
        return builtin(source.path.removeprefix(BUILTIN))
    if source.path:
        return _read_file(Path(policy.file).parent / Path(source.path).expanduser())
    kept = _kept(state, source.url)
    if kept is not None:
        return _read_file(kept)
    if offline:
        raise BlockctlError("never downloaded, and this run is offline", "run it once without --offline")
    data = fetch(source.url, MAX_BYTES)
    text = _unpacked(source.url, data)
    keep_download(state, source.url, data)
    return text


def builtin(name: str) -> bytes:
    """Return a list that ships with blockctl."""
    folder = resources.files("blockctl.lists")
    for entry in (folder / f"{name}.txt", folder / name / f"{name}.txt"):
        if entry.is_file():
            return entry.read_bytes()
    known = sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".txt"))
    raise BlockctlError(f"no shipped list is called {name!r}", f"there are: {', '.join(known)}")


def keep_download(state: Path, url: str, data: bytes) -> None:
    """Keep a download under its digest and remember which address it came from."""
    digest = hashlib.sha256(data).hexdigest()
    write_file(state / "lists" / digest, [data])
    index = _index(state)
    index[url] = digest
    write_file(state / "lists" / "index.json", [json.dumps(index, indent=1, sort_keys=True).encode()])


def _kept(state: Path, url: str) -> Path | None:
    digest = _index(state).get(url)
    path = state / "lists" / digest if digest else None
    return path if path is not None and path.is_file() else None


def _index(state: Path) -> dict[str, str]:
    try:
        index = json.loads((state / "lists" / "index.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # the size that a device or a growing file tells means nothing
    except OSError as error:
        raise BlockctlError(
            f"cannot read {path}: {error.strerror or error}", "check the path; it is relative to the policy file"
        ) from error
    if len(data) > MAX_BYTES:
        raise BlockctlError(f"{path} is too large; the limit is {MAX_BYTES / 1e6:,.0f} MB")
    return _unpacked(str(path), data)


def _unpacked(path: str, data: bytes) -> bytes:
    """Return what a file or a download holds, unpacked if it is a gzip file by its name or its first bytes."""
    if not (path.endswith(".gz") or data.startswith(GZIP)):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise BlockctlError(f"{path} is not a whole gzip file: {error}") from error
    if len(text) > MAX_BYTES:
        raise BlockctlError(f"{path} unpacks to more than {MAX_BYTES / 1e6:,.0f} MB")
    if not unpacker.eof:
        raise BlockctlError(f"{path} is cut off: the gzip end is missing")
    return text


def _local(text: ListText) -> Path | None:
    """Return where a text's own file is, None for shipped and downloaded ones."""
    source = text.source
    if not source.path or source.path.startswith(BUILTIN):
        return None
    return Path(source.origin.file).parent / Path(text.file).expanduser()
