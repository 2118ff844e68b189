"""How long a list that could not be had is left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from blockctl.io.adopt import MOST_REST, REST, rests_until
from blockctl.io.history import Failed, Past

SINCE = 1_800_000_000.0


@pytest.mark.parametrize(
    ("after", "rest"),
    [
        pytest.param(0.0, REST, id="the first time"),
        pytest.param(-60.0, REST, id="the clock went back"),
        pytest.param(REST, REST, id="the second time"),
        pytest.param(4 * REST, 4 * REST, id="as long as it has failed so far"),
        pytest.param(10 * MOST_REST, MOST_REST, id="at most a day"),
    ],
)
def test_it_rests_as_long_as_it_has_failed(after: float, rest: float) -> None:
    past = Past(failed=Failed(datetime.fromtimestamp(SINCE, UTC).isoformat(), "silence"))
    assert rests_until(past, SINCE + after) == SINCE + after + rest


def test_what_did_not_fail_or_was_not_waited_for_does_not_rest() -> None:
    assert rests_until(Past(), SINCE) == 0.0
    assert rests_until(Past(failed=Failed(datetime.fromtimestamp(SINCE, UTC).isoformat(), "no")), 0.0) == 0.0
