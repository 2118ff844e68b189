"""Where finished work is kept, so that it is done once: for a run, or (`io.store`) between runs."""

from __future__ import annotations

from typing import Any, Protocol


class Memory(Protocol):
    """Where finished work is kept between runs."""

    def key(self, *parts: object) -> str:
        """Return the key of what these parts make."""

    def get(self, key: str) -> tuple[Any, dict[str, memoryview]] | None:
        """Return what was kept under a key."""

    def put(self, key: str, meta: object, bodies: dict[str, bytes | memoryview]) -> None:
        """Keep something."""

    def prune(self) -> None:
        """Forget what is long unused, if there is too much."""


class RunMemory:
    """A memory for one run."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, dict[str, memoryview]]] = {}

    def key(self, *parts: object) -> str:
        """Return a text that is the same for the same parts."""
        return repr(parts)

    def get(self, key: str) -> tuple[Any, dict[str, memoryview]] | None:
        """Return what was kept under a key."""
        return self._kept.get(key)

    def put(self, key: str, meta: object, bodies: dict[str, bytes | memoryview]) -> None:
        """Keep something until the end of the run."""
        self._kept[key] = meta, {name: memoryview(body) for name, body in bodies.items()}

    def prune(self) -> None:
        """Forget nothing: the run is short."""
