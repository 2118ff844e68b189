"""List text to rules and diagnostics. One file per format; a list has one format, told or recognised once.

`parse` reads a list, `find` and `read_line` answer about single names and lines afterwards.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blockctl.parsers.lookup import find, read_line
    from blockctl.parsers.reading import PARSERS, parse
    from blockctl.parsers.text import MAX_BYTES, decode

__all__ = ["MAX_BYTES", "PARSERS", "decode", "find", "parse", "read_line"]

_HOMES = {
    "MAX_BYTES": "text", "PARSERS": "reading", "decode": "text", "find": "lookup", "parse": "reading",
    "read_line": "lookup",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: a command that parses no list does not wait for the formats."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
