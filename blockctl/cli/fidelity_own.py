"""What the gaps of the user's own targets mean for his own traffic."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from blockctl.backends.capabilities import CAPABILITIES
from blockctl.backends.concern import Concern, concern, concern_of_names
from blockctl.backends.output import Gaps, Output
from blockctl.backends.reason import Reason
from blockctl.cli.build import choose_targets
from blockctl.cli.verdicts import Located, browser_index
from blockctl.compiler import Compilation
from blockctl.model.decide import Decision, decide, excepted_names
from blockctl.model.diagnostic import Diagnostic
from blockctl.model.filterlist import ListText
from blockctl.model.memory import RunMemory
from blockctl.model.names import parents
from blockctl.model.policy import Target
from blockctl.model.request import Kind, Request
from blockctl.model.rule import Rule
from blockctl.parsers import decode


@dataclass(slots=True)
class Traffic:
    """What the user's browsers or devices asked for: whole requests, or names alone with how often."""

    source: str = ""  # a file; "" for none
    requests: Counter[Request] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    faults: list[Diagnostic] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Return how many requests or queries there are."""
        return self.requests.total() or self.names.total()


@dataclass(frozen=True, slots=True)
class Measured:
    """One target: what it cannot say, and what that concerns of the traffic."""

    target: Target
    rules_in: int
    gaps: Gaps
    concern: Concern

    def reasons(self) -> list[str]:
        """Return the reasons of its gaps, first those that concern most of the traffic, then by count."""
        by = self.concern.by_reason
        return sorted(self.gaps.count, key=lambda reason: (-by[reason], -self.gaps.count[reason], reason))

    def known(self, reason: str) -> Reason:
        """Return what the table of capabilities says of a reason."""
        return CAPABILITIES[self.target.backend][reason]

    def witness(self, reason: str) -> tuple[str, str]:
        """Return where a rule of that gap stands and its text: the one behind most of the traffic, else the first."""
        if rule := self.concern.rules.get(reason):
            return _place(rule.origin.file, rule.origin.line), rule.text
        row = next((row for row in self.gaps.rows if row[0] == reason), None)
        return (_place(row[1], row[2]), row[4]) if row else ("", "")


def _place(file: str, line: int) -> str:
    """Return where a rule stands, without the folders; "" where that is not one line."""
    return f"{Path(file).name}:{line}" if line else ""


def measure(run: Compilation, names: list[str], traffic: Traffic) -> list[Measured]:
    """Compile these targets (all when none is named), and say what their gaps concern."""
    targets = choose_targets(run.policy, names)
    told = {target.name: run.output(target) for target in targets}
    judged = _judge(run, traffic)
    few = Narrowed(run, judged.rules()) if judged.rules() else None
    found = []
    for target in sorted(targets, key=lambda target: list(run.policy.targets).index(target.name)):
        output = told[target.name]
        gaps = _all_gaps(output, few.output(target) if few else None)
        found.append(Measured(target, output.rules_in, output.gaps, judged.concern(gaps)))
    return found


def _all_gaps(whole: Output, few: Gaps | None) -> Gaps:
    """Return the gaps that matter for the traffic: of a whole output no more than some of each reason are kept."""
    gaps = Gaps()
    gaps.rows = [*(few.rows if few else []), *whole.gaps.rows]
    return gaps


@dataclass(slots=True)
class _OfRequests:
    """What `decide()` says of each request, with all that speaks of it."""

    decisions: list[tuple[Decision, int]]

    def rules(self) -> set[Rule]:
        """Return the rules that speak of any of it."""
        return {rule for decision, _ in self.decisions for _, rule in decision.trace}

    def concern(self, gaps: Gaps) -> Concern:
        """Return what these gaps concern."""
        return concern(gaps, self.decisions)


@dataclass(slots=True)
class _OfNames:
    """The rules that speak of each name, in whatever circumstances."""

    speaking: list[tuple[list[Rule], int]]

    def rules(self) -> set[Rule]:
        """Return the rules that speak of any of them."""
        return {rule for rules, _ in self.speaking for rule in rules}

    def concern(self, gaps: Gaps) -> Concern:
        """Return what these gaps concern."""
        return concern_of_names(gaps, self.speaking)


def _judge(run: Compilation, traffic: Traffic) -> _OfRequests | _OfNames:
    index, located = browser_index(run), Located(run)
    if not traffic.requests:
        return _OfNames(list(_speaking(run, located, traffic.names)))
    decisions = []
    for request, count in traffic.requests.items():
        decision = decide(run.policy, index, request, trace=True)
        trace = tuple((step, located(rule)) for step, rule in decision.trace)
        decisions.append((replace(decision, trace=trace), count))
    return _OfRequests(decisions)


def _speaking(run: Compilation, located: Located, names: Counter[str]) -> Iterable[tuple[list[Rule], int]]:
    """Yield for each name the rules that may be about a request to it, and how often it was asked for."""
    index = browser_index(run)
    by_name: dict[str, list[Rule]] = {}
    if names:
        for parsed in run.browser_lists():
            for rule in parsed.rules:
                for name in excepted_names(rule):
                    by_name.setdefault(name, []).append(rule)
    for asked, count in names.items():
        request = Request.parse(f"https://{asked}/", kind=Kind.OTHER)
        decision = decide(run.policy, index, request, trace=True)
        plain = [located(rule) for _, rule in decision.trace if rule.host]
        yield [*plain, *(rule for name in parents(asked) for rule in by_name.get(name, ()))], count


class Narrowed:
    """The same policy over only those lines of its adblock lists that speak of some traffic.

    A whole output keeps some gaps of each reason; of these few lines all are kept. What a gap depends on beside its
    own rule (an exception that would take back another's block) speaks of the same requests, so it is here too.
    """

    def __init__(self, run: Compilation, rules: Iterable[Rule]) -> None:
        places: dict[str, set[int]] = {}
        for rule in rules:
            if rule.origin.line:
                places.setdefault(rule.origin.file, set()).add(rule.origin.line)
        self._lines: dict[str, list[int]] = {}
        texts = []
        for text, facts in zip(run.texts, run.facts, strict=True):
            if facts.format == "adblock" and text.file in places:
                self._lines[text.file] = sorted(places[text.file])
                texts.append(_cut(text, self._lines[text.file]))
        self._run = Compilation(run.policy, texts, RunMemory())
        self._run.read()

    def output(self, target: Target) -> Gaps:
        """Return the gaps of a target, each at its line of the whole list."""
        gaps = Gaps()
        for reason, file, line, column, text in self._run.output(target).gaps.rows:
            lines = self._lines.get(file)
            gaps.rows.append((reason, file, lines[line - 1] if lines and line else line, column, text))
        return gaps


def _cut(text: ListText, lines: Sequence[int]) -> ListText:
    whole = decode(text.data).split("\n")
    data = "".join(f"{whole[line - 1]}\n" for line in lines).encode()
    source = replace(text.source, format="adblock", sha256="")
    return ListText(source, text.file, data, hashlib.sha256(data).hexdigest())
