"""WebKit's rules as text, one line each; equal triggers merged, in an order that depends on nothing but the rules.

In one list the last rule that matches a load decides: `ignore-previous-rules` takes back all before it, and nothing
but `block` gives anything to take back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import NamedTuple

from blockctl.backends.safari_pattern import SCHEME
from blockctl.model.request import ALL_KINDS, SUBRESOURCES, Kind
from blockctl.model.rule import Party

BLOCK = '"action":{"type":"block"}'
IGNORE = '"action":{"type":"ignore-previous-rules"}'

# What each kind is called in a trigger. A beacon is `other` there, so `ping` asks for both.
TYPES: dict[Kind, tuple[str, ...]] = {
    Kind.FRAME: ("document",),
    Kind.SCRIPT: ("script",),
    Kind.STYLE: ("style-sheet",),
    Kind.IMAGE: ("image", "svg-document"),
    Kind.FONT: ("font",),
    Kind.MEDIA: ("media",),
    Kind.XHR: ("fetch",),
    Kind.WEBSOCKET: ("websocket",),
    Kind.PING: ("ping", "other"),
    Kind.OTHER: ("other",),
}
TOP_DOCUMENT = '"resource-type":["document"],"load-context":["top-frame"]'
FRAME_DOCUMENT = '"resource-type":["document"],"load-context":["child-frame"]'
POPUP = '"resource-type":["popup"]'
LOAD_TYPES = {
    Party.ANY: "",
    Party.FIRST: ',"load-type":["first-party"]',
    Party.THIRD: ',"load-type":["third-party"]',
}

# An expression in lower case that ends with the host; a slash stands in `[^/]` alone.
_OF_A_HOST = re.compile(re.escape(SCHEME) + r"(?:\[(?:\^[^A-Z\]]*|[^A-Z/\]]*)\]|[^A-Z/\[])*" + re.escape("[:/]"))


class Trigger(NamedTuple):
    """What a load must be like, besides its kind and the pages that `Table` holds."""

    url_filter: str
    match_case: bool = False
    party: Party = Party.ANY
    unless: tuple[str, ...] = ()  # expressions for pages
    never_top: bool = (
        False  # whether what is opened itself can never be meant, so that frames need no rule of their own
    )


@lru_cache(maxsize=4096)
def types(kinds: int) -> str:
    """Return the `resource-type` member for some kinds."""
    words = dict.fromkeys(word for kind, names in TYPES.items() if kinds & kind for word in names)
    return f'"resource-type":[{",".join(map(quote, words))}]'


def is_of_a_host(expression: str) -> bool:
    """Whether an expression for pages looks at the host alone, in lower case."""
    return _OF_A_HOST.fullmatch(expression) is not None


def expressions(key: str, values: Sequence[str]) -> str:
    """Return a member whose value is a list of expressions for pages, and whether letter case is told apart.

    A browser writes hosts in lower case, so for those alone it may be: that leaves WebKit a quarter less to do, for its
    automata then have no ways on for capitals.
    """
    case = ',"top-url-filter-is-case-sensitive":true' if all(map(is_of_a_host, values)) else ""
    return f'"{key}":[{",".join(map(quote, values))}]{case}'


class Said(NamedTuple):
    """A rule in two parts: its filter, and all that its line holds behind that."""

    url_filter: str
    rest: str


def said(url_filter: str, action: str, *members: str) -> Said:
    """Return one rule in its two parts."""
    return Said(url_filter, "".join(f",{member}" for member in members if member) + f"}},{action}}}")


def line(url_filter: str, rest: str) -> str:
    """Return the line of a rule."""
    return f'{{"trigger":{{"url-filter":{quote(url_filter)}{rest}'


def rule(url_filter: str, action: str, *members: str) -> str:
    """Return one rule on one line."""
    return line(*said(url_filter, action, *members))


class Table:
    """Rules with the same action at the same place in the order, so that they may be merged."""

    def __init__(self, action: str) -> None:
        self.action = action
        # trigger -> kinds -> expressions for pages; None is every page
        self._rules: dict[Trigger, dict[int, dict[str, None] | None]] = {}

    def add(self, trigger: Trigger, kinds: int, pages: Sequence[str] | None = None) -> None:
        """Add a rule for those kinds on those pages (None: on all)."""
        by_kinds = self._rules.setdefault(trigger, {})
        if pages is None:
            by_kinds[kinds] = None
            return
        known = by_kinds.setdefault(kinds, {})
        if known is not None:
            known.update(dict.fromkeys(pages))

    def merged(self) -> Iterator[tuple[Trigger, int, tuple[str, ...] | None]]:
        """Yield the rules, those that differ in their kinds alone as one; sorted, so that like stands by like."""
        for trigger in sorted(self._rules, key=_order):
            by_kinds = self._rules[trigger]
            everywhere = 0
            limited: dict[tuple[str, ...], int] = {}
            for kinds, pages in by_kinds.items():
                if pages is None:
                    everywhere |= kinds
            for kinds, pages in by_kinds.items():
                if pages is not None and kinds & ~everywhere:
                    key = tuple(sorted(pages))
                    limited[key] = limited.get(key, 0) | kinds
            if everywhere:
                yield trigger, everywhere, None
            for key in sorted(limited):
                yield trigger, limited[key], key

    def soft(self) -> Iterator[Said]:
        """Write the rules; where all kinds but the document are meant, the types are left out.

        So they touch top documents and pop-ups too, and a rule behind them must take that back.
        """
        for trigger, kinds, pages in self.merged():
            kind = "" if kinds & SUBRESOURCES == SUBRESOURCES else types(kinds)
            yield self._say(trigger, pages, kind)

    def strict(self) -> Iterator[Said]:
        """Write the rules so that each touches its own kinds alone."""
        for trigger, kinds, pages in self.merged():
            for kind in strict_types(kinds, trigger.never_top):
                yield self._say(trigger, pages, kind)

    def _say(self, trigger: Trigger, pages: tuple[str, ...] | None, kind: str) -> Said:
        members = []
        if trigger.match_case:
            members.append('"url-filter-is-case-sensitive":true')
        if kind:
            members.append(kind)
        if trigger.party is not Party.ANY:
            members.append(LOAD_TYPES[trigger.party][1:])
        if trigger.unless:
            members.append(expressions("unless-top-url", trigger.unless))
        elif pages is not None:
            members.append(expressions("if-top-url", pages))
        return said(trigger.url_filter, self.action, *members)


def _order(trigger: Trigger) -> tuple[str, bool, str, tuple[str, ...], bool]:
    return trigger.url_filter, trigger.match_case, trigger.party.value, trigger.unless, trigger.never_top


POPUPS = 1 << 20  # beside the kinds of a request: the opening of a window


@lru_cache(maxsize=4096)
def strict_types(kinds: int, never_top: bool = False) -> tuple[str, ...]:
    """Return the type members, one for each rule needed, that together mean exactly these kinds.

    `never_top`: the rest of the trigger fits no page that is opened itself, so frames may be called documents.
    """
    if kinds & ALL_KINDS == ALL_KINDS:
        return ("",)
    found = []
    documents = kinds & (Kind.DOCUMENT | Kind.FRAME)
    rest = kinds & ALL_KINDS & ~documents
    if documents == Kind.DOCUMENT | Kind.FRAME or (never_top and documents == Kind.FRAME):
        rest |= Kind.FRAME
    elif documents:
        found.append(TOP_DOCUMENT if documents == Kind.DOCUMENT else FRAME_DOCUMENT)
    if rest:
        found.insert(0, types(rest))
    if kinds & POPUPS:
        found.append(POPUP)
    return tuple(found)
