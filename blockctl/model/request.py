"""A request as a browser makes it: an address, the page that is open, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from blockctl.model.names import normalize_host, registrable_domain


class Kind(IntFlag):
    """What a request is for. `document` is the page itself (address bar), `frame` a page inside it."""

    DOCUMENT = 1
    FRAME = 2
    SCRIPT = 4
    STYLE = 8
    IMAGE = 16
    FONT = 32
    MEDIA = 64
    XHR = 128
    WEBSOCKET = 256
    PING = 512
    OTHER = 1024


ALL_KINDS = Kind(2047)
SUBRESOURCES = ALL_KINDS & ~Kind.DOCUMENT  # what a pattern without a kind means


def parse_kind(word: str) -> Kind:
    """Return the kind of that name; KeyError when there is none."""
    return Kind[word.upper()]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `page` is the document in the address bar; for a `document` it is the address itself."""

    url: str  # without the fragment
    host: str  # of the URL, in normal form; an address as it stands
    page: str  # URL of the page, "" when unknown
    page_host: str
    kind: Kind
    third_party: bool
    inline: bool = False  # a script written in the page itself

    @classmethod
    def parse(cls, url: str, page: str = "", kind: Kind = Kind.OTHER, *, inline: bool = False) -> Request:
        """Make a request from texts; a bare host name is read as `https://host/`."""
        address = complete_url(url)
        host = url_host(address)
        if kind is Kind.DOCUMENT:
            return cls(address, host, address, host, kind, third_party=False)
        page_url = complete_url(page) if page else ""
        page_host = url_host(page_url)
        return cls(address, host, page_url, page_host, kind, third_party=is_third_party(host, page_host), inline=inline)


def complete_url(text: str) -> str:
    """Return the text as a URL without its fragment; `host` and `host/path` get `https://`."""
    text = text.partition("#")[0].strip()
    scheme, colon, _ = text.partition("://")
    if not colon or "/" in scheme or "." in scheme:
        text = "https://" + text
    scheme, _, rest = text.partition("://")
    authority_end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:authority_end], rest[authority_end:]
    return f"{scheme.lower()}://{authority.lower()}{path if path.startswith('/') else '/' + path}"


def url_host(url: str) -> str:
    """Return the host of a URL in normal form (an address as it stands), "" where there is none."""
    _, colon, rest = url.partition("://")
    if not colon:
        return ""
    end = len(rest)
    for mark in "/?#":
        at = rest.find(mark, 0, end)
        if at >= 0:
            end = at
    authority = rest[:end].rpartition("@")[2]
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    name = authority.partition(":")[0].lower()
    return normalize_host(name) or name.rstrip(".")


def is_third_party(host: str, page_host: str) -> bool:
    """Whether two hosts belong to different registrable domains; an unknown page is first party."""
    if not page_host or host == page_host:
        return False
    return registrable_domain(host) != registrable_domain(page_host)
