"""Upstream answers, unfiltered, bounded in bytes: what was asked for again is kept longest (a segmented LRU).

Entries past their time stay for a while, to be given where no upstream answers (RFC 8767). The whole can be written to
a file and read after a restart; what is damaged is no cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from struct import Struct, error
from zlib import crc32

from blockctl.dns.answers import Entry
from blockctl.dns.compose import Sections
from blockctl.dns.wire import Question

NAME_ITSELF = 0  # as a type: the name does not exist, whatever is asked of it (RFC 2308, section 5)
MAGIC = b"blockctl cache 1\n"
_PROTECTED = 0.8  # of the bytes, for what was asked for again
_OVERHEAD = 420  # octets of the objects of one entry, measured on CPython 3.11
_OF_TTL = 8  # octets for each place of a TTL, besides the number itself, which is mostly shared
_HEAD = Struct("!IdI")  # checksum, time of writing, number of entries
_ALWAYS = 1e9  # seconds: no answer is so old
_KEY = Struct("!HBI")
_NAME_ITSELF = NAME_ITSELF.to_bytes(2, "big")
_ENTRY = Struct("!BB?ddBHHHHB")  # lengths of key and target, flags, times, rcode, counts


def key_of(question: Question, *, dnssec: bool, unchecked: bool, upstreams: int) -> bytes:
    """Return the key of a question, in which who is asked counts (`upstreams`: 32 bits that tell them apart)."""
    return question.name + _KEY.pack(question.kind, dnssec << 1 | unchecked, upstreams)


def key_of_name(key: bytes) -> bytes:
    """Return the key under which it stands that the name of a key does not exist. Its ends are those of names above."""
    return b"".join((key[: -_KEY.size], _NAME_ITSELF, key[2 - _KEY.size :]))


class Cache:
    """Entries by key. `size` is in bytes, `stale` the seconds for which an entry stays past its time."""

    def __init__(self, size: int, stale: float) -> None:
        self.size = size
        self.stale = stale
        self.bytes = 0
        self._new: OrderedDict[bytes, Entry] = OrderedDict()  # asked for once; the oldest goes first
        self._again: OrderedDict[bytes, Entry] = OrderedDict()
        self._again_bytes = 0

    def __len__(self) -> int:
        return len(self._new) + len(self._again)

    def get(self, key: bytes, now: float) -> Entry | None:
        """Return what is known, perhaps past its time; None once it is of no use any more."""
        entry = again = self._again.get(key)
        if entry is None and (entry := self._new.get(key)) is None:
            return None
        if entry.expires + self.stale <= now:
            self.drop(key)
            return None
        if again is None:
            self._promote(key, entry)
        else:
            self._again.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> None:
        """Keep an answer in the place of what was known."""
        again = key in self._again
        self.drop(key)
        cost = _cost(key, entry)
        if cost > self.size // 8:
            return
        self.bytes += cost
        if again:
            self._again[key] = entry
            self._again_bytes += cost
        else:
            self._new[key] = entry
        while self.bytes > self.size:
            self.drop(next(iter(self._new or self._again)))

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        if (entry := self._again.pop(key, None)) is not None:
            self._again_bytes -= _cost(key, entry)
        elif (entry := self._new.pop(key, None)) is None:
            return
        self.bytes -= _cost(key, entry)

    def _promote(self, key: bytes, entry: Entry) -> None:
        del self._new[key]
        self._again[key] = entry
        self._again_bytes += _cost(key, entry)
        while self._again_bytes > self.size * _PROTECTED:
            oldest, demoted = self._again.popitem(last=False)
            self._again_bytes -= _cost(oldest, demoted)
            self._new[oldest] = demoted

    def age(self, seconds: float) -> None:
        """Let so many seconds have passed, of which the clock that `now` is read from knows nothing."""
        for _, entry in self._entries() if seconds else ():
            entry.stored -= seconds
            entry.expires -= seconds
            entry.failing_until -= seconds

    def dump(self, now: float, wall: float) -> bytes:
        """Return the answers as bytes; `wall` is the time of day in seconds, which outlives this process."""
        kept = [(key, entry) for key, entry in self._entries() if not entry.failed and entry.expires + self.stale > now]
        body = b"".join(_pack(key, entry, now) for key, entry in kept)
        rest = _HEAD.pack(0, wall, len(kept))[4:] + body
        return MAGIC + crc32(rest).to_bytes(4, "big") + rest

    def load(self, data: bytes, now: float, wall: float) -> int:
        """Take over what `dump` returned; return how many answers there were, 0 where the bytes are no cache."""
        start = len(MAGIC) + _HEAD.size
        if len(data) < start or not data.startswith(MAGIC):
            return 0
        checksum, written, count = _HEAD.unpack_from(data, len(MAGIC))
        if crc32(data[len(MAGIC) + 4 :]) != checksum:
            return 0
        passed = max(0.0, wall - written)
        try:
            entries = list(_unpack(data, start, count, now - passed))
        except (error, IndexError, ValueError):
            return 0
        for key, entry in entries:
            if entry.expires + self.stale > now:
                self.put(key, entry)
        return len(entries)

    def _entries(self) -> list[tuple[bytes, Entry]]:
        """Return everything, copied in one step: a thread may ask while the loop goes on."""
        return [*self._new.items(), *self._again.items()]


def _cost(key: bytes, entry: Entry) -> int:
    sections = entry.sections
    explained = sum(map(len, entry.notes))
    return _OVERHEAD + len(key) + len(sections.body) + _OF_TTL * len(sections.ttls) + len(entry.target) + explained


def _pack(key: bytes, entry: Entry, now: float) -> bytes:
    sections = entry.sections
    head = _ENTRY.pack(
        len(key) - _KEY.size, len(entry.target), entry.authentic, now - entry.stored, entry.expires - now, entry.rcode,
        len(sections.body), sections.end, sections.answers, sections.authorities, len(entry.notes),
    )  # fmt: skip
    explained = b"".join(bytes((len(each),)) + each for each in entry.notes)
    return head + key + entry.target + explained + sections.body


def _unpack(data: bytes, at: int, count: int, now: float) -> Iterator[tuple[bytes, Entry]]:
    for _ in range(count):
        name, target_length, authentic, age, left, rcode, size, end, answers, authorities, notes = _ENTRY.unpack_from(
            data, at
        )
        at += _ENTRY.size
        key, at = data[at : at + name + _KEY.size], at + name + _KEY.size
        target, at = data[at : at + target_length], at + target_length
        explained = []
        for _ in range(notes):
            explained.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        body, at = data[at : at + size], at + size
        sections = Sections.read(body, end, answers, authorities)
        if not 0 <= age < _ALWAYS or not -_ALWAYS < left < _ALWAYS:
            raise ValueError("no such times")
        yield key, Entry(rcode, now - age, now + left, sections, authentic, target, tuple(explained))
