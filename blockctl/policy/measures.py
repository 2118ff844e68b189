"""Measures in the policy: durations, sizes, numbers, times of the day and days of the week."""

from __future__ import annotations

import re

from blockctl.policy import words
from blockctl.policy.tree import Node, Sequence
from blockctl.policy.values import Reader
from blockctl.policy.words import spelled

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")
_SIZES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SIZE = re.compile(r"([0-9]{1,12})\s*([a-zA-Z]{1,3})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
DAY = 24 * 60  # minutes


def seconds(reader: Reader, node: Node, what: str, most: int) -> int | None:
    """Return a duration of at most `most` seconds; `off` is none."""
    text = reader.text(node, what)
    if text is None:
        return None
    if text in ("0", *(word for word, on in words.SWITCH.items() if not on)):
        return 0
    if not _DURATION.fullmatch(text):
        hint = f"add a unit: {text}s" if text.isascii() and text.isdigit() else "write it like 30s, 10m, 1h or 3d"
        reader.fault("P007", node, f"{what} is no duration: {text[:60]!r}", hint)
        return None
    found = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    if found > most:
        reader.fault("P007", node, f"{what} cannot be {text[:60]}", f"at most {spell_seconds(most)}")
        return None
    return found


def spell_seconds(count: int) -> str:
    """Return seconds in the largest unit that divides them."""
    unit = next(unit for unit in ("w", "d", "h", "m", "s") if count % _UNITS[unit] == 0)
    return f"{count // _UNITS[unit]}{unit}"


def size(reader: Reader, node: Node, what: str, least: int, most: int) -> int | None:
    """Return a size in bytes; kB, MB and GB are powers of 1024."""
    text = reader.text(node, what)
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _SIZES:
        hint = f"add a unit: {text}MB" if text.isascii() and text.isdigit() else "write it like 512kB, 16MB or 1GB"
        reader.fault("P007", node, f"{what} is no size: {text[:60]!r}", hint)
        return None
    found = int(match[1]) * _SIZES[match[2].lower()]
    if not least <= found <= most:
        reader.fault("P007", node, f"{what} cannot be {text}", f"from {spell_size(least)} to {spell_size(most)}")
        return None
    return found


def spell_size(count: int) -> str:
    """Return bytes in the largest unit that divides them."""
    unit = next(unit for unit in ("GB", "MB", "kB", "B") if count % _SIZES[unit.lower()] == 0)
    return f"{count // _SIZES[unit.lower()]}{unit}"


def number(reader: Reader, node: Node, what: str, least: int, most: int) -> int | None:
    """Return a whole number."""
    text = reader.text(node, what)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        reader.fault("P007", node, f"{what} cannot be {text[:60]!r}", f"a whole number from {least:,} to {most:,}")
        return None
    return int(text)


def minute(reader: Reader, node: Node, what: str) -> int | None:
    """Return a time of the day in minutes after midnight; 24:00 is 0."""
    text = reader.text(node, what)
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    found = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else DAY + 1
    if found > DAY:
        reader.fault("P007", node, f"{what} is no time of the day: {text[:60]!r}", 'write it like "07:30" or "22:00"')
        return None
    return found % DAY


def days(reader: Reader, node: Node) -> frozenset[int]:
    """Return days of the week, Monday 0: `mon`, `mon-fri`, or a list of such; `daily` is all."""
    found: set[int] = set()
    for item in node.items if isinstance(node, Sequence) else [node]:
        text = reader.text(item, "days")
        if text is None:
            continue
        if text.lower() == "daily":
            found.update(range(7))
            continue
        first, dash, last = text.lower().partition("-")
        start, end = _day(first), _day(last if dash else first)
        if start is None or end is None:
            hint = "a list: [mon, wed]" if "," in text else f"it is {spelled(words.DAYS)}, or mon-fri, or daily"
            reader.fault("P007", item, f"days cannot be {text[:60]!r}", hint)
            continue
        found.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    if isinstance(node, Sequence) and not node.items:
        reader.fault("P003", node, "days is empty", "name days, or leave `days` out: then it is daily")
    return frozenset(found)


def _day(word: str) -> int | None:
    word = word.strip()
    for position, day in enumerate(words.WEEK):
        if word in (day, day[:3]):
            return position
    return None
