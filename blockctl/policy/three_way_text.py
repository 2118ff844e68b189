"""The lines between entries: their order, the comments above them, and that no comment is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from blockctl.policy.three_way_nodes import comments
from blockctl.policy.three_way_parts import lines_of
from blockctl.policy.tree import BREAK, parse_tree


def in_order(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return all keys in ours' order, or in theirs' if only theirs moved entries; what is new stays where it was put.

    Where both put something at the same place, ours comes first.
    """
    before, here, there = set(base), set(ours), set(theirs)
    common = before & here & there
    was, mine = ([key for key in keys if key in common] for keys in (base, ours))
    frame, other = (theirs, ours) if was == mine else (ours, theirs)
    in_frame, in_other = set(frame), set(other)
    after: dict[str, list[str]] = {}
    last = ""
    for key in other:
        if key in in_frame:
            last = key
        else:
            after.setdefault(last, []).append(key)
    first = frame is ours
    found: list[str] = []
    waiting = after.get("", [])
    for key in frame:
        if waiting and (key in in_other or not first):
            found += waiting
            waiting = []
        found.append(key)
        waiting += after.get(key, [])
    return found + waiting


def merged_lead(base: str, ours: str, theirs: str) -> str:
    """Merge comments and blank lines: what either side added stays, what one deleted goes."""
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    was, here, there = ([line.strip() for line in lines_of(text)] for text in (base, ours, theirs))
    deleted = Counter(was) - Counter(there)
    kept = []
    for line, said in zip(lines_of(ours), here, strict=True):
        if said and deleted[said] and said in was:
            deleted[said] -= 1
        else:
            kept.append(line)
    added = Counter(said for said in there if said) - Counter(was) - (Counter(here) - Counter(was))
    for line, said in zip(lines_of(theirs), there, strict=True):
        if said and added[said]:
            added[said] -= 1
            kept.append(line)
    return joined(kept)


def lost(result: str, base: str, ours: str, theirs: str) -> list[str]:
    """Return the comments that a result should have and lacks: all but those that one side deleted."""
    was, here, there = map(_counted, (base, ours, theirs))
    wanted = (was & here & there) + ((here - was) | (there - was))
    return list((wanted - _counted(result)).elements())


def _counted(text: str) -> Counter[str]:
    return Counter(comments(text, parse_tree(text, "")[0])) if "#" in text else Counter()


def comment_lines(said: Iterable[str], above: str) -> str:
    """Return comments as lines that may stand above an entry, indented as it is."""
    indent = " " * (len(above) - len(above.lstrip(" ")))
    found = BREAK.search(above)
    return "".join(f"{indent}{each}{found[0] if found else chr(10)}" for each in said)


def joined(texts: Sequence[str]) -> str:
    """Put whole lines one after the other; the last of a file may have no end, which it needs before others."""
    full = [text for text in texts if text]
    end = next((found[0] for text in full if (found := BREAK.search(text))), "\n")
    return "".join(text if BREAK.match(text[-1]) or text is full[-1] else text + end for text in full)
