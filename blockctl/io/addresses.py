"""Addresses of lists: what may be shown of them, and where they belong."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin, urlsplit, urlunsplit

from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import ListSource


def address_of(source: ListSource) -> str:
    """Return by what a downloaded list is known in the lock file."""
    return shown(source.url)


def shown(url: str) -> str:
    """Return an address without the name and the word by which it is opened: for messages and for what is kept."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def joined(base: str, name: str) -> str:
    """Return the address that a list means by a relative one. Raises BlockctlError when it is none."""
    try:
        return urljoin(base, name)
    except ValueError as error:
        raise BlockctlError(f"{shown(base)} leads to what is no address: {error}") from error


def origin_of(url: str) -> str:
    """Return the scheme, the host and the port of an address."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower(), 0)
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"


def is_inside(host: str) -> bool:
    """Whether a host is this machine or one of its own network, and not of the Internet; False when none knows it."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return any(not _plain(address).is_global for address in found)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed  # ::ffff:127.0.0.1 is 127.0.0.1
