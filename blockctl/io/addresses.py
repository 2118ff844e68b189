"""Addresses of lists: what may be shown of them, and where they belong."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from blockctl.model.policy import ListSource


def address_of(source: ListSource) -> str:
    """Return by what a downloaded list is known in the lock file."""
    return shown(source.url)


def shown(url: str) -> str:
    """Return an address without the name and the word by which it is opened: for messages and for what is kept."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def origin_of(url: str) -> str:
    """Return the scheme, the host and the port of an address."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower(), 0)
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"
