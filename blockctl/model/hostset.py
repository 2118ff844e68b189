"""What the lists together say of names, settled: a small set in which the nearest entry wins.

An entry speaks of a name itself, of everything below it, or of both, and blocks or lets through. An entry is
there only where it changes what stands above it, so none is covered by another. Names travel as texts, one a
line in the order of `order()`: a million of them cost their letters and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from blockctl.model.diagnostic import DiagnosticLog, Origin
from blockctl.model.names import MAX_NAME, parents
from blockctl.model.rule import Effect

KEEP = 1000  # rules kept for each reason
LONGEST = 512  # bytes: more than a line about one name ever has


def order(name: str) -> str:
    """Return the key by which names are sorted: the letters backwards, closed by a dot.

    A name stands directly before all names below it: their keys begin with its key. (`names.reversed_labels` has
    the same property; this one is made and taken back for a million names at once by reversing one text.)
    """
    return f".{name}"[::-1]


def order_after(name: str) -> str:
    """Return the key before which a name and all names below it stand; `/` is the character after the dot."""
    return f"/{name}"[::-1]


def text_of(sorted_keys: list[str]) -> bytes:
    """Return the names of keys as a text; the keys are used up. One reversal of it all turns every name round."""
    sorted_keys.reverse()
    text = "\n".join(sorted_keys).encode("ascii")
    sorted_keys.clear()
    return text[::-1].replace(b"\n.", b"\n")[1:] + b"\n" if text else b""


def position(text: memoryview, key: str, before: int = 0, after: int = 0, start: int = 0) -> int:
    """Return where the first line stands whose name is not sorted before `key`, by halving.

    Lines are a name between `before` and `after` bytes of other text, sorted by `order` of the name. The search
    begins at `start`, which is the start of a line.
    """
    wanted = key.encode("ascii")
    low, high = start, len(text)  # both at the start of a line
    while low < high:
        middle = (low + high) // 2
        at = max(low, middle - LONGEST)
        at += bytes(text[at:middle]).rfind(b"\n") + 1
        line = bytes(text[at : at + LONGEST]).partition(b"\n")[0]
        if (b"." + line[before : len(line) - after])[::-1] < wanted:
            low = at + len(line) + 1
        else:
            high = at
    return low


def insert(text: bytes | memoryview, names: Iterable[str]) -> bytes:
    """Return a text of names with more names in their places."""
    view = memoryview(text)
    pieces: list[bytes | memoryview] = []
    at = 0
    for name in sorted(names, key=order):
        to = position(view, order(name), start=at)
        pieces += [view[at:to], f"{name}\n".encode("ascii")]
        at = to
    return b"".join([*pieces, view[at:]])


@dataclass(slots=True)
class Unsaid:
    """Rules that speak of more than a name, by reason: all counted, the first of each reason kept."""

    count: dict[str, int] = field(default_factory=dict)
    kept: list[tuple[str, Origin, str]] = field(default_factory=list)  # reason, where, text

    def add(self, reason: str, origin: Origin, text: str, count: int = 1) -> None:
        """Count a rule, and keep it if there is room."""
        before = self.count.get(reason, 0)
        self.count[reason] = before + count
        if before < KEEP:
            self.kept.append((reason, origin, text))


@dataclass(slots=True)
class HostSet:
    """The entries by what they say; the nearest wins, and where none speaks the lists are silent.

    Each column is a text of names, sorted by `order`, each closed by a line feed. A name is in at most one of the six.
    """

    block_exact: bytes = b""  # that name alone
    block_subtree: bytes = b""  # the name and all below it
    block_below: bytes = b""  # all below it, not the name itself
    allow_exact: bytes = b""
    allow_subtree: bytes = b""
    allow_below: bytes = b""
    covered: bytes = b""  # listed and blocked, but said already by an entry above: for engines without wildcards
    unsaid: Unsaid = field(default_factory=Unsaid)
    diagnostics: DiagnosticLog = field(default_factory=DiagnosticLog)
    rules_in: int = 0  # rules of the lists, those that DNS cannot say included
    longest: int = MAX_NAME  # characters; no name has more
    _entries: dict[str, tuple[Effect | None, Effect | None]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def count(self, column: str) -> int:
        """Return how many names a column has. They are counted once; nothing may be added afterwards."""
        if column not in self._counts:
            self._counts[column] = getattr(self, column).count(b"\n")
        return self._counts[column]

    def verdict(self, host: str) -> Effect | None:
        """Return what the lists do with a name; None where they are silent. Slow to begin with, then fast."""
        if not self._entries:
            self._entries = self._table()
        itself = True
        for name in parents(host):
            if (entry := self._entries.get(name)) and (effect := entry[0 if itself else 1]):
                return effect
            itself = False
        return None

    def _table(self) -> dict[str, tuple[Effect | None, Effect | None]]:
        block, allow = Effect.BLOCK, Effect.ALLOW
        columns: list[tuple[bytes, tuple[Effect | None, Effect | None]]] = [
            (self.block_exact, (block, None)),
            (self.block_subtree, (block, block)),
            (self.block_below, (None, block)),
            (self.allow_exact, (allow, None)),
            (self.allow_subtree, (allow, allow)),
            (self.allow_below, (None, allow)),
        ]
        return {name: says for column, says in columns for name in column.decode("ascii").split()}
