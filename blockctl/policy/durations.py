"""How long something is to last, as people write it: 30m, 2h, 1d, 1h30m."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from blockctl.model.diagnostic import BlockctlError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]{1,6}[smhdw])+")


def end_of(duration: str | None, now: datetime) -> datetime | None:
    """Return the moment a duration from now, None for none. Raises BlockctlError when it is no duration."""
    if duration is None:
        return None
    hint = "write a number and s, m, h, d or w, as in 30m, 2h, 1d or 1h30m"
    if not _DURATION.fullmatch(duration):
        raise BlockctlError(f"not a time: {duration!r}", hint)
    seconds = sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall("[0-9]+[smhdw]", duration))
    if seconds == 0:
        raise BlockctlError(f"not a time: {duration!r} is over at once", hint)
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError as error:
        raise BlockctlError(f"{duration} is beyond the calendar", "leave it away for good") from error
