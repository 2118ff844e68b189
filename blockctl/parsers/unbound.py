"""unbound.conf(5): `local-zone: "name" type`, the name and all below it; `local-data: "name A sink"`, that name alone.

`static` and `redirect` zones answer with the data given for them: where a list gives a real address at or below such
a zone, the zone is a small network's own, not a block.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial

from blockctl.model.diagnostic import Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.names import normalize_host, parents
from blockctl.model.rule import Effect, Scope
from blockctl.parsers.bulk import COMMENT, DOTTED_NAME, Shape
from blockctl.parsers.hosts import is_sink
from blockctl.parsers.lines import Said, is_comment, read_list
from blockctl.parsers.listed import shown

# What the data of the zone cannot change, and what it can.
_REFUSE = (
    "always_nxdomain", "always_null", "always_nodata", "always_refuse", "always_deny", "refuse", "deny", "inform_deny",
)  # fmt: skip
_ANSWER = ("static", "redirect", "inform_redirect")
_PASS = ("transparent", "typetransparent", "always_transparent", "inform")

_SINK = r"(?:[Aa][ \t]+(?:0\.0\.0\.0|127\.0\.0\.1)|(?:AAAA|aaaa)[ \t]+::1?)"
_BEFORE_ZONE = r'[ \t]*+local-zone:[ \t]*+(?:"(?=[^\s"]++")|(?=[^\s"]++[ \t]))'  # both quotes or none
_AFTER_ZONE = r'\.?"?[ \t]++(?:{})[ \t]*+' + COMMENT
ZONE_SHAPE = Shape.of(_BEFORE_ZONE, DOTTED_NAME, _AFTER_ZONE.format("|".join(_REFUSE + _ANSWER)))
# Where some data are real addresses, zones that answer with data are read with care.
REFUSE_SHAPE = Shape.of(_BEFORE_ZONE, DOTTED_NAME, _AFTER_ZONE.format("|".join(_REFUSE)))
DATA_SHAPE = Shape.of(
    r'[ \t]*+local-data:[ \t]*+"',
    DOTTED_NAME,
    rf'\.?[ \t]++(?:[0-9]+[ \t]++)?(?:(?:IN|in)[ \t]++)?{_SINK}"[ \t]*+{COMMENT}',
)

_LINE = re.compile(r"([a-z0-9-]+):\s*(.*)")
_VALUE = re.compile(r"\"([^\"]*)\"|'([^']*)'|(\S+)")
_DATA = re.compile(r"(\S+)\s+(?:\d+\s+)?(?:IN\s+)?(A|AAAA|[A-Z][A-Z0-9]*)\s+(.*)", re.IGNORECASE)
_DATA_LINE = re.compile(r"^[ \t]*local-data:[ \t]*[\"'](.*)[\"']", re.MULTILINE)
_SECTIONS = frozenset(("server", "remote-control"))


def parse(text: str, file: str) -> FilterList:
    """Read an unbound configuration."""
    homes = network_zones(text)
    shape = shape_of(text, homes)
    parsed, taken = read_list(text, file, "unbound", shape, reader(homes))
    parsed.put("exact" if shape is DATA_SHAPE else "subtree", taken.plain)
    return parsed


def shape_of(text: str, homes: Collection[str]) -> Shape:
    """Return what most clean lines of a text look like; `homes` are its `network_zones`."""
    if text.count("local-zone:") < text.count("local-data:"):
        return DATA_SHAPE
    return REFUSE_SHAPE if homes else ZONE_SHAPE


def reader(homes: Collection[str]) -> partial[Said]:
    """Return the reader of a text's lines; `homes` are its `network_zones`."""
    return partial(read, homes=homes)


def network_zones(text: str) -> set[str]:
    """Return the names at or above which the text gives a real answer."""
    homes: set[str] = set()
    for content in _DATA_LINE.findall(text) if "local-data" in text else ():
        data = _DATA.fullmatch(content)
        if data and not (data[2].upper() in ("A", "AAAA") and is_sink(data[3].strip())):
            homes.update(parents(normalize_host(data[1]) or data[1]))
    return homes


def read(line: str, homes: Collection[str] = ()) -> Said:
    """Read one line."""
    said = Said()
    line = line.strip()
    if is_comment(line):
        return said
    match = _LINE.match(line)
    if match is None:
        return said.fault(
            "L108",
            f"not a line of unbound: {shown(line)}",
            'a line that blocks is `local-zone: "name." always_nxdomain`',
        )
    if match[1] in _SECTIONS and match[2].partition("#")[0].strip() == "":
        return said
    values = ["".join(found) for found in _VALUE.findall(match[2])]
    if match[1] == "local-zone" and len(values) >= 2:
        return _read_zone(said, values[0], values[1].lower(), homes)
    if match[1] == "local-data" and values:
        return _read_data(said, values[0])
    return said.fault(
        "L109", f"unbound's option {shown(line)} says nothing of names to block", severity=Severity.WARNING
    )  # fmt: skip


def _read_zone(said: Said, name: str, kind: str, homes: Collection[str]) -> Said:
    name = name.removesuffix(".")
    if kind in _ANSWER and (normalize_host(name) or name) in homes:
        return said.fault(
            "L105", f"the zone {shown(name)} has addresses of its own, so it blocks nothing", severity=Severity.WARNING
        )  # fmt: skip
    if kind in _REFUSE or kind in _ANSWER:
        said.name(name, Scope.SUBTREE)
    elif kind in _PASS:
        said.name(name, Scope.SUBTREE, Effect.ALLOW)
    elif kind != "nodefault":  # it takes one of unbound's own zones away, such as 10.in-addr.arpa
        said.fault("L109", f"the zone type {shown(kind)} neither blocks nor lets through", severity=Severity.WARNING)
    return said


def _read_data(said: Said, content: str) -> Said:
    data = _DATA.fullmatch(content.strip())
    if data is None:
        return said.fault("L101", f"not a resource record: {shown(content)}", "write `name A 0.0.0.0`")
    if data[2].upper() not in ("A", "AAAA") or not is_sink(data[3].strip()):
        return said.fault(
            "L105", f"it answers {shown(content)}, which blocks nothing", severity=Severity.WARNING
        )  # fmt: skip
    said.name(data[1].removesuffix("."), Scope.EXACT)
    return said
