"""The rules of lists, arranged so that a request meets only the few that can match it.

A rule is filed under one kind of key, and a request looks under the keys it has itself:

- a name (`host`, the host that a pattern begins with, or `to`), among the host asked for and its parents;
- a word that stands alone in the address, one of those the pattern fixes;
- the pages it is limited to, for a rule without such a word;
- else it is tried on every request.

Rules are numbered in the order in which they win: important blocks, exceptions, blocks; each in the order of the
lists. So the lowest number that matches is the verdict, and a search stops at the first that cannot beat it.
The names of the lists' columns stay as they are and come before the rules of their list.
"""

from __future__ import annotations

import json
import marshal
import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.match import Check, View, check, mask, page_keys
from blockctl.model.pattern import TOKEN, anchored_host, tokens
from blockctl.model.purse import Clock
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Effect, Party, Rule, Scope
from blockctl.model.sorted_names import SortedNames

Read = Callable[[int, int], Rule]  # number of a list, number of a line -> the rule on that line

IMPORTANT, EXCEPTION, BLOCK = range(3)
COLUMNS = (
    ("exact", Effect.BLOCK, Scope.EXACT),
    ("subtree", Effect.BLOCK, Scope.SUBTREE),
    ("allow_exact", Effect.ALLOW, Scope.EXACT),
    ("allow_subtree", Effect.ALLOW, Scope.SUBTREE),
)
# Words found in so many addresses (one in fifty or more, over a request log) that they tell little.
COMMON = frozenset(
    """
    https http www com net org io co uk de js css html gif png jpg jpeg svg json api cdn img image images static assets
    media v1 v2 1 2 3 0 2f 3a 3d 26 id s p a b c d e i m t u v
    """.split()  # noqa: SIM905
)
MANY_SITES = 64  # a rule limited to more pages than this is filed under a common word all the same
PREAMBLE = struct.Struct("<I")  # the length of the header, which is JSON


@dataclass(frozen=True, slots=True)
class Column:
    """The unconditional names of one list."""

    rank: int  # how many rules win over it
    file: str
    effect: Effect
    scope: Scope
    names: set[str] | SortedNames

    def find(self, view: View) -> Rule | None:
        """Return a rule for the nearest name that covers the host asked for; its line is not known here."""
        asked = view.host_names[:1] if self.scope is Scope.EXACT else view.host_names
        if self.names.isdisjoint(asked):
            return None
        name = next(name for name in asked if name in self.names)
        return Rule(self.effect, Origin(self.file), name, host=name, scope=self.scope)

    def packed(self) -> bytes | memoryview:
        """Return the names as the text of a `SortedNames`."""
        return SortedNames.pack(self.names) if isinstance(self.names, set) else self.names.text


@dataclass(slots=True)
class _Parts:
    """What an index is made of; the sequences are arrays, or parts of a file mapped into memory."""

    keys: dict[str, int]  # key -> place in `starts`
    starts: Sequence[int]  # place -> first of its `refs`, which end where the next begin
    refs: Sequence[int]  # numbers of rules, ascending for each key
    masks: Sequence[int]  # number of a rule -> its kinds and parties
    lists: Sequence[int]  # number of a rule -> number of its list
    lines: Sequence[int]  # number of a rule -> its line
    columns: list[Column]


class Index:
    """The rules and names of lists, ready to be asked. Make one with `build` or `load`."""

    def __init__(self, parts: _Parts, rule: Callable[[int], Rule]) -> None:
        self._parts = parts
        self._columns = sorted(parts.columns, key=lambda column: (column.rank, column.effect is Effect.BLOCK))
        self._rule = rule
        self._checks: dict[int, Check] = {}
        self.clock: Clock | None = None  # by which the regular expressions that one request meets share their time
        self.slow: list[Rule] = []  # rules whose regular expression took too long, or had no time left

    @classmethod
    def build(cls, lists: Sequence[FilterList]) -> Index:
        """Arrange the rules of these lists; `$badfilter` has been settled before."""
        rules, of_list, first = _in_order(lists)
        filed: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            for key in _keys(rule, filed):
                filed.setdefault(key, []).append(number)
        starts, refs = array("I", [0]), array("I")
        for numbers in filed.values():
            refs.extend(numbers)
            starts.append(len(refs))
        columns = [
            Column(first[EXCEPTION if effect is Effect.ALLOW else BLOCK][at], parsed.file, effect, scope, names)
            for at, parsed in enumerate(lists)
            for column, effect, scope in COLUMNS
            if (names := getattr(parsed, column))
        ]
        parts = _Parts(
            keys={key: place for place, key in enumerate(filed)},
            starts=starts,
            refs=refs,
            masks=[mask(rule) for rule in rules],  # a list is the quicker to read
            lists=array("I", of_list),
            lines=array("I", [rule.origin.line for rule in rules]),
            columns=columns,
        )
        return cls(parts, rules.__getitem__)

    def verdict(self, request: Request) -> tuple[Effect, Rule] | None:
        """Return the rule that wins, None when none matches."""
        view = View(request, self.clock)
        if not view.bit:
            return None
        found: Rule | None = None
        best = len(self._parts.masks)
        for column in self._columns:
            if found := column.find(view):
                best = column.rank
                break
        bit, masks, checks = view.bit, self._parts.masks, self._checks
        winner = -1
        for numbers in self._filed(view):
            for number in numbers:
                if number >= best:
                    break
                if masks[number] & bit and (checks.get(number) or self._check(number))(view):
                    winner = best = number
                    break
        if winner >= 0:
            found = self._rule(winner)
        return (found.effect, found) if found else None

    def matching(self, request: Request) -> list[Rule]:
        """Return every rule that matches, the one that wins first."""
        view = View(request, self.clock)
        if not view.bit:
            return []
        masks = self._parts.masks
        hits = [(column.rank, 0, rule) for column in self._columns if (rule := column.find(view))]
        numbers = {number for numbers in self._filed(view) for number in numbers if masks[number] & view.bit}
        hits += [(number, 1, self._rule(number)) for number in numbers if self._check(number)(view)]
        hits.sort(key=lambda hit: hit[:2])
        return [rule for _, _, rule in hits]

    def naming(self, host: str) -> list[Rule]:
        """Return every rule that speaks of this name and of nothing else, the one that wins first."""
        request = Request.parse(f"https://{host}/", kind=Kind.DOCUMENT)
        return [rule for rule in self.matching(request) if rule.names_only]

    def _filed(self, view: View) -> Iterator[Sequence[int]]:
        """Yield the numbers of the rules filed under each key of a request."""
        keys, starts, refs = self._parts.keys, self._parts.starts, self._parts.refs
        words = keys.keys() & TOKEN.findall(view.lower)
        # names first: what they find makes most of the rest needless
        for key in (*map("/".__add__, page_keys(view.host)), *map("|".__add__, view.page_names), *words, ""):
            place = keys.get(key)
            if place is not None:
                yield refs[starts[place] : starts[place + 1]]

    def _check(self, number: int) -> Check:
        made = self._checks.get(number)
        if made is None:
            made = self._checks[number] = check(self._rule(number), self.slow)
        return made

    def dump(self, lists: Sequence[FilterList]) -> bytes:
        """Return the index as bytes: references to lines, not rules. `lists` are those it was built from.

        A rule goes along whole where its line alone would not give it back: several rules on one line, or a
        format that is not read line by line.
        """
        parts = self._parts
        places = Counter(zip(parts.lists, parts.lines, strict=True))
        whole = {
            number: _pack(self._rule(number))
            for number, place in enumerate(zip(parts.lists, parts.lines, strict=True))
            if places[place] > 1 or not place[1] or lists[place[0]].format != "adblock"
        }
        sections = [
            "\n".join(parts.keys).encode(),
            marshal.dumps(whole),
            *(array("I", part).tobytes() for part in (parts.starts, parts.refs, parts.masks, parts.lists, parts.lines)),
            *(column.packed() for column in parts.columns),
        ]
        columns = [(column.rank, column.file, column.effect.value, column.scope.value) for column in parts.columns]
        header = json.dumps([[len(section) for section in sections], columns]).encode()
        return b"".join([PREAMBLE.pack(len(header)), header, *sections])

    @classmethod
    def load(cls, data: bytes | memoryview, read: Read) -> Index:
        """Return the index that was dumped. `read` parses one line of one list again when it is needed."""
        view = memoryview(data)
        (length,) = PREAMBLE.unpack(view[: PREAMBLE.size])
        at = PREAMBLE.size + length
        sizes, columns = json.loads(bytes(view[PREAMBLE.size : at]))
        sections = []
        for size in sizes:
            sections.append(view[at : at + size])
            at += size
        keys, whole, *numbers = sections[:7]
        starts, refs, masks, of_list, lines = (section.cast("I") for section in numbers)
        packed: dict[int, tuple[Any, ...]] = marshal.loads(whole)  # noqa: S302 (numbers and texts of our own making)
        memo: dict[int, Rule] = {}

        def rule(number: int) -> Rule:
            if number not in memo:
                own = packed.get(number)
                memo[number] = _unpack(own) if own else read(of_list[number], lines[number])
            return memo[number]

        parts = _Parts(
            {key: place for place, key in enumerate(str(keys, "ascii").split("\n"))} if starts[-1] else {},
            starts, refs, masks, of_list, lines,
            [Column(rank, file, Effect(effect), Scope(scope), SortedNames(names))
             for (rank, file, effect, scope), names in zip(columns, sections[7:], strict=True)],
        )  # fmt: skip
        return cls(parts, rule)


def _in_order(lists: Sequence[FilterList]) -> tuple[list[Rule], list[int], list[list[int]]]:
    """Return the rules in the order in which they win, the list of each, and where each (class, list) begins."""
    classes: list[list[list[Rule]]] = [[[] for _ in lists] for _ in range(3)]
    for at, parsed in enumerate(lists):
        for rule in parsed.rules:
            if rule.decides:
                which = EXCEPTION if rule.effect is Effect.ALLOW else IMPORTANT if rule.important else BLOCK
                classes[which][at].append(rule)
    rules: list[Rule] = []
    of_list: list[int] = []
    first: list[list[int]] = []
    for groups in classes:
        first.append([])
        for at, group in enumerate(groups):
            first[-1].append(len(rules))
            rules += group
            of_list += [at] * len(group)
    return rules, of_list, first


def _keys(rule: Rule, filed: dict[str, list[int]]) -> list[str]:
    """Return the keys to file a rule under: every request that it matches has one of them."""
    if name := rule.host or ("" if rule.regex else anchored_host(rule.pattern)):
        return ["/" + name]
    if rule.to and not any(name.startswith("/") for name in rule.to):
        return ["/" + name for name in rule.to]
    words = tokens(rule.pattern, rule.regex) if rule.pattern else []
    word = min(words, key=lambda word: (word in COMMON, len(filed.get(word, ()))), default="")
    named = rule.sites and not any(site.startswith("/") for site in rule.sites)
    if named and (not word or (word in COMMON and len(rule.sites) <= MANY_SITES)):
        return ["|" + site for site in rule.sites]
    return [word]


def _pack(rule: Rule) -> tuple[Any, ...]:
    origin = rule.origin
    return (rule.effect.value, origin.file, origin.line, origin.column, rule.text, rule.host, rule.scope.value,
            rule.pattern, rule.regex, rule.match_case, rule.kinds.value, rule.party.value, rule.sites, rule.not_sites,
            rule.to, rule.not_to, rule.important)  # fmt: skip


def _unpack(packed: tuple[Any, ...]) -> Rule:
    effect, file, line, column, text, host, scope, pattern, regex, match_case, kinds, party, *rest = packed
    sites, not_sites, to, not_to, important = rest
    return Rule(Effect(effect), Origin(file, line, column), text, host, Scope(scope), pattern, regex, match_case,
                Kind(kinds), Party(party), sites, not_sites, to, not_to, important)  # fmt: skip
