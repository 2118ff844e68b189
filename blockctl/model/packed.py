"""Many names as one text: their keys (`hostset.order`), sorted, each once and closed by a line feed.

A list's million names cost their letters and nothing more, are found by halving, and are merged with those of other
lists without being sorted again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import compress, islice
from operator import ne

from blockctl.model.hostset import order
from blockctl.model.sorted_names import LONGEST, SortedNames

Packed = bytes | memoryview


def pack(names: Iterable[str]) -> bytes:
    """Return the text for these names."""
    return pack_keys(sort_keys("".join(f"{name}\n" for name in names)))


def pack_keys(sorted_keys: list[str]) -> bytes:
    """Return the text for the names of these keys."""
    return ("\n".join(sorted_keys) + "\n").encode("ascii") if sorted_keys else b""


def sort_keys(names: str) -> list[str]:
    """Return the sorted keys of names, one a line: the text is turned round as a whole.

    At the end the sorted keys are cut anew from one text: then they lie in memory in their order, and every later
    walk over them takes a third of the time.
    """
    if not names:
        return []
    keys = f"{names[::-1]}.".replace("\n", ".\n").split("\n")
    del keys[0]
    keys.sort()
    text = "\n".join(keys)
    del keys
    return once(text.split("\n"))


def once(sorted_keys: list[str]) -> list[str]:
    """Return sorted keys, each once."""
    followed = compress(sorted_keys, map(ne, sorted_keys, islice(sorted_keys, 1, None)))
    return [*followed, sorted_keys[-1]] if sorted_keys else []


def common(sorted_keys: list[str], few: frozenset[str]) -> set[str]:
    """Return those of a few keys that are among sorted ones: found by halving where hashing them all takes longer."""
    if len(sorted_keys) < 10 * len(few):
        return set(few.intersection(sorted_keys))
    return {key for key in few if sorted_keys[(at := bisect_left(sorted_keys, key)) : at + 1] == [key]}


def merge(packed: Packed, more: Packed) -> bytes:
    """Return a text with the names of two."""
    return pack_keys(once(sorted(keys_of(packed) + keys_of(more))))


def keys_of(packed: Packed) -> list[str]:
    """Return the sorted keys of a text."""
    keys = str(packed, "ascii").split("\n")
    keys.pop()  # what stands behind the last line feed
    return keys


def name_of(key: str) -> str:
    """Return the name of a key."""
    return key[-2::-1]


def names_of(packed: Packed) -> list[str]:
    """Return the names of a text: one reversal of it all turns every key round."""
    return str(bytes(packed)[::-1], "ascii").split("\n.")[1:]


def has_name(packed: Packed, name: str) -> bool:
    """Whether a text has this name."""
    return order(name) in SortedNames(packed)


def has_at_or_below(packed: Packed, name: str) -> bool:
    """Whether a text has this name, or one below it: they stand together, and their keys begin with its key."""
    wanted = order(name).encode("ascii")
    text = memoryview(packed)
    low, high = 0, len(text)  # both at the start of a line
    while low < high:
        middle = (low + high) // 2
        start = max(low, middle - LONGEST)
        start += bytes(text[start:middle]).rfind(b"\n") + 1
        line = bytes(text[start : start + LONGEST]).partition(b"\n")[0]
        if line < wanted:
            low = start + len(line) + 1
        else:
            high = start
    return bytes(text[low : low + len(wanted)]) == wanted


def without_name(packed: Packed, name: str) -> bytes:
    """Return a text without a name."""
    lines = b"\n" + bytes(packed)
    return lines.replace(f"\n{order(name)}\n".encode("ascii"), b"\n")[1:]
