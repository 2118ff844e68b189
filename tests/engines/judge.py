"""What we say of a world: the compile of its policy, `decide()` on its questions, and what a gap can explain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from blockctl.backends.capabilities import CAPABILITIES, Fidelity
from blockctl.backends.output import Gap, Output
from blockctl.compiler import Compilation
from blockctl.model.decide import Decision, Step, decide, decide_name, list_step
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.match import matches
from blockctl.model.memory import RunMemory
from blockctl.model.policy import Policy, Target
from blockctl.model.request import ALL_KINDS
from blockctl.model.rule import Effect, Party, Rule
from blockctl.policy.read import read_policy
from tests.engines.worlds import Question, World

Spoken = list[tuple[Step, Rule]]
ORDER = list(Step)


@dataclass
class Judged:
    """A world, compiled. Asked for a verdict it answers by `decide()`."""

    world: World
    run: Compilation = field(init=False)

    def __post_init__(self) -> None:
        policy, faults = read_policy(self.world.policy, "policy.yaml")
        assert not faults, faults
        texts = []
        for source in policy.lists:
            data = self.world.lists[source.path].encode()
            texts.append(ListText(source, source.path, data, hashlib.sha256(data).hexdigest()))
        self.run = Compilation(policy, texts, RunMemory())
        self.run.read()

    @property
    def policy(self) -> Policy:
        """Return the policy as it was read."""
        return self.run.policy

    @cached_property
    def lists(self) -> list[FilterList]:
        """Return the lists that browsers obey."""
        return self.run.browser_lists()

    @cached_property
    def index(self) -> Index:
        """Return the index of the lists that browsers obey."""
        return Index.build(self.lists)

    @cached_property
    def dns_lists(self) -> list[FilterList]:
        """Return the lists that DNS obeys."""
        texts = [text for text in self.run.texts if text.source.dns]
        return self.run._lists(texts)

    @cached_property
    def names_index(self) -> Index:
        """Return the index of the lists that DNS obeys."""
        return Index.build(self.dns_lists)

    def decide(self, question: Question, *, trace: bool = False) -> Decision:
        """Return what `decide()` says of a request."""
        return decide(self.policy, self.index, question.request, trace=trace)

    def decide_name(self, host: str, *, trace: bool = False) -> Decision:
        """Return what `decide_name()` says of a name."""
        return decide_name(self.policy, self.names_index, host, self.run.yields(), trace=trace)

    def output(self, backend: str, options: dict[str, str] | None = None) -> Output:
        """Return the output of a backend, with its gaps."""
        return self.run.output(Target(backend, backend, "out", Origin("policy.yaml"), options or {}))

    def explained_by(self, output: Output, backend: str, question: Question, blocked: bool) -> set[str]:
        """Return the reasons of the gaps by which an engine may answer `blocked`; none when no gap explains it.

        A gap explains an answer only by its own rule: whether or not the engine obeys the rules of the gaps that
        speak of this very request, every other rule stands where it stood. A rule in a gap that is BROADER may
        also act where it does not match, but for its page, party and kind.
        """
        gaps = output.gaps.kept
        spoken = list(self.decide(question, trace=True).trace)
        spoken += self._broadened(gaps, backend, question)
        spoken.sort(key=lambda both: ORDER.index(both[0]))  # stable: within a step the winner stays first
        return explain(spoken, gaps, blocked)

    def _broadened(self, gaps: list[Gap], backend: str, question: Question) -> Spoken:
        broader = [gap for gap in gaps if CAPABILITIES[backend][gap.reason].fidelity is Fidelity.BROADER]
        found: Spoken = []
        for rule in self._rules_of(broader):
            loose = replace(rule, kinds=ALL_KINDS, party=Party.ANY, sites=(), not_sites=(), to=(), not_to=())
            if matches(loose, question.request) and not matches(rule, question.request):
                found.append((list_step(rule), rule))
        return found

    def _rules_of(self, gaps: list[Gap]) -> Iterator[Rule]:
        places = {(gap.origin.file, gap.origin.line) for gap in gaps}
        for parsed in self.lists:
            yield from (rule for rule in parsed.rules if (rule.origin.file, rule.origin.line) in places)


def explain(spoken: Spoken, gaps: list[Gap], blocked: bool) -> set[str]:
    """Return the reasons of the gaps that let the verdict be `blocked`, each rule in a gap being in force or not.

    `spoken` is all that matches, the winner first. The first rule that is in no gap decides, if no rule of a gap
    before it does.
    """
    reasons: set[str] = set()
    for _, rule in spoken:
        of_rule = {gap.reason for gap in gaps if is_about(gap, rule)}
        if (rule.effect is Effect.BLOCK) is blocked and reasons | of_rule:
            return reasons | of_rule
        if not of_rule:
            return set()
        reasons |= of_rule
    return reasons if not blocked else set()


def is_about(gap: Gap, rule: Rule) -> bool:
    """Whether a gap names this rule: by the line where it was written, or by name where the line is not known."""
    if gap.origin.file == rule.origin.file and gap.origin.line and rule.origin.line:
        return gap.origin.line == rule.origin.line
    return bool(rule.text) and gap.text.strip("@|^*.") == rule.text.strip("@|^*.")
