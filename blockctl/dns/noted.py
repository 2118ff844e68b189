"""A query as it was noted for the log, in the cheapest form there is, and how to read it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Protocol

from blockctl.dns.exchange import Client, Outcome, Transport, Verdict

HEADER = 10  # bytes of a query between its id and its question
LONGEST = 255  # octets of a name, RFC 1035, section 2.3.4
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")

# What is noted: monotonic seconds; who asked, a client or an address; what follows the query's id; the outcome (see
# `coded`); the reason, None, or `Rules` that give it when they are asked; milliseconds; and where it is known the
# upstream that answered.
Noted = tuple[float, Client | str, bytes, int, Any, float] | tuple[float, Client | str, bytes, int, Any, float, str]


class Explains(Protocol):
    """Rules, asked afterwards why they blocked a name."""

    def verdict(self, name: bytes, kind: int, client: Client) -> Verdict:
        """Return what is said of a name in wire form."""


def coded(outcome: int, rcode: int) -> int:
    """Return an outcome with the reply's code in it. See `decoded`."""
    return int(outcome) | (rcode + 1) << 8


def decoded(code: int) -> tuple[int, int | None]:
    """Return the outcome and the reply's code, None when it was not noted."""
    outcome = code & 0xFF
    return (outcome if outcome < len(Outcome) else Outcome.MALFORMED, (code >> 8) - 1 if code >> 8 else None)


def question(query: bytes) -> tuple[bytes, int]:
    """Return the name asked for, in wire form and lower case, and the type; (b"", 0) when the bytes hold none.

    `query` is what follows the id. Nothing that a client can send raises.
    """
    at = HEADER
    try:
        while length := query[at]:
            if length > 63:
                return b"", 0
            at += length + 1
        kind = query[at + 1] << 8 | query[at + 2]
    except IndexError:
        return b"", 0
    name = query[HEADER : at + 1]
    return (name.lower(), kind) if len(name) <= LONGEST else (b"", 0)  # lengths are below the letters


def question_type(query: bytes) -> int:
    """Return the type that is asked for, as `question` does, in half the time."""
    at = HEADER
    try:
        while length := query[at]:
            if length > 63:
                return 0
            at += length + 1
        return query[at + 1] << 8 | query[at + 2] if at - HEADER < LONGEST else 0
    except IndexError:
        return 0


def spelled(name: bytes) -> str:
    r"""Return a name of `question` as people write it, without closing dot; "." is the root, "" is none.

    Bytes that are in no host name are written `\DDD`, as RFC 1035, section 5.1, has it.
    """
    labels = []
    at = 0
    while at < len(name) and (length := name[at]):
        labels.append(name[at + 1 : at + 1 + length])
        at += length + 1
    if not labels:
        return "." if name else ""
    text = b".".join(labels)
    if _PLAIN.issuperset(text.replace(b".", b"")) and text.count(b".") == len(labels) - 1:
        return text.decode("ascii")
    return ".".join("".join(chr(each) if each in _PLAIN else f"\\{each:03}" for each in label) for label in labels)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, as the log keeps it."""

    address: str
    device: str = ""  # the name that a device gave itself
    group: str = ""
    transport: str = Transport.UDP.value


def anonymous(address: str) -> str:
    """Return the network that an address is in: /24 of IPv4, /48 of IPv6. "" when it is no address."""
    try:
        address, _, _ = address.partition("%")
        return str(ip_network((address, 48 if ":" in address else 24), strict=False).network_address)
    except ValueError:
        return ""
