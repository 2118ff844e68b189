"""Routes to the lists: their ages, what is held, fetching them; and the outputs, for blockers that subscribe."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from blockctl.io.api_desk import DeclinedError, Desk, desk_of
from blockctl.io.api_nouns import Asked, Short
from blockctl.io.api_places import list_addresses, outputs
from blockctl.policy.edit import utc_text

routes = APIRouter()
open_routes = APIRouter()  # the capability in the address is the proof
TYPES = {".json": "application/json", ".1blockpkg": "application/json"}
PLAIN = "text/plain; charset=utf-8"
WRONG_INPUT = 2  # exit statuses of `blockctl sync`


class SyncAsked(Asked):
    """Which lists to look at (none: those that are due), and whether before their time."""

    lists: Annotated[tuple[Short, ...], Field(max_length=200)] = ()
    now: bool = False


class AcceptAsked(Asked):
    """A list of which an update is held; it is taken whole, or without the lines that are to blame."""

    list: Short
    except_held_lines: bool = False


@routes.get("/lists", tags=["lists"])
async def get_lists(request: Request) -> dict[str, Any]:
    """Return the policy's lists: age, rules, next look, what is held: as `lists --json`. `syncing`: it is under way."""
    desk = desk_of(request)
    loaded = await desk.view.loaded()
    async with desk.asking:
        found = await asyncio.to_thread(desk.backstage.lists, loaded)
    for each in found:
        if each["next_look"] is not None:  # Unix time there
            each["next_look"] = utc_text(datetime.fromtimestamp(each["next_look"], UTC))
    return {"lists": found, "syncing": desk.syncing.locked()}


@routes.post("/lists/sync", tags=["lists"])
async def post_sync(request: Request, asked: SyncAsked) -> dict[str, Any]:
    """Fetch lists, hold what would break something, and build everything: `blockctl sync`. Answers when it is done."""
    return await _sync(desk_of(request), ["--now"] if asked.now else [], list(asked.lists))


@routes.post("/lists/accept", tags=["lists"])
async def post_accept(request: Request, asked: AcceptAsked) -> dict[str, Any]:
    """Take an update that is held: `blockctl sync LIST --force`, or `--leave-out`."""
    return await _sync(desk_of(request), ["--leave-out" if asked.except_held_lines else "--force"], [asked.list])


@routes.get("/lists/addresses", tags=["lists"])
async def get_addresses(request: Request) -> dict[str, Any]:
    """Return the addresses at which blockers subscribe to the outputs. Whoever has one can read them."""
    desk = desk_of(request)
    policy = (await desk.view.loaded()).policy
    return {"addresses": list_addresses(policy, desk.capabilities.get())}


@open_routes.get("/lists/{capability}/{name:path}")
async def get_output(request: Request, capability: str, name: str) -> Response:
    """Return an output of a target, to whom has the capability."""
    desk = desk_of(request)
    found = outputs((await desk.view.loaded()).policy).get(name) if desk.capabilities.allows(capability) else None
    if found is None:
        raise DeclinedError(404, "there is no such thing")
    stat = found.stat()
    kind = TYPES.get(found.suffix, PLAIN)
    answer = FileResponse(found, stat_result=stat, media_type=kind, headers={"cache-control": "no-cache"})
    kept = {key: answer.headers[key] for key in ("etag", "last-modified", "cache-control")}
    known = request.headers.get("if-none-match", "")
    since = request.headers.get("if-modified-since", "")
    if known == kept["etag"] or (not known and since == kept["last-modified"]):
        return Response(status_code=304, headers=kept)
    return answer


@dataclass(frozen=True, slots=True)
class Synced:
    """What a run of `blockctl sync` gave."""

    status: int
    result: dict[str, Any]
    said: str


async def _sync(desk: Desk, options: list[str], names: list[str]) -> dict[str, Any]:
    known = {source.name for source in (await desk.view.loaded()).policy.lists} if names else set()
    for name in names:
        if name not in known:  # nothing else is to be a word of a command
            raise DeclinedError(422, f"the policy has no list {name!r}", "GET /v1/lists names them")
    if desk.syncing.locked():
        raise DeclinedError(409, "lists are being fetched already", "ask again when it is done")
    async with desk.syncing:
        done = await _run(desk, [*options, "--", *names])
    if not done.result:
        status = 422 if done.status == WRONG_INPUT else 503
        raise DeclinedError(status, done.said[:1000] or "`blockctl sync` failed")
    return {"status": done.status, "result": done.result, "said": done.said[:4000]}


async def _run(desk: Desk, words: list[str]) -> Synced:
    """Run it in a process of its own: it takes memory that is given back, and its faults are its own."""
    places = ["--policy", str(desk.view.path), "--state", str(desk.state), "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "blockctl", "sync", *places, *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    try:
        result = json.loads(out)
    except ValueError:
        result = {}  # it ended before it had anything to tell
    return Synced(process.returncode or 0, result, said.decode("utf-8", "replace").strip())
