"""Where the resolver listens and whom it asks: the spellings, and what would make it ask itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blockctl.model.addresses import LOOPBACK, is_within, read_address, shortest
from blockctl.model.listen import Listen, read_listen
from blockctl.model.names import is_address, normalize_host
from blockctl.policy.tree import Node, Sequence
from blockctl.policy.values import Reader

PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443, "quic": 853}  # of upstreams; no scheme is udp
_LISTENS = {
    "udp": "dns",
    "tcp": "dns",
    "tls": "tls",
    "https": "https",
}  # who answers what is asked so: by QUIC none of ours


@dataclass(frozen=True, slots=True)
class Upstream:
    """What of an upstream the policy has to know."""

    scheme: str
    host: str  # an address in its shortest spelling, or a name in normal form
    port: int


def read_listens(reader: Reader, node: Node) -> dict[str, tuple[Listen, Node]]:
    """Return the places to listen at, by their spelling."""
    found: dict[str, tuple[Listen, Node]] = {}
    taken: dict[tuple[str, int], Node] = {}
    for item in reader.items(node, "resolver.listen"):
        text = reader.text(item, "listen")
        if text is None:
            continue
        try:
            place = read_listen(text)
        except ValueError as error:
            reader.fault("P017", item, f"listen cannot be {text[:60]!r}", str(error))
            continue
        first = taken.setdefault((place.address, place.port), item)
        if place.port and first is not item:
            message = f"port {place.port} of {place.address} is here twice"
            reader.fault("P005", item, message, f"the first is in line {first.line}; each needs a port of its own")
            continue
        found[text] = (place, item)
    if isinstance(node, Sequence) and not node.items:
        reader.fault("P003", node, "resolver.listen is empty", "delete it for 127.0.0.1:5335")
    return found


def read_upstreams(reader: Reader, node: Node, what: str) -> dict[str, Node]:
    """Return upstreams as they are spelled."""
    found: dict[str, Node] = {}
    for item in reader.items(node, what):
        text = reader.text(item, what)
        if text is None:
            continue
        try:
            read_upstream(text)
        except ValueError as error:
            reader.fault("P017", item, f"{what.rpartition('.')[2]} cannot be {text[:60]!r}", str(error))
            continue
        found.setdefault(text, item)
    return found


def read_addresses(reader: Reader, node: Node, what: str) -> tuple[str, ...]:
    """Return addresses, each with a port where one is written."""
    found = []
    for item in reader.items(node, f"resolver.{what}"):
        text = reader.text(item, what)
        if text is None:
            continue
        try:
            good = "://" not in text and is_address(read_upstream(text).host)
        except ValueError:
            good = False
        if good:
            found.append(text)
        else:
            reader.fault("P017", item, f"{what} cannot be {text[:60]!r}", "addresses only, as in 9.9.9.9")
    return tuple(dict.fromkeys(found))


def read_upstream(text: str) -> Upstream:
    """Read `address[:port]` or `scheme://host[:port][/path][#name]`. Raises ValueError with what would be right."""
    scheme, sign, rest = text.partition("://")
    scheme, rest = (scheme.lower(), rest) if sign else ("udp", text)
    if scheme not in PORTS:
        raise ValueError("the schemes are https://HOST/dns-query, tls://HOST and quic://HOST")
    rest, name_sign, certified = rest.partition("#")
    authority, slash, path = rest.partition("/") if sign else (rest, "", "")
    host, port = _split(authority)
    encrypted = scheme in ("tls", "https", "quic")
    if host is None or any(not "!" <= each <= "~" for each in text):
        name = normalize_host(text)
        if name and not sign:
            raise ValueError(f"write its address, or tls://{name}")
        raise ValueError("write address[:port], tls://HOST, https://HOST/dns-query or quic://HOST")
    if not encrypted and not is_address(host):
        raise ValueError(f"write its address, or tls://{host}")
    if slash and path and scheme != "https":
        raise ValueError("only https:// has a path")
    if name_sign and not (encrypted and normalize_host(certified)):
        raise ValueError("after # stands the name in the certificate of a tls://, https:// or quic:// upstream")
    return Upstream(scheme, host, port or PORTS[scheme])


def _split(authority: str) -> tuple[str | None, int]:
    """Return the host in normal form and the port, 0 where none is written; no host where the text is wrong."""
    host, colon, port = authority, "", ""
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            return None, 0
        colon, port = rest[:1], rest[1:]
    elif authority.count(":") == 1:
        host, colon, port = authority.partition(":")
    if colon and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        return None, 0
    if read_address(host) is not None and "%" not in host:
        return shortest(host), int(port or 0)
    return normalize_host(host), int(port or 0)


def asks_itself(listen: Iterable[Listen], text: str) -> Listen | None:
    """Return the place of our own that an upstream is; asking it would never end."""
    upstream = read_upstream(text)
    address = read_address(upstream.host)
    if address is None:
        return None
    for place in listen:
        own = read_address(place.address)
        if own is None or (place.scheme, place.port) != (_LISTENS.get(upstream.scheme), upstream.port):
            continue
        if own == address or (own.is_unspecified and own.version == address.version and is_within(address, LOOPBACK)):
            return place
    return None
