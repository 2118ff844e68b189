"""Rows of the query log, made from what was noted: names spelled, rules asked for reasons, clients as the level says.

Levels (`resolver: {log: ...}`): `full`; `anonymous`, clients only as their network (/24 or /48), without the names that
devices give themselves and without groups; `counts`, figures and no row; `off`, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blockctl.dns.exchange import Client, Reason
from blockctl.dns.noted import Asker, Explains, Noted, anonymous, decoded, question, spelled

CLIENTS = 4096  # remembered as the log spells them
RULES = 1024  # names remembered with what a rule said of them
LONGEST_TEXT = 300  # characters of a rule

Key = tuple[str | int, ...]
Said = tuple[Key | None, str | None, str | None]  # rule, via, led
GroupOf = Callable[[Client], str]
TEXT = 3  # place in the key of a rule
OF_GROUPS = "resolver: groups: "  # how what a group of devices is denied begins (`dns.overlay`)
WITH_ROWS = ("full", "anonymous")


class Row(NamedTuple):
    """A query as the log keeps it."""

    at: int  # milliseconds since 1970, UTC
    asker: Key  # address, device, group, transport
    name: str
    type: int
    outcome: int
    rcode: int | None
    microseconds: int
    rule: Key | None  # step, file, line, text
    via: str | None
    led: str | None  # the name that the rule speaks of, where it is not the one asked for
    upstream: str | None


class Rows:
    """Makes rows, for one level and one set of groups."""

    def __init__(self, level: str, group_of: GroupOf | None = None) -> None:
        self.level = level
        self._group_of = group_of
        self._askers: dict[Client | str, Key] = {}
        self._explaining: Explains | None = None  # the rules that the memory below is of
        self._explained: dict[tuple[bytes, int, Client | str], Said] = {}

    @property
    def wanted(self) -> bool:
        """Whether this level has rows."""
        return self.level in WITH_ROWS

    def row(self, note: Noted, offset: float) -> Row:
        """Return the row of a note; `offset` turns its clock into Unix time."""
        at, client, query, code, reason, milliseconds = note[:6]
        outcome, rcode = decoded(code)
        name, kind = question(query)
        asker = self._askers.get(client) or self._ask(client)
        if reason is not None and not isinstance(reason, Reason):
            rule, via, led = self._explain(reason, name, kind, client)
        else:
            rule, via, led = _said(reason)
        if rule is not None and self.level == "anonymous" and str(rule[TEXT]).startswith(OF_GROUPS):
            rule = (rule[0], rule[1], 0, OF_GROUPS)  # which group asked is nobody's business, nor is the line it has
        upstream = note[6] if len(note) > 6 else None
        microseconds = round(milliseconds * 1000)
        at = int((at + offset) * 1000)
        return Row(at, asker, spelled(name), kind, outcome, rcode, microseconds, rule, via, led, upstream or None)

    def _ask(self, noted: Client | str) -> Key:
        client = Client(noted) if isinstance(noted, str) else noted
        if self.level == "anonymous":
            asker = Asker(anonymous(client.address), transport=client.transport.value)
        else:
            group = self._group_of(client) if self._group_of else ""
            asker = Asker(client.address, client.id, group, client.transport.value)
        if len(self._askers) >= CLIENTS:
            self._askers.clear()
        key = self._askers[noted] = (asker.address, asker.device, asker.group, asker.transport)
        return key

    def _explain(self, rules: Explains, name: bytes, kind: int, client: Client | str) -> Said:
        if rules is not self._explaining or len(self._explained) >= RULES:
            self._explaining = rules
            self._explained.clear()
        key = (name, kind, client)
        said = self._explained.get(key)
        if said is None:
            try:
                reason = rules.verdict(name, kind, Client(client) if isinstance(client, str) else client).reason
            except ValueError:  # a name that no rules can read (`MalformedMessage` too): then the row has no reason
                reason = None
            said = self._explained[key] = _said(reason)
        return said


def _said(reason: Reason | None) -> Said:
    if reason is None:
        return None, None, None
    rule = reason.rule
    key = (reason.step.value, rule.origin.file, rule.origin.line, rule.text[:LONGEST_TEXT])
    return key, reason.via or None, reason.name if reason.via else None
