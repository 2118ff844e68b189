"""How long lists want to be left alone, in the words that they use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blockctl.parsers.due import next_look, period
from blockctl.parsers.includes import includes
from blockctl.parsers.left_out import leave_out, still_there

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("4 days (update frequency)", 4 * DAY, id="days"),
        pytest.param("1 day", DAY, id="day"),
        pytest.param("12 hours", 12 * HOUR, id="hours"),
        pytest.param("0.5 days", 12 * HOUR, id="a part"),
        pytest.param("5", 5 * DAY, id="a number"),
        pytest.param("7d", 7 * DAY, id="in short"),
        pytest.param("30 minutes", HOUR / 2, id="minutes"),
        pytest.param("2 weeks", 14 * DAY, id="weeks"),
        pytest.param("1 month", None, id="months are of any length"),
        pytest.param("soon", None, id="no time"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_periods(field: str, expected: timedelta | None) -> None:
    assert period(field) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param({}, DAY, id="says nothing"),
        pytest.param({"expires": "4 days"}, 4 * DAY, id="says"),
        pytest.param({"expires": "1 eon"}, DAY, id="in no unit of ours"),
        pytest.param({"expires": "1 minute"}, HOUR, id="too often"),
        pytest.param({"expires": "900 days"}, 14 * DAY, id="too seldom"),
        pytest.param({"expires": "9 days", "diff-path": "p", "diff-expires": "6 hours"}, 6 * HOUR, id="patches"),
        pytest.param({"expires": "9 days", "diff-expires": "6 hours"}, 9 * DAY, id="no patches after all"),
    ],
)
def test_when_to_look_again(header: dict[str, str], expected: timedelta) -> None:
    assert next_look(header) == expected


def test_includes_are_those_that_the_parser_finds() -> None:
    text = (
        b"! A\n!#include a.txt\r\n!#if env_safari\n!#include b.txt\n!#else\n!#include c.txt\n!#endif\n!#include ../d\n"
    )
    assert includes(text) == ["a.txt", "c.txt"]
    assert includes(b"||a^\n") == []


def test_lines_left_out_leave_the_others_where_they_are() -> None:
    text = b"\xef\xbb\xbfa.example\r\n b.example\r\nc.example\r\n"
    assert leave_out(text, ["b.example"]) == b"a.example\n\nc.example\n"
    assert leave_out(text, ()) is text
    assert still_there(text, ["x", "c.example", "b.example"]) == ("c.example", "b.example")
