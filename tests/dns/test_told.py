"""What a resolver says, read from the bytes of its answer."""

from __future__ import annotations

import dnslib
import pytest

from blockctl.dns.told import Told, query, read


def test_the_query_is_one_that_asks_for_explanations() -> None:
    parsed = dnslib.DNSRecord.parse(query("Shop.example"))
    assert str(parsed.q.qname) == "Shop.example."
    assert (parsed.q.qtype, parsed.header.rd, parsed.ar[0].rtype) == (1, 1, dnslib.QTYPE.OPT)


def test_addresses_codes_and_explanations_are_read() -> None:
    reply = dnslib.DNSRecord(dnslib.DNSHeader(qr=1, rcode=3), q=dnslib.DNSQuestion("a.example"))
    reply.add_answer(*dnslib.RR.fromZone("a.example 60 A 192.0.2.1\na.example 60 AAAA 2001:db8::1"))
    reply.add_answer(*dnslib.RR.fromZone('a.example 60 TXT "one " "text"'))
    reply.add_ar(dnslib.EDNS0(opts=[dnslib.EDNSOption(15, b"\0\x0fblocked here")]))
    told = read("9.9.9.9", reply.pack(), 0.25)
    assert told == Told("9.9.9.9", True, 3, ("192.0.2.1", "2001:db8::1"), ((15, "blocked here"),), ("one text",), 0.25)
    assert told.withholds == "blocked here"


@pytest.mark.parametrize(
    ("told", "withholds", "verdict"),
    [
        pytest.param(Told("x", True, 0, ("0.0.0.0",)), "0.0.0.0 in place of an address", "0.0.0.0", id="null"),
        pytest.param(Told("x", True, 0, ("0.0.0.0", "192.0.2.1")), "", "0.0.0.0, 192.0.2.1", id="one leads somewhere"),
        pytest.param(Told("x", True, 3), "", "no such name", id="nxdomain"),
        pytest.param(Told("x", True, 0), "", "no address", id="nodata"),
        pytest.param(Told("x", True, 9), "", "response code 9", id="another code"),
        pytest.param(Told("x", error="refused"), "", "refused", id="no answer"),
        pytest.param(Told("x", True, 0, ("1.1.1.1",) * 4), "", "1.1.1.1, 1.1.1.1 and 2 more", id="many addresses"),
        pytest.param(
            Told("x", True, 3, explained=((16, ""),)), "code 16", "no such name", id="censored, without words"
        ),
        pytest.param(Told("x", True, 2, explained=((7, "expired"),)), "", "it failed (SERVFAIL)", id="DNSSEC"),
    ],
)
def test_what_it_means(told: Told, withholds: str, verdict: str) -> None:
    assert (told.withholds, told.verdict) == (withholds, verdict)


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, b"\0" * 5 + b"\1" + b"\0" * 6, b"\xff" * 40])
def test_what_cannot_be_read_is_an_error_and_no_exception(wire: bytes) -> None:
    told = read("x", wire, 0.1)
    assert not told.answered
    assert "cannot be read" in told.error
