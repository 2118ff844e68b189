"""The lists' network rules in files of bounded size: blocks are spread over them, exceptions stand in each.

A content blocker cannot take back what another blocks, so every file carries all exceptions. `$important` blocks
need to stand in one file only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii as quote
from typing import NamedTuple

from blockctl.backends.output import Gaps
from blockctl.backends.safari_fewer import fewer, merged
from blockctl.backends.safari_pattern import EVERYTHING, exact_filter, host_filter
from blockctl.backends.safari_rules import Network, is_below
from blockctl.backends.safari_trigger import BLOCK, IGNORE, POPUP, TOP_DOCUMENT, rule
from blockctl.model.filterlist import FilterList
from blockctl.model.request import ALL_KINDS
from blockctl.model.rule import Effect, Party, Rule, Scope

MAX_RULES = 140_000  # of 150,000, so that the policy has room
MAX_BYTES = 17_000_000  # of about 19 MB on an iPhone
CONDITIONED = 60_000  # rules that share one url-filter and have a condition; 65,535 abort WebKit's compiler

SEPARATOR = b",\n"
SPARE_PAGES = (rule(EVERYTHING, IGNORE, TOP_DOCUMENT), rule(EVERYTHING, IGNORE, POPUP))


def network_files(lists: Sequence[FilterList], gaps: Gaps) -> tuple[list[list[str]], int]:
    """Return the rules of each file, in order, and how many rules of lists were covered by others."""
    blocked = Names(lists, Effect.BLOCK)
    allowed = Names(lists, Effect.ALLOW)
    network = Network(gaps, covered=frozenset(blocked.subtree))
    for each in lists:
        for one in each.rules:
            if not is_plain_host(one):
                network.add(one)
    network.settle((*blocked.subtree, *blocked.exact))
    ends = Ends(
        sorted(fewer(network.loose.soft())),
        sorted(fewer(network.pages.strict())),
        sorted([*fewer(network.exceptions.strict()), *allowed.lines(IGNORE)]),
    )
    carved = list(network.carved())
    soft = sorted(fewer(network.soft.soft()))
    hard = sorted([*fewer(network.hard.strict()), *blocked.lines(BLOCK)])
    important = sorted(fewer(network.important.strict()))
    redundant = network.redundant + blocked.redundant
    if not (carved or soft or hard or ends.pages or important):
        return [], redundant
    files = list(_spread(carved, soft, hard, ends))
    files[-1] += important  # behind every exception, should an app put all files into one list
    return files, redundant


class Ends(NamedTuple):
    """What stands at the end of a file: in each the exceptions, in the last the blocks of pages among them."""

    loose: list[str]
    pages: list[str]
    strict: list[str]


def is_plain_host(one: Rule) -> bool:
    """Whether a rule says what a list's column of names says."""
    return bool(
        one.host
        and one.decides
        and one.kinds == ALL_KINDS
        and one.party is Party.ANY
        and one.scope is not Scope.BELOW
        and not (one.sites or one.not_sites or one.to or one.not_to)
        and not (one.important and one.effect is Effect.BLOCK)
    )


class Names:
    """The unconditional names of all lists, without those that others cover."""

    def __init__(self, lists: Iterable[FilterList], effect: Effect) -> None:
        subtree: set[str] = set()
        exact: set[str] = set()
        for each in lists:
            allow = effect is Effect.ALLOW
            subtree |= each.allow_subtree if allow else each.subtree
            exact |= each.allow_exact if allow else each.exact
            for one in each.rules:
                if one.effect is effect and is_plain_host(one):
                    (exact if one.scope is Scope.EXACT else subtree).add(one.host)
        self.subtree = {name for name in subtree if not is_below(name, subtree)}
        self.exact = {name for name in exact if name not in subtree and not is_below(name, subtree)}
        self.redundant = len(subtree) + len(exact) - len(self.subtree) - len(self.exact)

    def lines(self, action: str) -> Iterator[str]:
        """Write rules for the names, fewer than there are names."""
        dot = quote(r"\.")[1:-1]
        for names, shape in ((self.subtree, host_filter), (self.exact, exact_filter)):
            before, after = rule(shape("NAME"), action).split("NAME")
            for name in merged(names):
                yield f"{before}{name.replace('.', dot)}{after}"


def _spread(carved: list[str], soft: list[str], hard: list[str], ends: Ends) -> Iterator[list[str]]:
    """Deal the blocks out to files that all carry the exceptions."""
    room = MAX_RULES - sum(map(len, ends)) - len(SPARE_PAGES)
    bytes_left = MAX_BYTES - sum(map(_size, ends))
    first, last = 0, 0
    blocks = [*carved, *soft, *hard]
    while first == 0 or first < len(blocks):
        used = 0
        while last < len(blocks) and last - first < max(room, 1):
            used += len(blocks[last]) + len(SEPARATOR)
            if used > bytes_left and last > first and last >= len(carved):
                break
            last += 1
        here = blocks[first:last]
        before_hard = max(0, len(carved) + len(soft) - first)
        softer = here[:before_hard]
        pages = ends.pages if last == len(blocks) else ()
        yield [*softer, *(SPARE_PAGES if softer else ()), *here[before_hard:], *ends.loose, *pages, *ends.strict]
        first = last
        if not blocks:
            return


def _size(lines: Iterable[str]) -> int:
    return sum(len(line) + len(SEPARATOR) for line in lines)
