"""Pairing: a code that works once, for five minutes, five wrong tries long, given for a token of the device's own.

Who can run commands as this user makes a code; who sees it may pair. A code of six digits is typed; the longer one is
for an address that a program opens (`#code=...`, the part of an address that browsers never send).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blockctl.io.api_devices import SCOPES
from blockctl.io.api_store import Kept, entries
from blockctl.policy.edit import utc_text

VALID = timedelta(minutes=5)
TRIES = 5
MOST = 10  # codes at a time; the oldest makes way


@dataclass(frozen=True, slots=True)
class Offer:
    """What a code is good for."""

    scopes: tuple[str, ...]
    name: str  # of the device, "" leaves it to the device


class Codes:
    """The codes that are out."""

    def __init__(self, state: Path) -> None:
        self._kept = Kept(state, "codes.json")

    def make(self, now: datetime, *, name: str = "", scopes: Iterable[str] = SCOPES, typed: bool = True) -> str:
        """Return a new code: six digits where somebody types it, else 128 bits."""
        code = f"{secrets.randbelow(1_000_000):06}" if typed else secrets.token_urlsafe(16)
        salt = secrets.token_hex(16)
        entry = {
            "salt": salt, "hash": _hash(salt, code), "until": utc_text(now + VALID), "tries": TRIES,
            "scopes": list(scopes), "name": name,
        }  # fmt: skip

        def change(value: dict[str, Any]) -> None:
            value["codes"] = [*_standing(value, now), entry][-MOST:]

        self._kept.change(change)
        return code

    def redeem(self, code: str, now: datetime) -> Offer | None:
        """Return what a code is good for, which ends it; a wrong one costs every code a try."""
        if not _standing(self._kept.read(), now):
            return None
        found: list[dict[str, Any]] = []

        def change(value: dict[str, Any]) -> None:
            standing = _standing(value, now)
            # every code is compared, so that the time taken says nothing
            found.extend([each for each in standing if hmac.compare_digest(each["hash"], _hash(each["salt"], code))])
            if found:
                value["codes"] = [each for each in standing if each is not found[0]]
                return
            for each in standing:
                each["tries"] -= 1
            value["codes"] = [each for each in standing if each["tries"] > 0]

        self._kept.change(change)
        return Offer(tuple(found[0]["scopes"]), str(found[0]["name"])) if found else None


def _standing(value: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    found = []
    for each in entries(value, "codes"):
        try:
            until = datetime.fromisoformat(each["until"]).astimezone(UTC)
            whole = each["tries"] > 0 and isinstance(each["hash"], str) and isinstance(each["salt"], str)
        except (TypeError, KeyError, ValueError):
            continue  # not ours
        if whole and until > now:
            found.append(each)
    return found


def _hash(salt: str, code: str) -> str:
    return hashlib.sha256(f"{salt}:{code}".encode("utf-8", "replace")).hexdigest()
