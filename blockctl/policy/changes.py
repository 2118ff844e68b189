"""How many lines one version of a list has that another lacks; where versions are alike no line is looked at."""

from __future__ import annotations

FEW = 30  # lines that are looked for one by one in a whole text


def count_changes(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many lines, each counted once, `new` has and `old` lacks, and the other way round."""
    old, new = b"\n" + old + b"\n", b"\n" + new + b"\n"
    start = old.rfind(b"\n", 0, _alike(old, new, min(len(old), len(new))))
    end = _alike(old, new, min(len(old), len(new)) - start - 1, back=True)
    before, after = _between(old, start, end), _between(new, start, end)
    return _missing(after - before, old), _missing(before - after, new)


def _alike(old: bytes, new: bytes, most: int, *, back: bool = False) -> int:
    """Return how many bytes, at most so many, two texts begin with alike, or end with; by halving."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        if back:
            same = old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]
        else:
            same = old[low:middle] == new[low:middle]
        low, most = (middle, most) if same else (low, middle - 1)
    return low


def _between(text: bytes, start: int, end: int) -> set[bytes]:
    """Return the lines behind the newline at `start`, up to the first one among the last `end` bytes."""
    stop = text.find(b"\n", len(text) - max(1, end))
    return set(text[start + 1 : stop].split(b"\n")) if stop > start else set()


def _missing(lines: set[bytes], text: bytes) -> int:
    if len(lines) > FEW:
        return len(lines.difference(text.split(b"\n")[1:-1]))
    return sum(b"\n" + line + b"\n" not in text for line in lines)
