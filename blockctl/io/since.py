"""Since which update a downloaded list has a line: who finds a site blocked wants to know what changed, and when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from blockctl.io.addresses import address_of, shown
from blockctl.io.history import read_history
from blockctl.io.lists import text_of
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import BlockctlError
from blockctl.model.policy import Policy
from blockctl.model.rule import Rule


def since(rule: Rule, policy: Policy, state: Path) -> datetime | None:
    """Return when a list came to say a rule; None: for as long as its versions are kept, or it is no such list."""
    source = next((each for each in policy.lists if each.url and shown(each.url) == rule.origin.file), None)
    if source is None:
        return None
    try:
        past = read_history(state).lists.get(address_of(source))
    except BlockctlError:
        return None
    for until, version in past.earlier if past else ():
        try:
            text = text_of(source, rule.origin.file, Shelf(state).read(version.sha256), version)
        except BlockctlError:
            return None
        if not _says(text.data, rule.text):
            return datetime.fromisoformat(until)
    return None


def _says(data: bytes, line: str) -> bool:
    wanted = line.encode("utf-8", "replace")
    at = data.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if (at == 0 or data[at - 1] in b"\r\n \t") and (end == len(data) or data[end] in b"\r\n \t#"):
            return True
        at = data.find(wanted, end)
    return False
