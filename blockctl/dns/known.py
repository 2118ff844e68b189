"""What is known of the world's names, and what has to be asked: the cache with the resolver's manners.

An answer past its time is given for a while where upstreams fail (RFC 8767), and then asked for only now and then.
Failures are remembered too, longer each time (RFC 9520). What is asked for near the end of its time is renewed.
"""

from __future__ import annotations

from zlib import crc32

from blockctl.dns.answers import Entry, parents
from blockctl.dns.cache import Cache, key_of, key_of_name
from blockctl.dns.compose import question_of, write_sections
from blockctl.dns.exchange import Forward
from blockctl.dns.pending import Pending
from blockctl.dns.wire import CD, NXDOMAIN, SOA, Question, name_wire
from blockctl.model.policy import Resolver as Settings

RETRY = 30.0  # seconds for which nobody is asked again what upstreams failed to renew (RFC 8767, section 5)
FAILURE, MAX_FAILURE = 5.0, 300.0  # seconds for which a SERVFAIL is remembered, at first and at most
SILENCE, MAX_SILENCE = 1.0, 5.0  # the same where no upstream answered: the network may be back at any moment
UNKNOWN_ABSENCE = 600  # seconds: RFC 6147, section 5.1.7, where no SOA says how long AAAA are absent
LAST_PART = 0.1  # of its time, in which an answer that is asked for is renewed
MAX_DUE = 1000


class Known:
    """The cache of one resolver and the questions that it should ask of itself."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache
        self._forward = {name_wire(name): upstreams for name, upstreams in settings.forward.items()}
        self._marks: dict[tuple[str, ...], int] = {}
        self._due: dict[bytes, tuple[float, Forward]] = {}

    def find(self, pending: Pending, now: float) -> Entry | None:
        """Return what is known of a question, perhaps past its time; never a failure past its time."""
        _, key, absence = self._keys(pending)
        best, other = self._cache.get(key, now), self._cache.get(absence, now)
        if best is None or (other is not None and other.expires > best.expires):
            best, other = other, best
        if best is not None and best.failed and best.expires <= now:
            best = other
        return best if best is not None else self._absent_above(pending, absence, now)

    def answer(self, pending: Pending, now: float) -> Entry | None:
        """Return what `find` does, unless it is a failure."""
        entry = self.find(pending, now)
        return None if entry is None or entry.failed else entry

    def _absent_above(self, pending: Pending, key: bytes, now: float) -> Entry | None:
        """Return the proven absence of a name above (RFC 8020): only proven, for some servers lie about such names."""
        get, name = self._cache.get, pending.question.name
        at = name[0] and 1 + name[0]
        while name[at]:
            entry = get(key[at:], now)
            if entry is not None and entry.authentic and entry.rcode == NXDOMAIN and entry.expires > now:
                question = pending.question.of(name[at:])
                sections = write_sections(pending.question, *entry.sections.records(question))
                return Entry(NXDOMAIN, entry.stored, entry.expires, sections, authentic=True)
            at += 1 + name[at]
        return None

    def keep(self, pending: Pending, entry: Entry) -> None:
        """Keep what an upstream answered."""
        _, key, absence = self._keys(pending)
        if entry.expires <= entry.stored:  # and what was known before is not true any more
            self._cache.drop(key)
            self._cache.drop(absence)
        elif entry.rcode == NXDOMAIN and not entry.sections.answers:
            self._cache.drop(key)
            self._cache.put(absence, entry)
        else:
            self._cache.drop(absence)
            self._cache.put(key, entry)

    def failed(self, pending: Pending, now: float, failure: Entry, *, silent: bool) -> Entry:
        """Return what to answer when upstreams failed: what was known before, else the failure, which is kept."""
        _, key, absence = self._keys(pending)
        for each in (key, absence):
            entry = self._cache.get(each, now)
            if entry is not None and not entry.failed:
                entry.failing_until = now + RETRY
                return entry
        before = self._cache.get(key, now)
        first, most = (SILENCE, MAX_SILENCE) if silent else (FAILURE, MAX_FAILURE)
        if before is not None and now < before.expires + 2 * most:
            failure.strikes = before.strikes + 1
        failure.expires = now + min(most, first * 2.0 ** min(failure.strikes, 16))
        self._cache.put(key, failure)
        return failure

    def renew(self, pending: Pending, entry: Entry, now: float) -> None:
        """Have an answer asked for again without anybody waiting, at most now and then."""
        if now < entry.failing_until or len(self._due) >= MAX_DUE:
            return
        entry.failing_until = now + RETRY
        again = Pending(pending.query, pending.client, pending.question)
        self._due[self._keys(pending)[1]] = now, self.ask(again)

    def due(self, now: float) -> list[Forward]:
        """Return what should be asked now, each once; what was wanted before this machine slept is not."""
        asked = [forward for since, forward in self._due.values() if now - since < RETRY]
        self._due.clear()
        return asked

    def soon_over(self, entry: Entry, now: float) -> bool:
        """Whether an answer is in the last part of its time."""
        lasts = entry.expires - entry.stored
        return self._settings.prefetch and not entry.failed and entry.expires - now < LAST_PART * lasts

    def may_be_kept(self, entry: Entry, now: float) -> float:
        """Return for how long others may repeat an answer without asking here: so that it can be renewed in time."""
        left = entry.expires - now
        if not self._settings.prefetch or entry.failed:
            return left
        before = left - LAST_PART * (entry.expires - entry.stored)
        return before if before > 0 else min(left, 1.0)

    def ask(self, pending: Pending) -> Forward:
        """Return the question for upstreams."""
        question, query = pending.question, pending.query
        upstreams = self.upstreams(question.name)
        unchecked = bool(query.flags & CD)
        wire = question_of(question.name, question.kind, dnssec=query.dnssec, unchecked=unchecked)
        key = (question.name, question.kind, query.dnssec, unchecked, upstreams)
        return Forward(key, wire, upstreams, pending.client, pending)

    def upstreams(self, name: bytes) -> tuple[str, ...]:
        """Return who is asked about a name: those of the nearest name that the policy forwards."""
        if self._forward:
            for above in parents(name):
                if (found := self._forward.get(above)) is not None:
                    return found
        return self._settings.upstreams

    def _keys(self, pending: Pending) -> tuple[Question, bytes, bytes]:
        keys = pending.keys
        if keys is not None and keys[0] is pending.question:
            return keys
        upstreams = self.upstreams(pending.question.name)
        mark = self._marks.get(upstreams)
        if mark is None:
            mark = self._marks[upstreams] = crc32("\n".join(upstreams).encode())
        query = pending.query
        key = key_of(pending.question, dnssec=query.dnssec, unchecked=bool(query.flags & CD), upstreams=mark)
        keys = pending.keys = pending.question, key, key_of_name(key)
        return keys


def seconds_of_absence(question: Question, entry: Entry) -> int:
    """Return how long an absence may be remembered."""
    authority = entry.sections.records(question)[1]
    return min((record.ttl for record in authority if record.kind == SOA), default=UNKNOWN_ABSENCE)
