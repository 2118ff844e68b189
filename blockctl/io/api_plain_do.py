"""What the forms of the page without JavaScript do: each calls the route of the JSON API that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request

from blockctl.io import api_lists, api_policy, api_who
from blockctl.io.api_desk import DeclinedError, device_of
from blockctl.io.api_devices import WRITE, Device
from blockctl.io.api_nouns import HostAsked, PauseAsked, SitePatch

Form = Mapping[str, str]


async def act(request: Request, device: Device, form: Form) -> str:
    """Do what a form's `do` asks for, if anything; return what is to be said of it. Raises what the routes raise."""
    verb, _, rest = form.get("do", "").partition(" ")
    if not verb:
        return ""
    if verb not in ACTIONS:
        raise DeclinedError(422, f"there is nothing called {verb!r} to do here")
    if WRITE not in device.scopes:
        raise DeclinedError(403, f"{device.name} may only read", "pair it again without --read-only")
    return await ACTIONS[verb](request, form, rest.strip())


def _lasting(form: Form) -> dict[str, Any]:
    """Return for how long: nothing said leaves an entry's end as it is, `good` takes it away."""
    chosen = form.get("for", "")
    return {"for": None if chosen == "good" else chosen} if chosen else {}


async def _javascript(request: Request, form: Form, value: str) -> str:
    patch = SitePatch.model_validate({"javascript": value, **_lasting(form)})
    return await _set(request, form, patch)


async def _blocking(request: Request, form: Form, value: str) -> str:
    patch = SitePatch.model_validate({"blocking": value, **_lasting(form)})
    return await _set(request, form, patch)


async def _set(request: Request, form: Form, patch: SitePatch) -> str:
    told = await api_policy.patch_site(request, form.get("site", ""), patch)
    return f"{told.host} is changed. {' '.join(told.words)}"


async def _reset(request: Request, _: Form, site: str) -> str:
    await api_policy.delete_site(request, site)
    return f"{site} is as every other site again."


def _host(verdict: str, verb: str) -> Callable[[Request, Form, str], Awaitable[str]]:
    async def do(request: Request, form: Form, host: str) -> str:
        host, site = host or form.get("host", "").strip(), form.get("site") or None
        asked = {"host": host, "verdict": verdict, "site": site, **_lasting(form)}
        told = await api_policy.post_hosts(request, HostAsked.model_validate(asked))
        stood = "" if told.changed else ", as it was"
        return f"{host} is {verb} {'on ' + site if site else 'everywhere'}{stood}."

    return do


async def _forget(request: Request, _: Form, words: str) -> str:
    host, _space, site = words.partition(" ")
    told = await api_policy.delete_hosts(request, host, site or None)
    return f"{host} is forgotten." if told.changed else f"The policy says nothing of {host}."


async def _pause(request: Request, _: Form, duration: str) -> str:
    await api_policy.post_pause(request, PauseAsked.model_validate({"for": duration or None}))
    return "Paused: everything is let through."


async def _resume(request: Request, _: Form, __: str) -> str:
    await api_policy.delete_pause(request)
    return "The pause is over."


async def _sync(request: Request, _: Form, __: str) -> str:
    done = await api_lists.post_sync(request, api_lists.SyncAsked())
    return "Lists were looked at." if done["status"] == 0 else done["said"] or "Lists were looked at; see below."


def _accept(*, rest: bool) -> Callable[[Request, Form, str], Awaitable[str]]:
    async def do(request: Request, _: Form, name: str) -> str:
        asked = api_lists.AcceptAsked(list=name, except_held_lines=rest)
        done = await api_lists.post_accept(request, asked)
        return f"{name} is taken." if done["status"] == 0 else done["said"] or f"{name} is held still."

    return do


async def _leave(request: Request, _: Form, __: str) -> str:
    device = device_of(request)
    assert device is not None
    await api_who.delete_devices(request, device.name)
    return f"{device.name} is paired no longer."


ACTIONS: dict[str, Callable[[Request, Form, str], Awaitable[str]]] = {
    "javascript": _javascript, "blocking": _blocking, "reset": _reset, "allow": _host("allow", "allowed"),
    "deny": _host("deny", "denied"), "forget": _forget, "pause": _pause, "resume": _resume, "sync": _sync,
    "accept-rest": _accept(rest=True), "accept-whole": _accept(rest=False), "leave": _leave,
}  # fmt: skip
