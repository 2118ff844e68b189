"""What we answer ourselves: the policy's records, names that systems keep for themselves, and safe search."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Protocol

from blockctl.dns import zones
from blockctl.dns.exchange import Client
from blockctl.dns.labels import name_wire
from blockctl.dns.rebinding import Rebinding
from blockctl.dns.safe_search import SAFE
from blockctl.dns.special import Special, is_short
from blockctl.dns.zones import RECORD_TTL, ZONE_TTL, LocalAnswer, Record, above, soa
from blockctl.model.addresses import read_address
from blockctl.model.policy import Resolver

__all__ = ["Local", "LocalAnswer", "Question"]

MAX_ALIASES = 8
# What leads a browser to a search engine; the others, such as MX, stay the truth.
SEARCHED = frozenset((zones.A, zones.AAAA, zones.CNAME, zones.SVCB, zones.HTTPS, zones.ANY))
_STAR = b"\1*"


class Question(Protocol):
    """What is asked."""

    @property
    def name(self) -> bytes:
        """The name in wire form, lower case, with the closing zero."""

    @property
    def kind(self) -> int:
        """The number of the type."""

    @property
    def klass(self) -> int:
        """The number of the class."""


class Local:
    """The policy's records, the special names, safe search, and who may point where."""

    def __init__(self, settings: Resolver, host: str = "", addresses: Iterable[str] = ()) -> None:
        """Take `host`, the name in our certificate, and this machine's own addresses: both for RFC 9462."""
        self._addresses: dict[bytes, tuple[bytes, ...]] = {}
        self._aliases: dict[bytes, bytes] = {}
        self._reverse: dict[bytes, list[bytes]] = {}
        self._take_records(settings)
        self._known = frozenset((*self._addresses, *self._aliases, *self._reverse))
        self._stars = any(name.startswith(_STAR) for name in self._known)
        self._inner = frozenset(name for known in self._known for name in above(known)) - self._known
        self._special = Special(settings, host, addresses)
        self._rebinding = Rebinding(settings)
        self._safe = {name_wire(name): target for name, target in SAFE.items()}
        self.translation = self._special.translation  # DNS64, None where the policy has none
        spoken = {*self._special.names, *(name.removeprefix(_STAR) for name in self._known)}
        self._width = min(map(len, spoken))
        self._ends = frozenset(name[-self._width :] for name in spoken)

    @property
    def names(self) -> frozenset[bytes]:
        """The names of the policy's records; one with `*` stands as the name that it is below.

        What answers from the lists alone must leave these, and all below them, to `answer`.
        """
        return frozenset(name.removeprefix(_STAR) for name in (*self._addresses, *self._aliases))

    def is_rebound(self, name: bytes, address: bytes) -> bool:
        """Whether a public name points into the house: `address` is the RDATA of an A or AAAA record of its answer."""
        return self._rebinding.is_rebound(name, address)

    def answer(self, question: Question, client: Client, safe_search: bool = False) -> LocalAnswer | None:
        """Return our own answer, None when the question is for the rules and the upstreams.

        This comes before the rules: nothing blocks a record of the user's. Safe search comes after them, by `safer`,
        or it would let in what the user denies; `safe_search` is for who has asked the rules already.
        """
        if question.klass != zones.IN:
            return None
        name, kind = question.name, question.kind
        found: LocalAnswer | None = None
        if name[-self._width :] in self._ends or is_short(name):  # else it is none of ours
            found = self._recorded(name, kind, client) or self._special.answer(name, kind, client)
        return self.safer(question) if found is None and safe_search else found

    def safer(self, question: Question) -> LocalAnswer | None:
        """Return what is answered for a search engine in the place of the truth, to who has safe search on."""
        name, kind = question.name, question.kind
        target = self._safe.get(name)
        if target is None or kind not in SEARCHED or question.klass != zones.IN:
            return None
        reason = f"safe search: {target}"
        if (address := read_address(target)) is not None:
            if kind in (zones.A, zones.ANY):
                return LocalAnswer(records=((name, zones.A, ZONE_TTL, address.packed),), reason=reason)
            return LocalAnswer(authority=(soa(name, ZONE_TTL),), reason=reason)
        alias = (name, zones.CNAME, ZONE_TTL, name_wire(target))
        follow = b"" if kind in (zones.CNAME, zones.ANY) else name_wire(target)
        return LocalAnswer(records=(alias,), follow=follow, reason=reason)

    def _take_records(self, settings: Resolver) -> None:
        for name, values in settings.records.items():
            owner = name_wire(name)
            packed = [address.packed for value in values if (address := read_address(value)) is not None]
            if not packed:
                self._aliases[owner] = name_wire(values[0])
                continue
            self._addresses[owner] = tuple(packed)
            if not owner.startswith(_STAR):
                for each in packed:
                    self._reverse.setdefault(name_wire(ip_address(each).reverse_pointer), []).append(owner)

    def _entry(self, name: bytes) -> bytes | None:
        """Return the name under which the records speak of a name: itself, or the nearest `*` above it."""
        if name in self._known:
            return name
        for parent in above(name) if self._stars else ():
            star = _STAR + parent[parent[0] + 1 :]
            if star in self._known:
                return star
        return None

    def _recorded(self, name: bytes, kind: int, client: Client) -> LocalAnswer | None:
        reason = "a record of the policy"
        records: list[Record] = []
        seen = {name}
        while (entry := self._entry(name)) in self._aliases:
            assert entry is not None
            target = self._aliases[entry]
            records.append((name, zones.CNAME, RECORD_TTL, target))
            if kind in (zones.CNAME, zones.ANY) or target in seen or len(seen) > MAX_ALIASES:
                return LocalAnswer(records=tuple(records), reason=reason)
            name = target
            seen.add(name)
        if entry is not None:
            found = self._at(entry, name, kind)
            authority = () if found else (soa(name, RECORD_TTL),)
            return LocalAnswer(records=(*records, *found), authority=authority, reason=reason)
        if records:
            end = self._special.answer(name, kind, client) or LocalAnswer(follow=name)
            return LocalAnswer(end.rcode, (*records, *end.records), end.authority, end.follow, reason)
        if name in self._inner and self._special.zone(name) not in (None, name):  # a name below it makes it exist
            return LocalAnswer(authority=(soa(name, RECORD_TTL),), reason=reason)
        return None

    def _at(self, entry: bytes, name: bytes, kind: int) -> list[Record]:
        found: list[Record] = []
        for address in self._addresses.get(entry, ()):
            own = zones.A if len(address) == 4 else zones.AAAA
            if kind in (own, zones.ANY):
                found.append((name, own, RECORD_TTL, address))
        if kind in (zones.PTR, zones.ANY):
            found += [(name, zones.PTR, RECORD_TTL, target) for target in self._reverse.get(entry, ())]
        return found
