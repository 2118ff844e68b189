"""What was noted is read afterwards: names as people write them, odd bytes without an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.exchange import Outcome
from blockctl.dns.noted import LONGEST, anonymous, coded, decoded, question, question_type, spelled

HEAD = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def wire(*labels: bytes) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(wire(b"WWW", b"Example", b"COM"), "www.example.com", id="case"),
        pytest.param(wire(), ".", id="root"),
        pytest.param(wire(b"_dns", b"x-1"), "_dns.x-1", id="underscore, hyphen, digit"),
        pytest.param(wire(b"a.b", b"c"), "a\\046b.c", id="dot within a label"),
        pytest.param(wire(b"a\x1b[31m", b"c"), "a\\027\\09131m.c", id="what a terminal would obey"),
        pytest.param(wire(b"\0\xff"), "\\000\\255", id="zero and the highest"),
        pytest.param(wire(b"a\\b"), "a\\092b", id="backslash"),
        pytest.param(wire(*[b"x" * 61] * 4, b"yyyyy"), ".".join(["x" * 61] * 4 + ["yyyyy"]), id="255 octets"),
    ],
)
def test_a_name_is_spelled(name: bytes, text: str) -> None:
    query = HEAD + name + b"\x00\x41\x00\x01"
    assert question(query) == (name.lower(), 65)
    assert question_type(query) == 65
    assert spelled(question(query)[0]) == text


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x03ab", id="label cut off"),
        pytest.param(wire(b"ab") + b"\x00", id="type cut off"),
        pytest.param(b"\xc0\x0c\x00\x01\x00\x01", id="pointer"),
        pytest.param(b"\x40" + b"a" * 64 + b"\0\0\1\0\1", id="label too long"),
        pytest.param(wire(*[b"x" * 61] * 4, b"yyyyyy") + b"\0\1\0\1", id="256 octets"),
    ],
)
def test_what_is_no_question_has_no_name(rest: bytes) -> None:
    assert question(HEAD + rest) == (b"", 0)
    assert question_type(HEAD + rest) == 0
    assert spelled(b"") == ""


@given(st.binary(max_size=600))
def test_any_bytes_can_be_read(query: bytes) -> None:
    name, kind = question(query)
    assert question_type(query) == kind
    assert len(name) <= LONGEST
    text = spelled(name)
    assert text.isascii()
    assert text.isprintable()


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.lists(st.binary(min_size=1, max_size=20), max_size=6)
)
def test_different_names_are_spelled_differently(one: list[bytes], other: list[bytes]) -> None:
    names = [wire(*each).lower() for each in (one, other)]
    assert (spelled(names[0]) == spelled(names[1])) == (names[0] == names[1])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.168.7.23", "192.168.7.0"),
        ("127.0.0.1", "127.0.0.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("not an address", ""),
    ],
)
def test_an_address_is_made_anonymous(address: str, network: str) -> None:
    assert anonymous(address) == network


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("rcode", [0, 3, 16, 23])
def test_a_code_travels_with_the_outcome(outcome: Outcome, rcode: int) -> None:
    assert decoded(coded(outcome, rcode)) == (outcome, rcode)
    assert decoded(int(outcome)) == (outcome, None)
