"""How long an idle connection stays open, as the option of RFC 7828 says it."""

from __future__ import annotations

import pytest
from dnslib import EDNS0, RR, A, DNSRecord, EDNSOption
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.keepalive import asks_to_stay, with_stay


def query(*options: EDNSOption) -> bytes:
    record = DNSRecord.question("a.example", "A")
    if options:
        record.add_ar(EDNS0(opts=list(options), udp_len=1232))
    return bytes(record.pack())


ASKS = query(EDNSOption(10, b"\1" * 8), EDNSOption(11, b""))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(ASKS, True, id="asks, behind a cookie"),
        pytest.param(query(), False, id="no OPT"),
        pytest.param(query(EDNSOption(10, b"\0\x0b" * 4)), False, id="the code inside another option"),
        pytest.param(query(EDNSOption(12, b"\0" * 4)), False, id="another option"),
        pytest.param(ASKS[:-2], False, id="cut short"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_asks(message: bytes, expected: bool) -> None:
    assert asks_to_stay(message) is expected


def test_the_reply_says_how_long() -> None:
    reply = DNSRecord.parse(ASKS).reply()
    reply.add_answer(RR("a.example", rdata=A("192.0.2.1")))
    reply.add_ar(EDNS0(opts=[EDNSOption(15, b"\0\x12why")], udp_len=1232))
    told = DNSRecord.parse(with_stay(reply.pack(), 30.0))
    assert [(option.code, option.data) for option in told.ar[0].rdata] == [(15, b"\0\x12why"), (11, b"\x01\x2c")]
    assert str(told.a.rdata) == "192.0.2.1"


def test_a_reply_without_opt_stays_as_it_is() -> None:
    reply = DNSRecord.parse(query()).reply().pack()
    assert with_stay(reply, 30.0) == reply


@given(st.one_of(st.binary(max_size=120), st.binary(max_size=60).map(lambda tail: ASKS[:-4] + tail)))
def test_any_bytes(message: bytes) -> None:
    asks_to_stay(message)
    told = with_stay(message, 10.0)
    assert told == message or len(told) == len(message) + 6
