"""Routes about who asks: hello, pairing, devices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request

from blockctl import __version__
from blockctl.io.api_desk import DeclinedError, desk_of, device_of
from blockctl.io.api_devices import READ, SCOPES, Device, clean_name
from blockctl.io.api_nouns import (
    CodeAsked,
    CodeTold,
    DevicesTold,
    DeviceTold,
    Hello,
    PairAsked,
    Paired,
)
from blockctl.io.api_pairing import VALID
from blockctl.io.clock import now, passed
from blockctl.policy.edit import utc_text

routes = APIRouter()
MOST_TRIES = 10  # pairings that fail in a minute, of all who try
MINUTE = 60.0


class Rate:
    """Counts what fails, and says when it is enough for a minute."""

    def __init__(self, most: int = MOST_TRIES, clock: Callable[[], float] = passed) -> None:
        self._most, self._clock = most, clock
        self._failed: deque[float] = deque()

    def is_over(self) -> bool:
        """Whether too much failed in the last minute."""
        while self._failed and self._failed[0] <= self._clock() - MINUTE:
            self._failed.popleft()
        return len(self._failed) >= self._most

    def failed(self) -> None:
        """Count one."""
        self._failed.append(self._clock())


@routes.get("/hello", tags=["who"])
async def get_hello(request: Request) -> Hello:
    """Say who is here, and whether the token that came with the request is good. Needs no token."""
    device = device_of(request)
    return Hello(
        name="blockctl", version=__version__, paired=device is not None, device=device.name if device else None,
        scopes=list(device.scopes) if device else [],
    )  # fmt: skip


@routes.post("/pair", tags=["who"])
async def post_pair(request: Request, asked: PairAsked) -> Paired:
    """Give a code that `blockctl pair` printed, get a token. Needs none."""
    desk = desk_of(request)
    rate: Rate = request.app.state.rate
    if rate.is_over():
        raise DeclinedError(429, "too many wrong codes", "wait a minute")
    moment = now()
    offer = desk.codes.redeem(asked.code.replace(" ", ""), moment)
    if offer is None:
        rate.failed()
        raise DeclinedError(403, "this code is not good, or not any more", "`blockctl pair` prints a new one")
    device, token = desk.devices.add(offer.name or clean_name(asked.name), offer.scopes, moment)
    return Paired(token=token, device=device.name, scopes=list(device.scopes))


@routes.get("/devices", tags=["who"])
async def get_devices(request: Request) -> DevicesTold:
    """Return every paired device."""
    return _devices(request)


@routes.delete("/devices", tags=["who"])
async def delete_devices(request: Request, name: Annotated[str, Query(max_length=200)]) -> DevicesTold:
    """Revoke a device: its token is worth nothing from now on."""
    if not desk_of(request).devices.revoke(name):
        raise DeclinedError(404, f"no device is called {name!r}", "GET /v1/devices names them")
    return _devices(request)


@routes.post("/codes", tags=["who"], status_code=201)
async def post_codes(request: Request, asked: CodeAsked) -> CodeTold:
    """Make a code with which another device pairs. It works once, for five minutes."""
    desk, moment = desk_of(request), now()
    scopes = (READ,) if asked.read_only else SCOPES
    code = desk.codes.make(moment, name=clean_name(asked.name) if asked.name else "", scopes=scopes)
    return CodeTold(
        code=code, until=utc_text(moment + VALID), addresses=[f"{each}#code={code}" for each in desk.addresses]
    )


def _devices(request: Request) -> DevicesTold:
    asking = device_of(request)
    return DevicesTold(devices=[_told(each, asking) for each in desk_of(request).devices.all()])


def _told(device: Device, asking: Device | None) -> DeviceTold:
    return DeviceTold(
        name=device.name, scopes=list(device.scopes), since=device.since, used=device.used or None,
        this=asking is not None and asking.name == device.name,
    )  # fmt: skip
