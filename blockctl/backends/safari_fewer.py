r"""Fewer filters for the same addresses: those that differ in one character, or in one that may be there, become one.

WebKit has no `a|b`, and what it has in its place costs automata: an optional group that no other filter begins with
makes one of its own, and each is run over every address. What is free is a class (`ad[1-3]\.example`), for it stands
in the tree that all filters share. `s?` costs one automaton for all names that begin so (`s?metrics\.shop\.example`),
and so does `metrics?\.`, which pays where there are many: trackers below a site's own name come in such pairs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations

from blockctl.backends.safari_pattern import host_filter
from blockctl.backends.safari_trigger import Said, line

PAIRS = 20  # from this many on an automaton of its own pays

_BEFORE, _AFTER = host_filter("NAME").split("NAME")
_DOT = re.escape(".")
_NAME = re.compile(r"[a-z0-9_-]+(?:\\\.[a-z0-9_-]+)*")
_ITSELF = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
# A part of a filter; the group is a character that stands for itself, once.
_PART = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|([A-Za-z0-9_-])(?![?*+])|.")


def fewer(said: Iterable[Said]) -> Iterator[str]:
    """Yield the lines of rules that mean the same as these: those alike in the rest are merged by their filters."""
    hosts: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for url_filter, rest in said:
        name = url_filter[len(_BEFORE) : -len(_AFTER)]
        if url_filter.startswith(_BEFORE) and url_filter.endswith(_AFTER) and _NAME.fullmatch(name):
            hosts.setdefault(rest, []).append(name.replace("\\", ""))
        else:
            others.setdefault(rest, []).append(url_filter)
    for rest, filters in others.items():
        for each in joined(filters):
            yield line(each, rest)
    for rest, names in hosts.items():
        for each in merged(names):
            yield line(f"{_BEFORE}{each.replace('.', _DOT)}{_AFTER}", rest)


def merged(names: Collection[str]) -> list[str]:
    """Return names, in which classes and one optional part may stand; together they match these names and no others."""
    return _pairs(joined(names))


def joined(texts: Collection[str]) -> list[str]:
    """Return names or filters; those that differ in one character become one, with a class in its place."""
    left, found = _join(set(texts))
    kept = left
    while found:  # what has a class by now may differ from its like in one character more
        left, found = _join(found)
        kept |= left
    return list(kept)


def _join(texts: set[str]) -> tuple[set[str], set[str]]:
    """Return the texts that are like no other, and what became of the rest, the largest classes first."""
    by_length: dict[int, list[str]] = {}
    for text in texts:
        by_length.setdefault(len(text), []).append(text)
    alike = [each for length, same in by_length.items() for each in _alike(same, 0, length)]
    left, found = set(texts), set()
    for at, same in sorted(alike, key=lambda each: (-len(each[1]), each[1][0], each[0])):
        free = [text for text in same if text in left]
        if len(free) > 1:
            left.difference_update(free)
            found.add(f"{free[0][:at]}{_class({text[at] for text in free})}{free[0][at + 1 :]}")
    return left, found


def _alike(texts: list[str], start: int, end: int) -> Iterator[tuple[int, list[str]]]:
    """Yield places, and texts that differ there alone, from texts that are of one length and alike outside of a range.

    What differs in one place of the range is alike in one half of it: so each half in turn tells which texts to look
    at further, and most are left at the first.
    """
    if end - start == 1:
        same = sorted(text for text in texts if text[start] in _ITSELF)
        if len(same) > 1 and any(part.start(1) == start for part in _PART.finditer(same[0])):
            yield start, same
        return
    middle = (start + end) // 2
    for low, high in ((start, middle), (middle, end)):
        groups: dict[str, list[str]] = {}
        for text in texts:
            groups.setdefault(text[middle:end] if low == start else text[start:middle], []).append(text)
        for same in groups.values():
            if len(same) > 1:
                yield from _alike(same, low, high)


def _class(chars: Collection[str]) -> str:
    """Return the class of some characters; a dash stands last, where it means itself."""
    text = "".join(sorted(chars, key=lambda char: (char == "-", char)))
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    if len(digits) > 2 and int(digits[-1]) - int(digits[0]) == len(digits) - 1:
        text = f"{digits[0]}-{digits[-1]}{text[len(digits) :]}"
    return f"[{text}]"


def _pairs(names: list[str]) -> list[str]:
    """Merge each name with the same behind an `s`, where there are enough of them; then by whole first labels."""
    known = set(names)
    pairs = sorted(name for name in names if "s" + name in known)
    gone: set[str] = set()
    found = []
    for name in pairs:
        if name not in gone and "s" + name not in gone:
            gone |= {name, "s" + name}
            found.append("s?" + name)
    if len(found) < PAIRS:
        return _labels(names)
    return [*_labels([name for name in names if name not in gone]), *found]


def _labels(names: list[str]) -> list[str]:
    """Merge names whose first labels are one, and the same with something put in: `metrics?`, `t(-s)?`."""
    count = Counter(name.partition(".")[0] for name in names)
    below: dict[str, set[str]] = {label: set() for label, times in count.items() if times >= PAIRS and "[" not in label}
    for name in names:
        label, _, rest = name.partition(".")
        if label in below:
            below[label].add(rest)
    both = [
        (-len(below[short] & below[long]), short, long, optional)
        for long in below
        for short, optional in _shorter(long).items()
        if short in below
    ]
    left, found = set(names), []
    for _, short, long, optional in sorted(both):
        rests = [rest for rest in below[short] & below[long] if {f"{short}.{rest}", f"{long}.{rest}"} <= left]
        if len(rests) >= PAIRS:
            left.difference_update(f"{label}.{rest}" for label in (short, long) for rest in rests)
            found += [f"{optional}.{rest}" for rest in rests]
    return [*left, *found]


def _shorter(label: str) -> dict[str, str]:
    """Return what is left of a label without some of its characters in a row, each with the filter for both."""
    found: dict[str, str] = {}
    for start, end in combinations(range(len(label) + 1), 2):
        more = label[start:end] if end - start == 1 else f"({label[start:end]})"
        found.setdefault(label[:start] + label[end:], f"{label[:start]}{more}?{label[end:]}")
    return found
