"""Names, entities and regular expressions in AdGuard's `$domain` and `$to`, where a `~` beats every other value.

Here, as in Adblock Plus, the nearest name wins: `domain=~news.example|app.news.example` is in force on
app.news.example. AdGuard asks for what is taken away first (`DomainModifier.matchDomain` of its engine,
@adguard/tsurlfilter), so such conditions are taken apart. Its `$to` heeds no positive value beside a `~`
(`NetworkRule.matchToModifier`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from blockctl.model.match import page_keys

Names = tuple[str, ...]
Condition = tuple[Names, Names]  # names (none: every one), and those taken away


def is_above(name: str, other: str) -> bool:
    """Whether a name or entity covers another one and more; a regular expression covers nothing for certain."""
    if name == other or name.startswith("/") or other.startswith("/"):
        return False
    if other.endswith(".*"):
        return name.endswith(".*") and other.endswith(f".{name}")
    return name in page_keys(other) if name.endswith(".*") else other.endswith(f".{name}")


def apart(names: Iterable[str], taken: Names) -> list[Condition]:
    """Return conditions that say together what one says by nearness, none of them with a `~` above a name."""
    left = tuple(name for name in names if name not in taken)
    nested = tuple(name for name in left if any(is_above(other, name) for other in taken))
    plain = tuple(name for name in left if name not in nested)
    found: list[Condition] = [(plain, taken)] if plain or not tuple(names) else []
    return found + [((name,), tuple(other for other in taken if is_above(name, other))) for name in nested]


def both(some: Condition, others: Condition) -> Condition | None:
    """Return the condition that says both, each of them as `apart` leaves it; None when nothing is in both."""
    names = some[0] or others[0]
    if some[0] and others[0]:
        pairs = ((one, other) for one in some[0] for other in others[0])
        names = tuple(dict.fromkeys(each for pair in pairs if (each := _nearer(*pair))))
        if not names:
            return None
    taken = tuple(dict.fromkeys((*some[1], *others[1])))
    if not names:
        return (), taken
    names = tuple(name for name in names if not any(other == name or is_above(other, name) for other in taken))
    if not names:
        return None
    return names, tuple(other for other in taken if _may_touch(other, names))


def _nearer(one: str, other: str) -> str:
    if one == other or is_above(other, one):
        return one
    return other if is_above(one, other) else ""


def _may_touch(taken: str, names: Sequence[str]) -> bool:
    loose = taken.startswith("/") or taken.endswith(".*")
    return loose or any(is_above(name, taken) or name.startswith("/") or name.endswith(".*") for name in names)


def option(name: str, condition: Condition) -> str:
    """Return a condition as an option of a line, "" when it says nothing."""
    values = [*condition[0], *(f"~{each}" for each in condition[1])]
    return f"{name}={'|'.join(map(_value, values))}" if values else ""


def _value(name: str) -> str:
    """Return a value as it is written: within a regular expression the marks between values are escaped."""
    return name.replace("|", r"\|").replace(",", r"\,") if name.lstrip("~").startswith("/") else name
