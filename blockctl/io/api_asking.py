"""The route that asks the compiler: what happens to a request, and which line decides it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from blockctl.io.api_desk import desk_of

routes = APIRouter()


@routes.get("/why", tags=["policy"])
async def get_why(
    request: Request,
    url: Annotated[str, Query(max_length=4000, description="A URL or a host.")],
    site: Annotated[str, Query(max_length=4000, description="The page that asks for it.")] = "",
    kind: Annotated[str, Query(max_length=40, description="document, script, image...; guessed if absent.")] = "",
) -> dict[str, Any]:
    """Say what each engine does with a request, which line decides it, and what would change it: as `why --json`."""
    desk = desk_of(request)
    loaded = await desk.view.loaded()
    async with desk.asking:
        return await asyncio.to_thread(desk.backstage.why, loaded, url, site, kind)
