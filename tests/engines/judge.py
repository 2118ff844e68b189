"""What we say of a world: the compile of its policy, `decide()` on its questions, and what a gap can explain."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from blockctl.backends.capabilities import CAPABILITIES, Fidelity
from blockctl.backends.dnr_suffixes import SUFFIXES
from blockctl.backends.output import Gap, Output
from blockctl.compiler import Compilation
from blockctl.model.decide import Decision, Step, decide, decide_name, list_step
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList, ListText
from blockctl.model.index import Index
from blockctl.model.match import matches
from blockctl.model.memory import RunMemory
from blockctl.model.names import registrable_domain
from blockctl.model.policy import Policy, Target
from blockctl.model.request import Kind
from blockctl.model.rule import Effect, Party, Rule
from blockctl.policy.read import read_policy
from tests.engines.worlds import Question, World

Spoken = list[tuple[Step, Rule]]
ORDER = list(Step)

# Gaps that no question is about: what a page shows, what runs in it unasked, and scripts that are fetched and then not
# run. They explain no answer.
UNASKED = frozenset((
    "cosmetic", "csp-exception", "fetched", "first-party-frame", "has", "hide-unblocked", "html",
    "nested-actions", "nested-scriptlets", "page", "procedural", "scriptlet", "scroll", "selector", "service-worker",
    "specifichide", "style",
))  # fmt: skip


def _below_a_rare_suffix(question: Question) -> bool:
    """Whether `name.*` may be unheard of there: engines know suffixes of one label, and co. and com. of many more."""
    hosts = (question.request.host, question.request.page_host)
    suffixes = [registrable_domain(host).partition(".")[2] for host in hosts]
    return any("." in each and not (each in SUFFIXES and each.startswith(("co.", "com."))) for each in suffixes)


# Gaps that are about some questions alone.
ABOUT: dict[str, Callable[[Question], bool]] = {
    "inline": lambda question: question.inline,
    "frame": lambda question: bool(question.frame),
    "dynamic-document": lambda question: question.kind is Kind.DOCUMENT,
    "entity": _below_a_rare_suffix,
    "entity-not": _below_a_rare_suffix,
}


def _without_entities(rule: Rule) -> Rule:
    not_sites, not_to = (
        tuple(name for name in names if not name.endswith(".*")) for names in (rule.not_sites, rule.not_to)
    )
    return replace(rule, not_sites=not_sites, not_to=not_to)


# What an engine may make of a rule in a gap that is BROADER.
BROADER: dict[str, Callable[[Rule], Rule]] = {
    "beacon": lambda rule: replace(rule, kinds=rule.kinds | Kind.PING | Kind.OTHER),
    "entity-not": _without_entities,
    "private-suffix-own": lambda rule: replace(rule, party=Party.ANY),
}


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
        also act as `BROADER` says.
        """
        gaps = [gap for gap in output.gaps.kept if concerns(gap, question)]
        spoken = list(self.decide(question, trace=True).trace)
        spoken += self._broadened(gaps, backend, question)
        spoken.sort(key=lambda both: ORDER.index(both[0]))  # stable: within a step the winner stays first
        return explain(spoken, gaps, blocked)

    def _broadened(self, gaps: list[Gap], backend: str, question: Question) -> Spoken:
        broader = [gap for gap in gaps if CAPABILITIES[backend][gap.reason].fidelity is Fidelity.BROADER]
        rules = [rule for parsed in self.lists for rule in parsed.rules]
        found: Spoken = []
        for gap, rule in ((gap, rule) for gap in broader for rule in rules if is_about(gap, rule)):
            if matches(BROADER[gap.reason](rule), question.request) and not matches(rule, question.request):
                found.append((list_step(rule), rule))
        return found


def concerns(gap: Gap, question: Question) -> bool:
    """Whether a gap can have anything to do with a question."""
    return gap.reason not in UNASKED and (gap.reason not in ABOUT or ABOUT[gap.reason](question))


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
    """Whether a gap names this rule: by the place where it was written, or by its text where that is not known.

    What a policy says of a site may stand in one line, so the column counts too.
    """
    if gap.origin.file == rule.origin.file and gap.origin.line and rule.origin.line:
        return gap.origin == rule.origin
    if gap.text.startswith("@@") is not rule.text.startswith("@@"):
        return False
    return bool(rule.text) and gap.text.strip("@|^*.") == rule.text.strip("@|^*.")
