"""The web API, put together: routes, errors as JSON, the page, and the guard in front of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.security import HTTPBearer

from blockctl import __version__
from blockctl.io import api_asking, api_lists, api_log, api_page, api_plain, api_policy, api_rules, api_who
from blockctl.io.api_desk import Desk, http_status, of_token, told
from blockctl.io.api_guard import App, Gate, Guard
from blockctl.io.api_nouns import Fault
from blockctl.io.api_plain_html import PLAIN, refusal
from blockctl.model.diagnostic import BlockctlError

DESCRIPTION = (
    "The policy file, sites, hosts, pauses, the query log and the lists. Everything but hello and pair needs "
    "`Authorization: Bearer TOKEN`; a device gets its token by POST /v1/pair with a code of `blockctl pair`. "
    "What changes something is sent as application/json. An answer that is no success has an `error`."
)
FAULTS: dict[int | str, dict[str, Any]] = {
    number: {"model": Fault, "description": text}
    for number, text in {
        400: "There is no such way to ask.", 401: "A token is missing, or is not good.",
        403: "The token is for reading only, or a page of elsewhere asks.", 404: "There is no such thing.",
        405: "Not so.", 408: "The body came too slowly.", 409: "The policy file has errors, or is being changed.",
        413: "The body is too large.", 415: "The body is not application/json.", 421: "Another host was asked for.",
        422: "What was asked for is wrong: the diagnostics say where.", 429: "Too many wrong tries.",
        503: "A file cannot be read or written.",
    }.items()
}  # fmt: skip


def make_app(desk: Desk, names: Callable[[], frozenset[str]] = frozenset) -> App:
    """Return the whole as ASGI. `names`: those of this machine besides its addresses, as in its certificate."""
    app = FastAPI(
        title="blockctl", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json", redirect_slashes=False, responses=FAULTS,
    )  # fmt: skip
    app.state.desk, app.state.rate = desk, api_who.Rate()
    bearer = HTTPBearer(auto_error=False, description="The token that POST /v1/pair gave.")
    paired = APIRouter(prefix="/v1", dependencies=[Security(bearer)])
    for each in (api_who, api_policy, api_rules, api_asking, api_log, api_lists):
        paired.include_router(each.routes)
    app.include_router(paired)
    app.include_router(api_lists.open_routes, include_in_schema=False)
    app.include_router(api_plain.routes, include_in_schema=False)
    app.include_router(api_page.routes, include_in_schema=False)
    for kind, handler in ((BlockctlError, _wrong), (RequestValidationError, _invalid), (Exception, _own_fault)):
        app.add_exception_handler(kind, handler)
    for number in (400, 404, 405):
        app.add_exception_handler(number, _no_such)

    return Guard(app, Gate(partial(of_token, desk), names))


def _body(message: str, hint: str = "", diagnostics: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "hint": hint, "diagnostics": diagnostics or []}}


async def _wrong(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BlockctlError)
    faults = [dict(told(fault)) for fault in error.diagnostics]
    return JSONResponse(_body(str(error), error.hint, faults), http_status(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        f"{'.'.join(str(each) for each in fault['loc'][1:]) or fault['loc'][0]}: {fault['msg']}"
        for fault in error.errors()
    ]
    return JSONResponse(_body("; ".join(found)[:1000], "GET /openapi.json describes what is right"), 422)


async def _no_such(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    message = {400: "the body is not JSON", 405: f"{request.method} is not for this"}.get(
        status, "there is no such thing"
    )
    return _shown(request, message, status, getattr(error, "headers", None))


async def _own_fault(request: Request, _: Exception) -> Response:
    return _shown(request, "a fault of blockctl's own; `serve` told it", 500)


def _shown(request: Request, message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return what went wrong: as a page where a person asked by the page without JavaScript, else as JSON."""
    if request.url.path.rstrip("/") == PLAIN:
        return HTMLResponse(refusal(message), status, headers)
    return JSONResponse(_body(message), status, headers)
