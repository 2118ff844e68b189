"""Routes for the companion extension: the policy as its rules, and the news that it changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from blockctl.backends.dnr_live import Live, live
from blockctl.io.api_desk import desk_of
from blockctl.io.api_nouns import Changes, Later, Rules
from blockctl.io.api_words import pause_told
from blockctl.io.loaded import Loaded
from blockctl.policy.edit import utc_text

routes = APIRouter()
LONGEST = 25.0  # seconds: proxies and browsers give up on silence after 30
Browser = Annotated[Literal["chromium", "firefox"], Query(description="Whose rules.")]
Version = Annotated[
    str | None, Query(pattern=r"^\d{1,4}$", description="The browser's version; a recent one if absent.")
]


@routes.get("/rules/dnr", tags=["extension"], responses={304: {"description": "It is as it was."}})
async def get_rules(request: Request, response: Response, browser: Browser, version: Version = None) -> Rules:
    """Return the policy as declarativeNetRequest rules, one for each way of treating pages, with lists of sites.

    `modes` and `cosmetic` are keyed by site; the nearest entry speaks, key by key. Something is over at `until`: a
    browser that reaches nobody then goes by the entry of `later` whose time came last.
    """
    view = desk_of(request).view
    loaded, revision = await view.loaded(), await view.revision()
    tag = f'"{revision}-{browser}-{version or "new"}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})  # type: ignore[return-value]
    options = {"browser": browser} | ({"min-version": version} if version else {})
    found, later = await asyncio.to_thread(_made, loaded, view.ends(), options)
    response.headers["etag"] = tag
    response.headers["cache-control"] = "no-cache"
    return Rules(
        revision=revision, browser=browser, dynamic=found.rules, session=[], modes=found.modes,
        cosmetic=found.cosmetic, paused=pause_told(loaded.pause), until=later[0].at if later else None, later=later,
        gaps=found.gaps,
    )  # fmt: skip


def _made(loaded: Loaded, ends: list[datetime], options: dict[str, str]) -> tuple[Live, list[Later]]:
    """Return the rules as they are now, and as they will be at each of these moments."""
    later = []
    for end in ends:
        paused = loaded.pause.in_force and (loaded.pause.until is None or loaded.pause.until > end)
        then = live(replace(loaded.whole.at(end), paused=paused), options)
        later.append(
            Later(at=utc_text(end), paused=paused, dynamic=then.rules, modes=then.modes, cosmetic=then.cosmetic)
        )
    return live(loaded.policy, options), later


@routes.get("/changes", tags=["extension"])
async def get_changes(
    request: Request,
    revision: Annotated[
        str, Query(max_length=64, description="The one that is known; empty asks for the newest.")
    ] = "",
    seconds: Annotated[float, Query(ge=0, le=LONGEST, description="How long to wait for another.")] = LONGEST,
) -> Changes:
    """Wait until the policy's revision is another than this one, and at most so many seconds."""
    current = await desk_of(request).view.wait(revision, seconds)
    return Changes(revision=current, changed=current != revision)
