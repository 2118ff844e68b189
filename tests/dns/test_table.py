"""The file of names: exact whatever is asked, the nearest entry first, damaged files refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.dns.table import MEANINGS, TAGS, DamagedTable, NamesWriter, Table, build, wire_names
from blockctl.model.rule import Effect, Scope
from tests.dns.ruleworlds import wire

BLOCK, ALLOW = Effect.BLOCK, Effect.ALLOW


def table(*entries: tuple[bytes, int], about: dict[str, object] | None = None) -> Table:
    return Table(file(*entries, about=about))


def file(*entries: tuple[bytes, int], about: dict[str, object] | None = None) -> bytes:
    writer = NamesWriter(len(entries))
    for at, (name, tag) in enumerate(entries):
        writer.add([name], [tag], at % 3, [at + 1])
    return b"".join(build(about or {"lists": [["l", f"{at}.txt"] for at in range(3)]}, {"blocks": writer}, {}))


def entry(name: str, effect: Effect = BLOCK, scope: Scope = Scope.SUBTREE) -> tuple[bytes, int]:
    return wire(name), TAGS[effect, scope]


@pytest.mark.parametrize(
    ("entries", "name", "found"),
    [
        pytest.param([entry("a.com")], "a.com", "a.com", id="itself"),
        pytest.param([entry("a.com")], "x.y.a.com", "a.com", id="below"),
        pytest.param([entry("a.com")], "com", None, id="above"),
        pytest.param([entry("a.com")], "ba.com", None, id="an end that is no label"),
        pytest.param([entry("a.com")], "", None, id="the root"),
        pytest.param([entry("a.com", scope=Scope.EXACT)], "a.com", "a.com", id="exact"),
        pytest.param([entry("a.com", scope=Scope.EXACT)], "b.a.com", None, id="below an exact one"),
        pytest.param([entry("a.com", scope=Scope.BELOW)], "a.com", None, id="all below, itself"),
        pytest.param([entry("a.com", scope=Scope.BELOW)], "b.a.com", "a.com", id="all below, below"),
        pytest.param([entry("a.com"), entry("b.a.com", ALLOW)], "c.b.a.com", "b.a.com", id="the nearest"),
        pytest.param(
            [entry("a.com"), entry("b.a.com", ALLOW, Scope.EXACT)], "c.b.a.com", "a.com", id="nearest that speaks"
        ),
        pytest.param([], "a.com", None, id="empty table"),
    ],
)
def test_find(entries: list[tuple[bytes, int]], name: str, found: str | None) -> None:
    made = table(*entries)
    place = made.find(wire(name))
    assert (made.hot.entry(place)[0] if place >= 0 else None) == (wire(found) if found else None)
    if place >= 0:
        assert made.blocks(place) is (dict(entries)[wire(str(found))] <= 3)


labels = st.binary(min_size=1, max_size=4).filter(lambda label: b"\0" not in label)
names = st.lists(labels, min_size=1, max_size=3).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
)
asked = st.lists(st.binary(min_size=1, max_size=8), min_size=0, max_size=4).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
)


@given(st.dictionaries(names, st.sampled_from(sorted(MEANINGS)), max_size=20), st.lists(asked | names, max_size=20))
def test_it_answers_as_a_dictionary_does(entries: dict[bytes, int], questions: list[bytes]) -> None:
    made = table(*entries.items())
    lines = {name: (f"{at % 3}.txt", at + 1) for at, name in enumerate(entries)}
    for name in [*entries, *questions, *(b"\1x" + name for name in entries)]:
        expected = nearest(entries, name)
        place = made.find(name)
        assert (made.hot.entry(place) if place >= 0 else None) == expected
        if expected:
            assert made.origin(place) == lines[expected[0]]


def nearest(entries: dict[bytes, int], name: bytes) -> tuple[bytes, int] | None:
    at = 0
    while name[at]:
        tag = entries.get(name[at:])
        if tag and MEANINGS[tag][1] is not (Scope.EXACT if at else Scope.BELOW):
            return name[at:], tag
        at += name[at] + 1
    return None


def test_names_that_end_alike_in_one_bucket() -> None:
    """With one bucket for all, a search may hit the end of a longer name first."""
    writer = NamesWriter(0)
    every = ["a.a.com", "b.a.com", "a.com", "aa.com", "com"]
    writer.add([wire(name) for name in every], [TAGS[BLOCK, Scope.EXACT]] * 5, 0, range(1, 6))
    made = Table(b"".join(build({"lists": [["l", "l.txt"]]}, {"blocks": writer}, {})))
    assert made.hot.bits == 0
    for at, name in enumerate(every):
        assert made.origin(made.find(wire(name))) == ("l.txt", at + 1)
    assert made.find(wire("c.a.com")) == -1


def test_many_names_and_their_lines() -> None:
    every = [f"{number:x}.{'sub.' * (number % 3)}example" for number in range(20_000)]
    writer = NamesWriter(len(every))
    writer.add(wire_names("".join(f"{name}\n" for name in every).encode()), [1] * len(every), 0, range(7, 20_007))
    made = Table(b"".join(build({"lists": [["l", "l.txt"]]}, {"blocks": writer}, {})))
    assert [made.origin(made.find(wire(name)))[1] for name in every] == list(range(7, 20_007))
    assert not any(made.find(wire(f"x{name}")) >= 0 for name in every)


def test_the_same_names_in_another_order_give_the_same_names() -> None:
    entries = [entry(name) for name in ("a.com", "b.com", "c.net", "d.c.net")]
    forwards, backwards = table(*entries), table(*reversed(entries))
    ends = forwards._places["blocks.names"], forwards._places["blocks.index"]
    for begin, end in ends:
        assert forwards._buffer[begin:end] == backwards._buffer[begin:end]


@pytest.mark.skipif(sys.byteorder != "little", reason="the file is written as the machine counts")
def test_golden() -> None:
    """The layout is what the page says; a change of it needs another version."""
    made = file(entry("ads.example"), about={"lists": [["l", "l.txt"]]})
    preamble, sections, header = made[:32], made[32:68], made[68:]
    assert preamble == b"blockctl" + bytes.fromhex("01 01 0000 a2000000 4400000000000000 575afa2c 00000000")
    assert sections == b"".join(
        (
            b"\3ads\7example\0\2",  # the name and its tag
            bytes.fromhex("20000000 2e000000"),  # one bucket: where it begins, where it ends
            bytes.fromhex("00000000 01000000"),  # entries before the first block, and before its end
            bytes.fromhex("0000 01000000"),  # list 0, line 1
        )
    )
    assert json.loads(header) == {
        "lists": [["l", "l.txt"]],
        "sections": {
            "blocks.names": [32, 46], "blocks.index": [46, 54], "blocks.ordinals": [54, 62], "blocks.origins": [62, 68],
        },
        "sums": {},
    }  # fmt: skip


DAMAGES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda made: b""),
    ("cut in the preamble", lambda made: made[:10]),
    ("cut off", lambda made: made[:-1]),
    ("longer", lambda made: made + b"\0"),
    ("another file", lambda made: b"PK\3\4" + made[4:]),
    ("another version", lambda made: made[:8] + b"\xff" + made[9:]),
    ("another machine", lambda made: made[:9] + bytes((1 - made[9],)) + made[10:]),
    ("a header changed", lambda made: made[:-3] + b"   "),
    ("an index that leads elsewhere", lambda made: made.replace(made[49:53], b"\xff" * 4, 1)),
]


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in DAMAGES])
def test_damaged_files_are_refused(damage: Callable[[bytes], bytes]) -> None:
    made = file(entry("ads.example"))
    Table(made)
    with pytest.raises(DamagedTable, match="damaged or of another version"):
        Table(damage(made))


def test_a_section_that_is_not_what_was_written_is_refused() -> None:
    made = b"".join(build({"lists": []}, {"blocks": NamesWriter(0)}, {"conditions": b"[[1,2,3]]"}))
    Table(made)
    with pytest.raises(DamagedTable, match="conditions"):
        Table(made.replace(b"[[1,2,3]]", b"[[1,2,4]]"))


def test_a_tag_that_is_none_of_ours_says_nothing() -> None:
    made = file(entry("ads.example"))
    assert Table(made.replace(b"example\0\2", b"example\0\xee")).find(wire("ads.example")) == -1


@given(st.binary(max_size=64), st.integers(0, 200))
def test_no_bytes_do_more_than_be_refused(noise: bytes, at: int) -> None:
    made = bytearray(file(entry("ads.example"), entry("b.example", ALLOW)))
    made[at : at + len(noise)] = noise
    with suppress(DamagedTable):
        Table(bytes(made)).find(wire("x.ads.example"))
