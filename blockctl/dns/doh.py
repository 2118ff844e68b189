"""DNS over HTTPS as HTTP sees it (RFC 8484): which requests carry a query, and what goes back. No HTTP version here."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from blockctl.dns.rebinding import is_at_home

MESSAGE = "application/dns-message"
LONGEST = 65_535  # bytes of a DNS message
SHORTEST = 12
METHODS = ("GET", "HEAD", "POST")
_ID = re.compile(r"[a-z0-9_-]{1,63}")
_OF_PAGES = frozenset((b"origin", b"referer", b"range", b"sec-fetch-mode", b"sec-fetch-site"))
_URL_SAFE = str.maketrans("-_", "+/")

SOA = 6


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of a request before its body. Header values are "" when absent."""

    method: str
    target: str  # path and query as sent
    content_type: str = ""
    accept: str = ""
    length: int = 0  # of the body, 0 when not told
    forwarded: str | None = None  # X-Forwarded-For
    page_of: str = ""  # the Host by which a browser's page asks, as far as can be told


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that is right so far."""

    client_id: str
    query: bytes | None  # None: it is the body


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. HEAD gets the headers alone."""

    status: int
    body: bytes
    content_type: str = MESSAGE
    more: tuple[tuple[str, str], ...] = field(default=())

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers, names in lower case."""
        named = (("content-type", self.content_type), ("content-length", str(len(self.body))), *self.more)
        return [(name.encode(), value.encode()) for name, value in named]


def refused(status: int, text: str, *more: tuple[str, str]) -> Response:
    """Say in words what is wrong with a request."""
    return Response(status, text.encode() + b"\n", "text/plain; charset=utf-8", more)


def read_head(head: Head, path: str) -> Wanted | Response:
    """Read all but the body; `path` is where we listen, and `path/CLIENT-ID` too."""
    if not is_at_home(head.page_of):
        return refused(421, "ask by address: a page of a stranger's name may have led here")
    where, _, parameters = head.target.partition("?")
    client_id = _client_id(where, path)
    if client_id is None:
        return refused(404, f"DNS over HTTPS is at {path}")
    if head.method not in METHODS:
        return refused(405, "use GET or POST (RFC 8484)", ("allow", ", ".join(METHODS)))
    if not _accepts(head.accept):
        return refused(406, f"answers are {MESSAGE}, which `accept` leaves out")
    if head.method == "POST":
        if head.content_type.partition(";")[0].strip().lower() != MESSAGE:
            return refused(415, f"content-type must be {MESSAGE}")
        if head.length > LONGEST:
            return too_large()
        return Wanted(client_id, None)
    values = [value for name, _, value in (each.partition("=") for each in parameters.split("&")) if name == "dns"]
    if len(values) != 1:
        return refused(400, "one parameter `dns` is needed: the query in base64url without padding (RFC 8484)")
    query = _from_base64(values[0])
    return not_a_query() if query is None or len(query) < SHORTEST else Wanted(client_id, query)


def page_of(headers: Mapping[bytes, str]) -> str:
    """Return the Host of a request without TLS that a browser's page may have made, "" for any other.

    A page can have its own name lead to this machine (DNS rebinding), and its script read what is answered. Behind a
    proxy the Host is a public name too, so a page is known by headers that its script cannot leave out: browsers tell
    Sec-Fetch-* to hosts they trust only, and Origin to others' pages and with POST (Fetch, section 4.6), but always
    offer `gzip, deflate`, and without TLS no `br`; where there is a Range, `identity`. Browsers' own DoH has none.
    """
    offered = {each.partition(";")[0].strip() for each in headers.get(b"accept-encoding", "").lower().split(",")}
    by_page = "deflate" in offered and "br" not in offered
    return headers.get(b"host", "") if by_page or not _OF_PAGES.isdisjoint(headers) else ""


def read_body(body: bytes) -> bytes | Response:
    """Return the query of a POST."""
    if len(body) > LONGEST:
        return too_large()
    return not_a_query() if len(body) < SHORTEST else body


def too_large() -> Response:
    """Refuse a body that can be no DNS message."""
    return refused(413, f"a DNS message has at most {LONGEST} bytes")


def not_a_query() -> Response:
    """Refuse what cannot be read."""
    return refused(400, "this is not a DNS query")


def answered(reply: bytes | None) -> Response:
    """Put an answer into a response; None is a query that nobody could read, b"" one that could not be answered."""
    if reply is None:
        return not_a_query()
    if not reply:
        return refused(500, "the query could not be answered")
    return Response(200, reply, MESSAGE, (("cache-control", f"max-age={freshness(reply)}"),))


def freshness(reply: bytes) -> int:
    """Return the seconds for which the answer may be kept: the smallest TTL (RFC 8484, section 5.1; RFC 2308)."""
    if len(reply) < SHORTEST or reply[3] & 15 not in (0, 3):  # a failure is not kept
        return 0
    questions, answers, authorities = (int.from_bytes(reply[at : at + 2], "big") for at in (4, 6, 8))
    at, ttls = SHORTEST, []
    for _ in range(questions):
        at = _after_name(reply, at) + 4
    for number in range(answers + (0 if answers else authorities)):
        at = _after_name(reply, at)
        end = at + 10 + int.from_bytes(reply[at + 8 : at + 10], "big")
        if end > len(reply):
            return 0
        ttls.append(int.from_bytes(reply[at + 4 : at + 8], "big"))
        if number >= answers:
            if int.from_bytes(reply[at : at + 2], "big") != SOA or end - at < 14:
                ttls.pop()
            else:
                ttls.append(int.from_bytes(reply[end - 4 : end], "big"))
        at = end
    return min(min(ttls), 0x7FFFFFFF) if ttls else 0


def _after_name(message: bytes, at: int) -> int:
    while at < len(message) and message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


def _client_id(where: str, path: str) -> str | None:
    """Return the client's id, "" when it gives none, None when the path is another one."""
    if where.rstrip("/") == path:
        return ""
    rest = where.removeprefix(path + "/").rstrip("/").lower()
    return rest if where.startswith(path + "/") and _ID.fullmatch(rest) else None


def _accepts(accept: str) -> bool:
    kinds = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
    return not accept.strip() or not kinds.isdisjoint((MESSAGE, "application/*", "*/*"))


def _from_base64(text: str) -> bytes | None:
    """Decode base64url; padding should be absent but is let pass, as browsers' extensions send it."""
    text = re.sub("(?:=|%3[dD])*$", "", text)
    if "+" in text or "/" in text or not text.isascii():
        return None
    try:
        return binascii.a2b_base64(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error:
        return None
