"""The time of day."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment in UTC, to the second: what is written into the policy is read back equal."""
    return datetime.now(UTC).replace(microsecond=0)
