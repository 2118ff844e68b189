"""The resolver: a query and a clock reading in, a reply or a question for upstreams out.

What comes first decides: faults of the message; `why` questions; records of the policy and special names; the rules;
safe search; the cache; upstreams. The cache holds what upstreams said, unfiltered; the rules judge where an answer
leads when it is given, so that a change of the policy needs no flushing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from blockctl.dns import explain, reasons
from blockctl.dns.answers import Entry, read_spoken
from blockctl.dns.cache import Cache
from blockctl.dns.compose import NOTHING, Options, malformed, write_sections
from blockctl.dns.exchange import ALLOWED, UNASKED, Client, Forward, Outcome, Reason, Reply
from blockctl.dns.groups import Groups
from blockctl.dns.inspect import CNAME_LINK, USER_ALLOWS, Judge, led_astray, weight_of_allow, weight_of_block
from blockctl.dns.known import RETRY, Known, seconds_of_absence
from blockctl.dns.local import Local, LocalAnswer
from blockctl.dns.pending import Pending, aged, in_records, plain_reply, told_upstream
from blockctl.dns.questions import answer_to_any, fault_of
from blockctl.dns.rewritten import rewritten
from blockctl.dns.wire import (
    AAAA,
    ANY,
    BADVERS,
    HTTPS,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    SERVFAIL,
    A,
    MalformedMessage,
    Question,
    Record,
    name_text,
    read_query,
)
from blockctl.dns.zones import RESOLVER
from blockctl.model.addresses import is_this_machine
from blockctl.model.policy import Resolver as Settings

STALE_AFTER = 1.8  # seconds a client waits for upstreams before it is given what is past its time (RFC 8767, section 5)
STALE_TTL = 30
STALE_KEEP = 1.0  # seconds: a stale answer is repeated no longer, for upstreams may be back
BLOCKED_KEEP = 300.0  # seconds: a change of the policy empties what is kept


class GroupRules(Judge, Protocol):
    """What holds for a client's group: `dns.rules.Rules`."""

    @property
    def by_client(self) -> bool:
        """Whether clients of one group may get different answers."""


class Resolver:
    """Answers under one policy; another policy takes another resolver over the same cache."""

    def __init__(
        self,
        settings: Settings,
        rules_for: Callable[[Client], GroupRules],
        cache: Cache,
        local: Local,
        groups: Groups,
    ) -> None:
        self._settings = settings
        self._rules_for = rules_for
        self._known = Known(settings, cache)
        self._local = local
        self._groups = groups

    def answer(self, wire: bytes, client: Client, now: float) -> Reply | Forward | None:
        """Return the answer to a query, or what has to be asked first; None: such a message gets no answer."""
        try:
            query = read_query(wire)
        except MalformedMessage as fault:
            return Reply(malformed(wire), Outcome.MALFORMED) if fault.owed else None
        if query.question is None or query.opcode:
            return plain_reply(query, client, NOTIMP, Outcome.REFUSED)
        if query.edns is not None and query.edns.version:
            return plain_reply(query, client, BADVERS, Outcome.REFUSED)
        if (rcode := fault_of(query.question)) is not None:
            options = reasons.explained(reasons.NOT_SUPPORTED, "only class IN, no transfers")
            return plain_reply(query, client, rcode, Outcome.REFUSED, options)
        pending = Pending(query, client, query.question, asker=self)
        if explain.is_ours(query.question):
            return self._why(pending, now)
        return self._guarded(pending, self._resolve, now)

    def finish(self, forward: Forward, wire: bytes | None, now: float) -> Reply | Forward:
        """Return the answer when upstreams have spoken (`wire`) or not (None, UNASKED); or what has to be asked."""
        pending: Pending = forward.state
        if wire == UNASKED:  # which says nothing of them: nothing is remembered
            if known := self._known.answer(pending, now):
                return self._guarded(pending, self._judged, known, now, Outcome.STALE)
            return pending.finish(SERVFAIL, NOTHING, Outcome.FAILED, options=reasons.CROWDED)
        said, dnssec = self._settings, pending.query.dnssec
        spoken = read_spoken(pending.question, wire, now, dnssec=dnssec, least=said.min_ttl, most=said.max_ttl)
        entry = spoken.entry
        if not entry.failed:
            self._known.keep(pending, entry)
            return self._guarded(pending, self._judged, entry, now, Outcome.FORWARDED, spoken.answer)
        found = self._known.failed(pending, now, entry, silent=wire is None)
        if not found.failed:
            outcome = Outcome.CACHED if now < found.expires else Outcome.STALE
            return self._guarded(pending, self._judged, found, now, outcome)
        return pending.finish(SERVFAIL, NOTHING, Outcome.FAILED, options=spoken.told or told_upstream(entry))

    def stale(self, forward: Forward, now: float) -> Reply | None:
        """Return what to answer when upstreams take longer than `STALE_AFTER`; None: wait on.

        Their answer is given to `finish` all the same when it comes; what that returns then is for nobody.
        """
        waiting: Pending = forward.state
        pending = waiting.copy()
        entry = self._known.answer(pending, now)
        if entry is None:
            return None
        entry.failing_until = now + RETRY
        found = self._guarded(pending, self._judged, entry, now, Outcome.STALE)
        return found if isinstance(found, Reply) else None

    def due(self, now: float) -> list[Forward]:
        """Return what should be asked now for the cache's sake; what `finish` returns for it is for nobody."""
        return self._known.due(now)

    def _guarded(self, pending: Pending, step: Callable[..., Reply | Forward], *said: object) -> Reply | Forward:
        """Take a step; what is for one client is kept from others, and what no message holds is a failure."""
        try:
            found = step(pending, *said)
        except MalformedMessage as fault:
            options = reasons.explained(reasons.NETWORK, str(fault))
            return plain_reply(pending.query, pending.client, SERVFAIL, Outcome.FAILED, options)
        if isinstance(found, Reply) and found.keep and self._rules_for(pending.client).by_client:
            return found._replace(keep=0.0)
        return found

    def _resolve(self, pending: Pending, now: float) -> Reply | Forward:
        """Answer what is pending now: its name may be one that another led to."""
        question = pending.question
        if (own := self._local.answer(question, pending.client)) is not None:
            return self._locally(pending, own, now)
        verdict = self._rules_for(pending.client).verdict(question.name, question.kind, pending.client)
        if weight_of_block(verdict) > pending.allowed and verdict.reason:
            return self._blocked(pending, verdict.reason, BLOCKED_KEEP)
        pending.allowed = max(pending.allowed, weight_of_allow(verdict))
        if verdict.rewrite is not None and verdict.reason:
            pending.reason = verdict.reason
            pending.told = reasons.explained(reasons.FORGED, reasons.source(verdict.reason))
            return self._locally(pending, rewritten(question, verdict.rewrite), now)
        if (own := self._local.safer(question)) is not None and self._safe_search(pending.client):
            return self._locally(pending, own, now)
        if question.kind == ANY:
            sections = answer_to_any(question)
            return pending.finish(NOERROR, sections, Outcome.LOCAL, keep=BLOCKED_KEEP, ageing=False)
        return self._look_up(pending, now)

    def _look_up(self, pending: Pending, now: float) -> Reply | Forward:
        """Answer from what is known, or ask."""
        entry = self._known.find(pending, now)
        if entry is not None and now < entry.expires:
            if self._known.soon_over(entry, now):
                self._known.renew(pending, entry, now)
            return self._deliver(pending, entry, now, Outcome.CACHED)
        if entry is not None and entry.failing_until:
            self._known.renew(pending, entry, now)
            return self._deliver(pending, entry, now, Outcome.STALE)
        forward = self._known.ask(pending)
        if not forward.upstreams:
            options = reasons.explained(reasons.UNREACHABLE, "the policy names no upstreams")
            return pending.finish(SERVFAIL, NOTHING, Outcome.FAILED, options=options)
        return forward

    def _judged(
        self, pending: Pending, entry: Entry, now: float, outcome: Outcome, answer: Sequence[Record] | None = None
    ) -> Reply | Forward:
        """Answer with what upstreams said; where another policy holds since they were asked, from the start by that."""
        if pending.asker is self or pending.asker is None:
            return self._deliver(pending, entry, now, outcome, answer)
        return self._resolve(Pending(pending.query, pending.client, pending.asked, asker=self), now)

    def _deliver(
        self, pending: Pending, entry: Entry, now: float, outcome: Outcome, answer: Sequence[Record] | None = None
    ) -> Reply | Forward:
        """Answer with what upstreams said, if the rules let it. `answer`: the records of the entry, where at hand."""
        if entry.failed:
            options = (*reasons.explained(reasons.CACHED_ERROR), *told_upstream(entry))
            return pending.finish(SERVFAIL, NOTHING, Outcome.FAILED, options=options)
        stale = outcome is Outcome.STALE
        keep = STALE_KEEP if stale else self._known.may_be_kept(entry, now)
        question = pending.question
        answer = entry.sections.answered(question) if answer is None else answer
        if reason := self._astray(pending, answer):
            return self._blocked(pending, reason, keep)
        if entry.target:
            return self._follow(pending, entry.target, aged(answer, int(now - entry.stored)), now)
        translation = self._local.translation
        if translation is not None and entry.rcode == NOERROR and translation.is_due(pending.query, question, answer):
            pending.absent = seconds_of_absence(question, entry)
            pending.question = question._replace(kind=A)
            return self._look_up(pending, now)
        sections = entry.sections
        if pending.absent >= 0 and translation is not None:
            found = translation.records([(o, k, t, d) for o, k, _, t, d in answer], pending.absent)
            sections = write_sections(question, in_records(list(found)))
        options = told_upstream(entry)
        if stale:
            code = reasons.STALE_NXDOMAIN if entry.rcode == NXDOMAIN else reasons.STALE
            options = (*reasons.explained(code, "no upstream answered"), *options)
        sections = sections.lasting(STALE_TTL) if stale else sections.aged(int(now - entry.stored))
        return pending.finish(
            entry.rcode,
            sections,
            Outcome.LOCAL if pending.local else outcome,
            options=options,
            keep=keep,
            authentic=entry.authentic and pending.absent < 0,
        )

    def _astray(self, pending: Pending, answer: Sequence[Record]) -> Reason | None:
        rules = self._rules_for(pending.client)
        name = pending.asked.name if pending.links else pending.question.name  # whose page a browser takes it for
        is_rebound = (lambda _: False) if pending.local else partial(self._local.is_rebound, name)  # the policy may
        return led_astray(pending.question, answer, rules, pending.client, pending.allowed, is_rebound)

    def _safe_search(self, client: Client) -> bool:
        group = self._groups.of(client)
        said = group.safe_search if group is not None else None
        return self._settings.safe_search if said is None else said

    def _locally(self, pending: Pending, own: LocalAnswer, now: float) -> Reply | Forward:
        """Give an answer of our own, or go on with the name it leads to."""
        records = in_records(own.records)
        led = [] if pending.local or not pending.links else [each for each in records if each.kind in (A, AAAA)]
        if reason := self._astray(pending, led):  # a stranger's alias leads to what is ours
            return self._blocked(pending, reason, BLOCKED_KEEP)
        pending.local = True
        if own.follow:
            # What the policy leads to is let through like what it allows.
            pending.allowed = max(pending.allowed, USER_ALLOWS)
            return self._follow(pending, own.follow, records, now)
        sections = write_sections(pending.question, records, in_records(own.authority))
        ttls = [record.ttl for record in records] or [ttl for _, _, ttl, _ in own.authority]
        keep = 0.0 if pending.question.name.endswith(RESOLVER) else float(min(ttls, default=0))
        return pending.finish(own.rcode, sections, Outcome.LOCAL, keep=keep, ageing=False)

    def _follow(self, pending: Pending, name: bytes, aliases: list[Record], now: float) -> Reply | Forward:
        """Go on with the name that aliases lead to, unless there were too many."""
        if pending.follow(name, aliases):
            return self._resolve(pending, now)
        pending.prefix.clear()
        options = reasons.explained(reasons.NETWORK, "aliases that lead round")
        return pending.finish(SERVFAIL, NOTHING, Outcome.FAILED, options=options)

    def _blocked(self, pending: Pending, reason: Reason, keep: float) -> Reply:
        """Give the answer for a blocked name: nothing of what leads there is told."""
        asked = pending.asked
        if not reason.via and pending.question.name != asked.name:
            reason = Reason(reason.step, reason.rule, reason.name, CNAME_LINK)
        pending.prefix, pending.question, pending.told = [], asked, ()
        rcode, sections = reasons.blocked(asked, self._settings.answer)
        options: Options = reasons.of_block(reason, name_text(asked.name))
        kept = min(keep, BLOCKED_KEEP)
        return pending.finish(rcode, sections, Outcome.BLOCKED, options=options, keep=kept, reason=reason, ageing=False)

    def _why(self, pending: Pending, now: float) -> Reply:
        """Tell in text what is answered for a name."""
        about = explain.name_in(pending.question)
        lines: list[str] | None = None
        if about is not None:
            lines = self._lines(pending, about, now) if about else [explain.USAGE]
        elif pending.question.name == explain.TEXT_ZONE:
            lines = [explain.USAGE]
        rcode, sections = explain.answer(pending.question, lines)
        return pending.finish(rcode, sections, Outcome.LOCAL)

    def _lines(self, pending: Pending, name: bytes, now: float) -> list[str]:
        client = pending.client
        question = Question(name, name, A, 1)
        own = self._local.answer(question, client)
        verdict = ALLOWED if own else self._rules_for(client).verdict(name, A, client)
        if own is None and not verdict.blocked and self._safe_search(client):
            own = self._local.safer(question)
        known: list[Record] = []
        led: Reason | None = None
        for kind in (A, AAAA, HTTPS):
            about = Pending(pending.query, client, Question(name, name, kind, 1), allowed=weight_of_allow(verdict))
            entry = self._known.find(about, now)
            if entry is not None and not entry.failed:
                answer = entry.sections.records(about.question)[0]
                known += [record for record in answer if record not in known]
                led = led or self._astray(about, answer)
        here = is_this_machine(client.address)  # others learn neither what was asked nor where our files are
        return explain.lines_about(name, verdict, own.reason if own else "", led, known if here else (), paths=here)
