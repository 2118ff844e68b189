"""What changed between two states of an output: entries added and removed, whatever the engine's format.

An entry is a line that says something, or a rule of a JSON file. Rules are compared as a whole first; those that
differ are taken apart into what they say of each page and each selector, since engines' limits make us put many
into one rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_PARTS = 50_000  # of one rule; what says more stays whole
PACKAGES = (".1blockpkg",)  # they hold the rules of the files beside them once more
NOTHING = "blockctl-nothing"  # the selector of a rule that stands in files that would be empty
COMMENTS = (b"# ", b"! ", b"; ", b"[", b"@ ", b"$TTL", b"server:")

_NAME = re.compile(r"(?<![a-z0-9_.-])(?:[a-z0-9_-]+\.)+(?:[a-z][a-z0-9-]*[a-z0-9]|xn--[a-z0-9-]+)(?![a-z0-9_(-])")
_FILES = frozenset(
    (
        "js",
        "mjs",
        "css",
        "html",
        "htm",
        "php",
        "asp",
        "aspx",
        "json",
        "xml",
        "svg",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "webp",
        "ico",
    )
)
_NUMBERS = ("id", "name", "priority")  # which rule it is, not what it says
_VERBS = {
    "block": "block", "ignore-previous-rules": "let through", "allow": "let through", "css-display-none": "hide",
    "allowAllRequests": "let through everything on",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """Entries that one state has and the other has not, sorted."""

    added: list[str]
    removed: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def difference(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Difference:
    """Return what two states of an output differ in; each is its files by name."""
    old_lines, new_lines = (_lines(files) for files in (before, after))
    old_rules, new_rules = (_rules(files) for files in (before, after))
    added = [*_texts(new_lines - old_lines), *_parts(new_rules - old_rules)]
    removed = [*_texts(old_lines - new_lines), *_parts(old_rules - new_rules)]
    both = set(added).intersection(removed)
    return Difference(sorted(set(added) - both), sorted(set(removed) - both))


def name_in(entry: str) -> str:
    """Return the name that an entry speaks of, "" when it names none."""
    names = _NAME.finditer(entry.replace("\\.", ".").replace("*.", "").lower())
    return next((found[0] for found in names if found[0].rpartition(".")[2] not in _FILES), "")


def _is_json(name: str, data: bytes) -> bool:
    return name.endswith(".json") or data[:1] == b"{" or data[:2] in (b"[\n", b"[{")


def _lines(files: Mapping[str, bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for name, data in files.items():
        if not name.endswith(PACKAGES) and not _is_json(name, data):
            found.update(data.split(b"\n"))
    return found


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        if line.strip() and not line.startswith(COMMENTS):
            yield line.decode("utf-8", "replace").strip()


def _rules(files: Mapping[str, bytes]) -> set[str]:
    """Return the entries of JSON files as texts: rules as JSON of their own, other values by where they stand."""
    found: set[str] = set()
    for name, data in files.items():
        if not name.endswith(PACKAGES) and _is_json(name, data):
            try:
                found.update(_entries(json.loads(data)))
            except (ValueError, RecursionError):  # somebody wrote something else there
                found.add(f"{name or 'the file'} of {len(data):,} bytes that are no JSON")
    return found


def _entries(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and ("trigger" in value or "condition" in value):
        yield json.dumps({key: said for key, said in value.items() if key not in _NUMBERS}, sort_keys=True)
    elif isinstance(value, dict):
        for key, said in value.items():
            yield from _entries(said, key)
    elif isinstance(value, list):
        for said in value:
            yield from _entries(said, path)
    elif isinstance(value, str) and "\n" in value:
        yield from (line for line in value.split("\n") if line and not line.startswith("! "))
    elif isinstance(value, str) and value[:1] == "{":
        try:
            yield from _entries(json.loads(value), path)
        except ValueError:
            yield value
    else:
        yield f"{path}: {value}"


def _parts(rules: Iterable[str]) -> Iterator[str]:
    for text in rules:
        rule = json.loads(text) if text.startswith("{") else None
        if isinstance(rule, dict) and ("trigger" in rule or "condition" in rule):
            yield from _said(rule)
        else:
            yield text


def _said(rule: dict[str, Any]) -> Iterator[str]:
    """Yield what a rule says, of each page and each selector by itself."""
    about, action = _object(rule.get("trigger") or rule.get("condition")), _object(rule.get("action"))
    if action.get("selector") == NOTHING:
        return
    kind = str(action.pop("type", ""))
    selectors = _selectors(str(action.pop("selector", "")))
    pages = _taken(about, "if-domain", "if-top-url", "if-frame-url", "initiatorDomains", "domains", "topDomains")
    hosts = _taken(about, "requestDomains")
    about.pop("top-url-filter-is-case-sensitive", None)  # said of hosts alone, whose letters have no case
    if len(selectors) * len(pages) * len(hosts) > MOST_PARTS:
        yield json.dumps(rule, sort_keys=True)
        return
    pattern = _plain(str(about.pop("url-filter", about.pop("urlFilter", about.pop("regexFilter", "")))))
    rest = "; ".join(f"{key}: {_joined(said)}" for key, said in sorted({**about, **action}.items()))
    for selector in selectors:
        for host in hosts:
            for page in pages:
                words = (_VERBS.get(kind, kind), selector, host, pattern, f"on {_plain(page)}" if page else "")
                yield " ".join(word for word in words if word) + (f" ({rest})" if rest else "")


def _object(value: object) -> dict[str, Any]:
    """Return a copy of a JSON object; an empty one in the place of anything else, which is none of our rules."""
    return dict(value) if isinstance(value, dict) else {}


def _taken(about: dict[str, Any], *keys: str) -> list[str]:
    for key in keys:
        if isinstance(about.get(key), list) and about[key]:
            return [str(each).removeprefix("*") for each in about.pop(key)]
    return [""]


def _joined(said: object) -> str:
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said)


def _plain(pattern: str) -> str:
    """Return an expression on addresses as people read it, as far as it is one of ours on a host."""
    if pattern == ".*":
        return ""
    found = re.fullmatch(r"\^[^a-z]*\\?\.?\)\?((?:[\w-]|\\\.)+)(?:[^\w].*)?", pattern)
    return found[1].replace("\\.", ".").rstrip(".") if found else pattern


def _selectors(text: str) -> list[str]:
    """Return the selectors of a list of them; commas within brackets and quotes part nothing."""
    found, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [*found, text[start:].strip()]
