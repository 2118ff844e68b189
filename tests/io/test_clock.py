"""Moments as the machine's clock shows them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from blockctl.cli.common import clock_time
from blockctl.io.api_plain_html import spoken_time
from blockctl.io.clock import now

END, BEGINNING = "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"  # as far as a policy can name them


@pytest.fixture(params=["Asia/Tokyo", "America/Lima", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("text", [END, BEGINNING])
def test_the_ends_of_the_calendar_can_be_told_everywhere(text: str) -> None:
    moment = datetime.fromisoformat(text)
    year = str(moment.year)
    assert year in clock_time(moment, now())
    assert year in spoken_time(text)
