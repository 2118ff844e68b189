"""hosts(5): `address name+ ["#" comment]`. Only a sink address blocks; each name stands for itself alone."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from blockctl.model.diagnostic import Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Scope
from blockctl.parsers.bulk import COMMENT, NAME, Shape
from blockctl.parsers.lines import Said, is_comment, read_list
from blockctl.parsers.listed import is_ip, read_name, shown

SINKS = frozenset(map(ipaddress.ip_address, (0, 0x7F000001))) | frozenset(
    map(ipaddress.ip_address, ("::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1"))
)

_SINK_STARTS = ("0", "1", ":")

# What systems write into their own hosts file, and lists copy from it.
BOILERPLATE = frozenset(
    ("localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6", "local",
     "localhost6.localdomain6", "localdomain", "broadcasthost", "loopback", "ip6-localhost", "ip6-loopback",
     "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts",
     "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1")  # noqa: S104
)  # fmt: skip

SHAPE = Shape.of(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?|0)[ \t]++", NAME, r"[ \t]*+" + COMMENT)


def parse(text: str, file: str) -> FilterList:
    """Read a hosts file."""
    parsed, taken = read_list(text, file, "hosts", SHAPE, read)
    parsed.put("exact", taken.plain)
    return parsed


def read(line: str) -> Said:
    """Read one line."""
    said = Said()
    if is_comment(line.strip()):
        return said
    address, *names = line.partition("#")[0].split() or [""]
    if not is_ip(address) and address != "0":
        return _not_hosts(said, line.strip(), address, names)
    names = [name for name in names if name.lower().rstrip(".") not in BOILERPLATE]
    if not is_sink(address):
        if names:
            said.fault(
                "L105", f"{address} is not a sink, so the line points a name somewhere and blocks nothing",
                "a line that blocks begins with 0.0.0.0", Severity.WARNING,
            )  # fmt: skip
        return said
    for name in names:
        said.name(name, Scope.EXACT)
    return said


@lru_cache(maxsize=64)
def is_sink(address: str) -> bool:
    """Whether nothing answers at an address: the unspecified one, or loopback."""
    if address == "0":
        return True
    if not address.startswith(_SINK_STARTS):  # every line of an adblock list is asked, and reading an address is slow
        return False
    try:
        return ipaddress.ip_address(address.partition("%")[0]) in SINKS
    except ValueError:
        return False


def _not_hosts(said: Said, line: str, first: str, rest: list[str]) -> Said:
    if not rest and isinstance(read_name(first), str):
        return said.fault(
            "L108", f"{shown(line)} has no address in front", "if the whole list is bare names, say `format: domains`"
        )
    return said.fault("L108", f"not a line of a hosts file: {shown(line)}", "a line that blocks is `0.0.0.0 name`")
