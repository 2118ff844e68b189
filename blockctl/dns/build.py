"""From what the lists say to the file that the resolver maps (`dns.table`), with the line of every name.

The names that count are settled (`model.hostset`); this finds for each the first line that says it, list by list, and
puts beside them what is more than a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat

from blockctl.dns.condition_words import network
from blockctl.dns.conditions import pack, speaks_of
from blockctl.dns.table import NO_LIST, TAGS, NamesWriter, build, wire_names
from blockctl.model.decide import excepted_names, is_above_lists
from blockctl.model.hostset import HostSet, order, position
from blockctl.model.names import parents
from blockctl.model.rule import Effect, Rule, Scope

Numbered = tuple[Effect, Scope, list[str], Sequence[int]]  # what lines say of names, and the number of each line

MOST_SEARCHED = 200  # names that no line says by itself, and whose line is searched for

# What an entry may be that a line of a scope says, the likeliest first: lists together may mean less than a line.
_ENTRIES = {
    Scope.EXACT: (Scope.EXACT,),
    Scope.SUBTREE: (Scope.SUBTREE, Scope.EXACT, Scope.BELOW),
    Scope.BELOW: (Scope.BELOW,),
}


@dataclass(slots=True)
class Said:
    """What one list says."""

    name: str
    file: str
    lines: Callable[[], Iterable[Numbered]] = tuple  # its names without conditions, by line
    find: Callable[[str], Sequence[Rule]] = lambda host: ()  # noqa: ARG005 - its lines that speak of one name
    names: Sequence[Rule] = ()  # its rules that say no more than a name and are none of `lines`
    conditions: Sequence[Rule] = ()  # those that say more, and that DNS heeds (`conditions.is_heard`)
    allow: Mapping[Scope, bytes | memoryview] = field(default_factory=dict)  # the columns of its exceptions


def rules_file(settled: HostSet, lists: Sequence[Said], page_exceptions: Sequence[Rule]) -> list[bytes]:
    """Return the file in pieces; the same lists give the same bytes.

    Of the exceptions that are limited to pages only those are kept at whose names something may be blocked.
    """
    blocks, exceptions = _blocks(settled), _exceptions(lists)
    conditions = [(at, rule) for at, each in enumerate(lists) for rule in _weighty(each)]
    kept = [rule for rule in page_exceptions if conditions or _concerns(rule, settled, blocks)]
    counts = {"blocks": len(blocks), "exceptions": len(exceptions), "conditions": len(conditions)}
    for at, each in enumerate(lists):
        for effect, scope, names, numbers in each.lines():
            (blocks if effect is Effect.BLOCK else exceptions).take(scope, names, at, numbers)
        _take_rules(each, at, blocks, exceptions, whole=True)
    for at, each in enumerate(lists):  # a rule with holes comes last, for its entry may cover what it leaves out
        _take_rules(each, at, blocks, exceptions, whole=False)
    for scope, name in blocks.left()[:MOST_SEARCHED]:
        at, line = _search(name if scope is Scope.EXACT else f"*.{name}", lists)
        blocks.take(scope, [name], at, [line])
    blocks.give_up()
    exceptions.give_up()
    files = [each.file for each in lists]
    more = dict.fromkeys(rule.origin.file for rule in kept if rule.origin.file not in files)
    numbers_of = {file: at for at, file in reversed([*enumerate((*files, *more))])}
    about = {
        "lists": [[each.name, each.file] for each in lists] + [["", file] for file in more],
        "counts": counts,
        "plain": not any(_is_anywhere(rule) for each in lists for rule in each.conditions),
        "spoken": sorted({rule.host for each in lists for rule in each.conditions if _may_undo(rule)} - {""}),
    }
    return build(
        about,
        {"blocks": blocks.writer, "exceptions": exceptions.writer},
        {"conditions": pack(conditions), "page exceptions": pack([(numbers_of[r.origin.file], r) for r in kept])},
    )


class _Wanted:
    """Entries whose line is not found yet, and those whose line is."""

    def __init__(self, effect: Effect, names: Mapping[Scope, Iterable[str]]) -> None:
        self._names = {scope: dict.fromkeys(names[scope], TAGS[effect, scope]) for scope in names}
        self.writer = NamesWriter(len(self))

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def __contains__(self, name: str) -> bool:
        return any(name in names for names in self._names.values())

    def take(self, scope: Scope, names: Sequence[str], place: int, numbers: Sequence[int]) -> None:
        """Note that lines of a list say these names in this way; only the first that says a name counts."""
        for entry in _ENTRIES[scope]:
            if not (wanted := self._names[entry]):
                continue
            tags = list(map(wanted.pop, names, repeat(0)))
            if not any(tags):
                continue
            found = "\n".join(compress(names, tags)) + "\n"
            self.writer.add(wire_names(found.encode("ascii")), filter(None, tags), place, compress(numbers, tags))
            if all(tags):
                return
            names, numbers = (
                [name for name, tag in zip(names, tags, strict=True) if not tag],
                [number for number, tag in zip(numbers, tags, strict=True) if not tag],
            )

    def left(self) -> list[tuple[Scope, str]]:
        """Return the names whose line is not found yet."""
        return [(scope, name) for scope, names in self._names.items() for name in sorted(names)]

    def give_up(self) -> None:
        """Add the rest without a line."""
        for scope in self._names:
            names = sorted(self._names[scope])
            self.take(scope, names, NO_LIST, [0] * len(names))


def _take_rules(said: Said, at: int, blocks: _Wanted, exceptions: _Wanted, *, whole: bool) -> None:
    for rule in said.names:
        if whole is not bool(rule.not_to):
            wanted = blocks if rule.effect is Effect.BLOCK else exceptions
            wanted.take(rule.scope, [rule.host], at, [rule.origin.line])


def _blocks(settled: HostSet) -> _Wanted:
    """Return the entries of the settled names: all of them, for what lets through matters to the walk."""
    wanted = _Wanted(
        Effect.BLOCK,
        {
            Scope.EXACT: _names(settled.block_exact),
            Scope.SUBTREE: _names(settled.block_subtree),
            Scope.BELOW: _names(settled.block_below),
        },
    )
    for column, scope in (("exact", Scope.EXACT), ("subtree", Scope.SUBTREE), ("below", Scope.BELOW)):
        if names := getattr(settled, f"allow_{column}"):
            wires = wire_names(names)
            wanted.writer.add(wires, [TAGS[Effect.ALLOW, scope]] * len(wires), NO_LIST, [0] * len(wires))
    return wanted


def _exceptions(lists: Sequence[Said]) -> _Wanted:
    """Return the names of all exceptions; one that covers what is below it says the name itself too."""
    names: dict[Scope, set[str]] = {scope: set() for scope in Scope}
    for each in lists:
        for scope, column in each.allow.items():
            names[scope].update(_names(column))
    names[Scope.EXACT] -= names[Scope.SUBTREE]
    return _Wanted(Effect.ALLOW, names)


def _names(column: bytes | memoryview) -> list[str]:
    return str(column, "ascii").split()


def _weighty(said: Said) -> list[Rule]:
    """Return the rules of a list that decide about others: conditions, exceptions, important blocks."""
    names = [
        rule for rule in said.names if rule.effect is Effect.ALLOW or (rule.important and not is_above_lists(rule.host))
    ]
    return [*names, *said.conditions]


def _may_undo(rule: Rule) -> bool:
    """Whether a rule may let through, or answer otherwise, what a name alone blocks."""
    return rule.effect is Effect.ALLOW or bool(rule.action)


def _is_anywhere(rule: Rule) -> bool:
    """Whether it may do so at no certain name."""
    return _may_undo(rule) and not rule.host and (rule.regex or network(rule.pattern) is None)


def _concerns(rule: Rule, settled: HostSet, blocks: _Wanted) -> bool:
    """Whether the lists block a name that an exception frees, or one above or below it."""
    return any(
        any(above in blocks for above in parents(name)) or _is_above_any(name, settled) for name in excepted_names(rule)
    )


def _is_above_any(name: str, settled: HostSet) -> bool:
    for column in (settled.block_exact, settled.block_subtree, settled.block_below):
        view = memoryview(column)
        at = position(view, order(name))
        if bytes(view[at : at + 512]).partition(b"\n")[0].decode("ascii").endswith(f".{name}"):
            return True
    return False


def _search(name: str, lists: Sequence[Said]) -> tuple[int, int]:
    """Return the list and the line of the first rule that blocks a name."""
    for at, each in enumerate(lists):
        spoken = [rule for rule in each.find(name) if rule.effect is Effect.BLOCK]
        spoken += [rule for rule in each.names if rule.effect is Effect.BLOCK and speaks_of(rule, name)]
        if spoken:
            return at, spoken[0].origin.line
    return NO_LIST, 0
