"""The door of the web API: everything that is refused before any of it is understood.

A page of a stranger can make a browser send requests here, even a form with JSON inside, and can lead its own name to
this machine (DNS rebinding). So no request counts for where it comes from: it names this machine as its host, says no
foreign origin, carries a token, and what changes something is JSON. Nothing is known by cookies. The page without
JavaScript alone sends forms: they name this page as their origin, and carry the token inside (api_plain).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from blockctl.io.api_devices import READ, WRITE, Device
from blockctl.io.api_plain_html import PLAIN, refusal
from blockctl.model.addresses import LOOPBACK, PRIVATE, is_within, read_address

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

LARGEST = 64 << 10  # bytes of a body
PATIENCE = 10.0  # seconds for a body to come
EXTENSIONS = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
OPEN = {("GET", "/v1/hello"), ("POST", "/v1/pair")}
ASKED_WITH = {"POST", "PATCH", "PUT"}
PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, if-none-match"),
    (b"access-control-allow-private-network", b"true"),
    (b"access-control-max-age", b"600"),
]
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PLAIN_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
OF_PAGE = [*ALWAYS, (b"referrer-policy", b"no-referrer"), (b"content-security-policy", PAGE_POLICY.encode())]
# `no-referrer` would make the origin of its forms `null` (Fetch, "append a request Origin header").
OF_PLAIN = [*ALWAYS, (b"referrer-policy", b"same-origin"), (b"content-security-policy", PLAIN_POLICY.encode())]
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"


class RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, list(headers)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the door goes by. `names`: those of this machine, in lower case, besides its addresses."""

    device_of: Callable[[str], Device | None]
    names: Callable[[], frozenset[str]] = field(default=frozenset)


class Guard:
    """ASGI in front of the app."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        origin = headers.get(b"origin", b"").decode("latin-1")
        extension = origin.startswith(EXTENSIONS) and str(scope["path"]).startswith("/v1/")
        plain = scope["path"] == PLAIN
        telling = _adding(send, OF_PLAIN if plain else _extra(origin if extension else ""))
        try:
            self._see(scope, headers, origin, extension)
            if scope["method"] == "OPTIONS":
                if not extension:
                    raise RefusedError(403, "no page of another origin may ask")
                await _answer(telling, 204, b"", PREFLIGHT)
                return
            scope.setdefault("state", {})["device"] = self._who(scope, headers)
            body = await _whole(scope, headers, receive)
        except RefusedError as refused:
            await _refuse(telling, refused, plain=plain)
            return
        await self._app(scope, _again(body, receive), telling)

    def _see(self, scope: Scope, headers: Headers, origin: str, extension: bool) -> None:
        """Refuse what comes from elsewhere."""
        peer = read_address(str((scope.get("client") or ("",))[0]))
        if peer is None or not (is_within(peer, LOOPBACK) or is_within(peer, PRIVATE)):
            raise RefusedError(403, "only this machine and devices at home may ask")
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not self._is_us(scope, host):
            raise RefusedError(421, "another host was asked for", "a page of a stranger's name may have led here")
        if b"upgrade" in headers or b"sec-websocket-key" in headers:
            raise RefusedError(400, "there are no WebSockets here")
        if origin and not extension and origin != f"{scope['scheme']}://{host}":
            raise RefusedError(403, "no page of another origin may ask")
        if not origin and scope["path"] == PLAIN and scope["method"] not in ("GET", "HEAD"):
            raise RefusedError(403, "the browser does not say which page sends this form", "an `Origin` header does")
        is_page = scope["method"] == "GET" and not str(scope["path"]).startswith(("/v1", "/lists"))
        if headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and not extension and not is_page:
            raise RefusedError(403, "no page of another site may ask")

    def _is_us(self, scope: Scope, host: str) -> bool:
        name, port = _split(host)
        own = scope.get("server") or ("", 0)
        usual = 443 if scope["scheme"] == "https" else 80
        if (port or str(usual)) != str(own[1]):
            return False
        address = read_address(name)
        if address is not None:
            return is_within(address, LOOPBACK) or address == read_address(str(own[0]))
        return name == "localhost" or name in self._gate.names()

    def _who(self, scope: Scope, headers: Headers) -> Device | None:
        """Return whose token it is. Refuse where one is needed and not there, or not good for this."""
        method, path = str(scope["method"]), str(scope["path"])
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        device = self._gate.device_of(token.strip()) if scheme.lower() == "bearer" and token else None
        needs = path.startswith("/v1") or path == "/openapi.json"
        if not needs or (method, path) in OPEN:
            return device
        if device is None:
            hint = "`blockctl pair` prints a code; POST it to /v1/pair"
            raise RefusedError(401, "this needs a token", hint, [(b"www-authenticate", b"Bearer")])
        wanted = READ if method in ("GET", "HEAD") else WRITE
        if wanted not in device.scopes:
            raise RefusedError(403, f"{device.name} may only read", "pair it again without --read-only")
        return device


async def _whole(scope: Scope, headers: Headers, receive: Receive) -> bytes:
    """Return the body. Refuse what is too large, too slow, or not JSON."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > LARGEST:
        raise RefusedError(413, f"a body has at most {LARGEST:,} bytes", "", [(b"connection", b"close")])
    has_body = bool(length.strip(b"0")) or b"transfer-encoding" in headers
    if has_body or scope["method"] in ASKED_WITH:
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        wanted = FORM if scope["path"] == PLAIN else JSON
        if kind != wanted:
            raise RefusedError(415, f"write {wanted.decode()}", "", [(b"connection", b"close")])
    parts, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    break
                size += len(message.get("body", b""))
                if size > LARGEST:
                    raise RefusedError(413, f"a body has at most {LARGEST:,} bytes", "", [(b"connection", b"close")])
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise RefusedError(408, "the body came too slowly", "", [(b"connection", b"close")]) from None
    return b"".join(parts)


def _headers(scope: Scope) -> Headers:
    """Return the headers; one that is there twice is joined, and so fits nothing."""
    found: Headers = {}
    for name, value in scope["headers"]:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _split(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name.rstrip("."), port


def _extra(origin: str) -> list[tuple[bytes, bytes]]:
    if not origin:
        return OF_PAGE
    return [*OF_PAGE, (b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin"),
            (b"access-control-expose-headers", b"etag")]  # fmt: skip


def _adding(send: Send, extra: list[tuple[bytes, bytes]]) -> Send:
    async def telling(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *extra]
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message["headers"] = headers
        await send(message)

    return telling


def _again(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, refused: RefusedError, *, plain: bool) -> None:
    said = {"error": {"message": refused.message, "hint": refused.hint, "diagnostics": []}}
    body, kind = json.dumps(said).encode(), JSON
    if plain:
        body, kind = refusal(refused.message, refused.hint).encode(), b"text/html; charset=utf-8"
    await _answer(send, refused.status, body, [*refused.headers, (b"content-type", kind)])


async def _answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    length = [(b"content-length", str(len(body)).encode())] if status != 204 else []
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
