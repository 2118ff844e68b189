"""The time of day, and the time that work takes."""

from __future__ import annotations

import time
from datetime import UTC, datetime

passed = time.monotonic  # seconds, from any beginning
worked = time.thread_time  # seconds that this thread has worked: waiting for others does not count


def now() -> datetime:
    """Return this moment in UTC, to the second: what is written into the policy is read back equal."""
    return datetime.now(UTC).replace(microsecond=0)


def local(moment: datetime) -> datetime:
    """Return a moment by the clock of this machine; in UTC where the calendar ends before the hour there."""
    try:
        return moment.astimezone()
    except OverflowError:  # `until: 9999-12-31T23:59:59Z`, east of Greenwich
        return moment


def seconds() -> float:
    """Return this moment in seconds since 1970, as the times of files are told."""
    return time.time()
