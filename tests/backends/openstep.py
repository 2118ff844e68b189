"""A reader of OpenStep property lists, the format of project.pbxproj: dictionaries, lists, quoted and plain strings."""

from __future__ import annotations

import json
import re
from typing import Any

TOKEN = re.compile(r'\s*(?:(//[^\n]*\n|/\*.*?\*/)|("(?:[^"\\]|\\.)*")|([A-Za-z0-9_./$]+)|([{}()=;,]))', re.DOTALL)


def loads(text: str) -> Any:
    """Read the one value of a text. Raises ValueError where it is none."""
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not understood: {text[at : at + 40]!r}")
        at = found.end()
        if not found[1]:
            tokens.append(found[2] or found[3] or found[4])
    value, rest = _value(tokens, 0)
    if rest != len(tokens):
        raise ValueError("something stands behind the end")
    return value


def _value(tokens: list[str], at: int) -> tuple[Any, int]:
    token = tokens[at]
    if token == "{":
        found: dict[str, Any] = {}
        at += 1
        while tokens[at] != "}":
            key, at = _value(tokens, at)
            _expect(tokens, at, "=")
            if key in found:
                raise ValueError(f"twice: {key}")
            found[key], at = _value(tokens, at + 1)
            _expect(tokens, at, ";")
            at += 1
        return found, at + 1
    if token == "(":
        listed: list[Any] = []
        at += 1
        while tokens[at] != ")":
            each, at = _value(tokens, at)
            listed.append(each)
            if tokens[at] == ",":
                at += 1
        return listed, at + 1
    if token in ("}", ")", "=", ";", ","):
        raise ValueError(f"no value: {token}")
    return (json.loads(token) if token.startswith('"') else token), at + 1


def _expect(tokens: list[str], at: int, token: str) -> None:
    if tokens[at] != token:
        raise ValueError(f"{token} is missing before {tokens[at]}")
