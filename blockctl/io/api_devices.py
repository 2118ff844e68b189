"""Who may use the web API: devices with a token each, and addresses of lists with a capability each.

A token has 256 bits and is kept as its SHA-256: who reads the file cannot use it. A capability stands in an address
that a blocker is given (uBlock Origin sends no headers), reads lists and nothing else, and is kept as it is, so that it
can be shown again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from blockctl.io.api_store import Kept, entries
from blockctl.model.diagnostic import BlockctlError, WorldError
from blockctl.policy.edit import utc_text

READ, WRITE = "read", "write"
SCOPES = (READ, WRITE)
LONGEST_NAME = 60
MOST = 100  # devices


@dataclass(frozen=True, slots=True)
class Device:
    """One that was paired."""

    name: str
    scopes: tuple[str, ...]
    since: str  # ISO 8601
    used: str  # the day on which it was last seen, "" never


class Devices:
    """The devices that are paired."""

    def __init__(self, state: Path) -> None:
        self._kept = Kept(state, "devices.json")

    def add(self, name: str, scopes: Iterable[str], now: datetime) -> tuple[Device, str]:
        """Pair a device; return it and its token, which is nowhere kept."""
        token = secrets.token_urlsafe(32)
        wanted = clean_name(name)
        made = Device(wanted, tuple(scopes), utc_text(now), "")

        def change(value: dict[str, Any]) -> None:
            nonlocal made
            devices = entries(value, "devices")
            taken = {str(each.get("name")) for each in devices}
            if len(taken) >= MOST:
                raise BlockctlError(f"{MOST} devices are paired", "`blockctl devices revoke NAME` makes room")
            number = 2
            while made.name in taken:
                made, number = Device(f"{wanted} {number}", made.scopes, made.since, ""), number + 1
            fresh = {"name": made.name, "hash": _hash(token), "scopes": list(made.scopes), "since": made.since}
            value["devices"] = [*devices, fresh]

        self._kept.change(change)
        return made, token

    def of_token(self, token: str) -> Device | None:
        """Return whose token it is. All are compared, each in a time that says nothing of where they differ."""
        asked, found = _hash(token), None
        for each in self._all():
            if hmac.compare_digest(str(each.get("hash", "")), asked):
                found = each
        return _device(found) if found is not None else None

    def all(self) -> list[Device]:
        """Return every device."""
        return [_device(each) for each in self._all()]

    def holds(self, device: Device) -> bool:
        """Whether a device is still paired: who follows something does so no longer than that."""
        return any((each.name, each.since) == (device.name, device.since) for each in self.all())

    def revoke(self, name: str) -> bool:
        """Forget a device: its token is worth nothing from now on. False: there is none of that name."""
        if all(each.get("name") != name for each in self._all()):
            return False

        def change(value: dict[str, Any]) -> None:
            value["devices"] = [each for each in entries(value, "devices") if each.get("name") != name]

        self._kept.change(change)
        return True

    def seen(self, device: Device, day: str) -> None:
        """Note that a device was here on that day. A full disk is no reason to turn it away."""
        if device.used == day:
            return

        def change(value: dict[str, Any]) -> None:
            for each in entries(value, "devices"):
                if each.get("name") == device.name:
                    each["used"] = day

        with contextlib.suppress(WorldError):
            self._kept.change(change)

    def _all(self) -> list[dict[str, Any]]:
        return entries(self._kept.read(), "devices")


class Capabilities:
    """The secret in the addresses of lists."""

    def __init__(self, state: Path) -> None:
        self._kept = Kept(state, "lists.json")

    def get(self) -> str:
        """Return the capability, made when there is none."""
        if not self._current():
            self._kept.change(lambda value: value.setdefault("capability", secrets.token_urlsafe(24)))
        return self._current()

    def renew(self) -> str:
        """Make another: the addresses so far are worth nothing from now on."""
        self._kept.change(lambda value: value.update(capability=secrets.token_urlsafe(24)))
        return self._current()

    def allows(self, capability: str) -> bool:
        """Whether this is it."""
        current = self._current()
        return bool(current) and hmac.compare_digest(current.encode(), capability.encode("utf-8", "replace"))

    def _current(self) -> str:
        return str(self._kept.read().get("capability", ""))


def clean_name(name: str) -> str:
    """Return a device's name as it is shown: printable, in one line, not too long."""
    kept = "".join(each if each.isprintable() else " " for each in name)
    return " ".join(kept.split())[:LONGEST_NAME].strip() or "device"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _device(kept: dict[str, Any]) -> Device:
    scopes = tuple(each for each in SCOPES if each in kept.get("scopes", ()))
    return Device(str(kept.get("name", "")), scopes, str(kept.get("since", "")), str(kept.get("used", "")))
