r"""Fewer filters for the same hosts: names that differ in one character, or in a first `s`, become one filter.

WebKit has no `a|b`, and what it has in its place costs automata: an optional group that no other filter begins with
makes one of its own, and each is run over every address. What is free is a class (`ad[1-3]\.example`), for it stands
in the tree that all names share. `s?` costs one automaton for all names that begin so (`s?metrics\.shop\.example`),
which pays where there are many: trackers that hide below a site's own name come in such pairs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from json.encoder import encode_basestring_ascii as quote
from operator import methodcaller

from blockctl.backends.safari_pattern import host_filter
from blockctl.backends.safari_trigger import rule

PAIRS = 20  # from this many on the automaton for `s?` pays

_ZEROS = str.maketrans("123456789", "000000000")
_DIGIT = re.compile("[0-9]")
_DOT = quote(r"\.")[1:-1]
_BEFORE, _AFTER = rule(host_filter("NAME"), "").partition("}")[0].split("NAME")
_NAME = re.compile(rf"[a-z0-9_-]+(?:{re.escape(_DOT)}[a-z0-9_-]+)*")


def fewer(lines: Iterable[str]) -> Iterator[str]:
    """Yield rules that mean the same as these: those for a host and all below it, alike in the rest, merged."""
    hosts: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith(_BEFORE):
            name, after, rest = line[len(_BEFORE) :].partition(_AFTER)
            if after and _NAME.fullmatch(name):
                hosts.setdefault(rest, set()).add(name.replace(_DOT, "."))
                continue
        yield line
    for rest, names in hosts.items():
        for each in merged(names):
            yield f"{_BEFORE}{each.replace('.', _DOT)}{_AFTER}{rest}"


def merged(names: Collection[str]) -> list[str]:
    """Return names, in which classes and a first `s?` may stand; together they match these names and no others."""
    found: list[str] = []
    plain = _join(names, methodcaller("translate", _ZEROS), _digits, found)
    plain = _join(plain, _but_last_letter, lambda name: (_last_letter(name),), found)
    return _pairs([*found, *plain])


def _digits(name: str) -> list[int]:
    return [match.start() for match in _DIGIT.finditer(name)]


def _last_letter(name: str) -> int:
    """Return the place of the last letter of the first label."""
    return (name.find(".") if "." in name else len(name)) - 1


def _but_last_letter(name: str) -> str:
    at = name.find(".") - 1
    return f"{name[:at]}\0{name[at + 1 :]}" if at >= 0 else name


def _join(
    names: Iterable[str], form: Callable[[str], str], places: Callable[[str], Iterable[int]], found: list[str]
) -> list[str]:
    """Put into `found` what becomes a class, the largest first; return the names that do not.

    Only names of the same `form` can differ in a single one of their `places`.
    """
    names = list(names)
    forms = list(map(form, names))
    count = Counter(forms)  # most forms have one name: no list for those
    left = []
    alike: dict[str, list[str]] = {}
    for name, shape in zip(names, forms, strict=True):
        if count[shape] == 1:
            left.append(name)
        else:
            alike.setdefault(shape, []).append(name)
    for same in alike.values():
        left += _join_alike(same, places, found)
    return left


def _join_alike(names: list[str], places: Callable[[str], Iterable[int]], found: list[str]) -> list[str]:
    gaps: dict[tuple[str, str], list[str]] = {}
    for name in names:
        for at in places(name):
            gaps.setdefault((name[:at], name[at + 1 :]), []).append(name)
    free = set(names)
    shared = [(gap, same) for gap, same in gaps.items() if len(same) > 1]
    for (before, after), same in sorted(shared, key=lambda pair: (-len(pair[1]), pair[0])):
        joined = [name for name in same if name in free]
        if len(joined) > 1:
            free.difference_update(joined)
            found.append(f"{before}{_class({name[len(before)] for name in joined})}{after}")
    return list(free)


def _class(chars: Collection[str]) -> str:
    """Return the class of some characters of names; a dash stands last, where it means itself."""
    text = "".join(sorted(chars, key=lambda char: (char == "-", char)))
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    if len(digits) > 2 and int(digits[-1]) - int(digits[0]) == len(digits) - 1:
        text = f"{digits[0]}-{digits[-1]}{text[len(digits) :]}"
    return f"[{text}]"


def _pairs(names: list[str]) -> list[str]:
    """Merge each name with the same behind an `s`, where there are enough of them."""
    known = set(names)
    pairs = sorted(name for name in names if "s" + name in known)
    gone: set[str] = set()
    found = []
    for name in pairs:
        if name not in gone and "s" + name not in gone:
            gone |= {name, "s" + name}
            found.append("s?" + name)
    if len(found) < PAIRS:
        return names
    return [*(name for name in names if name not in gone), *found]
