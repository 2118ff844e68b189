"""Routes that read and write the policy: sites, hosts, pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request

from blockctl.io import edits
from blockctl.io.api_desk import DeclinedError, Desk, desk_of, refuse
from blockctl.io.api_nouns import (
    HostAsked,
    HostsTold,
    PauseAsked,
    PausesTold,
    SitePatch,
    SitesTold,
    SiteTold,
)
from blockctl.io.api_words import entry_told, host_told, pauses_told, site_told
from blockctl.io.loaded import Loaded
from blockctl.io.pause import EVERYBODY, end_pause, write_pause
from blockctl.policy import settings as typed
from blockctl.policy.durations import end_of
from blockctl.policy.hiding import read_selectors
from blockctl.policy.words import advice

routes = APIRouter()
Host = Annotated[str, Query(max_length=300, description="A host, or a site.", examples=["news.example"])]
OfSite = Annotated[str | None, Query(max_length=300, description="On this site only.")]
OfGroup = Annotated[str | None, Query(max_length=300, description="Only this group of the resolver's.")]


@routes.get("/site", tags=["policy"])
async def get_site(request: Request, host: Host) -> SiteTold:
    """Say what applies on a page of this host, and which entry says so."""
    return await _site(desk_of(request), _read_site(host))


@routes.get("/sites", tags=["policy"])
async def get_sites(request: Request) -> SitesTold:
    """Return every entry of `sites:`."""
    desk = desk_of(request)
    policy = (await desk.view.loaded()).policy
    defaults = {"javascript": policy.javascript.value, "blocking": policy.blocking}
    sites = [entry_told(site) for site in policy.sites.values()]
    return SitesTold(revision=await desk.view.revision(), defaults=defaults, sites=sites)


@routes.patch("/site", tags=["policy"])
async def patch_site(request: Request, host: Host, patch: SitePatch) -> SiteTold:
    """Set keys of a site's entry in the policy file; null takes a key away. With `for` it is for a while."""
    desk, site = desk_of(request), _read_site(host)
    asked = patch.model_fields_set
    texts = {
        "javascript": patch.javascript,
        "blocking": None if patch.blocking is None else ("on" if patch.blocking else "off"),
        "scroll": patch.scroll,
        "note": patch.note,
    }
    words, faults = typed.read_settings(f"{key}={texts[key] or ''}" for key in texts if key in asked)
    hide, more = read_selectors(patch.hide or [])
    refuse([*faults, *more])

    def change(loaded: Loaded) -> bool:
        until = end_of(patch.for_, loaded.now)
        changes = words | ({"until": None} if until is None and "for_" in asked else {})
        return edits.set_site(loaded, site, changes, until, hide=hide if "hide" in asked else None)

    await _write(desk, change)
    return await _site(desk, site)


@routes.delete("/site", tags=["policy"])
async def delete_site(request: Request, host: Host) -> SiteTold:
    """Take a site's entry away."""
    desk, site = desk_of(request), _read_site(host)
    await _write(desk, lambda loaded: edits.reset_site(loaded, site))
    return await _site(desk, site)


@routes.get("/hosts", tags=["policy"])
async def get_hosts(request: Request) -> HostsTold:
    """Return the hosts that are allowed or denied, everywhere and on sites."""
    return await _hosts(desk_of(request))


@routes.post("/hosts", tags=["policy"])
async def post_hosts(request: Request, asked: HostAsked) -> HostsTold:
    """Allow or deny a host, everywhere or on one site."""
    desk = desk_of(request)
    host, faults = typed.read_host_name(asked.host, asked.verdict, everywhere=asked.site is None)
    site, more = typed.read_site_name(asked.site) if asked.site is not None else (None, [])
    refuse([*faults, *more, *(typed.read_note(asked.note) if asked.note is not None else [])])

    def change(loaded: Loaded) -> bool:
        return edits.add_host(loaded, asked.verdict, host, site, end_of(asked.for_, loaded.now), asked.note)

    return await _hosts(desk, await _write(desk, change))


@routes.delete("/hosts", tags=["policy"])
async def delete_hosts(request: Request, host: Host, site: OfSite = None) -> HostsTold:
    """Take a host out of the allowed and the denied ones, everywhere or of one site."""
    desk = desk_of(request)
    name, faults = typed.read_host_name(host, "allow", everywhere=site is None)
    page, more = typed.read_site_name(site) if site is not None else (None, [])
    refuse([*faults, *more])
    return await _hosts(desk, await _write(desk, lambda loaded: edits.forget_host(loaded, name, page)))


@routes.get("/pause", tags=["policy"])
async def get_pause(request: Request) -> PausesTold:
    """Say whether everything is let through."""
    return await _pauses(desk_of(request))


@routes.post("/pause", tags=["policy"])
async def post_pause(request: Request, asked: PauseAsked) -> PausesTold:
    """Let everything through for a while. The policy file is not touched."""
    desk = desk_of(request)
    async with desk.writing:
        loaded = await desk.view.loaded()
        _require_group(loaded, asked.group)
        until = end_of(asked.for_, loaded.now)
        await asyncio.to_thread(write_pause, desk.state, until, EVERYBODY if asked.group is None else asked.group)
    return await _pauses(desk)


@routes.delete("/pause", tags=["policy"])
async def delete_pause(request: Request, group: OfGroup = None) -> PausesTold:
    """End every pause there is, or one group's."""
    desk = desk_of(request)
    async with desk.writing:
        loaded = await desk.view.loaded()
        if group not in loaded.pauses.groups:  # one that the policy no longer has may still pause
            _require_group(loaded, group)
        await asyncio.to_thread(end_pause, desk.state, group)
    return await _pauses(desk)


def _require_group(loaded: Loaded, group: str | None) -> None:
    groups = loaded.policy.resolver.groups
    if group is not None and group not in groups:
        hint = advice(group, groups) if groups else "`resolver: {groups: ...}` in the policy names groups of devices"
        raise DeclinedError(422, f"the policy has no group {group!r}", hint)


def _read_site(host: str) -> str:
    site, faults = typed.read_site_name(host)
    refuse(faults)
    return site


async def _write(desk: Desk, change: Callable[[Loaded], bool]) -> bool:
    async with desk.writing:
        loaded = await desk.view.loaded()
        return await asyncio.to_thread(change, loaded)


async def _site(desk: Desk, host: str) -> SiteTold:
    return site_told(await desk.view.loaded(), host, await desk.view.revision())


async def _pauses(desk: Desk) -> PausesTold:
    return pauses_told(await desk.view.loaded(), await desk.view.revision())


async def _hosts(desk: Desk, changed: bool | None = None) -> HostsTold:
    policy = (await desk.view.loaded()).policy
    everywhere = [host_told(entry) for entry in policy.hosts.values()]
    on_sites = [host_told(entry, site) for site in policy.sites.values() for entry in site.hosts]
    return HostsTold(revision=await desk.view.revision(), changed=changed, hosts=everywhere + on_sites)
