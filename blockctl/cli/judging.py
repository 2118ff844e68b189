"""The gate, fed: versions of lists as texts are read, judged beside the others, and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from blockctl.cli.build import Before, open_versions
from blockctl.cli.common import Loaded
from blockctl.cli.holds import holds_json
from blockctl.compiler import Compilation
from blockctl.io.addresses import address_of
from blockctl.io.known import known_names
from blockctl.io.lock import Lock, Version
from blockctl.io.versions import version_of
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource
from blockctl.policy import gate
from blockctl.policy.changes import count_changes
from blockctl.policy.gate import Hold, HoldKind, Known
from blockctl.policy.gate_nouns import Version as Judged
from blockctl.policy.merge import page_exceptions


@dataclass(slots=True)
class Candidate:
    """A version that may come into force, read."""

    run: Compilation  # over this list alone
    judged: Judged


class Judge:
    """Judges new versions one after the other: what was accepted serves beside the next."""

    def __init__(self, loaded: Loaded, live: Lock, before: Before) -> None:
        self._loaded, self._before = loaded, before
        self._live = open_versions(loaded, live, before)
        self._known: Known | None = None
        self._serving: dict[str, Judged | None] = {}  # by name of the list
        self._candidates: dict[str, Candidate] = {}

    def read(self, source: ListSource, found: Version) -> Version:
        """Read a version of a list; return it with what is in it counted."""
        only = replace(self._loaded, policy=replace(self._loaded.policy, lists=(source,)))
        run = open_versions(only, {address_of(source): found}, self._before)
        judged = version_of([(text, run.parsed(text)) for text in run.texts])
        self._candidates[source.name] = Candidate(run, judged)
        return replace(found, rules=sum(facts.counts.rules for facts in run.facts), format=run.facts[0].format)

    def judge(self, source: ListSource) -> list[Hold]:
        """Return why the version that was read last is to be held; nothing when it may serve."""
        if self._known is None:
            self._known = known_names(self._loaded.policy, self._loaded.state, self._loaded.now)
        candidate, before = self._candidates[source.name], self._served(source)
        others = [each for each in self._loaded.policy.lists if each.name != source.name]
        serving = [judged for each in others if (judged := self._served(each)) is not None]
        files = {text.file for text in (*candidate.run.texts, *self._texts(source))}
        exceptions = [rule for rule in self._live.exceptions() if rule.origin.file not in files]
        own = page_exceptions([candidate.judged.parsed])
        standing = gate.Standing(self._loaded.policy, serving, [*exceptions, *own])
        return gate.judge(before, candidate.judged, self._known, standing)

    def accept(self, source: ListSource) -> None:
        """Let the version that was read last serve beside those that are judged after it."""
        self._serving[source.name] = self._candidates[source.name].judged

    def changes(self, source: ListSource) -> tuple[int, int]:
        """Return how many lines the version that was read last has more than the live one, and how many less."""
        return count_changes(self._text(self._live, source), self._text(self._candidates[source.name].run, source))

    def _served(self, source: ListSource) -> Judged | None:
        if source.name not in self._serving:
            parts = [(text, self._live.parsed(text)) for text in self._texts(source) if not text.problem]
            self._serving[source.name] = version_of(parts) if parts else None
        return self._serving[source.name]

    def _texts(self, source: ListSource) -> list[ListText]:
        return [text for text in self._live.texts if text.source.name == source.name]

    def _text(self, run: Compilation, source: ListSource) -> bytes:
        return b"\n".join(text.data for text in run.texts if text.source.name == source.name)


def kept(holds: list[Hold]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return holds as they are kept: for programs, and the lines without which the version would pass."""
    return holds_json(holds), list(gate.acceptable_without(holds) or ())


def is_no_list(holds: list[Hold]) -> bool:
    """Whether what is held is no list at all, which nobody can accept."""
    return any(hold.kind is HoldKind.NO_LIST for hold in holds)
