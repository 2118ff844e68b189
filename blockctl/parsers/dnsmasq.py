"""dnsmasq.conf(5): `address=/name/.../[sink]`, `local=/name/`, `server=/name/`: the name and all below it.

An empty answer, `#` or a sink address blocks; so does a server line without a server, for such names are answered
from the hosts file only. `server=/name/#` sends a name to the usual servers, which lets it through. A real address
is a rewrite or a forward, not a block.
"""

from __future__ import annotations

import re

from blockctl.model.diagnostic import Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Effect, Scope
from blockctl.parsers.bulk import COMMENT, NAME, Shape
from blockctl.parsers.hosts import is_sink
from blockctl.parsers.lines import Said, is_comment, read_list
from blockctl.parsers.listed import shown

ADDRESS_SHAPE = Shape.of("address=/", NAME, r"/(?:#|0\.0\.0\.0|127\.0\.0\.1|::1?)?[ \t]*+" + COMMENT)
SERVER_SHAPE = Shape.of("(?:server|local)=/", NAME, r"/[ \t]*+" + COMMENT)

_OPTION = re.compile(r"(?:--)?([a-z][a-z0-9-]*)(?:\s*=\s*(.*))?")
_NAMES = re.compile(r"/(.*)/([^/]*)")  # `/name/name/answer`


def parse(text: str, file: str) -> FilterList:
    """Read a dnsmasq configuration."""
    parsed, taken = read_list(text, file, "dnsmasq", shape_of(text), read)
    parsed.put("subtree", taken.plain)
    return parsed


def shape_of(text: str) -> Shape:
    """Return what most clean lines of a text look like."""
    addresses = text.count("\naddress=/") > text.count("\nserver=/") + text.count("\nlocal=/")
    return ADDRESS_SHAPE if addresses else SERVER_SHAPE


def read(line: str) -> Said:
    """Read one line."""
    said = Said()
    line = re.sub(r"(?:^|\s)#.*", "", line).strip()
    if is_comment(line):
        return said
    option = _OPTION.fullmatch(line)
    if option is None:
        return said.fault("L108", f"not a line of dnsmasq: {shown(line)}", "a line that blocks is `address=/name/#`")
    names = _NAMES.fullmatch(option[2] or "")
    if option[1] not in ("address", "server", "local") or names is None:
        return said.fault(
            "L109", f"dnsmasq's option {shown(line)} says nothing of names to block", severity=Severity.WARNING
        )  # fmt: skip
    return _read_names(said, option[1], names[1].split("/"), names[2].strip())


def _read_names(said: Said, option: str, names: list[str], answer: str) -> Said:
    effect = Effect.BLOCK
    if option == "address" and answer not in ("", "#") and not is_sink(answer):
        return said.fault("L105", f"it answers with {shown(answer)}, which blocks nothing", severity=Severity.WARNING)
    if option != "address" and answer == "#":
        effect = Effect.ALLOW
    elif option != "address" and answer:
        return said.fault(
            "L105", f"it forwards to {shown(answer)}, which blocks nothing", severity=Severity.WARNING
        )  # fmt: skip
    for name in names:
        if name in ("", "#"):
            said.fault("L103", "it stands for every name", "name the domains one by one")
        else:
            said.name(name.removeprefix("*.").removeprefix("."), Scope.SUBTREE, effect)
    return said
