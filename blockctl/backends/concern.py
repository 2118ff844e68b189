"""Which requests a gap concerns: those that an engine without the rule would decide another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from blockctl.backends.output import Gaps
from blockctl.model.decide import Decision
from blockctl.model.diagnostic import Origin
from blockctl.model.rule import Effect, Rule

Place = tuple[str, int]  # file and line


@dataclass(slots=True)
class Concern:
    """What the gaps of one output mean for some traffic. A request counts once, under one reason."""

    requests: int = 0  # all that were looked at
    by_reason: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Rule] = field(default_factory=dict)  # reason -> the rule behind most of its requests
    _by_rule: dict[str, Counter[Rule]] = field(default_factory=dict)

    def add(self, reason: str, rule: Rule, count: int = 1) -> None:
        """Count a request (or several alike) that a rule in a gap concerns."""
        self.by_reason[reason] += count
        rules = self._by_rule.setdefault(reason, Counter())
        rules[rule] += count
        self.rules[reason] = max(rules, key=rules.__getitem__)

    @property
    def share(self) -> float:
        """Return the share of the traffic that any gap concerns, from 0 to 1."""
        return self.by_reason.total() / self.requests if self.requests else 0.0


class Gapped:
    """The places of the rules in gaps, and why."""

    def __init__(self, gaps: Gaps) -> None:
        self._reasons: dict[Place, str] = {}
        for reason, file, line, _, _ in gaps.rows:
            self._reasons.setdefault((file, line), reason)

    def reason(self, origin: Origin) -> str:
        """Return why the rule at that place is a gap, "" when it is none."""
        return self._reasons.get((origin.file, origin.line), "")

    def concerns(self, decision: Decision) -> tuple[str, Rule] | None:
        """Return the reason and the rule by which an engine without its gaps decides another way, None if it agrees.

        The decision was made with its trace, and the rules in it carry their lines.
        """
        first: tuple[str, Rule] | None = None
        for _, rule in decision.trace:
            reason = self.reason(rule.origin)
            if not reason:
                return first if (rule.effect is Effect.BLOCK) is not decision.blocked else None
            first = first or (reason, rule)
        return first if decision.blocked else None


def concern(gaps: Gaps, decisions: Iterable[tuple[Decision, int]]) -> Concern:
    """Return what an output's gaps concern among these decisions, each with how many requests it stands for."""
    gapped = Gapped(gaps)
    found = Concern()
    for decision, count in decisions:
        found.requests += count
        if by := gapped.concerns(decision):
            found.add(*by, count)
    return found


def concern_of_names(gaps: Gaps, speaking: Iterable[tuple[list[Rule], int]]) -> Concern:
    """Return the same for names alone: a gap may concern a name that one of its rules speaks of.

    `speaking` are, for each name, the rules that speak of it, and how often it was asked for. Of a name nobody knows
    the page, the kind or the path, so this is the most that it can be.
    """
    gapped = Gapped(gaps)
    found = Concern()
    for rules, count in speaking:
        found.requests += count
        if by := _may_concern(gapped, rules):
            found.add(*by, count)
    return found


def _may_concern(gapped: Gapped, rules: list[Rule]) -> tuple[str, Rule] | None:
    """Return the gap that may change what becomes of a name: a lost exception to a block, or a lost block."""
    deciding = [rule for rule in rules if rule.decides]
    lost = [(reason, rule) for rule in deciding if (reason := gapped.reason(rule.origin))]
    if not any(rule.effect is Effect.BLOCK for rule in deciding):
        return None
    if exception := next((each for each in lost if each[1].effect is Effect.ALLOW), None):
        return exception
    stands = any(
        rule.effect is Effect.BLOCK and rule.names_only and not gapped.reason(rule.origin) for rule in deciding
    )
    return None if stands else next(iter(lost), None)
