"""What is typed after `blockctl set`, `allow` and `deny`, read as the policy's schema reads it."""

from __future__ import annotations

from collections.abc import Iterable

from blockctl.model.diagnostic import Diagnostic
from blockctl.policy import words
from blockctl.policy.tree import Scalar
from blockctl.policy.values import Reader

WHERE = "as typed"  # what a diagnostic names in the place of a file
KEYS = ("javascript", "blocking", "scroll", "note")
# Keys of a site that other commands write.
ELSEWHERE = {
    "allow": "`blockctl allow HOST --site SITE`",
    "deny": "`blockctl deny HOST --site SITE`",
    "block": "`blockctl deny HOST --site SITE`",
    "until": "`--for 1h`",
    "hide": 'edit the file: hide: [".selector"]',
}


def read_settings(typed: Iterable[str]) -> tuple[dict[str, str | None], list[Diagnostic]]:
    """Return the words that `key=value` texts set, spelled as the policy spells them; `key=` gives None."""
    reader = Reader(WHERE)
    found: dict[str, str | None] = {}
    for text in typed:
        key, equals, value = text.partition("=")
        node = _scalar(text)
        if not equals:
            reader.fault("P007", node, f"not key=value: {text[:60]!r}", "as in javascript=deny or blocking=off")
        elif key not in KEYS:
            guess = words.nearest(key, KEYS, words.MEANT_BY_SITE_KEY)
            hint = ELSEWHERE.get(key) or (f"did you mean `{guess}`?" if guess else f"there are {words.spelled(KEYS)}")
            reader.fault("P006", node, f"`set` has no key {key[:60]!r}", hint)
        elif key in found:
            reader.fault("P005", node, f"{key!r} is here twice")
        else:
            found[key] = _word(reader, key, value) if value else None
    return found, reader.faults


def _word(reader: Reader, key: str, value: str) -> str | None:
    node = _scalar(value)
    if key == "javascript":
        javascript = reader.word(node, key, words.JAVASCRIPT, words.MEANT_BY_JAVASCRIPT)
        return javascript.value if javascript else None
    if key == "blocking":
        blocking = reader.word(node, key, words.SWITCH, words.MEANT_BY_SWITCH)
        return "on" if blocking else "off"
    if key == "scroll":
        return reader.word(node, key, {word: word for word in words.SCROLL})
    return reader.prose(node, key)


def read_note(text: str) -> list[Diagnostic]:
    """Return what is wrong with a note."""
    reader = Reader(WHERE)
    reader.prose(_scalar(text), "note")
    return reader.faults


def read_site_name(text: str) -> tuple[str, list[Diagnostic]]:
    """Return a site in normal form, or why it is none."""
    reader = Reader(WHERE)
    return reader.site(_scalar(text)) or "", reader.faults


def read_host_name(text: str, verb: str, *, everywhere: bool) -> tuple[str, list[Diagnostic]]:
    """Return a host in normal form, or why it is none; `everywhere` is DNS too."""
    reader = Reader(WHERE)
    return reader.host(_scalar(text), f"hosts.{verb}", everywhere=everywhere) or "", reader.faults


def _scalar(text: str) -> Scalar:
    return Scalar(0, 0, 0, len(text), text, '"')
