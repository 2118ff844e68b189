"""Response policy zones (draft-vixie-dnsop-dns-rpz): a zone file whose records say what becomes of other names.

`name CNAME .` (or `*.`, no data) blocks that name, `*.name` all below it; `rpz-passthru.` lets through. Names are
written relative to the zone, whose own name is taken off where they are not. Zone files are RFC 1035, section 5.
"""

from __future__ import annotations

import re
from io import StringIO
from itertools import islice

from blockctl.model.diagnostic import Severity
from blockctl.model.filterlist import FilterList
from blockctl.model.names import covers
from blockctl.model.packed import names_of
from blockctl.model.rule import Effect, Scope
from blockctl.parsers.bulk import NAME, NOTHING, Shape, Taken
from blockctl.parsers.hosts import is_sink
from blockctl.parsers.lines import Said, is_comment, place, read_list
from blockctl.parsers.listed import shown

# A record whose owner is left out belongs to the record before, which then is not clean: both are read with care.
_NO_OWNER_NEXT = r"(?!\n(?:[^\S\n]*+(?:(?:[;#!]|//)[^\n]*+)?\n)*[^\S\n]++[^\s;#!/])"
SHAPE = Shape.of(
    "",
    rf"(?:\*\.)?{NAME}",
    rf"[ \t]++(?:[0-9]+[ \t]++)?(?:(?:IN|in)[ \t]++)?(?:CNAME|cname)[ \t]++\*?\.[ \t]*+(?:;[^\n]*+)?{_NO_OWNER_NEXT}",
)

_PASS = "rpz-passthru"  # noqa: S105 - an action, not a password
_TTL_CLASS = r"(?:\d+[smhdw]?\s+)?(?:(?:IN|CH|HS)\s+)?(?:\d+[smhdw]?\s+)?"
_RECORD = re.compile(_TTL_CLASS + r"([A-Z][A-Z0-9]*)\s+(.*)", re.IGNORECASE)
_APEX = re.compile(rf"^([^\s;$]+)[ \t]+{_TTL_CLASS}SOA\s", re.MULTILINE | re.IGNORECASE)
_APEX_WITHIN = 1 << 16  # characters; the SOA is the first record (RFC 1035, section 5.2)
_ORIGIN = re.compile(r"\$(?:ORIGIN|origin)[ \t]+(\S+)")
_GROUP = re.compile(r"\((?:[^();]++|;[^\n]*+)*\)")
_CODE = re.compile(r"(?:[^\";]++|\"[^\"]*\")*")  # a line without its comment
_OF_THE_ZONE = frozenset(("SOA", "NS", "DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY"))


def parse(text: str, file: str) -> FilterList:
    """Read a response policy zone."""
    text = join_groups(text)
    zone = Zone(text)
    parsed, taken = read_list(text, file, "rpz", SHAPE if zone.plain else NOTHING, zone.read)
    parsed.put("exact", taken.plain)
    _merge(parsed, taken, set(names_of(taken.wild)), zone)
    return parsed


def _merge(parsed: FilterList, taken: Taken, below: set[str], zone: Zone) -> None:
    """Make one of `name` and `*.name`; a wildcard alone stays a rule for what is below the name."""
    rules, parsed.rules = parsed.rules, []
    below_allow = {rule.host for rule in rules if rule.effect is Effect.ALLOW}
    below_block = below.union(rule.host for rule in rules if rule.effect is Effect.BLOCK)
    parsed.subtree |= below_block & parsed.exact
    parsed.exact -= parsed.subtree
    parsed.allow_subtree |= below_allow & parsed.allow_exact
    parsed.allow_exact -= parsed.allow_subtree
    for rule in rules:
        if rule.host not in (parsed.subtree if rule.effect is Effect.BLOCK else parsed.allow_subtree):
            parsed.rules.append(rule)
    for number, line in taken.lines_of({f"*.{name}" for name in below - parsed.subtree}):
        for word in zone.read(line).words:
            place(parsed, word, number, line)
    parsed.rules.sort(key=lambda rule: rule.origin.line)


def join_groups(text: str) -> str:
    """Return a zone file with what stands in parentheses taken out and its newlines kept.

    Parentheses let a record go over several lines; in a policy zone that is the SOA, of which nothing is needed.
    """
    kept = StringIO()  # a list of the pieces would take many times the text
    done = 0
    at = text.find("(")
    while at >= 0:
        before = text[text.rfind("\n", done, at) + 1 or done : at]
        group = _GROUP.match(text, at) if ";" not in before and '"' not in before else None
        if group:
            kept.write(text[done:at] + "\n" * group.group().count("\n") + " ")  # the last line is still a line
            done = group.end()
            at = text.find("(", done)
        else:
            line_end = text.find("\n", at)
            at = text.find("(", line_end) if line_end >= 0 else -1
    if not done:
        return text
    kept.write(text[done:])
    return kept.getvalue()


def names_owner(line: str) -> bool:
    """Whether a line begins a record of a name of its own: it is no comment, and its first word is no blank."""
    return bool(line) and not line[0].isspace() and not is_comment(line)


class Zone:
    """Reads the records of one zone in order, and knows what their names are relative to."""

    def __init__(self, text: str) -> None:
        """Find the zone's own name in its text."""
        origins = list(islice(_ORIGIN.finditer(text), 2))
        soa = _APEX.search(text, 0, _APEX_WITHIN)
        told = bool(origins) and (soa is None or origins[0].start() < soa.start())
        origin = _absolute(origins[0][1], "") if told else ""
        self.apex = _absolute(soa[1], origin) if soa else origin
        # Whether every relative name is relative to the zone, so that a line can be read by itself.
        self.plain = not origins or (len(origins) == 1 and told and origin == self.apex)
        self._origin = self.apex if self.plain or not told else ""
        self._owner = ""

    def read(self, line: str) -> Said:
        """Read one line, of which parentheses were taken out."""
        said = Said()
        if is_comment(line.strip()):
            return said
        code = _CODE.match(line)
        line = code.group().rstrip() if code else line
        if line.startswith("$"):
            return self._directive(said, line)
        if names_owner(line):
            self._owner, *rest = line.split(maxsplit=1)
            line = "".join(rest)
        record = _RECORD.fullmatch(line.strip())
        if record is None or not self._owner:
            return said.fault(
                "L108", f"not a record of a zone: {shown(line.strip())}", "a record that blocks is `name CNAME .`"
            )
        return self._record(said, record[1].upper(), record[2].strip())

    def _directive(self, said: Said, line: str) -> Said:
        word, _, value = line.partition(" ")
        if word.upper() == "$ORIGIN":
            self._origin = self._origin if self.plain else _absolute(value.strip(), self._origin)
        elif word.upper() != "$TTL":
            said.fault("L109", f"{shown(line)} is not read", "write the records into the zone itself")
        return said

    def _record(self, said: Said, kind: str, data: str) -> Said:
        name = self._name(self._owner)
        if kind in _OF_THE_ZONE or name == "":
            return said
        if name is None:
            return said.fault("L109", f"{shown(self._owner)} is outside the zone {self.apex}")
        effect = _effect(said, kind, data.lower(), name)
        if effect is None:
            return said
        if name == "*":
            return said.fault("L103", "it stands for every name", "name the domains one by one")
        host = name.removeprefix("*.")
        said.name(host, Scope.EXACT if host == name else Scope.BELOW, effect)
        return said

    def _name(self, owner: str) -> str | None:
        """Return the name that a record is about: "" for the zone itself, None when it is outside."""
        name = _absolute(owner, self._origin)
        if not self.apex:
            return name
        if not covers(self.apex, name):
            return None
        return name[: -len(self.apex) - 1]


def _absolute(name: str, origin: str) -> str:
    """Return a name of a zone file in full, without the dot at its end."""
    if name == "@":
        return origin
    name = name.lower() if name.isascii() else name
    if name.endswith("."):
        return name[:-1]
    return f"{name}.{origin}" if origin else name


def _effect(said: Said, kind: str, data: str, name: str) -> Effect | None:
    """Return what a record does with its name, None when that is neither block nor let through."""
    target = data.removesuffix(".")
    if kind == "CNAME" and data in (".", "*."):
        return Effect.BLOCK
    if kind == "CNAME" and (target == _PASS or target in (name, name.removeprefix("*."))):
        return Effect.ALLOW  # a name that leads to itself is how the first policy zones let through
    if kind == "CNAME" and target == "rpz-drop":
        said.fault("L113", "rpz-drop gives no answer at all; it is read as a plain block", severity=Severity.WARNING)
        return Effect.BLOCK
    if kind in ("A", "AAAA") and is_sink(data):
        return Effect.BLOCK
    said.fault("L105", f"it answers {kind} {shown(data)}, which blocks nothing", severity=Severity.WARNING)
    return None
