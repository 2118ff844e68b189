"""Whether a new version of a list looks like the list that it was: size, format, lines that can be read."""

from __future__ import annotations

from blockctl.model.diagnostic import Diagnostic
from blockctl.model.names import is_registry_suffix
from blockctl.policy.gate_nouns import Hold, HoldKind, Line, Version

THIRD = 3  # a list that changes by more than one part in so many is held
FEW_RULES = 50  # fewer come and go in small lists without anything being wrong
SUFFIX = "L103"  # the diagnostic of a name below which unrelated sites live
UNREAD_SHARE = 0.05  # of the lines that say something; a list may always have had more
UNREAD_LINES = 20
MOST_UNREAD = 0.5  # of a list that is new here


def misshapen(before: Version | None, after: Version) -> list[Hold]:
    """Return what is wrong with the looks of a version."""
    if not after.parsed.format:
        return [_no_list(after)]
    found = [_suffixes(before, after), _unread(before, after)]
    if before is not None and before.parsed.format:
        found += [_other_format(before, after), _size(before, after)]
    return [hold for hold in found if hold is not None]


def _no_list(after: Version) -> Hold:
    said = next((diagnostic.message for diagnostic in after.parsed.diagnostics), "it is no list")
    return Hold(after.source.name, HoldKind.NO_LIST, f"the new version of {after.source.name} is no list: {said}")


def _other_format(before: Version, after: Version) -> Hold | None:
    old, new = before.parsed.format, after.parsed.format
    if old == new:
        return None
    name = after.source.name
    return Hold(name, HoldKind.FORMAT, f"the new version of {name} is in another format: {new}, not {old}")


def _size(before: Version, after: Version) -> Hold | None:
    old, new = before.parsed.counts.rules, after.parsed.counts.rules
    if abs(new - old) < FEW_RULES or abs(new - old) * THIRD <= old:
        return None
    kind, verb = (HoldKind.SHRANK, "shrank") if new < old else (HoldKind.GREW, "grew")
    name = after.source.name
    return Hold(name, kind, f"{name} {verb} by {_percent(old, new)}, from {old:,} rules to {new:,}")


def _percent(old: int, new: int) -> str:
    """Return the share by which a count changed, which is more than a third."""
    if new >= 2 * old:
        return f"a factor of {new / old:.1f}" if old else f"{new:,}"
    return f"{abs(new - old) / old:.0%}"


def _suffixes(before: Version | None, after: Version) -> Hold | None:
    """Return a hold for suffixes of registries that the version before did not name; the parser puts none in force.

    Suffixes that an owner keeps (`duckdns.org`) are refused line by line like these, but good lists name some every
    week, so they hold nothing up.
    """
    old = {line.text.strip() for line in _suffix_lines(before)} if before is not None else set()
    fresh = [line for line in _suffix_lines(after) if line.text.strip() not in old]
    if not fresh:
        return None
    name, text = after.source.name, fresh[0].text.strip()
    many = f" and {len(fresh) - 1:,} other lines like it" if len(fresh) > 1 else ""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[:80])
    message = f"the new version of {name} names a public suffix, below which unrelated sites live: {shown}{many}"
    return Hold(name, HoldKind.SUFFIX, message, at=tuple(fresh))


def _suffix_lines(version: Version) -> list[Line]:
    found = [each for each in version.parsed.diagnostics if each.code == SUFFIX and is_registry_suffix(_subject(each))]
    places = [each.origin for each in found]
    return [Line(place.file, place.line, version.line(place)) for place in places]


def _subject(diagnostic: Diagnostic) -> str:
    """Return the name that a diagnostic of a suffix speaks of: its first word (`parsers.listed.refusal`)."""
    return diagnostic.message.partition(" ")[0].strip("'")


def _unread(before: Version | None, after: Version) -> Hold | None:
    old, new = (_share(before) if before is not None else 0.0), _share(after)
    most = max(UNREAD_SHARE, 2 * old) if before is not None and before.parsed.format else MOST_UNREAD
    added = after.parsed.counts.refused - (before.parsed.counts.refused if before is not None else 0)
    if new <= most or added < UNREAD_LINES:
        return None
    name = after.source.name
    was = f" (before: {old:.0%})" if before is not None else ""
    refused = after.parsed.counts.refused
    return Hold(name, HoldKind.UNREAD, f"{refused:,} lines of the new version of {name} cannot be read, {new:.0%}{was}")


def _share(version: Version) -> float:
    """Return the share of lines that say something and cannot be read."""
    counts = version.parsed.counts
    return counts.refused / ((counts.refused + counts.rules) or 1)
