"""From what many lists say of names to the fewest entries that mean the same (`HostSet`).

Among lists an `$important` block comes first, then an exception, then a block, and nearness plays no part; in the
result the nearest entry wins. Most names are plain blocks: those are sorted, and one walk over them drops what a
name above covers. Only the names at and below which something else is said are looked at one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import ne

from blockctl.model.hostset import HostSet, insert, order, order_after
from blockctl.model.names import covers
from blockctl.model.rule import Effect, Rule, Scope

# A block of a name with all below it carries this mark behind its key. It sorts after the name alone and before
# every name below.
SUBTREE = "!"

# Which rule speaks first; the odd ones block.
OWN, IMPORTANT, EXCEPTION, PLAIN, SILENT = range(5)


def keys(names: Iterable[str], subtree: bool) -> list[str]:
    """Return the sorted keys of plain blocks: `order()` of each name, with the mark if it means the subtree."""
    before = f"{SUBTREE}." if subtree else "."
    text = f"\n{before}".join(names)
    return sorted(_reversed(f"{before}{text}").split("\n")) if text else []


def _reversed(text: str) -> str:
    """Return an ASCII text from its end to its beginning, as bytes, which are turned round faster."""
    return text.encode("ascii")[::-1].decode("ascii")


def name_of(key: str) -> str:
    """Return the name of a key."""
    return key.rstrip(SUBTREE)[-2::-1]


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

    keys: list[str] = field(default_factory=list)  # of plain blocks
    allow_exact: set[str] = field(default_factory=set)
    allow_subtree: set[str] = field(default_factory=set)
    specials: dict[str, list[Special]] = field(default_factory=dict)

    def say(self, name: str, special: Special) -> None:
        """Add a rule that is not a plain block."""
        self.specials.setdefault(name, []).append(special)

    def reduce(self) -> HostSet:
        """Return the result, and forget what was collected."""
        self.keys.sort()  # the lists' keys are sorted already, so this only merges them
        special = self.names()
        apart = self._ranges(special)
        found = [key for part in apart for key in self.keys[part]]
        added = _settle(_Judge(self, found)) if special else {}
        for part in apart:
            self.keys[part] = [""] * (part.stop - part.start)
        exact, subtree, covered = _walk(self.keys)
        names = HostSet(block_exact=_text(exact), block_subtree=_text(subtree), covered=_text(covered))
        for column, found in added.items():
            setattr(names, column, insert(getattr(names, column), found))
        return names

    def names(self) -> set[str]:
        """Return the names at which something else than a plain block is said."""
        holes = (hole for said in self.specials.values() for special in said for hole in special.holes)
        return {*self.specials, *self.allow_exact, *self.allow_subtree, *holes}

    def _ranges(self, names: set[str]) -> list[slice]:
        """Return where the keys at and below some names are."""
        found: list[slice] = []
        at = 0
        for name in sorted(names, key=order):
            low = bisect_left(self.keys, order(name), at)
            at = bisect_left(self.keys, order_after(name), low)
            if low < at:
                found.append(slice(low, at))
        return found


def _walk(sorted_keys: list[str]) -> tuple[str, str, str]:
    """Split keys into names alone, names with all below, and those that such a name covers; each once. Skip "".

    The keys are used up: joined, and walked over as one text, for strings that were sorted lie scattered in memory,
    and to touch each of them once more costs more than all that is done here. The text runs from the last key to
    the first, because `_text` turns it round.
    """
    sorted_keys.reverse()
    text = "\n".join(chain([""], compress(sorted_keys, map(ne, sorted_keys, chain([""], sorted_keys)))))
    sorted_keys.clear()
    text = text.replace("\n\n", "\n").removesuffix("\n")
    exact: list[str] = []
    subtree: list[str] = []
    covered: list[str] = []
    end = len(text)
    while (mark := text.rfind(SUBTREE, 0, end)) >= 0:
        at = text.rfind("\n", 0, mark)
        root = text[at + 1 : mark]
        alone = text[mark + 1 : end]
        exact.append(alone[len(root) + 1 :] if f"{alone}\n".startswith(f"\n{root}\n") else alone)
        subtree.append(f"\n{root}")
        end = at
        while text.startswith(root, (before := text.rfind("\n", 0, end)) + 1):
            end = before
        covered.append(text[end:at])
    exact.append(text[:end])
    return _join(exact), _join(subtree), _without_marks(_join(covered))


def _join(pieces: list[str]) -> str:
    pieces.reverse()
    return "".join(pieces)


def _without_marks(text: str) -> str:
    """Return a text of keys without marks, each key once."""
    return "\n".join(dict.fromkeys(text.replace(SUBTREE, "").split("\n"))) if SUBTREE in text else text


def _text(keys_text: str) -> bytes:
    """Return the names of a text of keys: one reversal turns them all round."""
    return keys_text.encode("ascii")[::-1].replace(b"\n.", b"\n")[1:]


class _Judge:
    """Says which rule speaks first of a name, or of what is below it, by walking up from the name."""

    def __init__(self, said: Reducer, apart: list[str]) -> None:
        self.said = said
        self.plain_exact = {name_of(key) for key in apart if key[-1] != SUBTREE}
        self.plain_subtree = {name_of(key) for key in apart if key[-1] == SUBTREE}
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
            key = order(name) + SUBTREE
            at = bisect_left(self.said.keys, key)
            self._asked[name] = self.said.keys[at : at + 1] == [key]
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
