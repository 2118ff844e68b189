"""Protection from DNS rebinding: a public name whose answer is an address in the house.

By such an answer a page of that name becomes the router's neighbour: the browser lets its script read what the router
or a service on this machine answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from blockctl.dns.labels import name_wire
from blockctl.model.addresses import PRIVATE, is_within, read_address
from blockctl.model.policy import Resolver

# No stranger can own a name there: home networks use them (RFC 6762, appendix G; RFC 8375).
AT_HOME = (
    "local", "localhost", "localdomain", "home.arpa", "lan", "home", "corp", "internal", "intranet", "private",
)  # fmt: skip
# Public names under which routers answer for themselves; right only from the router itself.
OF_ROUTERS = (
    "fritz.box", "speedport.ip", "easy.box", "o2.box", "congstar.box", "giga.cube", "router.asus.com", "asusrouter.com",
    "routerlogin.net", "routerlogin.com", "orbilogin.net", "orbilogin.com", "tplinkwifi.net", "tplinklogin.net",
    "linksyssmartwifi.com", "mywifiext.net",
)  # fmt: skip
_ENDS = tuple(f".{each}" for each in AT_HOME)
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_TRANSLATED = bytes.fromhex("0064ff9b") + bytes(8)  # 64:ff9b::/96, RFC 6052
_TRANSLATED_HERE = bytes.fromhex("0064ff9b0001")  # 64:ff9b:1::/48, RFC 8215: of which networks take what they like
_WITHIN = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))  # IPv4 there, RFC 6052 section 2.2
_COMPATIBLE = bytes(12)  # ::/96, RFC 4291 section 2.5.5.1, out of use
_BY_TUNNEL = b"\x20\x02"  # 2002::/16, 6to4, RFC 3056


def in_house(address: bytes) -> bool:
    """Whether an address, of 4 or 16 bytes, is this machine, this network or this house.

    0.0.0.0/8 (RFC 1122; systems take 0.0.0.0 for themselves), 127.0.0.0/8, RFC 1918, RFC 3927, RFC 6598, ::, ::1,
    fc00::/7 (RFC 4193), fe80::/10, fec0::/10 (RFC 3879), and IPv4 addresses within IPv6.
    """
    if len(address) == 16:
        if address.startswith((_MAPPED, _TRANSLATED, _COMPATIBLE)):  # so :: and ::1 are in 0.0.0.0/8
            return in_house(address[12:])
        if address.startswith(_BY_TUNNEL):
            return in_house(address[2:6])
        if address.startswith(_TRANSLATED_HERE):
            found = (bytes(address[each] for each in places) for places in _WITHIN)
            return any(each[0] and in_house(each) for each in found)  # zeros are where another form has nothing
        return address[0] & 0xFE == 0xFC or (address[0] == 0xFE and address[1] >= 0x80)
    first, second = address[0], address[1]
    return (
        first in (0, 10, 127)
        or (first == 172 and second & 0xF0 == 16)
        or (first == 192 and second == 168)
        or (first == 169 and second == 254)
        or (first == 100 and second & 0xC0 == 64)
    )


def is_at_home(host: str) -> bool:
    """Whether a request's Host, with a port or without, is an address, or a name that no stranger can own."""
    name = re.sub(r":[0-9]*$", "", host).strip("[]").rstrip(".").lower()
    return read_address(name) is not None or "." not in name or name.endswith(_ENDS)


class Rebinding:
    """Which names may point into the house, and which may not."""

    def __init__(self, settings: Resolver) -> None:
        self._on = settings.rebinding
        routers = OF_ROUTERS if all_at_home(settings.upstreams) else ()
        self._free = frozenset(map(name_wire, (*AT_HOME, *routers, *settings.private, *settings.forward)))

    def is_rebound(self, name: bytes, address: bytes) -> bool:
        """Whether that address may not be the answer for that name (wire form, lower case)."""
        return self._on and len(address) in (4, 16) and in_house(address) and not self._is_free(name)

    def _is_free(self, name: bytes) -> bool:
        at = 0
        while name[at]:
            if name[at:] in self._free:
                return True
            after = at + name[at] + 1
            if at == 0 and not name[after]:  # one label: no public name has an address
                return True
            at = after
        return False


def all_at_home(upstreams: Iterable[str]) -> bool:
    """Whether we ask nobody but resolvers in the house, such as the router, which may know its names."""
    found = []
    for text in upstreams:
        host = text.rpartition("://")[2].partition("/")[0].partition("#")[0]
        if host.startswith("["):
            host = host[1:].partition("]")[0]
        elif host.count(":") == 1:
            host = host.partition(":")[0]
        address = read_address(host)
        found.append(address is not None and is_within(address, PRIVATE))
    return bool(found) and all(found)
