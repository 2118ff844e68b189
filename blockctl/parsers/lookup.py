"""Where a list speaks of a name: found by searching the text when somebody asks, not kept for every line."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from itertools import accumulate
from typing import cast

from blockctl.model.diagnostic import Origin
from blockctl.model.names import parents
from blockctl.model.rule import Cosmetic, Effect, Rule, Scope
from blockctl.parsers.lines import Reader, Said, read_with
from blockctl.parsers.text import decode, decode_line, plain_bytes

_BLOCK = 1 << 13  # bytes between the places of a text whose line number is kept
_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_DOT = ord(".")
_ADBLOCK_HOST = re.compile(r"(@@)?\|\|([^\s/^*$|]+)\^\|?")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def find(data: bytes, file: str, host: str, *, format: str = "", match: str = "") -> list[Rule]:  # noqa: A002
    """Return the unconditional rules of a list that speak of `host`, in order of lines.

    Of an adblock list these are its plain `||host^`, `@@||host^` and hosts lines. Lines are read as the parsers read
    them, so that the answer agrees with the columns.
    """
    text = _prepared(data, format)
    zone = None
    if text.zone is not None:
        from blockctl.parsers import rpz  # late, as all formats here: a question is about few of them

        zone = rpz.Zone(text.zone)
    names = [name for name in parents(host) if "." in name]
    if zone is not None and zone.apex:
        names += [f"{name}.{zone.apex}" for name in names]
    starts = _starts(text.data, text.lower, names)
    lines: Iterable[tuple[int, str]] = ((start, _line(text.data, start)) for start in sorted(starts))
    reader = text.reader
    if zone is not None:
        lines = _records(text.data, starts) if zone.plain else _lines(text.data, 0)
        reader = zone.read
    rules = []
    number, counted = 1, 0
    for start, line in lines:
        for word in read_with(reader, line).words:
            scope = rescope(word.scope, match) if text.format in MATCHED else word.scope
            if _speaks_of(word.host, scope, host):
                number += text.data.count(b"\n", counted, start)
                counted = start
                rules.append(Rule(word.effect, Origin(file, number), line.strip(), word.host, scope))
    return rules


MATCHED = ("hosts", "domains", "wildcard")  # formats whose scope the policy may change


def rescope(scope: Scope, match: str) -> Scope:
    """Return the scope that `match:` of a list makes of a name's own."""
    return {"subtree": Scope.SUBTREE, "exact": Scope.EXACT}.get(match, scope)


def read_line(data: bytes, file: str, line: int, *, format: str = "") -> Rule | Cosmetic | None:  # noqa: A002
    """Return the rule that a line of a list makes, None when it makes none."""
    text = _prepared(data, format)
    if text.zone is not None:
        return _zone_rules(text.zone, file).get(line)
    origin = Origin(file, line)
    content = _line(text.data, text.start_of(line))
    if text.format == "adblock":
        rule = parse_adblock_line(content, origin)
        return rule if isinstance(rule, Rule | Cosmetic) else None
    for word in read_with(text.reader, content).words:
        return Rule(word.effect, origin, content.strip(), word.host, word.scope)
    return None


@dataclass(frozen=True, slots=True)
class _Text:
    """A list made ready for questions."""

    data: bytes  # lines ended by newlines
    lower: bytes  # the same in lower case, byte for byte
    format: str
    reader: Reader
    zone: str | None  # the text of a policy zone, whose lines are read in order

    def start_of(self, line: int) -> int:
        """Return where a line starts, counted from 1."""
        if line <= 1:
            return 0
        newlines = _newlines(self.data)
        block = bisect_left(newlines, line - 1) - 1
        at = block * _BLOCK
        for _ in range(line - 1 - newlines[block]):
            at = self.data.index(b"\n", at) + 1
        return at


@lru_cache(maxsize=32)
def _newlines(data: bytes) -> tuple[int, ...]:
    """Return how many newlines stand before each block of the data."""
    blocks = (data.count(b"\n", at, at + _BLOCK) for at in range(0, len(data), _BLOCK))
    return tuple(accumulate(blocks, initial=0))


@lru_cache(maxsize=32)
def _prepared(data: bytes, format_: str) -> _Text:
    """Make a list ready, once: `why` and the request log ask the same lists again and again."""
    if not format_:
        from blockctl.parsers.detect import detect

        format_ = detect(decode(data))
    zone = None
    if format_ == "rpz":
        from blockctl.parsers import rpz

        zone = rpz.join_groups(decode(data))
    data = plain_bytes(data) if zone is None else zone.encode("utf-8", "replace")
    reader = reader_of(format_, data)
    format_ = "adblock" if format_.startswith("adblock") else format_  # a list for DNS is told apart by its reader
    return _Text(data, data.lower(), format_, reader, zone)


@lru_cache(maxsize=8)
def _zone_rules(zone: str, file: str) -> dict[int, Rule]:
    """Return the rules of a policy zone by line; its lines are not understood one by one."""
    from blockctl.parsers import rpz

    return {rule.origin.line: rule for rule in rpz.parse(zone, file).rules}


def reader_of(format_: str, data: bytes) -> Reader:
    """Return what reads the lines of a list one by one, in every format but a policy zone's."""
    if format_ == "unbound":
        from blockctl.parsers import unbound

        return unbound.reader(unbound.network_zones(decode(data)) if b"local-data" in data else ())
    if format_.startswith("adblock"):
        return _AdblockReader(data, format_)
    if format_ in _READERS:
        return cast(Reader, import_module(f"blockctl.parsers.{_READERS[format_]}").read)
    return lambda line: Said()  # noqa: ARG005


def parse_adblock_line(line: str, origin: Origin) -> object:
    """Return what one line of an adblock list makes."""
    from blockctl.parsers import adblock

    return adblock.parse_line(line, origin)


class _AdblockReader:
    """Reads lines of an adblock list that speak of a host and nothing else."""

    def __init__(self, data: bytes, format_: str) -> None:
        from blockctl.parsers import adblock, hosts  # once, not for each line

        self._adblock, self._hosts = adblock, hosts
        self._data = data
        self._format = format_
        self._bare: Scope | None = None
        self._known = False

    def __call__(self, line: str) -> Said:
        """Read one line."""
        said = Said()
        line = line.strip()
        plain = _ADBLOCK_HOST.fullmatch(line)
        if plain:
            said.name(plain[2], Scope.SUBTREE, Effect.ALLOW if plain[1] else Effect.BLOCK)
        elif self._hosts.is_sink(line.split(maxsplit=1)[0] if line else ""):
            return self._hosts.read(line)
        elif name := self._adblock.bare_name(line):
            if not self._known:  # the whole list tells, so it is looked at when such a line is met
                self._bare, self._known = self._adblock.bare_scope(decode(self._data), self._format), True
            if self._bare:
                said.name(name, self._bare)
        return said


_READERS = {"hosts": "hosts", "domains": "domains", "wildcard": "domains", "dnsmasq": "dnsmasq"}  # their modules


def _speaks_of(name: str, scope: Scope, host: str) -> bool:
    if name == host:
        return scope is not Scope.BELOW
    return scope is not Scope.EXACT and host.endswith("." + name)


def _starts(data: bytes, lower: bytes, names: Iterable[str]) -> set[int]:
    """Return where the lines start that may hold one of these names, in whatever spelling."""
    starts: set[int] = set()
    for name in names:
        needle = name.encode()
        at = lower.find(needle)
        while at >= 0:
            if _stands_alone(lower, at, at + len(needle)):
                starts.add(lower.rfind(b"\n", 0, at) + 1)
            at = lower.find(needle, at + 1)
    if not data.isascii():
        starts |= _odd_starts(data)
    return starts


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether what stands here is a whole name, but for a wildcard in front and a dot at its end."""
    before = start - 1
    if before >= 0 and text[before] == _DOT:
        before -= 1
    if before >= 0 and text[before] in _NAME_BYTES:
        return False
    after = end + 1 if end < len(text) and text[end] == _DOT else end
    return after >= len(text) or text[after] not in _NAME_BYTES


def _odd_starts(data: bytes) -> set[int]:
    """Return where lines start that are not plain ASCII: a name in them may be spelled in any script."""
    starts: set[int] = set()
    for block in range(0, len(data), _BLOCK):
        if not data[block : block + _BLOCK].isascii():
            starts.update(
                data.rfind(b"\n", 0, found.start()) + 1
                for found in _NOT_ASCII.finditer(data, block, min(block + _BLOCK, len(data)))
            )
    return starts


def _line(data: bytes, start: int) -> str:
    stop = data.find(b"\n", start)
    return decode_line(data[start : len(data) if stop < 0 else stop])


def _lines(data: bytes, start: int) -> Iterator[tuple[int, str]]:
    """Yield every line from here on, with where it starts."""
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = len(data) if stop < 0 else stop
        yield start, decode_line(data[start:stop])
        start = stop + 1


def _records(data: bytes, starts: set[int]) -> Iterator[tuple[int, str]]:
    """Yield these lines of a zone file and those that go with them: a record may leave its owner out."""
    from blockctl.parsers import rpz

    done = -1
    for start in sorted(starts):
        if start <= done:
            continue
        while start > 0 and not rpz.names_owner(_line(data, start)):
            start = data.rfind(b"\n", 0, start - 1) + 1
        for at, line in _lines(data, start):
            if at > start and rpz.names_owner(line):
                break
            yield at, line
            done = at
