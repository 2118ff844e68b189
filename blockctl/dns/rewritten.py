"""What a rule answers in the place of the truth (`$dnsrewrite`), as an answer of our own."""

from __future__ import annotations

from blockctl.dns.exchange import Rewrite
from blockctl.dns.reasons import SOA_DATA
from blockctl.dns.wire import AAAA, ANY, CNAME, NOERROR, SOA, A, Question, name_wire
from blockctl.dns.zones import LocalAnswer
from blockctl.model.addresses import read_address

REWRITE_TTL = 10  # seconds


def rewritten(question: Question, rewrite: Rewrite) -> LocalAnswer:
    """Return what a rule dictates: another name for any type; else the records of the type asked for, or none."""
    name, kind = question.name, question.kind
    if rewrite.name:
        target = name_wire(rewrite.name)
        alias = (name, CNAME, REWRITE_TTL, target)
        return LocalAnswer(records=(alias,), follow=b"" if kind in (CNAME, ANY) else target)
    found = list(rewrite.records)
    for text in rewrite.addresses:
        if (address := read_address(text)) is not None:
            found.append((A if address.version == 4 else AAAA, address.packed))
    if rewrite.rcode != NOERROR:
        found = []
    records = tuple((name, each, REWRITE_TTL, rdata) for each, rdata in found if kind in (each, ANY))
    return LocalAnswer(rewrite.rcode, records, () if records else ((name, SOA, REWRITE_TTL, SOA_DATA),))
