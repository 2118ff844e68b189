"""What a site's entry said before a temporary change of it, and says again when that is over.

An entry has one end. Where JavaScript is denied for good and allowed for an hour, the end would take the denial with
it; so what stood there is kept here, and put back when the hour is over, by whoever looks first: the web API's process,
which `serve` wakes for it, or the next edit. An entry that somebody gave another end meanwhile is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from blockctl.io.api_store import Kept
from blockctl.model.policy import Site

NAME = "returns.json"


def note(state: Path, before: Site | None, until: str, words: Mapping[str, str | None], *, hide: bool) -> None:
    """Keep what an entry says now of the keys that are about to be changed until a moment (ISO 8601, UTC)."""
    if before is None:
        return  # nothing stands there: the entry lapses, and that is all
    said = {
        "javascript": before.javascript.value if before.javascript else None,
        "blocking": None if before.blocking is None else ("on" if before.blocking else "off"),
        "scroll": "unlock" if before.unlock_scroll else None,
        "note": before.note or None,
    }
    fresh: dict[str, Any] = {
        "words": {key: said[key] for key in words if key in said},
        "hide": list(before.hide) if hide else None,
    }

    def change(value: dict[str, Any]) -> None:
        earlier = value.get(before.host)
        if before.until is not None and not isinstance(earlier, dict):
            return  # it was temporary already, as a whole
        if isinstance(earlier, dict):  # again within the time: what stood there first is what comes back
            fresh["words"] = {**fresh["words"], **earlier["words"]}
            fresh["hide"] = earlier["hide"] if earlier["hide"] is not None else fresh["hide"]
        value[before.host] = {**fresh, "until": until}

    Kept(state, NAME).change(change)


def forget(state: Path, site: str) -> None:
    """Put nothing back: what the entry says now is for good, or the entry is gone."""
    kept = Kept(state, NAME)
    if site in kept.read():
        kept.change(lambda value: value.pop(site, None))


def is_due(state: Path, now: datetime) -> bool:
    """Whether something is to be put back now."""
    return bool(coming_back(state, now))


def coming_back(state: Path, now: datetime) -> set[str]:
    """Return the sites of which something is to be put back now."""
    return set(_due(Kept(state, NAME).read(), now))


def restored(text: str, state: Path, now: datetime) -> str:
    """Return the policy's text with everything put back that is due."""
    due = _due(Kept(state, NAME).read(), now)
    if not due:
        return text
    from blockctl.policy.edit import set_site, utc_text
    from blockctl.policy.hiding import set_hide
    from blockctl.policy.read import read_policy

    sites = read_policy(text, "policy")[0].sites
    for host, kept in due.items():
        entry = sites.get(host)
        if entry is not None and (entry.until is None or utc_text(entry.until) != kept["until"]):
            continue
        text = set_site(text, host, {**kept["words"], "until": None})
        if kept["hide"] is not None:
            text = set_hide(text, host, kept["hide"])
    return text


def done(state: Path, now: datetime) -> None:
    """Forget what was due."""
    kept = Kept(state, NAME)
    for host in _due(kept.read(), now):
        forget(state, host)


def restore(path: Path, state: Path, now: datetime) -> bool:
    """Put back what is due; say whether the file changed. Raises BlockctlError when it cannot be edited."""
    from blockctl.io.policy_file import edit

    changed = edit(path, lambda text: restored(text, state, now))
    done(state, now)
    return changed


def _due(value: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    found = {}
    for host, kept in value.items():
        if isinstance(kept, dict) and {"until", "words", "hide"} <= kept.keys():
            try:
                end = datetime.fromisoformat(kept["until"])
            except (TypeError, ValueError):
                continue
            if end.tzinfo is not None and end <= now:
                found[host] = kept
    return found
