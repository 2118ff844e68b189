"""Where the resolver listens: `address:port`, `tls://address[:port]`, `https://address[:port][/path]`, `http://...`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blockctl.model.addresses import LOOPBACK, PRIVATE, Network, is_within, read_address, read_network

DNS_PATH = "/dns-query"  # RFC 8484, section 4.1, and what clients try first
DEFAULT_PORT = {"tls": 853, "https": 443, "http": 80}
SCHEMES = ("dns", *DEFAULT_PORT)  # dns: UDP and TCP


@dataclass(frozen=True, slots=True)
class Listen:
    """One place to listen at."""

    scheme: str  # one of SCHEMES
    address: str  # in its shortest spelling; 0.0.0.0 and :: are every address of their family
    port: int  # 0: any free one
    path: str = ""  # of https and http

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        if self.scheme == "dns":
            return f"{host}:{self.port}"
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def secure(self) -> bool:
        """Whether a certificate is needed."""
        return self.scheme in ("tls", "https")


def read_listen(text: str) -> Listen:
    """Read one spelling. Raises ValueError with what would be right."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "dns", text
    if scheme not in SCHEMES:
        raise ValueError("write address:port, tls://address, https://address/dns-query, or http:// behind a proxy")
    where, slash, path = rest.partition("/")
    if slash and scheme not in ("https", "http"):
        raise ValueError(f"only https:// and http:// have a path: leave out /{path}")
    host, port = _split(where)
    address = read_address(host)
    if address is None or "%" in host:
        raise ValueError(_what_address(host, port))
    if scheme == "dns" and not port:
        raise ValueError(f"add a port: {where}:5335")
    if port and not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise ValueError("a port is a number up to 65535")
    if scheme == "http" and not is_within(address, LOOPBACK):
        raise ValueError("http:// is not encrypted: only on 127.0.0.1 or [::1], for a proxy on this machine")
    path = f"/{path}".rstrip("/") if slash and path else DNS_PATH if scheme in ("https", "http") else ""
    if not path.isascii() or any(character in path for character in "?#{} "):
        raise ValueError("a path is plain, as /dns-query")
    return Listen(scheme, str(address), int(port) if port else DEFAULT_PORT[scheme], path)


def _split(where: str) -> tuple[str, str]:
    """Return host and port as written; "" where there is none."""
    if where.startswith("["):
        host, _, rest = where[1:].partition("]")
        return (host, rest[1:]) if rest.startswith(":") else (host if not rest else "", "")
    if where.count(":") == 1:
        host, _, port = where.partition(":")
        return host, port
    return where, ""


def _what_address(host: str, port: str) -> str:
    if not host and port:
        return f"which address? 127.0.0.1:{port} is this machine alone, 0.0.0.0:{port} and [::]:{port} every network"
    if host.lower() == "localhost":
        return f"write 127.0.0.1:{port or 5335}"
    return "write an address of this machine and a port, as in 127.0.0.1:5335 or [::1]:5335"


def opens_to_all(access: Iterable[str]) -> str:
    """Return the word or network of `access` that lets the whole internet in, "" when there is none.

    Where we listen does not count: many a rented server is reached from everywhere at a private address. An open
    resolver is used to flood others (RFC 5358).
    """
    for word in access:
        network = read_network(word)
        if word == "all" or (network is not None and _is_wide(network)):
            return word
    return ""


def _is_wide(network: Network) -> bool:
    """Whether nobody owns that much: more than a /8 of IPv4 or a /16 of IPv6, and not private."""
    if network.prefixlen >= (8 if network.version == 4 else 16):
        return False
    return not any(network.version == each.version and network.subnet_of(each) for each in (*LOOPBACK, *PRIVATE))  # type: ignore[arg-type]
