"""Routes to the query log: what was asked, as it is asked, and the figures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from blockctl.dns.exchange import Outcome
from blockctl.io.api_desk import desk_of, device_of
from blockctl.io.clock import now, passed
from blockctl.io.log_json import figures_json, row_json, summary
from blockctl.io.log_reader import LOOK, Logged, Wanted, open_log
from blockctl.io.query_log import log_path
from blockctl.io.watch import look_at
from blockctl.policy.durations import end_of

routes = APIRouter()
MOST = 500  # rows at once to one who follows
BREATH = 15.0  # seconds between signs of life: what is silent for longer is closed by some that lie between
DAY = 86_400
Blocked = Annotated[bool, Query(description="Only what was blocked.")]
Part = Annotated[str, Query(max_length=300, description="Only names with this in them.")]
Who = Annotated[str, Query(max_length=300, description="Only this address, device or group.")]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events; the data of each is a query, its id a number."}
}


@routes.get("/log", tags=["log"])
async def get_log(
    request: Request,
    blocked: Blocked = False,
    client: Who = "",
    name: Part = "",
    since: Annotated[str | None, Query(max_length=40, description="How far back, as in 1h.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """Return the last queries, the oldest of them first: as `log --json`. `last` is where /v1/log/live may begin."""
    moment = now()
    end = end_of(since, moment)
    begin = 0.0 if end is None else max(0.0, 2 * moment.timestamp() - end.timestamp())
    wanted = Wanted(name, client, (Outcome.BLOCKED,) if blocked else (), begin)
    rows, last = await asyncio.to_thread(_newest, log_path(desk_of(request).state), wanted, limit)
    return {"queries": [row_json(row) for row in rows], "last": last}


@routes.get("/log/live", tags=["log"], response_class=StreamingResponse, responses=STREAM)
async def get_live(
    request: Request,
    blocked: Blocked = False,
    client: Who = "",
    name: Part = "",
    after: Annotated[int | None, Query(ge=0, le=1 << 53, description="Begin behind this one; else now.")] = None,
) -> StreamingResponse:
    """Follow the log: server-sent events, for `fetch` with the token in its header."""
    desk, device = desk_of(request), device_of(request)
    path = log_path(desk.state)
    wanted = Wanted(name, client, (Outcome.BLOCKED,) if blocked else ())
    begin = after if after is not None else (await asyncio.to_thread(_newest, path, wanted, 1))[1]
    events = _events(path, wanted, begin, lambda: device is not None and desk.devices.holds(device))
    return StreamingResponse(events, media_type="text/event-stream")


@routes.get("/stats", tags=["log"])
async def get_stats(request: Request, days: Annotated[int, Query(ge=1, le=3650)] = 1) -> dict[str, Any]:
    """Return the figures of the last days: as `stats --json`."""
    return await asyncio.to_thread(_stats, log_path(desk_of(request).state), days)


async def _events(path: Path, wanted: Wanted, number: int, may: Callable[[], bool]) -> AsyncIterator[str]:
    """Yield queries as they are logged, for as long as one may; a file put anew begins anew."""
    seen: object = None
    breath = passed()
    yield ": here\n\n"
    while may():
        looks = look_at(path), look_at(path.with_name(path.name + "-wal"))
        if looks != seen:
            seen = looks
            rows, last = await asyncio.to_thread(_after, path, wanted, number)
            number = last
            for row in rows:
                breath = passed()
                yield f"id: {row.number}\ndata: {json.dumps(row_json(row))}\n\n"
        elif passed() - breath > BREATH:
            breath = passed()
            yield ": still here\n\n"
        await asyncio.sleep(LOOK)


def _newest(path: Path, wanted: Wanted, count: int) -> tuple[list[Logged], int]:
    reader = open_log(path)
    if reader is None:
        return [], 0
    with reader:
        last = reader.last()
        return reader.newest(wanted, count), last


def _after(path: Path, wanted: Wanted, number: int) -> tuple[list[Logged], int]:
    """Return what came behind that row, and the number of the last row there is."""
    reader = open_log(path)
    if reader is None:
        return [], 0
    with reader:
        last = reader.last()
        rows = reader.after(wanted, number if number <= last else 0)
        return rows[-MOST:], max(last, rows[-1].number) if rows else last


def _stats(path: Path, days: int) -> dict[str, Any]:
    moment = now()
    return figures_json(*summary(path, moment.timestamp() - days * DAY, moment)[0])
