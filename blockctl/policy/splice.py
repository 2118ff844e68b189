"""Changes to YAML text, character by character: what is not named stays as it is, byte for byte.

A place is an offset into the text without its BOM, as in `tree`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from blockctl.policy import tree
from blockctl.policy.tree import BREAK, Node, Scalar

_PLAIN = re.compile(r"\w[\w./+-]*(?: [\w(][\w./+()-]*)*")  # safe in block and flow, and no number of a person's
_COLON = re.compile(r"[ \t]*:")
_BLANK = " \t"


class Splice:
    """A text and the changes to it, made all at once by `result`."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = BREAK.search(text)
        self.newline = found[0] if found else "\n"
        self._changes: list[tuple[int, int, str]] = []

    @property
    def changed(self) -> bool:
        """Whether there is any change."""
        return bool(self._changes)

    def change(self, start: int, end: int, new: str) -> None:
        """Put `new` in the place of these characters."""
        self._changes.append((start, end, new))

    def result(self) -> str:
        """Return the text with all changes made."""
        parts, at = [], 0
        for start, end, new in sorted(self._changes, key=lambda change: change[:2]):
            parts += [self.text[at:start], new]
            at = max(at, end)
        return "".join([*parts, self.text[at:]])

    def line_start(self, at: int) -> int:
        """Return where the line of a place begins."""
        while at > 0 and not BREAK.match(self.text[at - 1]):
            at -= 1
        return at

    def line_end(self, at: int) -> int:
        """Return where the line of a place ends, before its line break."""
        found = BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def next_line(self, at: int) -> int:
        """Return where the line after that of a place begins."""
        found = BREAK.search(self.text, at)
        return found.end() if found else len(self.text)

    # Adding

    def add_entries(self, into: tree.Mapping, entries: Sequence[tuple[str, str]]) -> None:
        """Add `key: value` entries after the last one."""
        texts = [f"{key}: {value}" for key, value in entries]
        if into.flow:
            last = end_of(self.text, *into.entries[-1]) if into.entries else 0
            self._add_to_flow(into, last, texts)
        else:
            self._add_lines(into, texts)

    def add_item(self, into: tree.Sequence, item: str) -> None:
        """Add an item after the last one."""
        if into.flow:
            self._add_to_flow(into, into.items[-1].end if into.items else 0, [item])
        else:
            self._add_lines(into, [f"- {item}"])

    def _add_to_flow(self, into: tree.Mapping | tree.Sequence, last: int, texts: list[str]) -> None:
        joined = ", ".join(texts)
        if last:
            self.change(last, last, f", {joined}")
        else:
            self.change(into.start + 1, into.start + 1, joined)

    def _add_lines(self, into: tree.Mapping | tree.Sequence, texts: list[str]) -> None:
        """Add lines below the last one, and below comments that follow it with its indentation."""
        indent = into.column - 1
        at = self.line_end(into.end)
        while at < len(self.text):
            begin = self.next_line(at)
            end = self.line_end(begin)
            line = self.text[begin:end]
            if not line.lstrip(_BLANK).startswith("#") or len(line) - len(line.lstrip(" ")) < max(indent, 1):
                break
            at = end
        self.change(at, at, "".join(f"{self.newline}{' ' * indent}{text}" for text in texts))

    def add_section(self, root: tree.Mapping, key: str, entry: str) -> None:
        """Add a section with one entry at the end of the text, or before the mark that ends the document."""
        tail = self.next_line(root.end)
        rest = self.text[tail:]
        at = len(self.text)
        if any(line.strip() and not line.lstrip(_BLANK).startswith("#") for line in BREAK.split(rest)):
            at = tail
        before = self.text[:at]
        gap = "" if not before or BREAK.match(before[-1]) else self.newline
        indent = " " * (root.column - 1)
        self.change(at, at, f"{gap}{indent}{key}:{self.newline}{indent}  {entry}{self.newline}")

    def fill_section(self, root: tree.Mapping, key: Scalar, value: Node, entry: str) -> None:
        """Give an empty section (nothing, `~` or `{}`) its first entry, in a line of its own."""
        colon = self.text.index(":", key.end) + 1
        self.change(colon, value.end, "")
        at = self.line_end(value.end)
        self.change(at, at, f"{self.newline}{' ' * (root.column + 1)}{entry}")

    def fill(self, key: Scalar, value: Scalar, text: str) -> None:
        """Give a key without a value (or with `~`) one."""
        end = end_of(self.text, key, value)
        if value.start < value.end:
            self.change(value.start, value.end, text)
        else:
            self.change(end, end, f" {text}" if end > key.end else f": {text}")

    # Replacing and removing

    def replace(self, node: Node, text: str) -> None:
        """Put a text in a node's place."""
        self.change(node.start, node.end, text)

    def remove_entries(self, mapping: tree.Mapping, which: Collection[int]) -> None:
        """Remove entries, and in a block what else stands in their lines."""
        spans = [(key.start, end_of(self.text, key, value)) for key, value in mapping.entries]
        self._remove(mapping, spans, which)

    def remove_items(self, sequence: tree.Sequence, which: Collection[int]) -> None:
        """Remove items, and in a block what else stands in their lines."""
        self._remove(sequence, [(item.start, item.end) for item in sequence.items], which)

    def _remove(self, node: tree.Mapping | tree.Sequence, spans: list[tuple[int, int]], which: Collection[int]) -> None:
        if not which:
            return
        if not node.flow:
            for number in which:
                start, end = spans[number]
                self.change(self.line_start(start), self.next_line(end), "")
            return
        stops = [start for start, _ in spans[1:]] + [node.end - 1]
        commas = [self._comma(end, stop) for (_, end), stop in zip(spans, stops, strict=True)]
        kept = [number for number in range(len(spans)) if number not in which]
        for number in which:
            start, end = spans[number]
            comma = commas[number]
            if comma is not None:
                self._cut(start, end, comma)
            else:
                if kept and (before := commas[kept[-1]]) is not None:
                    self.change(before, before + 1, "")
                self._cut(start, end, None)

    def _comma(self, start: int, stop: int) -> int | None:
        """Return where the comma between two items is; comments may stand between them."""
        at = start
        while at < stop:
            if self.text[at] == ",":
                return at
            at = self.line_end(at) if self.text[at] == "#" else at + 1
        return None

    def _cut(self, start: int, end: int, comma: int | None) -> None:
        """Cut an item and its comma, and the line when nothing else is in it."""
        text = self.text
        spans = [(start, end)]
        if comma is not None and not text[end:comma].strip(_BLANK):
            spans = [(start, comma + 1)]
        elif comma is not None:
            spans.append((comma, comma + 1))
        first, last = spans[0][0], spans[-1][1]
        begin, finish = self.line_start(first), self.line_end(last)
        if len(spans) == 1 and not text[begin:first].strip(_BLANK) and not text[last:finish].strip(_BLANK):
            self.change(begin, self.next_line(last), "")
            return
        if comma is not None:
            while last < finish and text[last] in _BLANK:
                last += 1
            spans[-1] = (spans[-1][0], last)
        else:
            while first > begin and text[first - 1] in _BLANK:
                first -= 1
            spans[0] = (first, spans[0][1])
        for begin, finish in spans:
            self.change(begin, finish, "")


def end_of(text: str, key: Scalar, value: Node) -> int:
    """Return where an entry ends; of one without a value that is its colon, or its key when it has none."""
    if value.end > value.start:
        return value.end
    colon = _COLON.match(text, key.end)
    return colon.end() if colon else key.end


def render(text: str, like: str = "") -> str:
    """Return a text as YAML, quoted when it must be, else as the value was that it replaces (`like`: ' or ")."""
    printable = text.isprintable()
    if like == "'" and printable:
        return "'" + text.replace("'", "''") + "'"
    if like != '"' and _PLAIN.fullmatch(text) and text not in ("null", "~"):
        return text
    return '"' + "".join(_escaped(text)) + '"'


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        if character in '"\\':
            yield "\\" + character
        elif character.isprintable():
            yield character
        elif character == "\n":
            yield "\\n"
        else:
            yield f"\\U{ord(character):08X}"
