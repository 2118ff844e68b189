"""One download: bounded in time, size and hops, conditional, through the proxies of the environment.

Certificates are always verified. What an address knows of the user (`https://name:word@host/`) is sent to that host
and to no other; there are no cookies, and no `.netrc` is read.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from blockctl.io.addresses import is_inside, origin_of, shown
from blockctl.io.packed import Unpacker, too_large, unpacked
from blockctl.model.diagnostic import BlockctlError, WorldError

if TYPE_CHECKING:
    import requests

TIMEOUT = (10.0, 30.0)  # seconds: to connect, between two pieces
WHOLE = 120.0  # seconds for one download
HOPS = 5  # redirects that are followed
PIECE = 1 << 16
LONGEST_VALIDATOR = 200  # characters
AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))  # RFC 9110: it may work later


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask by, later, whether anything changed."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address holds; `data` is None when it is what it was (304)."""

    data: bytes | None
    url: str  # where it was found in the end
    validators: Validators = Validators()


class FetchError(WorldError):
    """A download failed. `again`: after how many seconds it may work, None when it will not soon; `status` of HTTP."""

    def __init__(self, message: str, hint: str = "", *, again: float | None = None, status_code: int = 0) -> None:
        # Servers put into it what they like: a reason, an address; nothing that a terminal obeys may pass.
        super().__init__("".join(char if char.isprintable() else "\ufffd" for char in message), hint)
        self.again = again
        self.status_code = status_code

    @property
    def is_slow(self) -> bool:
        """Whether it took its time: no answer, or one that promised another later; who says no does so at once."""
        return self.again is not None or not self.status_code


def fetch(url: str, limit: int, before: Validators = Validators(), within: Collection[str] = ()) -> Fetched:
    """Return what an address holds. `within`: origins that redirects may not leave. Raises FetchError."""
    made: list[Fetched | BaseException] = []

    def work() -> None:
        try:
            made.append(_follow(url, limit, before, within))
        except BaseException as error:  # it is raised again below
            made.append(error)

    # A server that sends a byte now and then never meets a time-out of its socket, so the clock runs beside it.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(WHOLE)
    if not made:
        raise FetchError(f"{shown(url)} took longer than {WHOLE:.0f} s", "try again later")
    if isinstance(made[0], BaseException):
        raise made[0]
    return made[0]


def _follow(url: str, limit: int, before: Validators, within: Collection[str]) -> Fetched:
    from http.cookiejar import DefaultCookiePolicy

    import requests  # late, as what it brings: 100 ms that only a download needs

    at, been = url, list[str]()
    with requests.Session() as session:
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.trust_env = False  # or `.netrc` would be read; the proxies are asked for below
        try:
            while True:
                _refuse_hop(url, at, been, within)
                been.append(at)
                with _ask(session, at, before) as reply:
                    target = session.get_redirect_target(reply)
                    if target is None:
                        return _answer(reply, at, limit, before)
                    at = urljoin(at, target)
        except (requests.RequestException, UnicodeError) as error:
            raise FetchError(
                f"cannot download {shown(url)}: {_in_short(error)}", _hint(error), again=_again(error)
            ) from error
        except ValueError as error:  # an address that urllib cannot take apart
            raise FetchError(f"{shown(url)} leads to what is no address: {error}") from error


def _ask(session: requests.Session, url: str, before: Validators) -> requests.Response:
    from requests.utils import get_environ_proxies

    headers = {"User-Agent": "blockctl", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
    headers |= {"If-None-Match": before.etag} if before.etag else {}
    headers |= {"If-Modified-Since": before.modified} if before.modified else {}
    return session.get(
        url, headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False,
        proxies=get_environ_proxies(url), verify=os.environ.get("REQUESTS_CA_BUNDLE") or True,
    )  # fmt: skip


def _refuse_hop(url: str, at: str, been: list[str], within: Collection[str]) -> None:
    """Raise FetchError when a redirect leads where it may not."""
    scheme = urlsplit(at).scheme.lower()
    if scheme not in ("https", "http"):
        raise FetchError(f"cannot download {shown(url)}: it leads to {shown(at)[:100]}, which is no web address")
    if scheme == "http" and urlsplit(url).scheme.lower() == "https":
        plain = f"{shown(url)} leads to {shown(at)}, which is not secure"
        raise FetchError(plain, "name the list's new https address")
    if at in been:
        raise FetchError(f"{shown(url)} leads back to itself: its redirects are a circle", "look for its new address")
    if len(been) > HOPS:
        raise FetchError(f"{shown(url)} leads on more than {HOPS} times", "name the address where it ends")
    if origin_of(at) != origin_of(url) and _leads_inside(url, at):
        inside = f"{shown(url)} leads into your own network: {shown(at)}"
        raise FetchError(inside, "no public list lies there; if yours does, name that address")
    if within and origin_of(at) not in within:
        raise FetchError(f"{shown(url)} leads to another server: {shown(at)}")


def _leads_inside(url: str, at: str) -> bool:
    """Whether a public server sends us to a machine that only we can reach, which may take a question for an order."""
    return is_inside(urlsplit(at).hostname or "") and not is_inside(urlsplit(url).hostname or "")


def _answer(reply: requests.Response, url: str, limit: int, before: Validators) -> Fetched:
    if reply.status_code == 304 and before != Validators():
        return Fetched(None, url, before)
    if reply.status_code != 200:
        again = _retry_after(reply) if reply.status_code in AGAIN else None
        said = f"{reply.status_code} {reply.reason or ''}".strip()
        hint = "look for the list's new address" if reply.status_code in (404, 410) else "try again later"
        raise FetchError(f"cannot download {shown(url)}: {said}", hint, again=again, status_code=reply.status_code)
    try:
        data = unpacked(shown(url), _body(reply, url, limit), limit)
    except FetchError:
        raise
    except BlockctlError as error:
        raise FetchError(str(error), "look at the address in a browser") from error
    etag, modified = (_validator(reply.headers.get(name, "")) for name in ("ETag", "Last-Modified"))
    return Fetched(data, url, Validators(etag, modified))


def _validator(said: str) -> str:
    """Return what a server gave to ask by, "" for what could not be sent back as it is."""
    return said if len(said) <= LONGEST_VALIDATOR and said.isascii() and said.isprintable() else ""


def _body(reply: requests.Response, url: str, limit: int) -> bytes:
    """Return the body. It is unpacked here: the library's own way fills the memory before it can be stopped."""
    told = reply.headers.get("Content-Length", "")
    if told.isdecimal() and int(told[:18]) > limit:
        raise too_large(shown(url), limit, packed=False)
    unpacker = Unpacker(reply.headers.get("Content-Encoding", ""), limit, shown(url))
    reply.raw.headers.pop("Content-Encoding", None)
    started, data = time.monotonic(), bytearray()
    for piece in reply.iter_content(PIECE):
        data += unpacker.take(piece)
        if time.monotonic() - started > WHOLE:
            raise FetchError(f"{shown(url)} took longer than {WHOLE:.0f} s", "try again later")
    unpacker.finish()
    return bytes(data)


def _retry_after(reply: requests.Response) -> float:
    """Return the seconds that a server asks to wait (RFC 9110, section 10.2.3); 0 when it does not say."""
    from email.utils import parsedate_to_datetime

    said = reply.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said[:9])
    try:
        moment = parsedate_to_datetime(said)
        return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _again(error: Exception) -> float | None:
    """Return 0 when a failure may be over in a moment: no connection, cut off, silent; None for the others.

    Who does not answer at all was asked several times by the system before it gave up (RFC 6298, section 5).
    """
    import requests.exceptions as faults

    lasting = (faults.SSLError, faults.InvalidURL, faults.InvalidSchema, faults.ConnectTimeout)
    return None if isinstance(error, (*lasting, UnicodeError)) else 0.0


def _hint(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "blockctl takes no list over a connection that is not verified; is the clock of this machine right?"
    if isinstance(error, requests.exceptions.ProxyError):
        return "check the proxy: HTTPS_PROXY, HTTP_PROXY, NO_PROXY"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "proxies by SOCKS are not supported: name one by http://"
    return "check the address and the network, then try again"


def _in_short(error: Exception) -> str:
    """Return what went wrong without the layers that passed it on."""
    cause = getattr(error.args[0] if error.args else None, "reason", None) or error
    said = cause.args[-1] if cause.args and isinstance(cause.args[-1], str) else str(cause)
    text = re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", said)
    return re.sub(r"//[^/@\s]*@", "//", text)
