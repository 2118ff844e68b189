"""What the routes of the web API share: the policy, who is paired, and what other rooms do for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import Request

from blockctl.io.api_devices import Capabilities, Device, Devices
from blockctl.io.api_pairing import Codes
from blockctl.io.api_view import View
from blockctl.io.clock import now
from blockctl.io.loaded import Loaded
from blockctl.model.diagnostic import BlockctlError, Diagnostic, WorldError
from blockctl.policy.settings import WHERE


class Backstage(Protocol):
    """What needs the compiler or the commands, which this room cannot reach: whoever starts the API brings it."""

    def why(self, loaded: Loaded, url: str, site: str, kind: str) -> dict[str, Any]:
        """Return what `why --json` prints."""

    def lists(self, loaded: Loaded) -> list[dict[str, Any]]:
        """Return what `lists --json` prints of the policy's lists."""


@dataclass(slots=True)
class Desk:
    """One for the process."""

    view: View
    state: Path
    devices: Devices
    codes: Codes
    capabilities: Capabilities
    backstage: Backstage
    addresses: tuple[str, ...] = ()  # of the page, as other devices reach it first
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    syncing: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)  # `why` and `lists` share what they keep open


def desk_of(request: Request) -> Desk:
    """Return the desk."""
    found = request.app.state.desk
    assert isinstance(found, Desk)
    return found


def device_of(request: Request) -> Device | None:
    """Return who asks, None for one that is not paired."""
    found = request.scope.get("state", {}).get("device")
    return found if isinstance(found, Device) else None


def of_token(desk: Desk, token: str) -> Device | None:
    """Return whose token it is, None for nobody's; the device was here today."""
    device = desk.devices.of_token(token)
    if device is not None:
        desk.devices.seen(device, f"{now():%Y-%m-%d}")
    return device


class DeclinedError(BlockctlError):
    """The answer is no, with the HTTP status that says which way."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.http = status


def refuse(faults: list[Diagnostic]) -> None:
    """Raise with what is wrong in what was asked for; the first fault is the one that is told where one fits."""
    if faults:
        raise BlockctlError(faults[0].message, faults[0].hint, diagnostics=tuple(faults))


def http_status(error: BlockctlError) -> int:
    """Return the HTTP status that an error comes to."""
    if isinstance(error, DeclinedError):
        return error.http
    if any(fault.origin.file not in ("", WHERE) for fault in error.diagnostics):
        return 409  # the file's own errors, not those of what was asked
    return 503 if isinstance(error, WorldError) else 422


def told(fault: Diagnostic) -> Mapping[str, Any]:
    """Return a diagnostic as `check --json` prints it."""
    origin = fault.origin
    return {
        "code": fault.code, "severity": fault.severity.value, "file": origin.file, "line": origin.line,
        "column": origin.column, "message": fault.message, "hint": fault.hint,
    }  # fmt: skip
