"""Questions that no forwarder answers: transfers, types that are no types, other classes than IN."""

from __future__ import annotations

from blockctl.dns.compose import Sections, write_sections
from blockctl.dns.wire import FORMERR, IN, NOTIMP, OPT, REFUSED, Question, Record

HINFO = 13
_TSIG, _IXFR, _AXFR = 250, 251, 252
_META = range(128, 255)  # types for questions only (RFC 6895, section 3.1)
_APART = frozenset((0, OPT, _TSIG, _IXFR, _AXFR, *_META))
_ANY_TTL = 3600
_ANY_DATA = b"\x07RFC8482\x00"


def fault_of(question: Question) -> int | None:
    """Return the code by which a question is turned away, None for one that can be answered."""
    if question.klass == IN and question.kind not in _APART:
        return None
    if question.kind in (0, OPT, _TSIG):
        return FORMERR
    if question.klass != IN or question.kind in (_IXFR, _AXFR):
        return REFUSED
    return NOTIMP if question.kind in _META else None


def answer_to_any(question: Question) -> Sections:
    """Return the short answer to a question for everything (RFC 8482, section 4.2)."""
    return write_sections(question, [Record(question.name, HINFO, IN, _ANY_TTL, _ANY_DATA)])
