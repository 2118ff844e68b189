"""A version of a list for the gate, made of its texts: what it says, and on which lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from blockctl.io.packed import unpacked
from blockctl.model.diagnostic import BlockctlError, Origin
from blockctl.model.filterlist import COLUMNS, FilterList, ListText
from blockctl.model.names import parents
from blockctl.model.policy import ListSource
from blockctl.model.rule import Effect, Scope
from blockctl.parsers.left_out import line_text
from blockctl.parsers.text import MAX_BYTES, plain_bytes
from blockctl.policy.gate_nouns import Line, Version
from blockctl.policy.merge import speaks_of_names

FEW = 4  # names that are searched for one by one


def version_of(parts: Sequence[tuple[ListText, FilterList]]) -> Version:
    """Return the version of a list that consists of these texts: its own, then what it includes."""
    texts = {text.file: text for text, _ in parts}
    source = parts[0][0].source

    def lines_for(names: Collection[str]) -> Mapping[str, tuple[Line, ...]]:
        found: dict[str, dict[int, Line]] = {}
        for text, parsed in parts:
            for name, number in _blocking(text, parsed, frozenset(names)):
                found.setdefault(name, {})[number] = Line(text.file, number, line_of(text, number))
        return {name: tuple(by_number[number] for number in sorted(by_number)) for name, by_number in found.items()}

    def line(place: Origin) -> str:
        return line_of(texts[place.file], place.line) if place.file in texts else ""

    return Version(
        source, together([parsed for _, parsed in parts]), sum(len(text.data) for text, _ in parts), lines_for, line
    )


def version_of_file(source: ListSource, path: Path, hint: str) -> Version:
    """Read a file as a version of a list. Raises BlockctlError, with a hint on what could be named in its place."""
    from blockctl.parsers import parse  # late: most versions were parsed before

    try:
        data = unpacked(str(path), path.read_bytes(), MAX_BYTES)
    except OSError as error:
        raise BlockctlError(f"cannot read {path}: {error.strerror or error}", hint) from error
    parsed = parse(data, str(path), source.format, source.match, dns_only=source.dns_only)
    return version_of([(ListText(source, str(path), data, ""), parsed)])


def together(parts: Sequence[FilterList]) -> FilterList:
    """Return what several texts of a list say, as one list of its own; the columns are packed."""
    if len(parts) == 1:
        return parts[0].copy()
    whole = FilterList(parts[0].file, parts[0].format, header=parts[0].header)
    for parsed in parts:
        parsed.pack()
        for column in COLUMNS:
            whole.put(column, parsed.packed.get(column, b""))
        whole.rules += parsed.rules
        whole.cosmetics += parsed.cosmetics
        whole.badfilters += parsed.badfilters
        for count in ("lines", "rules", "nothing", "refused"):
            setattr(whole.counts, count, getattr(whole.counts, count) + getattr(parsed.counts, count))
        whole.diagnostics.kept += parsed.diagnostics.kept
        whole.diagnostics.count.update(parsed.diagnostics.count)
    return whole


def _blocking(text: ListText, parsed: FilterList, names: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Yield the lines of one text that block a name, by name."""
    from blockctl.parsers import find  # late: most versions are not held
    from blockctl.parsers.lines_of import lines_of

    source = text.source
    form = {"format": parsed.format, "match": source.match}
    if len(names) <= FEW:
        for name in names:
            yield from (
                (name, rule.origin.line)
                for rule in find(text.data, text.file, name, **form)
                if rule.effect is Effect.BLOCK
            )
    else:
        above = _above(names)
        for effect, scope, said, numbers in lines_of(text.data, parsed.format, source.match):
            wanted = names if scope is Scope.EXACT else above.keys()
            if effect is Effect.BLOCK:
                for said_name, number in zip(said, numbers, strict=True):
                    if said_name in wanted:
                        below = (said_name,) if scope is Scope.EXACT else above[said_name]
                        yield from ((name, number) for name in below)
    above = _above(names)
    for rule in parsed.rules:
        if rule.effect is Effect.BLOCK and rule.host in above and speaks_of_names(rule, source):
            yield from ((name, rule.origin.line) for name in above[rule.host])


def _above(names: Collection[str]) -> dict[str, list[str]]:
    """Return each name above some names, themselves included, with those of them that it covers."""
    found: dict[str, list[str]] = {}
    for name in names:
        for above in parents(name):
            found.setdefault(above, []).append(name)
    return found


def line_of(text: ListText, number: int) -> str:
    """Return a line of a text, "" when it has no such line."""
    lines = _lines(text.data)
    return line_text(lines[number - 1]) if 0 < number <= len(lines) else ""


@lru_cache(maxsize=2)
def _lines(data: bytes) -> list[bytes]:
    return plain_bytes(data).split(b"\n")
