"""A policy's text cut into parts: one part for each entry of a block, with the comments above it.

All parts of a block and its tail, put one after the other, are the text again. So what nobody touched keeps its
characters. A part is whole lines, and YAML by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from blockctl.policy import tree
from blockctl.policy.splice import end_of
from blockctl.policy.three_way_nodes import Path, canonical, item_key, unique
from blockctl.policy.tree import BREAK, parse_tree

LARGE = 20_000  # characters from which a text is cut by its lines; below that YAML is quick enough

_HEAD = re.compile(r"(?:- )?([^\s#'\"\[\]{},&*!|>%@`?-][^\s#'\"\[\]{},]*|\"[^\"\\\n]*\"|'[^'\n]*'):(?=[ \t\r\n]|\Z)")
_OPENS = re.compile(
    r"[ ]*(?:\"[^\"\\\n]*\"|'[^'\n]*'|[^\s#'\"\[\]{},&*!|>%@`?-][^\s#'\"\[\]{},]*):[ \t]*(?:#[^\n]*)?\r?\n"
)
_CONTENT = re.compile(r"^( *)([^ #\r\n][^\r\n]*)", re.MULTILINE)
_SIGNS = re.compile(
    r"^ *([^ #\r\n][^\r\n\"'{}\[\]|>&*!?]*[\"'{}\[\]|>&*!?][^\r\n]*|[\"'{}\[\]|>&*!?][^\r\n]*)", re.MULTILINE
)
_BLANK = re.compile(r"\n *\r?\n")
_MASKED = re.compile(
    r"(?<![^\s,\[\]{}:])(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*')|(?<!\S)#.*", re.DOTALL
)  # whole strings and comments of one line
_QUOTE = re.compile(r"(?<![^\s,\[\]{}:])[\"']")
_MANY_LINES = re.compile(r"[|>][-+0-9]*\s*$|(?<!\S)[&*!?]")


@dataclass(frozen=True, slots=True)
class Part:
    """One entry: whole lines."""

    lead: str  # blank lines and comments above it
    body: str
    line: int  # of the body in its file

    def shifted(self, by: int) -> Part:
        """Return it so many columns further right (left when negative)."""
        return replace(self, lead=shifted(self.lead, by), body=shifted(self.body, by)) if by else self


@dataclass(frozen=True, slots=True)
class Block:
    """The entries of a block mapping or the items of a block sequence, by their canonical key."""

    parts: dict[str, Part]
    tail: str  # comments below the last
    column: int  # at which entries begin, from 0
    sequence: bool

    def at(self, column: int) -> Block:
        """Return it with its entries at that column."""
        by = column - self.column
        if not by:
            return self
        parts = {key: part.shifted(by) for key, part in self.parts.items()}
        return Block(parts, shifted(self.tail, by), column, self.sequence)


def shifted(text: str, by: int) -> str:
    """Return lines so many columns further right (left when negative); blank ones stay."""
    if by > 0:
        return "".join(" " * by + line if line.strip() else line for line in lines_of(text))
    return "".join(line[min(-by, len(line) - len(line.lstrip(" "))) :] for line in lines_of(text))


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, as YAML ends them."""
    found, at = [], 0
    for end in BREAK.finditer(text):
        found.append(text[at : end.end()])
        at = end.end()
    return [*found, text[at:]] if at < len(text) else found


def cut(text: str, line: int, path: Path) -> Block | None:
    """Cut the inside of a block; `line` is that of its first line. None: it is no block whose entries have lines."""
    found = by_lines(text, line, path) if len(text) > LARGE else None
    return found or by_yaml(text, line, path)


def opened(body: str, line: int) -> tuple[str, str, int] | None:
    """Return an entry's own line, the block below it, and where that begins. None: its value is no block below it."""
    head = _OPENS.match(body)
    if head is None:
        return None
    inner = body[head.end() :]
    column = len(body) - len(body.lstrip(" "))
    for each in lines_of(inner) if len(inner) < LARGE else inner[:LARGE].splitlines(keepends=True):
        text = each.lstrip(" ")
        if text.strip() and not text.startswith("#"):
            indent = len(each) - len(text)
            is_item = text.startswith("- ")
            if indent > column or (is_item and indent == column):
                return (head[0], inner, line + 1) if is_item or _HEAD.match(text) else None
            return None
    return None


def by_yaml(text: str, line: int, path: Path) -> Block | None:
    """Cut a block as YAML has it."""
    root, faults = parse_tree(text, "")
    if faults or root is None or isinstance(root, tree.Scalar) or root.flow:
        return None
    lines = lines_of(text)
    starts = [0]
    for each in lines:
        starts.append(starts[-1] + len(each))
    keys, spans = [], []
    if isinstance(root, tree.Mapping):
        for key, value in root.entries:
            keys.append(canonical(path, key.text))
            spans.append((key.start, end_of(text, key, value)))
    else:
        for item in root.items:
            keys.append(item_key(path, item))
            start = text.rfind("-", 0, item.start + (item.start == item.end))
            spans.append((start, item.end))
    first: dict[int, str] = {}
    content: set[int] = set()
    for name, (start, end) in zip(unique(keys), spans, strict=True):
        begin = bisect_right(starts, start) - 1
        stop = bisect_right(starts, max(end - 1, start)) - 1
        if text[starts[begin] : start].strip(" ") or begin in content:
            return None  # an entry that shares its line with another
        first[begin] = name
        content.update(range(begin, stop + 1))
    return _assembled(lines, first, content, line, root.column - 1, sequence=isinstance(root, tree.Sequence))


def by_lines(text: str, line: int, path: Path) -> Block | None:
    """Cut a block by the indentation of its lines; None where a value may span lines in a way that looks alike."""
    if any(sign in text for sign in "\t\x85\u2028\u2029") or text.count("\r") != text.count("\r\n"):
        return None
    begin = _CONTENT.search(text)
    if begin is None or begin[2].startswith("-") or not all(map(_is_simple, _SIGNS.findall(text))):
        return None
    column = len(begin[1])
    if column and re.search(rf"^ {{0,{column - 1}}}[^ #\r\n]", text, re.MULTILINE):
        return None
    heads = list(re.finditer(rf"^ {{{column}}}(?![ #\r\n]|-[ \r\n])([^\n]+)", text, re.MULTILINE))
    names = [_HEAD.match(head[1]) for head in heads]
    if not all(names):
        return None
    keys = unique(canonical(path, name[1].strip("\"'")) for name in names if name)
    starts = [head.start() for head in heads]
    lead, parts = text[: starts[0]], {}
    line += lead.count("\n")
    for key, start, end in zip(keys, starts, [*starts[1:], len(text)], strict=True):
        body = text[start:end]
        below = _below(body, column) if "#" in body or _BLANK.search(body) else ""
        parts[key] = Part(lead, body.removesuffix(below), line)
        lead = below
        line += body.count("\n")
    return Block(parts, lead, column, sequence=False)


def _below(text: str, column: int) -> str:
    """Return the lines at the end of an entry's text that are the next one's: blank ones, and comments as far left."""
    found: list[str] = []
    waiting: list[str] = []
    for each in reversed(text.splitlines(keepends=True)):
        bare = each.lstrip(" ")
        if bare.strip() and bare[0] != "#":
            break
        waiting.append(each)
        if bare[:1] == "#" and len(each) - len(bare) > column:
            break
        found, waiting = [*found, each], []
    return "".join(reversed(found))


@lru_cache(maxsize=65536)  # of the three texts most lines are the same
def _is_simple(line: str) -> bool:
    """Whether a line holds whole values, or a piece of a plain one: nothing that ends in a later line."""
    left = _MASKED.sub("", line)
    opening = left.count("{") + left.count("[")
    return opening == left.count("}") + left.count("]") and not _QUOTE.search(left) and not _MANY_LINES.search(left)


def _assembled(
    lines: list[str], first: Mapping[int, str], content: Iterable[int], line: int, column: int, *, sequence: bool
) -> Block:
    """Put the lines into parts: comments go to the entry below, those further right than entries to the one above."""
    content = set(content)
    parts: dict[str, Part] = {}
    lead: list[str] = []
    body: list[str] = []
    waiting: list[str] = []
    key, begin, closed = "", 0, False

    def end() -> None:
        if key:
            parts[key] = Part("".join(lead), "".join(body), line + begin)

    for number, each in enumerate(lines):
        if number in first:
            end()
            lead, body, waiting = waiting, [each], []
            key, begin = first[number], number
        elif number in content:
            body += [*waiting, each]
            waiting = []
        else:
            bare = each.lstrip(" ")
            closed = closed or (bool(bare.strip()) and bare[0] != "#")  # `...` ends the document
            if key and not closed and bare[:1] == "#" and len(each) - len(bare) > column:
                body += [*waiting, each]
                waiting = []
            else:
                waiting.append(each)
    end()
    return Block(parts, "".join(waiting), column, sequence)
