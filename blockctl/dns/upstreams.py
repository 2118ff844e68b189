"""The resolvers that we ask: how the policy spells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from blockctl.model.names import normalize_host


class Scheme(Enum):
    """How an upstream is spoken to, with the port that is meant where none is written."""

    UDP = "udp"  # with TCP where an answer does not fit
    TCP = "tcp"
    TLS = "tls"  # DNS over TLS, RFC 7858
    HTTPS = "https"  # DNS over HTTPS, RFC 8484
    QUIC = "quic"  # DNS over QUIC, RFC 9250

    @property
    def port(self) -> int:
        """Return the port of the protocol."""
        return {Scheme.TLS: 853, Scheme.HTTPS: 443, Scheme.QUIC: 853}.get(self, 53)

    @property
    def encrypted(self) -> bool:
        """Whether others on the way can neither read nor change what is asked."""
        return self in (Scheme.TLS, Scheme.HTTPS, Scheme.QUIC)


class UpstreamError(ValueError):
    """The text is no upstream; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream resolver."""

    text: str  # as the policy spells it
    scheme: Scheme
    host: str  # an address in its shortest spelling, or a name in normal form
    port: int
    path: str = ""  # of https
    name: str = ""  # what the certificate must be for: a name or an address; "" where there is none

    @property
    def is_address(self) -> bool:
        """Whether `host` needs no looking up."""
        return _address(self.host) is not None


_WRITTEN = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?:\[(?P<six>[0-9a-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^\[\]/?#:@%]+|[0-9a-f]*:[0-9a-f:.]+(?:%[\w.-]+)?))"
    r"(?::(?P<port>[0-9]+))?(?P<path>/[^#\s]*)?(?:\#(?P<name>[^#\s]+))?",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\?[^}]*\}\Z")  # the variable part of a URI template (RFC 8484, section 4.1.1)


def parse_upstream(text: str) -> Upstream:
    """Read `address[:port]`, `[address]:port` or `scheme://host[:port][/path][#name]`.

    The scheme is udp, tcp, tls, https or quic; `#name` says for which name the certificate must be where the host is an
    address whose certificate does not hold the address itself. Raises UpstreamError.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise UpstreamError(
            f"{text!r} is no upstream: write an address (9.9.9.9), tls://NAME or https://NAME/dns-query"
        )
    scheme = _scheme(written["scheme"], text)
    host = _host(written["six"] or written["host"], bool(written["six"]), text)
    port = int(written["port"] or scheme.port)
    if not 0 < port < 65_536:
        raise UpstreamError(f"{text!r} has no possible port: ports are 1 to 65535")
    path = _TEMPLATE.sub("", written["path"] or "")
    if path and scheme is not Scheme.HTTPS:
        raise UpstreamError(f"{text!r} has a path: only https:// upstreams have one")
    return Upstream(
        text, scheme, host, port, _path(path, scheme, text), _certified(written["name"], host, scheme, text)
    )


def _path(path: str, scheme: Scheme, text: str) -> str:
    if not all("!" <= each <= "~" for each in path):
        raise UpstreamError(f"{text!r} has a path with characters that no URL holds: write them as %XX")
    return (path or "/dns-query") if scheme is Scheme.HTTPS else ""


def _scheme(written: str | None, text: str) -> Scheme:
    found = (written or "udp").lower()
    if found in ("h3", "sdns"):
        kind = {"sdns": "DNSCrypt stamps are", "h3": "DNS over HTTP/3 is"}[found]
        raise UpstreamError(f"{text!r}: {kind} not spoken here: use tls:// or https://, which the same operators offer")
    try:
        return Scheme({"dot": "tls", "doh": "https", "doq": "quic", "dns": "udp"}.get(found, found))
    except ValueError:
        raise UpstreamError(f"{text!r}: no such protocol as {written}: use udp, tcp, tls, https or quic") from None


def _host(written: str, bracketed: bool, text: str) -> str:
    if (address := _address(written)) is not None:
        return address
    name = None if bracketed else normalize_host(written)
    if name is None:
        raise UpstreamError(f"{text!r}: {written!r} is neither an address nor a host name")
    return name


def _certified(written: str | None, host: str, scheme: Scheme, text: str) -> str:
    if not scheme.encrypted:
        if written:
            raise UpstreamError(f"{text!r}: {scheme.value} has no certificate, so nothing can follow the #")
        return ""
    if written is None:
        return host
    name = _address(written) or normalize_host(written)
    if name is None:
        raise UpstreamError(f"{text!r}: {written!r}, after the #, is not a host name")
    return name


def _address(text: str) -> str | None:
    try:
        address = ip_address(text)
        return (getattr(address, "ipv4_mapped", None) or address).compressed
    except ValueError:
        return None
