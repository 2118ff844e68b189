"""From what many lists say of names to the fewest entries that mean the same (`HostSet`).

Among lists an `$important` block comes first, then an exception, then a block, and nearness plays no part; in the
result the nearest entry wins. Most names are plain blocks: those are sorted, and one walk over them drops what a
name above covers. Only the names at and below which something else is said are looked at one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from blockctl.model.hostset import HostSet, insert, order, order_after, text_of
from blockctl.model.names import covers
from blockctl.model.packed import name_of, once
from blockctl.model.rule import Effect, Rule, Scope

NOTHING = "\n"  # no key begins so
NEAR = 32  # keys

# Which rule speaks first; the odd ones block.
OWN, IMPORTANT, EXCEPTION, PLAIN, SILENT = range(5)


@dataclass(slots=True)
class Special:
    """A rule on names that is not a plain block."""

    tier: int
    scope: Scope
    holes: tuple[str, ...] = ()  # names, each with all below it, of which the rule does not speak

    @classmethod
    def of(cls, rule: Rule) -> Special:
        """Return what a rule with `names_only` says."""
        if rule.effect is Effect.ALLOW:
            return cls(EXCEPTION, rule.scope, rule.not_to)
        return cls(IMPORTANT if rule.important else PLAIN, rule.scope, rule.not_to)


@dataclass(slots=True)
class Reducer:
    """Collects what the lists say, then reduces it once."""

    exact: list[str] = field(default_factory=list)  # keys of plain blocks, sorted, each once
    subtree: list[str] = field(default_factory=list)
    allow_exact: set[str] = field(default_factory=set)
    allow_subtree: set[str] = field(default_factory=set)
    specials: dict[str, list[Special]] = field(default_factory=dict)

    def say(self, name: str, special: Special) -> None:
        """Add a rule that is not a plain block."""
        self.specials.setdefault(name, []).append(special)

    def reduce(self) -> HostSet:
        """Return the result, and forget what was collected."""
        special = self.names()
        apart = [_ranges(keys, special) for keys in (self.exact, self.subtree)]
        added = _settle(_Judge(self, apart)) if special else {}
        exact, subtree = _without(self.exact, apart[0]), _without(self.subtree, apart[1])
        self.exact, self.subtree = [], []
        exact, subtree, covered = _walk(exact, subtree)
        longest = max(max(map(len, keys), default=1) for keys in (exact, subtree)) - 1
        names = HostSet(text_of(exact), text_of(subtree), covered=text_of(covered))
        names.longest = max([longest, *(len(name) for more in added.values() for name in more)])
        for column, more in added.items():
            setattr(names, column, insert(getattr(names, column), more))
        return names

    def names(self) -> set[str]:
        """Return the names at which something else than a plain block is said."""
        holes = (hole for said in self.specials.values() for special in said for hole in special.holes)
        return {*self.specials, *self.allow_exact, *self.allow_subtree, *holes}


def _ranges(keys: list[str], names: set[str]) -> list[slice]:
    """Return where the keys at and below some names are."""
    found: list[slice] = []
    at = 0
    for name in sorted(names, key=order):
        low = bisect_left(keys, order(name), at)
        at = bisect_left(keys, order_after(name), low)
        if low < at:
            found.append(slice(low, at))
    return found


def _without(keys: list[str], apart: list[slice]) -> list[str]:
    """Return the keys that no slice holds."""
    ends = [0, *(part.stop for part in apart)]
    starts = [*(part.start for part in apart), len(keys)]
    return [key for start, end in zip(ends, starts, strict=True) for key in keys[start:end]] if apart else keys


def _walk(exact: list[str], subtree: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the keys of names alone, of names with all below, and of what such a name covers.

    Only the names with all below are looked at one by one; the others are found by halving.
    """
    roots: list[str] = []
    covered: list[str] = []
    root = NOTHING
    for key in subtree:
        if key.startswith(root):
            covered.append(key)
        else:
            root = key
            roots.append(key)
    alone: list[str] = []
    at = low = 0
    for root in roots:
        low = _place(exact, root, low)
        if low < len(exact) and exact[low].startswith(root):
            alone += exact[at:low]
            at = _place(exact, f"{root[:-1]}/", low)
            covered += exact[low + (exact[low] == root) : at]
            low = at
    alone += exact[at:]
    return alone, roots, once(sorted(covered))


def _place(keys: list[str], key: str, start: int) -> int:
    """Return where a key has its place from `start` on, which is mostly near: halving all that follows takes longer."""
    end = start + NEAR
    if end < len(keys):
        return bisect_left(keys, key, start, end) if key <= keys[end] else bisect_left(keys, key, end)
    return bisect_left(keys, key, start)


class _Judge:
    """Says which rule speaks first of a name, or of what is below it, by walking up from the name."""

    def __init__(self, said: Reducer, apart: list[list[slice]]) -> None:
        self.said = said
        self.plain_exact = {name_of(key) for part in apart[0] for key in said.exact[part]}
        self.plain_subtree = {name_of(key) for part in apart[1] for key in said.subtree[part]}
        self._asked: dict[str, bool] = {}
        self._below: dict[str, bool] = {"": False}

    def blocked(self, name: str) -> bool:
        """Whether the lists block a name."""
        return self._tier(name, itself=True) in (IMPORTANT, PLAIN)

    def blocked_below(self, name: str) -> bool:
        """Whether the lists block a nameless one directly below a name; "" is above all names."""
        if name not in self._below:
            self._below[name] = self._tier(name, itself=False) in (IMPORTANT, PLAIN)
        return self._below[name]

    def is_listed(self, name: str) -> bool:
        """Whether a list names it in a block."""
        blocks = (special.tier in (IMPORTANT, PLAIN) for special in self.said.specials.get(name, ()))
        return name in self.plain_exact or name in self.plain_subtree or any(blocks)

    def _tier(self, name: str, *, itself: bool) -> int:
        best = self._tier_at(name, name, itself)
        at = name.find(".") + 1
        while at and best > OWN:
            best = min(best, self._tier_at(name[at:], name, itself=False))
            at = name.find(".", at) + 1
        return best

    def _tier_at(self, where: str, name: str, itself: bool) -> int:
        """Return the first tier among the rules at `where` that speak of `name`."""
        said = self.said
        best = SILENT
        if where in self.plain_subtree or (itself and where in self.plain_exact) or self._blocked_elsewhere(where):
            best = PLAIN
        if where in said.allow_subtree or (itself and where in said.allow_exact):
            best = EXCEPTION
        for special in said.specials.get(where, ()):
            silent_scope = Scope.BELOW if itself else Scope.EXACT
            if special.tier >= best or special.scope is silent_scope:
                continue
            if not any(covers(hole, name) for hole in special.holes):
                best = special.tier
        return best

    def _blocked_elsewhere(self, name: str) -> bool:
        """Whether a plain block means this name and all below it; asked of names above those set apart."""
        if name not in self._asked:
            key = order(name)
            at = bisect_left(self.said.subtree, key)
            self._asked[name] = self.said.subtree[at : at + 1] == [key]
        return self._asked[name]


def _settle(judge: _Judge) -> dict[str, list[str]]:
    """Return the entries for the names set apart by column: one wherever the verdict is not the one from above."""
    found: dict[str, list[str]] = {}
    for name in judge.plain_exact | judge.plain_subtree | judge.said.names():
        inherited = judge.blocked_below(name.partition(".")[2])
        itself, below = judge.blocked(name), judge.blocked_below(name)
        if itself != inherited or below != inherited:
            scope = "subtree" if itself == below else "exact" if itself != inherited else "below"
            found.setdefault(f"{'allow' if inherited else 'block'}_{scope}", []).append(name)
        if itself and inherited and judge.is_listed(name):
            found.setdefault("covered", []).append(name)
    return found
