"""What lists say of names as one read-only file, mapped into memory: exact, small, and asked without being read.

The file is a preamble, then sections, then a header in JSON that says where each section is. A set of names takes
four sections:

- `names`: the entries, each a name in wire form (lower case, closing zero) and a tag, the entries of a bucket together
- `index`: for each bucket where its entries begin in the file (the bucket is the top bits of the name's hash), and
  where the last one ends
- `ordinals`: how many entries stand before each block of `names`
- `origins`: for each entry in order the number of a list and of a line

The two first are all that an answer needs; a name is looked for in its bucket by searching for its bytes, so what is
found stands in the file letter by letter. Within a bucket entries are ordered by length: where the first hit is not
the start of an entry but the end of a longer name, no entry is equal.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from typing import Any, Protocol

import xxhash

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.rule import Effect, Scope

# What an entry says; never zero, for a zero ends a name.
TAGS = {
    (Effect.BLOCK, Scope.EXACT): 1,
    (Effect.BLOCK, Scope.SUBTREE): 2,
    (Effect.BLOCK, Scope.BELOW): 3,
    (Effect.ALLOW, Scope.EXACT): 4,
    (Effect.ALLOW, Scope.SUBTREE): 5,
    (Effect.ALLOW, Scope.BELOW): 6,
}
MEANINGS = {tag: meaning for meaning, tag in TAGS.items()}
LAST_BLOCK = 3  # tags up to here block
_UNKNOWN = (False,) * 249  # by what is no tag, in a damaged file
OF_ITSELF = (False, True, True, False, True, True, False, *_UNKNOWN)  # by tag: whether it speaks of the name itself
OF_BELOW = (False, False, True, True, False, True, True, *_UNKNOWN)  # and whether of names below it

NO_LIST = 0xFFFF  # the list of an entry that no line says by itself

_MAGIC = b"blockctl"
_VERSION = 1
_PREAMBLE = struct.Struct("<8sBBHIQII")  # magic, version, 1 if little-endian, 0, length and place of the header, ...
_LITTLE = int(sys.byteorder == "little")
_KEY = struct.Struct(">I")  # the bucket in its top bits, below it the length of the name: records sort by it
_PLACE = struct.Struct("=HI")  # number of a list, number of a line
_SAID = struct.Struct("=BHI")  # tag, then a place
_BLOCK = 1 << 12  # bytes of names between two ordinals
_PIECE = 1 << 17  # bytes of names made at once
_MAX_BITS = 24


class DamagedTable(BlockctlError):  # noqa: N818 - named as what it tells of
    """The file is not a whole file of rules, or is one of another version or machine."""


class Buffer(Protocol):
    """Bytes, or a mapped file."""

    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """Return where the first `sub` stands between two places, -1 where there is none."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


def wire_names(lines: bytes) -> list[bytes]:
    """Return names in wire form from a text with a name on each line, many at once."""
    found: list[bytes] = []
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start + _PIECE) + 1 or len(lines)
        found += _wire_names(lines[start:end])
        start = end
    return found


def _wire_names(lines: bytes) -> list[bytes]:
    """A closing zero is an empty label: with two dots for a line's end every dot but the last becomes a length."""
    dotted = lines.replace(b"\n", b"..")
    wire = bytearray(b"." + dotted)
    at = 0
    for length in map(len, dotted.split(b".")):
        wire[at] = length
        at += length + 1
    names = [name + b"\0" for name in bytes(wire).split(b"\0")]
    del names[-2:]
    return names


class NamesWriter:
    """Collects entries, then writes the sections of a set of names. Each name is to be added once."""

    def __init__(self, most: int) -> None:
        """Prepare for at most so many names (many fewer cost room, more cost time)."""
        self.bits = min(_MAX_BITS, (most * 2 // 3).bit_length())
        # Records by the first byte of their key: what is sorted at once stays in the processor's cache.
        self._records: list[list[bytes]] = [[] for _ in range(256)]

    def __len__(self) -> int:
        return sum(map(len, self._records))

    def add(self, names: Sequence[bytes], tags: Iterable[int], place: int, lines: Iterable[int]) -> None:
        """Add names in wire form with their tags, from these lines of one list."""
        shift, spare, key = 64 - self.bits, 32 - self.bits, _KEY.pack
        put = [part.append for part in self._records]
        hashes, said = map(xxhash.xxh3_64_intdigest, names), map(_SAID.pack, tags, repeat(place), lines)
        for name, hash_, says in zip(names, hashes, said, strict=True):
            first = key(hash_ >> shift << spare | len(name))
            put[first[0]](first + name + says)

    def sections(self, base: int) -> dict[str, bytes]:
        """Return the sections, `names` first; it will stand at `base` in the file. What was added is used up."""
        spare = 32 - self.bits
        sizes = array("I", bytes(4 * ((1 << self.bits) + 1)))
        names, origins = [], []
        for part in self._records:
            part.sort()
            keys = array("I", b"".join([record[:4] for record in part]))
            if _LITTLE:
                keys.byteswap()
            for key, size in zip(keys, map(len, part), strict=True):
                sizes[(key >> spare) + 1] += size - 10
            names.append(b"".join([record[4:-6] for record in part]))
            origins.append(b"".join([record[-6:] for record in part]))
            part.clear()
        sizes[0] = base
        text = b"".join(names)
        counts = (text.count(b"\0", at, at + _BLOCK) for at in range(0, len(text), _BLOCK))
        return {
            "names": text,
            "index": array("I", accumulate(sizes)).tobytes(),
            "ordinals": array("I", accumulate(counts, initial=0)).tobytes(),
            "origins": b"".join(origins),
        }


def build(about: dict[str, Any], sets: dict[str, NamesWriter], others: dict[str, bytes]) -> list[bytes]:
    """Return a file in pieces: sets of names, other sections by name, and what the header is to say besides.

    The first set is the one that answers are taken from.
    """
    pieces = [b""]
    places: dict[str, tuple[int, int]] = {}
    at = _PREAMBLE.size
    for name, writer in sets.items():
        for section, data in writer.sections(at).items():
            places[f"{name}.{section}"] = at, at + len(data)
            pieces.append(data)
            at += len(data)
    for name, data in others.items():
        places[name] = at, at + len(data)
        pieces.append(data)
        at += len(data)
    sums = {name: zlib.crc32(data) for name, data in others.items()}
    header = json.dumps({**about, "sections": places, "sums": sums}, sort_keys=True).encode()
    total = at + len(header)
    if total > 0xFFFFFFFF:
        raise BlockctlError(f"the rules take {total:,} bytes; a file of rules has at most 4 GB", "use fewer lists")
    pieces[0] = _PREAMBLE.pack(_MAGIC, _VERSION, _LITTLE, 0, len(header), at, zlib.crc32(header), 0)
    return [*pieces, header]


class Names:
    """A set of names in a file. Its attributes are for the loop that answers: see `find` for what to do with them."""

    __slots__ = ("_end", "_ordinals", "_origins", "bits", "buffer", "hash", "index", "start")

    def __init__(self, buffer: Buffer, places: dict[str, tuple[int, int]], name: str) -> None:
        view = memoryview(buffer)  # type: ignore[arg-type]

        def numbers(section: str) -> memoryview:
            begin, end = places[f"{name}.{section}"]
            return view[begin:end].cast("I")

        self.buffer = buffer
        self.hash = xxhash.xxh3_64_intdigest
        self.index: Sequence[int] = numbers("index")  # places in the buffer
        self.bits = (len(self.index) - 1).bit_length() - 1
        self.start, self._end = places[f"{name}.names"]
        self._ordinals = numbers("ordinals")
        self._origins = places[f"{name}.origins"][0]
        if len(self.index) != (1 << self.bits) + 1 or (self.index[0], self.index[-1]) != (self.start, self._end):
            raise ValueError("the index does not fit the names")

    def find(self, name: bytes) -> int:
        """Return the place of the entry that decides a name in wire form, -1 where none speaks of it.

        The walk goes from the name itself upwards; the nearest entry that speaks of it decides.
        """
        buffer, index, hash_, shift = self.buffer, self.index, self.hash, 64 - self.bits
        speaks = OF_ITSELF
        while name[0]:
            bucket = hash_(name) >> shift
            begin, end = index[bucket], index[bucket + 1]
            if begin != end:
                at = buffer.find(name, begin, end)
                if at >= 0 and (at == begin or not buffer[at - 2]) and speaks[buffer[at + len(name)]]:
                    return at
            name = name[name[0] + 1 :]
            speaks = OF_BELOW
        return -1

    def entry(self, place: int) -> tuple[bytes, int]:
        """Return the name and the tag of the entry at a place."""
        end = self.buffer.find(b"\0", place, self._end) + 1
        return self.buffer[place:end], self.buffer[end]

    def origin(self, place: int) -> tuple[int, int]:
        """Return the numbers of the list and of the line that say the entry at a place."""
        offset = place - self.start
        block = offset // _BLOCK
        before = memoryview(self.buffer)[self.start + block * _BLOCK : place]  # type: ignore[arg-type]
        ordinal = self._ordinals[block] + bytes(before).count(b"\0")
        at = self._origins + ordinal * _PLACE.size
        if not at <= len(self.buffer) - _PLACE.size:  # the file is damaged
            return NO_LIST, 0
        found: tuple[int, int] = _PLACE.unpack(self.buffer[at : at + _PLACE.size])
        return found


class Table:
    """A file of rules. `hot` is the set of names that answers are taken from."""

    def __init__(self, buffer: Buffer) -> None:
        """Open a file; a DamagedTable says so where it is none."""
        try:
            self._open(buffer)
        except (ValueError, KeyError, TypeError, IndexError, struct.error) as error:
            raise DamagedTable(
                f"the file of compiled rules is damaged or of another version: {error}", "compile the lists again"
            ) from error

    def _open(self, buffer: Buffer) -> None:
        magic, version, little, _, size, at, checksum, _ = _PREAMBLE.unpack(buffer[: _PREAMBLE.size])
        if (magic, version, little) != (_MAGIC, _VERSION, _LITTLE):
            raise ValueError("it begins as none of ours does")
        if at + size != len(buffer):
            raise ValueError(f"it has {len(buffer):,} bytes, not {at + size:,}")
        header = bytes(buffer[at : at + size])
        if zlib.crc32(header) != checksum:
            raise ValueError("its header is not what was written")
        self.about: dict[str, Any] = json.loads(header)
        self._buffer = buffer
        self._places: dict[str, tuple[int, int]] = self.about.pop("sections")
        self.hot = self.names("blocks")
        for place in self._places:
            name, _, section = place.partition(".")
            if section == "index":
                self.names(name)  # a damaged one is refused now, not when it is asked
        for name, checksum in self.about.pop("sums").items():
            if zlib.crc32(self.section(name)) != checksum:
                raise ValueError(f"its {name} are not what was written")

    def names(self, name: str) -> Names:
        """Return a set of names of the file."""
        return Names(self._buffer, self._places, name)

    def section(self, name: str) -> bytes:
        """Return another section of the file."""
        begin, end = self._places[name]
        return bytes(self._buffer[begin:end])

    def find(self, name: bytes) -> int:
        """Return the place of the entry that decides a name in wire form, -1 where the lists are silent."""
        return self.hot.find(name)

    def blocks(self, place: int) -> bool:
        """Whether the entry at a place blocks."""
        return self.hot.entry(place)[1] <= LAST_BLOCK

    def origin(self, place: int) -> tuple[str, int]:
        """Return the file of the list and the line that say the entry at a place; "" and 0 where no line does."""
        number, line = self.hot.origin(place)
        return ("", 0) if number == NO_LIST else (self.about["lists"][number][1], line)
