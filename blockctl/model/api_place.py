"""Where the web API listens: `127.0.0.1:5380`, `https://ADDRESS[:PORT]`, or plain `http://ADDRESS[:PORT]` at home.

The API is for this machine and the devices at home, so no public address is taken. Without a scheme only this machine
may ask. `http://` on another address is an explicit wish: whoever shares that network can read and change what passes.
"""

from __future__ import annotations

from blockctl.model.addresses import LOOPBACK, PRIVATE, is_within, read_address
from blockctl.model.listen import Listen

PORT = 5380
DEFAULT = f"127.0.0.1:{PORT}"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - the words, not a socket


def read_place(text: str) -> Listen:
    """Read one spelling. Raises ValueError with what would be right."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if scheme not in ("", "http", "https"):
        raise ValueError(f"write {DEFAULT}, https://ADDRESS, or off")
    host, port = _split(rest.rstrip("/"))
    address = read_address(host)
    if address is None or "%" in host:
        raise ValueError(f"write an address of this machine, as in {DEFAULT} or [::1]:{PORT}")
    if port and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError("a port is a number from 1 to 65535")
    if not is_within(address, LOOPBACK):
        if not scheme:
            raise ValueError(f"other devices reach {host}: write https://{rest}, or http://{rest} to go without")
        if str(address) not in EVERYWHERE and not is_within(address, PRIVATE):
            raise ValueError("the web API is for this machine and the network at home: write a private address")
    return Listen(scheme or "http", str(address), int(port) if port else PORT)


def _split(where: str) -> tuple[str, str]:
    if where.startswith("["):
        host, _, rest = where[1:].partition("]")
        return (host, rest[1:]) if rest.startswith(":") or not rest else ("", "")
    if where.count(":") == 1:
        host, _, port = where.partition(":")
        return host, port
    return where, ""


def is_local(place: Listen) -> bool:
    """Whether only this machine reaches it."""
    address = read_address(place.address)
    return address is not None and is_within(address, LOOPBACK)
