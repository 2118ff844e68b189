"""Who may ask, and how much.

A client that may not ask gets REFUSED with the reason (RFC 8914, code 18): over TCP always, over UDP only a trickle
for all such clients together, for the sender's address may be forged and the answer hit somebody else. A client that
asks too much over UDP gets every other time an empty answer with TC set, so that a real one comes back by TCP, and
otherwise nothing; over TCP it is refused. No answer given here is longer than its query by more than the reason.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Network

from blockctl.model.addresses import LOOPBACK, PRIVATE, Network, is_within, read_address, read_network
from blockctl.model.listen import opens_to_all
from blockctl.model.policy import Resolver

REFUSALS = 20  # a second by UDP, all strangers together
CLIENTS = 8192  # buckets remembered at least; twice as many at most
BURST = 2.0  # seconds of the rate that may come at once: a page asks for a hundred names in a moment

HEADER = 12
REFUSED = 5
EDE, PROHIBITED = 15, 18  # RFC 8914, section 4.19
OPT = b"\0\0\x29\x04\xd0\0\0\0\0"  # root, type 41, 1,232 bytes, version 0


class Admission(Enum):
    """What is to be done with a query."""

    ANSWER = "answer"
    REFUSE = "refuse"  # send `refusal(query)`
    TRUNCATE = "truncate"  # send `truncation(query)`
    DROP = "drop"  # send nothing


class Access:
    """The policy's `access`, `public` and `rate`, and what each client has asked for lately."""

    def __init__(self, settings: Resolver) -> None:
        self._all, self._networks = _networks(settings)
        self._rate = float(settings.rate)
        self._datagrams = _Buckets(self._rate, CLIENTS)
        self._streams = _Buckets(self._rate, CLIENTS)  # apart: nobody can forge an address to use this one up
        self._strangers = _Buckets(float(REFUSALS), 1)
        self._skipped = False

    def allows(self, address: str) -> bool:
        """Whether that client may ask at all."""
        if self._all:
            return True
        known = read_address(address)
        return known is not None and is_within(known, self._networks)

    def take(self, address: str, now: float, count: int = 1) -> bool:
        """Count queries that came by UDP; False when they are more than the client may ask just now."""
        return self._rate == 0 or self._datagrams.take(bucket(address), now, count)

    def judge(self, address: str, now: float, datagram: bool) -> Admission:
        """Return what to do with one query."""
        if not self.allows(address):
            if not datagram or self._strangers.take("all", now, 1):
                return Admission.REFUSE
            return Admission.DROP
        if datagram:
            return Admission.ANSWER if self.take(address, now) else self.too_much()
        if self._rate == 0 or self._streams.take(bucket(address), now, 1):
            return Admission.ANSWER
        return Admission.REFUSE

    def too_much(self) -> Admission:
        """Return what to do with a query by UDP that was one too many."""
        self._skipped = not self._skipped
        return Admission.TRUNCATE if self._skipped else Admission.DROP


class _Buckets:
    """What each client may still ask for: filled by the rate, never above BURST seconds of it.

    Two generations: when the young one is full, it becomes the old one, and those not heard of since are forgotten.
    """

    def __init__(self, rate: float, size: int) -> None:
        self._rate = rate
        self._full = max(rate * BURST, 1.0)
        self._size = size
        self._young: dict[str, tuple[float, float]] = {}  # key -> left, at what time
        self._old: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: float, count: int) -> bool:
        if not key:
            return True
        left, then = self._young.get(key) or self._old.get(key) or (self._full, now)
        left = min(self._full, left + max(now - then, 0.0) * self._rate)
        enough = left >= min(count, self._full)  # a batch may be larger than the bucket: it leaves a debt
        if len(self._young) >= self._size and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = (left - count if enough else left, now)
        return enough


def _networks(settings: Resolver) -> tuple[bool, tuple[Network, ...]]:
    """Return whether everybody may ask, and else which networks.

    Without `public` what lets the whole internet in is read as `loopback` and `private`, whatever was checked before.
    """
    if settings.public and "all" in settings.access:
        return True, ()
    networks: list[Network] = []
    for word in settings.access:
        wide = not settings.public and bool(opens_to_all((word,)))
        if wide or word == "loopback":
            networks += LOOPBACK
        if wide or word == "private":
            networks += PRIVATE
        elif not wide and (network := read_network(word)) is not None:
            networks.append(network)
    return False, tuple(networks)


@lru_cache(maxsize=4096)
def bucket(address: str) -> str:
    """Return what shares a bucket: an IPv4 address, a /56 of IPv6 (a household); "" for this machine, not limited."""
    known = read_address(address)
    if known is None:
        return address or "unknown"  # who a proxy tells unreadably is no part of this machine
    if is_within(known, LOOPBACK):
        return ""
    if known.version == 4:
        return str(known)
    return str(IPv6Network((int(known) >> 72 << 72, 56)))


def refusal(query: bytes, text: str = "not for this client") -> bytes | None:
    """Return REFUSED for a query, with its reason when it has an OPT; None when no answer is due."""
    end = _question_end(query)
    if end is None:
        return None
    reason = PROHIBITED.to_bytes(2, "big") + text.encode()
    option = EDE.to_bytes(2, "big") + len(reason).to_bytes(2, "big") + reason
    return _answer(query, end, REFUSED, option)


def truncation(query: bytes) -> bytes | None:
    """Return an empty answer that says: ask again by TCP. None when no answer is due."""
    end = _question_end(query)
    return None if end is None else _answer(query, end, 0, b"", truncated=True)


def _answer(query: bytes, end: int, rcode: int, option: bytes, truncated: bool = False) -> bytes:
    high = 0x80 | query[2] & 0x79 | (0x02 if truncated else 0)  # QR; the opcode and RD are the query's
    low = 0x80 | query[3] & 0x10 | rcode  # RA; CD is the query's
    # An OPT is answered by one (RFC 6891, section 6.1.1), where all clients put it: right after the question.
    has_opt = query[6:12] == b"\0\0\0\0\0\1" and query[end : end + 3] == b"\0\0\x29"
    head = query[:2] + bytes((high, low)) + b"\0\1\0\0\0\0\0" + bytes((has_opt,)) + query[HEADER:end]
    return head + OPT + len(option).to_bytes(2, "big") + option if has_opt else head


def _question_end(query: bytes) -> int | None:
    """Return where the only question ends; None when this is no query with one."""
    if len(query) < HEADER + 5 or query[2] & 0x80 or query[4:6] != b"\0\1":
        return None
    at = HEADER
    while at < len(query) and query[at]:
        if query[at] > 63 or at - HEADER > 254:
            return None
        at += 1 + query[at]
    return at + 5 if at + 5 <= len(query) else None
