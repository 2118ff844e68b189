"""The hot path: blocked names and answers given before, from the bytes of a query, without reading it whole.

Two things are asked of a query, in this order. Were the same bytes (all after the id, so that case, flags and EDNS are
right by construction) answered a moment ago? Then the same answer goes out, its TTLs lowered. Is it a plain question
for a name that a list blocks? Then the answer is put together from the question and a fixed end. All else is None here
and goes to the resolver, whose answers this path equals byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from blockctl.dns.exchange import Outcome, Reply
from blockctl.dns.forms import forms
from blockctl.dns.table import LAST_BLOCK, OF_BELOW, OF_ITSELF, Table

MAX_QUERY = 512  # bytes; the answers to longer ones are not kept
MAX_REPLY = 1232  # bytes; what every path carries, and what fits where the query lay
MAX_BYTES = 4 << 20  # of memory, for the answers kept for one group
ENTRY_COST = 440  # bytes that an entry takes beside its query and its answer
TAIL = 12  # bytes of a name's end, by which most names are seen not to be the policy's
MAX_LABEL, MAX_NAME = 63, 255  # bytes (RFC 1035, section 2.3.4)

Answer = Callable[[bytes], bytes | None]
"""From what follows the id of a query to what follows the id of its answer; None: the resolver has to say."""


class HotRules(Protocol):
    """What the hot path asks of the rules of a group (`dns.rules.Rules`)."""

    @property
    def plain(self) -> bool:
        """Whether the names of the lists are final, for every type and client, where the policy does not speak."""

    @property
    def overlay_names(self) -> Collection[bytes]:
        """Names in wire form at which the policy speaks, with all below them; the root: at every name."""

    @property
    def table(self) -> Table:
        """What the lists say of names."""


class Kept:
    """An answer that the same query gets again: what follows its id, as of a certain second."""

    __slots__ = ("aged", "body", "expiry", "outcome", "reason", "stored", "ttls", "until")

    def __init__(self, reply: Reply, now: float) -> None:
        self.body = reply.wire[2:]
        self.stored = now
        self.expiry = now + reply.keep
        self.until = min(now + 1, self.expiry)  # the TTLs in `body` are right until then
        self.aged = 0  # seconds already taken off them
        self.ttls = reply.ttls
        self.outcome = int(Outcome.CACHED if reply.outcome is Outcome.FORWARDED else reply.outcome)
        self.reason = reply.reason

    def age(self, now: float) -> bytes | None:
        """Return the answer with its TTLs as of now, None when its time is over."""
        if now >= self.expiry:
            return None
        seconds = int(now - self.stored)
        if self.ttls:
            body = bytearray(self.body)
            for at in self.ttls:
                ttl = int.from_bytes(body[at - 2 : at + 2], "big") - (seconds - self.aged)
                body[at - 2 : at + 2] = max(ttl, 0).to_bytes(4, "big")
            self.body = bytes(body)
        self.aged = seconds
        self.until = min(self.stored + seconds + 1, self.expiry)
        return self.body


class Fast:
    """The hot path of one group of clients, under rules as they stand; other rules take another one.

    `names` are those at which something comes before the rules (records, special names, safe search), with all
    below them.
    """

    __slots__ = ("_bytes", "_most", "blocked", "kept", "rules")

    def __init__(self, rules: HotRules, answer: str, names: Collection[bytes] = (), *, most: int = MAX_BYTES) -> None:
        self.rules = rules
        self.kept: dict[bytes, Kept] = {}
        self.blocked: Answer = _blocker(rules, answer, {*rules.overlay_names, *names}) if rules.plain else _silent
        self._bytes = 0
        self._most = most

    def answer(self, query: bytes, now: float) -> bytes | None:
        """Return the answer to a query, None when the resolver has to say."""
        key = query[2:]
        body = None
        if entry := self.kept.get(key):
            body = entry.body if now < entry.until else entry.age(now)
        body = body or self.blocked(key)
        return query[:2] + body if body else None

    def keep(self, query: bytes, reply: Reply, now: float) -> None:
        """Keep the answer to a query that came by UDP, as long as it says it may be; queries are counted by `stat`."""
        if reply.keep <= 0 or len(query) > MAX_QUERY or len(reply.wire) > MAX_REPLY:
            return
        key = query[2:]
        self._drop([key] if key in self.kept else [])
        size = _size(key, reply.wire)
        if self._bytes + size > self._most:
            self._make_room(now)
        self._bytes += size
        self.kept[key] = Kept(reply, now)

    def clear(self) -> None:
        """Forget every answer."""
        self.kept.clear()
        self._bytes = 0

    def _make_room(self, now: float) -> None:
        """Drop what is over, and of the rest what was not asked for the longest time, until half is free.

        `until` tells when an answer was last asked for, to the second, for TTLs are lowered when it is.
        """
        kept = self.kept
        self._drop([key for key, entry in kept.items() if entry.expiry <= now])
        if self._bytes > self._most // 2:
            by_age = sorted(kept, key=lambda key: kept[key].until)
            self._drop(by_age[: len(by_age) // 2])

    def _drop(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._bytes -= _size(key, self.kept.pop(key).body) + 2


def _size(key: bytes, wire: bytes) -> int:
    return ENTRY_COST + len(key) + len(wire)


def _silent(_: bytes) -> None:
    """Answer nothing: every question is the resolver's."""
    return


def _blocker(rules: HotRules, answer: str, spoken: Collection[bytes]) -> Answer:
    """Return what answers for blocked names. Its parts are variables of their own: attributes would cost more."""
    hot = rules.table.hot
    hash_, index, buffer, shift = hot.hash, hot.index, hot.buffer, 64 - hot.bits
    form_of = forms(answer).get
    of_itself, of_below, last_block = OF_ITSELF, OF_BELOW, LAST_BLOCK
    join = b"".join  # two thirds of what `+` takes
    width = min([TAIL, *map(len, spoken)])
    ends = {name[-width:] for name in spoken}

    def blocked(key: bytes) -> bytes | None:
        question = key[10:]
        labels, root, kind = question.partition(b"\0")
        if (form := form_of(kind)) is None or (head := form.heads.get(key[:10])) is None:
            return None  # more or less than one question, or of a type or a class apart
        name = suffix = labels.lower() + root  # the type stands apart: its bytes are no letters
        at, last = 0, len(labels)
        speaks = of_itself
        while at < last:
            bucket = hash_(suffix) >> shift
            begin = index[bucket]
            if begin != (end := index[bucket + 1]):
                before, found, after = buffer[begin:end].partition(suffix)
                if found and not (before and before[-2]) and speaks[tag := after[0]]:
                    break
            if (length := name[at]) > MAX_LABEL:
                return None
            at += length + 1
            suffix = name[at:]
            speaks = of_below
        else:
            return None
        if tag > last_block or last >= MAX_NAME or (ends and name[-width:] in ends and _speaks_of(spoken, name)):
            return None
        return join((head, question, form.tail))

    return blocked


def _speaks_of(names: Collection[bytes], name: bytes) -> bool:
    """Whether a name in wire form or one above it, up to the root, is among names."""
    while name not in names:
        if not name[0]:
            return False
        name = name[name[0] + 1 :]
    return True
