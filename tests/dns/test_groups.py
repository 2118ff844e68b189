"""Who is in which group, and what the clock denies it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as running
from hypothesis import strategies as st

from blockctl.dns.exchange import Client, Transport
from blockctl.dns.groups import EVERY_NAME, KEPT, Groups
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Group, Resolver, Schedule

NOWHERE = Origin("p")
MONDAY = datetime(2026, 11, 23)


def group(name: str, *clients: str, schedules: tuple[Schedule, ...] = ()) -> Group:
    return Group(name, NOWHERE, clients, schedules=schedules)


def schedule(days: str, start: str, end: str, *deny: str) -> Schedule:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Schedule(frozenset(map(int, days)), minutes(start), minutes(end), deny, NOWHERE)


def settings(*groups: Group) -> Resolver:
    return Resolver(groups={each.name: each for each in groups})


HOUSE = Groups(
    settings(
        group("kids", "192.168.1.20", "192.168.7.0/24", "ipad"),
        group("tv", "192.168.7.9", "fd00:7::/64"),
        group("lab", "192.168.0.0/16", "fd00::/8"),
    )
)


@pytest.mark.parametrize(
    ("address", "device", "expected"),
    [
        pytest.param("192.168.1.20", "", "kids", id="address"),
        pytest.param("192.168.7.3", "", "kids", id="network"),
        pytest.param("192.168.7.9", "", "tv", id="an address before a network"),
        pytest.param("192.168.9.9", "", "lab", id="a wider network"),
        pytest.param("fd00:7::5", "", "tv", id="IPv6, the longest"),
        pytest.param("fd00:8::5", "", "lab", id="IPv6, wider"),
        pytest.param("FD00:0007:0::5", "", "tv", id="another spelling"),
        pytest.param("::ffff:192.168.7.3", "", "kids", id="IPv4 within IPv6"),
        pytest.param("fe80::1%eth0", "", None, id="a zone"),
        pytest.param("9.9.9.9", "", None, id="nobody's"),
        pytest.param("9.9.9.9", "ipad", "kids", id="id"),
        pytest.param("192.168.7.9", "ipad", "tv", id="an address before an id"),
        pytest.param("192.168.9.9", "ipad", "lab", id="a network before an id: nobody escapes by naming another's"),
        pytest.param("192.168.7.9", "phone", "tv", id="an unknown id"),
        pytest.param("9.9.9.9", "IPad", "kids", id="an id in capitals"),
        pytest.param("9.9.9.9", "192.168.1.20", None, id="an id spelled as an address is no address"),
        pytest.param("ipad", "", None, id="an address spelled as an id is no id"),
        pytest.param("", "", None, id="no address"),
    ],
)
def test_who_is_where(address: str, device: str, expected: str | None) -> None:
    for _ in range(2):  # the second time from memory
        found = HOUSE.of(Client(address, Transport.DOH, device))
        assert (found.name if found else None) == expected


def test_memory_is_bounded() -> None:
    groups = Groups(settings(group("kids", "10.0.0.0/8")))
    for number in range(KEPT * 2):
        assert groups.of_address(f"10.1.{number >> 8}.{number & 255}") is not None
    assert len(groups._known) <= KEPT


SCHOOL = group(
    "kids",
    schedules=(
        schedule("01234", "20:00", "07:00", "games.example"),
        schedule("56", "21:00", "07:00"),
        schedule("2", "14:00", "15:00", "video.example", "games.example"),
        schedule("3", "00:00", "00:00", "thursday.example"),
    ),
)


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        pytest.param(0, "19:59", (), id="Monday, before"),
        pytest.param(0, "20:00", ("games.example",), id="Monday, the first minute"),
        pytest.param(1, "06:59", ("games.example",), id="Tuesday, still Monday's"),
        pytest.param(1, "07:00", (), id="Tuesday, the first minute free"),
        pytest.param(0, "03:00", (EVERY_NAME,), id="Monday night belongs to Sunday"),
        pytest.param(4, "23:00", ("games.example",), id="Friday"),
        pytest.param(5, "20:59", (), id="Saturday, before"),
        pytest.param(5, "21:00", (EVERY_NAME,), id="Saturday"),
        pytest.param(2, "14:30", ("video.example", "games.example"), id="within a day"),
        pytest.param(3, "12:00", ("thursday.example",), id="a whole day"),
        pytest.param(3, "23:59", ("games.example", "thursday.example"), id="to its end"),
        pytest.param(4, "00:00", ("games.example",), id="and no further"),
    ],
)
def test_what_the_clock_denies(day: int, time: str, expected: tuple[str, ...]) -> None:
    wall = MONDAY + timedelta(days=day, hours=int(time[:2]), minutes=int(time[3:]))
    assert Groups(settings(SCHOOL)).denied(SCHOOL, wall) == expected


def test_without_schedules_nothing_changes() -> None:
    assert Groups(settings(group("kids", "10.0.0.1"))).next_change(MONDAY) is None
    always = group("kids", schedules=(schedule("0123456", "00:00", "00:00", "a.example"),))
    assert Groups(settings(always)).next_change(MONDAY) is None


times = st.integers(0, 24 * 60 - 1)
schedules = st.builds(
    Schedule,
    st.frozensets(st.integers(0, 6), min_size=1),
    times,
    times,
    st.sampled_from((("a.example",), ("b.example",), ())),
    st.just(NOWHERE),
)


@running(deadline=None, max_examples=40)
@given(st.lists(schedules, min_size=1, max_size=3), st.integers(0, 7 * 24 * 60 - 1), st.integers(0, 59))
def test_the_next_change_is_the_first(found: list[Schedule], minute: int, second: int) -> None:
    kids = replace(group("kids"), schedules=tuple(found))
    groups = Groups(settings(kids))
    wall = MONDAY + timedelta(minutes=minute, seconds=second)
    now = set(groups.denied(kids, wall))
    change = groups.next_change(wall)
    start = wall.replace(second=0)
    for step in range(1, 8 * 24 * 60):
        moment = start + timedelta(minutes=step)
        if set(groups.denied(kids, moment)) != now:
            assert change == moment
            return
    assert change is None
