"""On which lines a list speaks of its names: all of them at once, where `find` would search the text for each.

It reads the text as the parsers do, clean lines in runs, so a name's line costs little more than reading it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blockctl.model.filterlist import CleanLines
from blockctl.model.rule import Effect, Scope
from blockctl.parsers import dnsmasq, domains, hosts, rpz, unbound
from blockctl.parsers.bulk import ADBLOCK_HOST, NOTHING, Shape, find_clean, gap_lines
from blockctl.parsers.lines import Reader, read_with
from blockctl.parsers.lookup import MATCHED, reader_of, rescope
from blockctl.parsers.text import decode

# What lines say of names, and the number of the line of each.
Numbered = tuple[Effect, Scope, list[str], Sequence[int]]

_PIECE = 1 << 21  # characters of names at once: as objects they take five times their letters


def lines_of(data: bytes, format_: str, match: str = "", clean: CleanLines | None = None) -> Iterator[Numbered]:
    """Yield the names that a list of a format speaks of without condition, with the line of each, in no order.

    `format_` is what the parser said of it, `match` as in `parse`, `clean` the clean lines that it found, if they
    are at hand. Nothing that is not in force is left out: the caller knows the names that count (branches of `!#if`,
    `$badfilter`).
    """
    text = decode(data)
    if format_ == "rpz":
        text = rpz.join_groups(text)
    shape, scope, reader = _how(text, data, format_)
    clean = clean or find_clean(text, shape)
    for first, names in _runs(clean):
        yield from _run(names, first, scope, format_, match)
    found: dict[tuple[Effect, Scope], tuple[list[str], list[int]]] = {}
    for at, line in gap_lines(text, clean.gaps):
        for word in read_with(reader, line).words:
            said = _scope(word.scope, format_, match)
            names, numbers = found.setdefault((word.effect, said), ([], []))
            names.append(word.host)
            numbers.append(at)
    yield from ((effect, said, names, numbers) for (effect, said), (names, numbers) in found.items())


def speaks_of_hosts(data: bytes, format_: str) -> bool:
    """Whether a list speaks of nothing but hosts, so that its patterns mean names and not addresses of files."""
    from blockctl.parsers import adblock  # late: DNS lists do without it

    return not format_.startswith("adblock") or adblock.speaks_of_hosts(decode(data))


def _how(text: str, data: bytes, format_: str) -> tuple[Shape, Scope, Reader]:
    """Return how the clean lines of a text look, what their names mean, and who reads the others."""
    shape, scope = NOTHING, Scope.SUBTREE
    reader = reader_of(format_, data)
    if format_ == "hosts":
        shape, scope = hosts.SHAPE, Scope.EXACT
    elif format_ in ("domains", "wildcard"):
        shape, scope = domains.SHAPE, Scope.EXACT
    elif format_ == "dnsmasq":
        shape = dnsmasq.shape_of(text)
    elif format_ == "unbound":
        shape = unbound.shape_of(text, unbound.network_zones(text))
        scope = Scope.EXACT if shape is unbound.DATA_SHAPE else Scope.SUBTREE
    elif format_ == "rpz":
        zone = rpz.Zone(text)
        shape, scope, reader = rpz.SHAPE if zone.plain else NOTHING, Scope.EXACT, zone.read
    elif "!#if" not in text:  # adblock: a run of plain lines may be in a branch
        shape = ADBLOCK_HOST
    return shape, scope, reader


def _run(names: list[str], first: int, scope: Scope, format_: str, match: str) -> Iterator[Numbered]:
    """Yield what a run of clean lines says; in bare lists and policy zones a wildcard says more than a name."""
    numbers = range(first, first + len(names))
    scope = _scope(scope, format_, match)
    wild = [at for at, name in enumerate(names) if name[0] in "*."] if format_ in _WILD else []
    if not wild:
        yield Effect.BLOCK, scope, names, numbers
        return
    below = _scope(Scope.SUBTREE, format_, match)
    yield Effect.BLOCK, below, [names[at].lstrip("*.") for at in wild], [numbers[at] for at in wild]
    plain = [at for at, name in enumerate(names) if name[0] not in "*."]
    if plain:
        yield Effect.BLOCK, scope, [names[at] for at in plain], [numbers[at] for at in plain]


def _scope(scope: Scope, format_: str, match: str) -> Scope:
    """Return what a line means; a policy zone says a name and all below it on two lines, of which the second counts."""
    if format_ == "rpz":
        return Scope.SUBTREE if scope is Scope.BELOW else scope
    return rescope(scope, match) if format_ in MATCHED else scope


_WILD = ("domains", "wildcard", "rpz")


def _runs(clean: CleanLines) -> Iterator[tuple[int, list[str]]]:
    """Yield the names of clean lines as they follow one another, and the number of the first of these lines."""
    text = clean.names
    for number, start, end in clean.runs:
        while start < end:
            stop = text.find("\n", start + _PIECE, end) + 1 or end
            names = text[start : stop - 1].split("\n")
            yield number, names
            number += len(names)
            start = stop
