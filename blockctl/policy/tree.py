"""YAML text to nodes with their places: which characters each value is made of.

Read from libyaml's events, not composed: that is three times as fast, does not recurse, expands no alias, and keeps
the places that an edit needs. Values stay text, so `on` and `2026-12-01` are the words that the user wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml

from blockctl.model.diagnostic import Diagnostic, Origin

MAX_FAULTS = 1000  # of syntax
MAX_DEPTH = 16  # the schema needs 6
MAX_EVENTS = 2_000_000  # half a gigabyte of nodes; 10 MB of sites are 1.2 million
BOM = "\ufeff"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML 1.1, section 5.1: the characters that a text may hold. libyaml says only that there is one, not where.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")  # by an escape such as "\0"
_TAB_INDENT = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(slots=True)
class Scalar:
    """One value. `start` and `end` count characters of the text without its BOM; an empty value has start == end."""

    line: int
    column: int
    start: int
    end: int
    text: str
    style: str = ""  # "" plain, else the character that opens it: ' " | >

    @property
    def empty(self) -> bool:
        """Whether nothing is written, or `~` or `null`."""
        return not self.style and self.text in ("", "~", "null")


@dataclass(slots=True)
class Mapping:
    """Keys and values in the order written; doubled keys are still there."""

    line: int
    column: int
    start: int
    end: int
    flow: bool  # `{a: b}`
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)


@dataclass(slots=True)
class Sequence:
    """Items in the order written."""

    line: int
    column: int
    start: int
    end: int
    flow: bool  # `[a, b]`
    items: list[Node] = field(default_factory=list)


Node = Scalar | Mapping | Sequence


@dataclass(slots=True)
class _Open:
    """A collection that has not ended; `key` is the one that waits for its value."""

    node: Mapping | Sequence
    key: Scalar | None = None
    waiting: bool = False


def parse_tree(text: str, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """Return the document as nodes, and what is wrong with it as YAML.

    After a fault of syntax the nodes before it are there, so that their faults can be told as well. None means that
    there is nothing to look at.
    """
    text = text.removeprefix(BOM)
    faults = _forbidden(text, file)
    if faults:
        return None, faults
    builder = _Builder(text, file)
    try:
        events = yaml.parse(text, Loader=_LOADER)
        for event in islice(events, MAX_EVENTS):
            if not builder.take(event):
                break
            if len(builder.faults) >= MAX_FAULTS:
                last = builder.faults[-1].origin
                builder.faults.append(Diagnostic("P000", last, "what follows was not read", "mend the others first"))
                break
        else:
            if next(events, None) is not None:
                message = f"the policy has more than {MAX_EVENTS:,} keys, values and brackets"
                fault = Diagnostic("P001", Origin(file), message, "long lists of hosts belong in `lists:`")
                builder.faults.append(fault)
    except yaml.YAMLError as error:
        builder.faults.append(_syntax(text, file, error))
    return builder.root, builder.faults


def parse_kept(text: str, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """Do as `parse_tree`, and keep the last two trees: an edit reads the text before and that after, a follower both.

    Nobody changes a tree. In 5,000 sites it is a tenth of a second.
    """
    root, faults = _kept(text.removeprefix(BOM))
    return parse_tree(text, file) if faults else (root, [])


@lru_cache(maxsize=2)
def _kept(text: str) -> tuple[Node | None, list[Diagnostic]]:
    return parse_tree(text, "")


def origin_at(text: str, file: str, offset: int) -> Origin:
    """Return the line and the column of a character."""
    line, last = 1, 0
    for found in BREAK.finditer(text, 0, offset):
        line, last = line + 1, found.end()
    return Origin(file, line, offset - last + 1)


def _forbidden(text: str, file: str) -> list[Diagnostic]:
    faults = []
    for found in islice(_FORBIDDEN.finditer(text), 10):
        message = f"the character U+{ord(found[0]):04X} may not stand in a text file"
        faults.append(Diagnostic("P001", origin_at(text, file, found.start()), message, "delete it"))
    return faults


def _syntax(text: str, file: str, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    origin = Origin(file, mark.line + 1, mark.column + 1) if mark else Origin(file)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" ({context})" if context else "")
    tab = _TAB_INDENT.search(text)
    if "\\t" in message or "token" in message or tab:
        tabbed = origin_at(text, file, tab.end() - 1) if tab else None
        if tabbed and abs(tabbed.line - origin.line) <= 1:
            return Diagnostic("P002", tabbed, "a tab indents this line", "YAML indents with spaces only")
    return Diagnostic("P002", origin, message, _syntax_hint(problem))


def _syntax_hint(problem: str) -> str:
    for sign, hint in (
        ("mapping values are not allowed", "is a `key: value` one too far right, or does a text need quotes?"),
        ("could not find expected ':'", "each line is `key: value` or `- item`; `#` begins a comment"),
        ("cannot start any token", "put the value in quotes"),
        ("expected ',' or", "a `{` or `[` before this is not closed, or a comma is missing"),
        ("expected <block end>", "the indentation differs from that of the lines above"),
        ("unexpected end of stream", "a quote, `{` or `[` is not closed"),
        ("unknown escape character", "within double quotes write a backslash twice, or use single quotes"),
    ):
        if sign in problem:
            return hint
    return ""


class _Builder:
    """Takes events and builds nodes, without recursion. The events are Any: their marks are never None here."""

    def __init__(self, text: str, file: str) -> None:
        self.root: Node | None = None
        self.faults: list[Diagnostic] = []
        self._text = text
        self._file = file
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> bool:
        """Take one event; False when it is no use to go on."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            start, end = event.start_mark, event.end_mark
            scalar = Scalar(start.line + 1, start.column + 1, start.index, end.index, event.value, event.style or "")
            if event.anchor or event.tag or scalar.style in ('"', "|", ">"):
                self._check_scalar(event, scalar)
            self._place(scalar)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            return self._begin(event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end(event)
        elif kind is yaml.AliasEvent:
            self._refuse(event, f"the alias *{event.anchor}", "write the value out")
            mark = event.start_mark
            self._place(Scalar(mark.line + 1, mark.column + 1, mark.index, event.end_mark.index, "", "*"))
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "a second document", "one file holds one policy: delete the `---` before it")
                return False
        return True

    def _begin(self, event: Any) -> bool:
        mark = event.start_mark
        if event.anchor or event.tag:
            self._unused(event)
        if len(self._open) >= MAX_DEPTH:
            origin = Origin(self._file, mark.line + 1, mark.column + 1)
            self.faults.append(Diagnostic("P004", origin, f"nested more than {MAX_DEPTH} deep", "no policy needs that"))
            return False
        kind = Mapping if type(event) is yaml.MappingStartEvent else Sequence
        node = kind(mark.line + 1, mark.column + 1, mark.index, mark.index, bool(event.flow_style))
        self._place(node)
        self._open.append(_Open(node))
        return True

    def _end(self, event: Any) -> None:
        node = self._open.pop().node
        if node.flow:
            node.end = event.end_mark.index
            return
        last = node.entries[-1][1] if isinstance(node, Mapping) and node.entries else None
        if isinstance(node, Sequence) and node.items:
            last = node.items[-1]
        if last is not None:  # a block has no closing mark: it ends with what is last in it
            node.end = last.end

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        if isinstance(into.node, Sequence):
            into.node.items.append(node)
        elif into.waiting:
            into.waiting = False
            if into.key is not None:
                into.node.entries.append((into.key, node))
        else:
            into.waiting = True
            into.key = node if isinstance(node, Scalar) and self._is_key(node) else None
            if into.key is None and not isinstance(node, Scalar):
                origin = Origin(self._file, node.line, node.column)
                hint = "put it in quotes if it begins with `[` or `{`"
                self.faults.append(Diagnostic("P003", origin, "a key must be a word, not a list or a mapping", hint))

    def _is_key(self, node: Scalar) -> bool:
        if node.text == "<<" and not node.style:
            message = "the merge key << is YAML that a policy does without"
            origin = Origin(self._file, node.line, node.column)
            self.faults.append(Diagnostic("P004", origin, message, "write the entries out"))
            return False
        return node.style != "*"

    def _check_scalar(self, event: Any, scalar: Scalar) -> None:
        if event.anchor or event.tag:
            self._unused(event)
        if scalar.style == '"' and (found := CONTROL.search(scalar.text)):
            origin = Origin(self._file, scalar.line, scalar.column)
            message = f"the text holds the control character U+{ord(found[0]):04X}"
            self.faults.append(Diagnostic("P001", origin, message, "delete the escape"))
        elif scalar.style in ("|", ">"):
            written = self._text[scalar.start : scalar.end]
            scalar.end = scalar.start + len(written.rstrip())

    def _unused(self, event: Any) -> None:
        if event.anchor:
            self._refuse(event, f"the anchor &{event.anchor}", "write each value out where it is used")
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"the tag {tag}", "delete it: values are plain words")

    def _refuse(self, event: Any, what: str, hint: str) -> None:
        origin = Origin(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
        message = f"{what} is YAML that a policy does without"
        self.faults.append(Diagnostic("P004", origin, message, hint))
