"""`$dnsrewrite`: the answer that a rule dictates, from the text behind its `=` (AdGuard, "DNS filtering rules syntax").

Short forms are a response code, an address, or another name; the full form is `RCODE;TYPE;VALUE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import error, pack

from blockctl.dns.exchange import Rewrite
from blockctl.dns.labels import name_wire
from blockctl.dns.types import TYPES
from blockctl.model.names import normalize_host

RCODES = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "NOTIMPL": 4, "REFUSED": 5, "YXDOMAIN": 6,
    "YXRRSET": 7, "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10,
}  # fmt: skip
_NOERROR = 0
_MAX_STRING = 255  # bytes of one string of a TXT record (RFC 1035, section 3.3.14)


def read_rewrite(value: str) -> Rewrite | None:
    """Return what a rule answers, None where its value is not understood. An empty value takes rewrites back."""
    if ";" not in value:
        return _short(value)
    rcode_text, kind, data = (*value.split(";", 2), "", "")[:3]
    rcode = RCODES.get(rcode_text.strip().upper())
    kind, data = kind.strip().upper(), data.strip()
    if rcode is None:
        return None
    if rcode != _NOERROR or not kind:
        return Rewrite(rcode=rcode)
    if kind in ("A", "AAAA"):
        address = _address(data)
        fits = isinstance(address, IPv4Address if kind == "A" else IPv6Address)
        return Rewrite(addresses=(str(address),)) if fits else None
    if kind == "CNAME":
        name = normalize_host(data)
        return Rewrite(name=name) if name else None
    rdata = _rdata(kind, data)
    return None if rdata is None else Rewrite(records=((TYPES[kind], rdata),))


def _short(value: str) -> Rewrite | None:
    value = value.strip()
    if not value:
        return Rewrite()
    if value.upper() in RCODES and value.isupper():
        return Rewrite(rcode=RCODES[value])
    if address := _address(value):
        return Rewrite(addresses=(str(address),))
    name = normalize_host(value)
    return Rewrite(name=name) if name else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _rdata(kind: str, data: str) -> bytes | None:
    """Return the data of a record as it travels: RFC 1035, sections 3.3.9, 3.3.12 and 3.3.14; RFC 2782; RFC 9460."""
    words = data.split()
    try:
        if kind == "TXT":
            text = data.encode()
            pieces = [text[at : at + _MAX_STRING] for at in range(0, len(text), _MAX_STRING)] or [b""]
            return b"".join(bytes((len(piece),)) + piece for piece in pieces)
        if kind == "PTR":
            return _name(data)
        if kind == "MX" and len(words) == 2:
            return pack(">H", int(words[0])) + _name(words[1])
        if kind == "SRV" and len(words) == 4:
            return pack(">HHH", *map(int, words[:3])) + _name(words[3])
        if kind in ("HTTPS", "SVCB") and len(words) >= 2:
            return pack(">H", int(words[0])) + _name(words[1]) + _parameters(words[2:])
    except (ValueError, error):
        return None
    return None


def _name(text: str) -> bytes:
    if text == ".":
        return b"\0"
    name = normalize_host(text)
    if name is None:
        raise ValueError(text)
    return name_wire(name)


def _parameters(words: Iterable[str]) -> bytes:
    """Return service parameters, in the order of their keys (RFC 9460, sections 2.2 and 7)."""
    found: dict[int, bytes] = {}
    for word in words:
        key, _, value = word.partition("=")
        value = value.strip('"')
        if key == "alpn":
            found[1] = b"".join(bytes((len(each),)) + each.encode("ascii") for each in value.split(","))
        elif key == "no-default-alpn":
            found[2] = b""
        elif key == "port":
            found[3] = pack(">H", int(value))
        elif key == "ipv4hint":
            found[4] = b"".join(IPv4Address(each).packed for each in value.split(","))
        elif key == "ipv6hint":
            found[6] = b"".join(IPv6Address(each).packed for each in value.split(","))
        else:
            raise ValueError(word)
    return b"".join(pack(">HH", key, len(value)) + value for key, value in sorted(found.items()))


def together(rewrites: Iterable[Rewrite]) -> Rewrite:
    """Return what several rules of one name answer together: another code or another name alone, else all records."""
    addresses: list[str] = []
    records: list[tuple[int, bytes]] = []
    for rewrite in rewrites:
        if rewrite.name or rewrite.rcode != _NOERROR:
            return rewrite
        addresses += rewrite.addresses
        records += rewrite.records
    return Rewrite(addresses=tuple(addresses), records=tuple(records))
