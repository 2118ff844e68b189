"""Bare names, one a line: `name` that name alone, `*.name` and `.name` the name and all below it."""

from __future__ import annotations

import re

from blockctl.model.filterlist import FilterList
from blockctl.model.rule import Scope
from blockctl.parsers.bulk import COMMENT, NAME, Shape
from blockctl.parsers.lines import Said, is_comment, read_list
from blockctl.parsers.listed import is_ip, shown

SHAPE = Shape.of("", rf"(?:\*?\.)?{NAME}", r"[ \t]*+" + COMMENT)

_REMARK = re.compile(r"(?<!\s)\s++(?:#|;|//|!).*|(?<![#@?$%])#(?![#@?$%]).*")
_WILDCARD = re.compile(r"\*?\.(?=[^.*])")
_TOOLS = {"=": "dnscrypt-proxy (`=name`)", "+": "Clash (`+.name`)"}


def parse(text: str, file: str, format_: str = "domains") -> FilterList:
    """Read a list of names."""
    parsed, taken = read_list(text, file, format_, SHAPE, read)
    parsed.put("exact", taken.plain)
    parsed.put("subtree", taken.wild)
    return parsed


def parse_wildcard(text: str, file: str) -> FilterList:
    """Read a list that consists of wildcards; the grammar is the same."""
    return parse(text, file, "wildcard")


def read(line: str) -> Said:
    """Read one line."""
    said = Said()
    line = line.strip()
    if is_comment(line):
        return said
    words = _REMARK.sub("", line).split()
    if not words:
        return said
    if len(words) > 1:
        return _many_words(said, line, words)
    name = words[0]
    if name[0] in _TOOLS:
        return said.fault(
            "L109", f"{shown(name)} is written for {_TOOLS[name[0]]}", "write the name alone, or `*.name`"
        )
    wildcard = _WILDCARD.match(name)
    if wildcard:
        said.name(name[wildcard.end() :], Scope.SUBTREE)
    else:
        said.name(name, Scope.EXACT)
    return said


def _many_words(said: Said, line: str, words: list[str]) -> Said:
    if is_ip(words[0]):
        return said.fault(
            "L108",
            f"a hosts line in a list of bare names: {shown(line)}",
            "if the whole list is so, say `format: hosts`",
        )
    return said.fault(
        "L109", f"more than a name on the line: {shown(line)}", "write one name a line; `#` begins a comment"
    )
