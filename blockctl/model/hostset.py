"""What the lists together say of names, settled: a small set in which the nearest entry wins.

An entry speaks of a name itself, of everything below it, or of both, and blocks or lets through. An entry is
there only where it changes what stands above it, so none is covered by another. Names travel as texts, one a
line in the order of `order()`: a million of them cost their letters and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from blockctl.model.diagnostic import DiagnosticLog, Origin
from blockctl.model.names import parents
from blockctl.model.rule import Effect

KEEP = 1000  # rules kept for each reason


def order(name: str) -> str:
    """Return the key by which names are sorted: the letters backwards, closed by a dot.

    A name stands directly before all names below it: their keys begin with its key. (`names.reversed_labels` has
    the same property; this one is made and taken back for a million names at once by reversing one text.)
    """
    return f".{name}"[::-1]


def order_after(name: str) -> str:
    """Return the key before which a name and all names below it stand; `/` is the character after the dot."""
    return f"/{name}"[::-1]


def lines(names: Iterable[str]) -> str:
    """Return names as a text: sorted, each closed by a line feed."""
    return "".join(f"{name}\n" for name in sorted(names, key=order))


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

    Each column is a text as `lines()` makes it. A name is in at most one of the six columns.
    """

    block_exact: str = ""  # that name alone
    block_subtree: str = ""  # the name and all below it
    block_below: str = ""  # all below it, not the name itself
    allow_exact: str = ""
    allow_subtree: str = ""
    allow_below: str = ""
    covered: str = ""  # listed and blocked, but said already by an entry above: for engines without wildcards
    unsaid: Unsaid = field(default_factory=Unsaid)
    diagnostics: DiagnosticLog = field(default_factory=DiagnosticLog)
    rules_in: int = 0  # rules of the lists, those that DNS cannot say included
    _entries: dict[str, tuple[Effect | None, Effect | None]] = field(default_factory=dict)

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
        columns: list[tuple[str, tuple[Effect | None, Effect | None]]] = [
            (self.block_exact, (block, None)),
            (self.block_subtree, (block, block)),
            (self.block_below, (None, block)),
            (self.allow_exact, (allow, None)),
            (self.allow_subtree, (allow, allow)),
            (self.allow_below, (None, allow)),
        ]
        return {name: says for column, says in columns for name in column.split()}
