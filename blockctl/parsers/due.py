"""How long a list wants to be left alone: `! Expires: 4 days`, `! Diff-Expires: 6 hours`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

USUAL = timedelta(days=1)  # of lists that do not say
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=14)

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PERIOD = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*([a-z]*)", re.IGNORECASE)


def period(field: str) -> timedelta | None:
    """Return the time that a header's field means; None when it means none. A number alone counts days."""
    found = _PERIOD.match(field.strip())
    if found is None:
        return None
    word = found[2].lower() or "d"
    unit = _UNITS.get("" if word.startswith("mo") else word[0])
    return timedelta(seconds=float(found[1]) * unit) if unit else None


def next_look(header: Mapping[str, str]) -> timedelta:
    """Return after what time a list should be looked for again. Where it offers patches, they come more often."""
    whole = period(header.get("expires", "")) or USUAL
    patches = period(header.get("diff-expires", "")) if header.get("diff-path") else None
    return min(max(min(whole, patches or whole), SHORTEST), LONGEST)
