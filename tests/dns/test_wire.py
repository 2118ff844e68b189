"""Messages read and written: names as text, records with names written out, sections that say the same again."""

from __future__ import annotations

import dnslib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns.compose import NOTHING, Sections, reply, write_sections
from blockctl.dns.wire import (
    MalformedMessage,
    Message,
    Query,
    Question,
    Record,
    name_text,
    name_wire,
    rdata_text,
    read_message,
    read_name,
    read_query,
)
from tests.dns.messages import query, rdata

labels = st.binary(min_size=1, max_size=12)
names = st.lists(labels, max_size=6).map(lambda each: b"".join(bytes((len(one),)) + one for one in each) + b"\0")


@settings(deadline=None)
@given(names)
def test_names_as_text_and_back(name: bytes) -> None:
    assert name_wire(name_text(name)) == name


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        pytest.param("", b"\0", id="root"),
        pytest.param(".", b"\0", id="the root as a dot"),
        pytest.param("a.example", b"\1a\7example\0", id="plain"),
        pytest.param("a.example.", b"\1a\7example\0", id="closing dot"),
        pytest.param(r"a\.b.c", b"\3a.b\1c\0", id="a dot in a label"),
        pytest.param(r"\000\032.c", b"\2\0 \1c\0", id="octets by number"),
        pytest.param("a..b", None, id="empty label"),
        pytest.param("a\\", None, id="a backslash with nothing behind it"),
        pytest.param("x" * 63, b"\x3f" + b"x" * 63 + b"\0", id="63 octets"),
        pytest.param("x" * 64, None, id="64 octets"),
        pytest.param(".".join(["x" * 63] * 4), None, id="256 octets"),
        pytest.param("b\u00fccher", None, id="not an octet each"),
    ],
)
def test_name_wire(text: str, wire: bytes | None) -> None:
    if wire is None and not text.startswith("b\u00fc"):
        with pytest.raises(ValueError, match="not a name"):
            name_wire(text)
    elif wire is not None:
        assert name_wire(text) == wire
    else:
        assert name_text(name_wire(text)) == "b\\252cher"


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        pytest.param("A", "192.0.2.1", "192.0.2.1", id="A"),
        pytest.param("AAAA", "2001:db8::1", "2001:db8::1", id="AAAA"),
        pytest.param("CNAME", "a.example", "a.example.", id="CNAME"),
        pytest.param("TXT", '"hello"', '"hello"', id="TXT"),
        pytest.param("MX", "10 a.example.", "10 a.example.", id="MX"),
        pytest.param("TYPE65280", "0123ff", r"\# 3 0123FF", id="a type nobody knows"),
    ],
)
def test_rdata_text(kind: str, data: str, text: str) -> None:
    number = 65280 if kind == "TYPE65280" else dnslib.QTYPE.reverse[kind]
    assert rdata_text(number, rdata(kind, data)) == text


def test_rdata_text_of_what_dnslib_cannot_read() -> None:
    assert rdata_text(15, b"\0") == r"\# 1 00"
    assert rdata_text(16, b"\xff\xff") == r"\# 2 ffff"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_read_or_malformed(wire: bytes) -> None:
    for read in (read_query, read_message):
        try:
            assert isinstance(read(wire), Query | Message)
        except MalformedMessage as fault:
            assert str(fault)
    try:
        name, end = read_name(wire, 12)
        assert len(name) <= 255
        assert end <= len(wire)
    except MalformedMessage:
        pass


def chained(pointers: int) -> tuple[bytes, int]:
    """Return octets with that many pointers in a row, each to the one before, and where the last one stands."""
    wire = bytes(13)
    for _ in range(pointers):
        place = 12 if len(wire) == 13 else len(wire) - 2
        wire += (0xC000 | place).to_bytes(2, "big")
    return wire, len(wire) - 2


def test_a_name_of_as_many_pointers_as_labels_is_read() -> None:
    """The most that a name can need: each of its labels stands elsewhere."""
    wire, places = bytes(13), [12]
    for _ in range(127):
        places.append(len(wire))
        wire += b"\1a" + (0xC000 | places[-2]).to_bytes(2, "big")
    wire += (0xC000 | places[-1]).to_bytes(2, "big")
    assert read_name(wire, len(wire) - 2) == (b"\1a" * 127 + b"\0", len(wire))


def test_a_chain_of_pointers_ends() -> None:
    """Else a message of 64 KB with a long one, and thousands of names at its end, takes ten seconds to be read."""
    wire, at = chained(128)
    assert read_name(wire, at) == (b"\0", len(wire))
    wire, at = chained(129)
    with pytest.raises(MalformedMessage, match="too many pointers"):
        read_name(wire, at)


def test_compressed_names_are_written_out() -> None:
    """dnslib writes, with pointers in owners and data; all is found again without them."""
    made = dnslib.DNSRecord.parse(query("www.Test.example", "MX"))
    made.header.qr = 1
    made.add_answer(*dnslib.RR.fromZone("www.test.example. 60 MX 10 mail.test.example."))
    made.add_auth(*dnslib.RR.fromZone("test.example. 60 SOA ns.test.example. root.test.example. 1 2 3 4 5"))
    message = read_message(made.pack())
    assert len(made.pack()) < 130
    assert message.answer[0][:4] == (b"\3www\4test\7example\0", 15, 1, 60)
    assert message.answer[0].rdata == b"\0\x0a\4mail\4test\7example\0"
    assert message.authority[0].rdata[:-20] == b"\2ns\4test\7example\0\4root\4test\7example\0"


records = st.builds(
    Record,
    owner=st.sampled_from([b"\3www\4test\7example\0", b"\4test\7example\0", b"\0", b"\1x\3www\4test\7example\0"]),
    kind=st.sampled_from([1, 2, 5, 6, 15, 16, 33, 65280]),
    klass=st.just(1),
    ttl=st.integers(0, 2**31 - 1),
    rdata=st.just(b""),
)
DATA = {
    1: b"\1\2\3\4",
    2: b"\2ns\4test\7example\0",
    5: b"\3cdn\4test\7example\0",
    6: b"\2ns\4test\7example\0\0" + bytes(20),
    15: b"\0\1\4mail\3www\4test\7example\0",
    16: b"\3abc",
    33: bytes(6) + b"\4test\7example\0",
    65280: b"\xc0\x0c\xff",
}
some_records = st.lists(records, max_size=8).map(lambda each: [one._replace(rdata=DATA[one.kind]) for one in each])
ASKED = Question(b"\3wWw\4test\7EXAMPLE\0", b"\3www\4test\7example\0", 1, 1)


@settings(deadline=None)
@given(some_records, some_records)
def test_sections_say_what_was_written(answer: list[Record], authority: list[Record]) -> None:
    made = write_sections(ASKED, answer, authority)
    assert made.records(ASKED) == (answer, authority)
    assert Sections.read(made.body, made.end, made.answers, made.authorities) == made
    wire = b"".join(
        (bytes(2), b"\x81\x80\0\1", *(len(each).to_bytes(2, "big") for each in (answer, authority)), bytes(2))
    )
    wire += ASKED.name + ASKED.wire[-4:] + made.body
    assert [(str(each.rname).lower(), each.rtype, each.ttl) for each in dnslib.DNSRecord.parse(wire).rr] == [
        (name_text(each.owner) + ".", each.kind, each.ttl) for each in answer
    ]
    assert read_message(wire).answer == tuple(answer)


@settings(deadline=None)
@given(some_records, st.integers(0, 2**31))
def test_sections_age(answer: list[Record], seconds: int) -> None:
    made = write_sections(ASKED, answer)
    aged = made.aged(seconds).records(ASKED)[0]
    assert [record.ttl for record in aged] == [max(0, record.ttl - seconds) for record in answer]
    assert {record.ttl for record in made.lasting(30).records(ASKED)[0]} <= {30}


@settings(deadline=None)
@given(some_records, some_records, st.integers(0, 4096), st.booleans(), st.text(max_size=300))
def test_replies_fit(answer: list[Record], authority: list[Record], size: int, dnssec: bool, text: str) -> None:
    """A reply keeps within what was asked, holds all records or none, and its TTLs are where it says."""
    asked = read_query(query("www.test.example", "A", size=size, do=int(dnssec)))
    wire, ttls = reply(asked, 0, write_sections(ASKED, answer, authority), ((15, b"\0\x0f" + text.encode()),))
    assert len(wire) <= max(512, min(size, 1232))
    message = read_message(wire)
    assert message.edns is not None
    assert message.edns.dnssec == dnssec
    assert message.answer in (tuple(answer), ())
    assert (message.flags & 0x0200 != 0) == (bool(answer) and not message.answer) or not answer
    told = [int.from_bytes(wire[at : at + 4], "big") for at in ttls]
    assert told == [record.ttl for record in (*message.answer, *message.authority)]


def test_padding_is_to_blocks() -> None:
    asked = read_query(query("www.test.example", "A", size=1232, pad=1))
    for answers in range(0, 60, 7):
        sections = write_sections(ASKED, [Record(ASKED.name, 1, 1, 60, b"\1\2\3\4")] * answers) if answers else NOTHING
        wire, _ = reply(asked, 0, sections, datagram=False, padded=True)
        assert len(wire) % 468 == 0
        message = read_message(wire)
        assert message.edns is not None
        assert [code for code, _ in message.edns.options] == [12]
        assert len(message.answer) == answers
