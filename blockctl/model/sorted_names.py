"""A set of host names as one text, so that a million of them cost nothing to load."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 256  # bytes: more than a name can have


class SortedNames:
    """Names in byte order, each closed by a line feed, in bytes or in a file mapped into memory."""

    __slots__ = ("text",)

    def __init__(self, text: bytes | memoryview) -> None:
        self.text = memoryview(text)

    @staticmethod
    def pack(names: Iterable[str]) -> bytes:
        """Return the text for these names."""
        return "".join(f"{name}\n" for name in sorted(names)).encode("ascii")

    def isdisjoint(self, names: Iterable[str]) -> bool:
        """Whether none of these names is in the set."""
        return not any(name in self for name in names)

    def __contains__(self, name: object) -> bool:
        """Look a name up by halving."""
        wanted = str(name).encode()
        low, high = 0, len(self.text)  # both at the start of a line
        while low < high:
            middle = (low + high) // 2
            start = max(low, middle - LONGEST)
            start += bytes(self.text[start:middle]).rfind(b"\n") + 1
            line = bytes(self.text[start : start + LONGEST]).partition(b"\n")[0]
            if line == wanted:
                return True
            if line < wanted:
                low = start + len(line) + 1
            else:
                high = start
        return False
