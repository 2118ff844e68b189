"""The cache: its bounds, what goes first, and what is left of it after a restart."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.dns.answers import Entry
from blockctl.dns.cache import Cache, key_of, key_of_name
from blockctl.dns.compose import write_sections
from blockctl.dns.wire import Question, Record, name_wire

DAY = 86_400.0


def question(name: str, kind: int = 1) -> Question:
    return Question(name_wire(name), name_wire(name), kind, 1)


def key(name: str, kind: int = 1) -> bytes:
    return key_of(question(name, kind), dnssec=False, unchecked=False, upstreams=7)


def entry(name: str, ttl: float = 60.0, now: float = 0.0, records: int = 2) -> Entry:
    asked = question(name)
    data = [Record(asked.name, 1, 1, int(ttl), bytes((192, 0, 2, at))) for at in range(records)]
    return Entry(0, now, now + ttl, write_sections(asked, data))


def test_keys_tell_questions_apart() -> None:
    asked = question("a.example")
    made = {
        key_of(each, dnssec=dnssec, unchecked=unchecked, upstreams=upstreams)
        for each in (asked, question("b.example"), question("a.example", 28))
        for dnssec in (False, True)
        for unchecked in (False, True)
        for upstreams in (0, 1)
    }
    assert len(made) == 24
    assert key_of_name(key("a.example", 28)) == key_of_name(key("a.example", 1)) == key("a.example", 0)


def test_an_entry_stays_until_it_is_stale_for_too_long() -> None:
    cache = Cache(1 << 20, stale=100.0)
    cache.put(key("a.example"), entry("a.example", 60.0))
    assert cache.get(key("a.example"), 159.0) is not None
    assert cache.get(key("a.example"), 160.0) is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_what_was_asked_for_again_stays_longest() -> None:
    cache = Cache(100_000, DAY)
    for number in range(20):
        cache.put(key(f"good{number}.example"), entry("good.example"))
        assert cache.get(key(f"good{number}.example"), 1.0)
    for number in range(5000):  # names asked for once, as from a scan
        cache.put(key(f"once{number}.example"), entry("once.example"))
        assert cache.bytes <= cache.size
    assert all(cache.get(key(f"good{number}.example"), 1.0) for number in range(20))
    assert cache.get(key("once0.example"), 1.0) is None
    assert cache.get(key("once4999.example"), 1.0) is not None


def test_what_is_larger_than_its_share_is_not_kept() -> None:
    cache = Cache(8_000, DAY)
    cache.put(key("a.example"), entry("a.example", records=200))
    assert len(cache) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("pgd"), st.integers(0, 30), st.integers(1, 60)), max_size=300))
def test_bytes_are_what_is_there(steps: list[tuple[str, int, int]]) -> None:
    cache = Cache(20_000, 50.0)
    for now, (step, number, records) in enumerate(steps):
        name = key(f"n{number}.example")
        if step == "p":
            cache.put(name, entry("n.example", 20.0, float(now), records % 9))
        elif step == "g":
            cache.get(name, float(now))
        else:
            cache.drop(name)
        assert 0 <= cache.bytes <= cache.size
    for number in range(31):
        cache.drop(key(f"n{number}.example"))
    assert (cache.bytes, len(cache)) == (0, 0)


def test_bytes_are_as_many_as_memory_takes() -> None:
    """Within a quarter, and rather more than too few: 16 MB of cache are to be 16 MB."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    cache = Cache(1 << 30, DAY)
    random = Random(1)
    for number in range(3000):
        cache.put(
            key(f"host{number}.site{number % 97}.example"),
            entry("x.example", 60.0 + number, records=random.randint(1, 8)),
        )
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.75 < cache.bytes / taken < 1.33


def full(now: float = 1000.0) -> Cache:
    cache = Cache(1 << 20, stale=600.0)
    for number in range(50):
        cache.put(key(f"n{number}.example"), entry(f"n{number}.example", 60.0 + number, now))
    cache.put(
        key("alias.example"),
        Entry(3, now, now + 60, write_sections(question("alias.example"), []), True, b"\1b\0", (b"\0\3x",)),
    )
    cache.put(key("failed.example"), Entry(2, now, now + 60))
    return cache


def test_a_restart_ages_what_was_kept() -> None:
    cache, again = full(), Cache(1 << 20, 600.0)
    assert again.load(cache.dump(1010.0, wall=5000.0), now=7.0, wall=5020.0) == 51
    for number in range(50):
        old, new = cache.get(key(f"n{number}.example"), 1010.0), again.get(key(f"n{number}.example"), 7.0)
        assert old is not None
        assert new is not None
        assert new.sections == old.sections
        assert new.expires - 7.0 == pytest.approx(old.expires - 1010.0 - 20.0)
    alias = again.get(key("alias.example"), 7.0)
    assert alias is not None
    assert (alias.rcode, alias.authentic, alias.target, alias.notes) == (3, True, b"\1b\0", (b"\0\3x",))
    assert again.get(key("failed.example"), 7.0) is None


def test_a_clock_put_back_makes_nothing_younger() -> None:
    again = Cache(1 << 20, 600.0)
    again.load(full().dump(1010.0, wall=5000.0), now=1010.0, wall=10.0)
    found = again.get(key("n0.example"), 1010.0)
    assert found is not None
    assert found.expires == pytest.approx(1060.0)


def test_what_is_too_old_is_left_behind() -> None:
    again = Cache(1 << 20, 600.0)
    again.load(full().dump(1010.0, wall=5000.0), now=0.0, wall=5000.0 + DAY)
    assert len(again) == 0


@settings(deadline=None)
@given(at=st.integers(0, 4000), noise=st.binary(min_size=1, max_size=8), cut=st.integers(0, 4000))
def test_a_damaged_file_is_no_cache(at: int, noise: bytes, cut: int) -> None:
    kept = full().dump(1010.0, wall=5000.0)
    damaged = kept[:at] + noise + kept[at + len(noise) :]
    for data in (damaged, kept[:cut], noise, b""):
        again = Cache(1 << 20, 600.0)
        assert again.load(data, 7.0, 5000.0) == (51 if data == kept else 0)
        assert len(again) == (51 if data == kept else 0)


def test_a_machine_that_slept_has_grown_older() -> None:
    """Its clock stood still meanwhile: what was good for a minute is good no more."""
    cache = Cache(1 << 20, stale=100.0)
    cache.put(key("a.example"), entry("a.example", 60.0))
    assert cache.get(key("a.example"), 1.0)
    cache.age(90.0)
    found = cache.get(key("a.example"), 1.0)
    assert found is not None
    assert (found.stored, found.expires) == (-90.0, -30.0)
    cache.age(70.0)
    assert cache.get(key("a.example"), 1.0) is None
