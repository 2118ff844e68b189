"""The page without JavaScript: plain forms for what matters, each a POST to one address that shows the next screen.

The rest of the web API takes writes as JSON with a bearer token, which no form can send. This is as safe, because a
form here counts for what stands in its body alone: the device's token, compared in constant time, in a hidden field of
a page that no cache keeps and that no other origin can read or frame. A browser adds nothing by itself, no cookie and
no password, so a form of a stranger's page arrives without authority; the guard has refused it before for its `Origin`,
which is asked for here (Firefox sends it with every POST since version 70, Chromium and Safari longer). Such a form
cannot even use up the tries of a pairing code. Nothing secret stands in an address. The page's own policy lets no
script run, so that a text of a list that came through unescaped could still do nothing.

What the forms do, the routes of the JSON API do: they are called here, with what they check and how they write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from blockctl.io import api_policy, api_who
from blockctl.io.api_desk import DeclinedError, desk_of, http_status, of_token
from blockctl.io.api_devices import READ, WRITE, Device
from blockctl.io.api_nouns import PairAsked, PauseTold
from blockctl.io.api_plain_do import Form, act
from blockctl.io.api_plain_html import PLAIN, Forms, Html, button, fault, joined, make, page, when
from blockctl.io.api_plain_log import lists_screen, log_screen
from blockctl.io.api_plain_site import site_screen
from blockctl.model.diagnostic import BlockctlError

routes = APIRouter()
MOST_FIELDS, LONGEST = 20, 4000  # of a form, and characters of a field
PAUSES = (("10 minutes", "10m"), ("1 hour", "1h"))
KEPT = ("what", "name", "blocked")  # fields that say what of a screen is shown
SCREENS: dict[str, tuple[str, Callable[[Request, Form, Forms], Awaitable[Html]]]] = {
    "site": ("Site", site_screen), "log": ("Log", log_screen), "lists": ("Lists", lists_screen),
}  # fmt: skip


@routes.api_route(PLAIN, methods=["GET", "HEAD"])
async def get_plain() -> HTMLResponse:
    """Return the first screen, which needs no token: pairing."""
    return _entry()


@routes.post(PLAIN)
async def post_plain(request: Request) -> HTMLResponse:
    """Do what a form asks for, and return the screen that it names."""
    try:
        form = _read(await request.body())
        if form.get("do") == "pair":
            return await _paired(request, form)
    except (BlockctlError, ValidationError) as error:
        return _entry(_told(error))
    device = of_token(desk_of(request), form.get("token", ""))
    if device is None:
        hint = "`blockctl pair` prints a code"
        return _entry(DeclinedError(403, "this needs a browser that is paired", hint))
    if READ not in device.scopes:  # the guard asks it of the JSON API
        return _entry(DeclinedError(403, f"{device.name} may not read", "pair it again"))
    request.scope.setdefault("state", {})["device"] = device
    try:
        said = await act(request, device, form)
    except (BlockctlError, ValidationError) as error:
        return await _screen(request, device, form, error=_told(error))
    return _entry(said=said) if form.get("do") == "leave" else await _screen(request, device, form, said)


def _read(body: bytes) -> Form:
    """Return the fields of a form. Raises DeclinedError when it is none of ours."""
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise DeclinedError(422, "this is no form of this page") from error
    form = dict(fields)
    if len(form) != len(fields) or any(len(value) > LONGEST for value in form.values()):
        raise DeclinedError(422, "a field of the form is there twice, or too long")
    return form


def _told(error: BlockctlError | ValidationError) -> BlockctlError:
    if isinstance(error, BlockctlError):
        return error
    found = "; ".join(f"{each['loc'][-1] if each['loc'] else 'form'}: {each['msg']}" for each in error.errors())
    return DeclinedError(422, found[:1000])


async def _paired(request: Request, form: Form) -> HTMLResponse:
    paired = await api_who.post_pair(request, PairAsked(code=form.get("code", ""), name=form.get("name", "")))
    device = of_token(desk_of(request), paired.token)
    assert device is not None
    key = make(
        "details",
        make("summary", "To come back without a new code"),
        make("p", "This browser forgets its key with this tab. A password manager can keep it; who has it, may do "
             "what this browser may, until it is revoked."),
        make("p", make("label", "Key", make("input", value=paired.token, readonly=True, autocomplete="off"))),
        class_="card",
    )  # fmt: skip
    request.scope.setdefault("state", {})["device"] = device
    said = f"This browser is paired, as {device.name}."
    return await _screen(request, device, {"token": paired.token}, said, key=key)


async def _screen(
    request: Request, device: Device, form: Form, said: str = "", *, error: BlockctlError | None = None, key: str = ""
) -> HTMLResponse:
    """Return a screen, and above it what was done or what is wrong: in the policy's file too."""
    if "look" in form:  # a name that was pressed, on any screen, or typed beside the button
        form = {**form, "view": "site", "what": form["look"] or form.get("host", "")}
    view = form.get("view", "") if form.get("view") in SCREENS else "site"
    here = {"view": view, **{name: form[name] for name in KEPT if name in form}}
    forms = Forms(form["token"], WRITE in device.scopes, here)
    title, show = SCREENS[view]
    told = [make("p", said, class_="notice", role="status")] if said else [fault(error)] if error else []
    head = _views(forms, view)
    try:
        head = joined([_pause(await api_policy.get_pause(request), forms), head])
        main = await show(request, form, forms)
    except BlockctlError as broken:  # often what the action has just said
        main = Html() if error is not None else fault(broken)
        error = error or broken
    foot = make("footer", make("p", f"Paired as {device.name}."), forms.change(forms.act("End this pairing", "leave")))
    title = said.splitlines()[0] if said else f"Wrong: {error}" if error else title
    text = page(title, head, *told, key, main, foot)
    return HTMLResponse(text, http_status(error) if error else 200)


def _views(forms: Forms, view: str) -> Html:
    buttons = [
        button(text, "view", name, aria_current="page" if name == view else None) for name, (text, _) in SCREENS.items()
    ]
    return make("nav", forms.look(*buttons, fields={}), aria_label="Views")


def _pause(pause: PauseTold, forms: Forms) -> Html:
    if not pause.in_force:
        for_10m, for_1h = (forms.act(text, f"pause {time}", class_="small") for text, time in PAUSES)
        return forms.change(make("span", "Pause:", class_="dim"), for_10m, for_1h, class_="row")
    until = [" until ", when(pause.until)] if pause.until else []
    state = make("p", "Paused", *until, ": everything is let through.")
    return joined([state, forms.change(forms.act("Go on blocking", "resume", class_="main small"), class_="row")])


def _entry(error: BlockctlError | None = None, said: str = "") -> HTMLResponse:
    """Return the first screen: a code, or a key that was kept."""
    told = [make("p", said, class_="notice", role="status")] if said else [fault(error)] if error else []
    code = make("input", name="code", inputmode="numeric", autocomplete="one-time-code", required=True, maxlength="16")
    name = make("input", name="name", maxlength="60", placeholder="phone")
    key = make("input", name="token", type="password", autocomplete="current-password", required=True)
    text = page(
        "Pair this browser",
        "",
        *told,
        make("h2", "Pair this browser"),
        make("p", "Type ", make("code", "blockctl pair"), " in a terminal of the machine that runs it, and the six "
             "digits here."),
        _post(
            make("input", type="hidden", name="do", value="pair"),
            make("p", make("label", "Code ", code)),
            make("p", make("label", "Name of this device ", name)),
            make("button", "Pair", class_="main"),
        ),
        make("h2", "Or come back with a key"),
        _post(make("p", make("label", "Key that was kept ", key)), make("button", "Open")),
    )  # fmt: skip
    return HTMLResponse(text, http_status(error) if error else 200)


def _post(*inside: str) -> Html:
    return make("form", *inside, method="post", action=PLAIN)
