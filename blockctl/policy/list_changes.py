"""What changed between two versions of a list: names by their columns, everything else by its text."""

from __future__ import annotations

from collections.abc import Iterator

from blockctl.model.filterlist import FilterList
from blockctl.model.packed import keys_of, name_of

# How a name of a column is written: as adblock lists write it, which says the scope too.
COLUMNS = {"exact": "{}", "subtree": "||{}^", "allow_exact": "@@{}", "allow_subtree": "@@||{}^"}


def list_changes(before: FilterList | None, after: FilterList) -> tuple[list[str], list[str]]:
    """Return what a version says and the one before did not, and what it says no more; sorted."""
    old, new = (set(_others(each)) for each in (before, after))
    added, removed = new - old, old - new
    for column, form in COLUMNS.items():
        old_keys, new_keys = (_keys(each, column) for each in (before, after))
        added.update(form.format(name_of(key)) for key in new_keys - old_keys)
        removed.update(form.format(name_of(key)) for key in old_keys - new_keys)
    return sorted(added), sorted(removed)


def _keys(parsed: FilterList | None, column: str) -> set[str]:
    if parsed is None:
        return set()
    parsed.pack()
    return set(keys_of(parsed.packed.get(column, b"")))


def _others(parsed: FilterList | None) -> Iterator[str]:
    if parsed is not None:
        for rules in (parsed.rules, parsed.cosmetics, parsed.badfilters):
            yield from (each.text for each in rules)
