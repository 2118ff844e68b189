"""Questions asked of uBlock Origin's engines: given what we write, against `decide()`; given the lists as written,
against our reading of them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from blockctl.backends.ublock_lines import network_line, with_nearest
from blockctl.model.decide import Step
from blockctl.model.filterlist import FilterList
from blockctl.model.index import Index
from blockctl.model.match import matches
from blockctl.model.request import ALL_KINDS, Kind, Request
from blockctl.model.rule import Effect, Rule
from blockctl.parsers import PARSERS
from blockctl.policy.merge import settle_badfilters
from tests.engines.judge import Judged
from tests.engines.ledger import first_reason, record
from tests.engines.shrink import shrink
from tests.engines.ubo_core import World as Asked
from tests.engines.ubo_core import ask_many
from tests.engines.ubo_outputs import Way, told
from tests.engines.worlds import Question, World

ALL_OPTION = re.compile(r"[$,]all(?:,|$)")
ALLOWED = {Step.SITE_HOST, Step.HOST, Step.PROTECT}  # steps at which the policy lets a host through
SHOWN = 3  # disagreements that are shrunk and shown
Answer = Mapping[str, Any]


@dataclass
class Found:
    """What came of a comparison."""

    questions: int = 0
    agreed: int = 0
    gaps: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Judged, Question, Answer]] = field(default_factory=list)

    def add(self, judged: Judged, question: Question, answer: Answer, blocked: bool, reasons: set[str]) -> None:
        """Count one answer. `reasons` may explain one that differs."""
        self.questions += 1
        if answer["blocked"] == blocked:
            self.agreed += 1
        elif reasons:
            self.gaps[first_reason(reasons)] += 1
        else:
            self.wrong.append((judged, question, answer))


def compare(way: Way, judges: Sequence[Judged]) -> Found:
    """Ask of each world in one way of telling uBO."""
    inputs = [told(judged, way) for judged in judges]
    requests = ([question.request for question in judged.world.questions] for judged in judges)
    answers = ask_many(each.world(asked) for each, asked in zip(inputs, requests, strict=True))
    found = Found()
    for judged, given, each in zip(judges, inputs, answers, strict=True):
        for question, answer in zip(judged.world.questions, each, strict=True):
            blocked = judged.decide(question).blocked or (
                question.inline and stops_written(judged, question.page, answer)
            )
            differs = answer["blocked"] != blocked
            backend, says = way.backend, answer["blocked"]
            reasons = judged.explained_by(given.output, backend, question, says) if differs else set()
            found.add(judged, question, answer, blocked, reasons)
    return found


def stops_written(judged: Judged, page: str, answer: Answer) -> bool:
    """Whether a list stops the scripts that are written in a page, by `$inline-script` or `$all`.

    `decide()` heeds no list about them. Where `blocking` is off none does. For a host that the policy allows uBO's
    answer is as good as another: important lines give way to it, and all lines do where My rules say it.
    """
    if not stop_written(judged.lists, page):
        return False
    decision = judged.decide(Question(page, page, Kind.DOCUMENT), trace=True)
    freed = {step for step, rule in decision.trace if rule.effect is Effect.ALLOW}
    if Step.BLOCKING_OFF in freed:
        return False
    return bool(answer["blocked"]) if freed & ALLOWED else True


def stop_written(lists: Iterable[FilterList], page: str) -> bool:
    """Whether lists by themselves stop the scripts that are written in a page."""
    rules = [replace(rule, action="", kinds=Kind.DOCUMENT) for each in lists for rule in each.rules
             if rule.action == "inline-script" or (not rule.action and ALL_OPTION.search(rule.text))]  # fmt: skip
    found = Index.build([FilterList("written", "adblock", rules=rules)]).verdict(
        Request.parse(page, page, Kind.DOCUMENT)
    )
    return found is not None and found[0] is Effect.BLOCK


def check(way: Way, part: str, judges: Sequence[Judged], seed: int | None = None) -> None:
    """Compare and write it down; fail with the smallest worlds that show what no gap explains."""
    began = time.monotonic()
    found = compare(way, judges)

    def disagrees(world: World, question: Question) -> bool:
        return bool(compare(way, [Judged(world)]).wrong)

    small = [shrink(judged.world, question, disagrees) for judged, question, _ in found.wrong[:SHOWN]]
    told_of = "\n\n".join([f"{len(found.wrong)} of {found.questions} differ, seed {seed}", *map(str, small)])
    assert not found.wrong, told_of
    seconds = time.monotonic() - began
    record(
        "ubo-core", part, questions=found.questions, agreed=found.agreed, gaps=found.gaps, seed=seed, seconds=seconds
    )


class Reading:
    """A list's text as we read it, beside uBO, which is given the text itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parsed = PARSERS["adblock"](text, "list")

    @cached_property
    def index(self) -> Index:
        """Return the rules, without what the list itself takes away."""
        settle_badfilters([self.parsed], self.parsed.badfilters)
        return Index.build([self.parsed])

    def blocked(self, question: Question) -> bool:
        """Return what the list says of a request."""
        if question.inline:
            return stop_written([self.parsed], question.page)
        found = self.index.verdict(question.request)
        return found is not None and found[0] is Effect.BLOCK

    def read_otherwise(self, question: Question, answer: Answer) -> set[str]:
        """Return the lines at hand that we refuse, or write otherwise since uBO reads them otherwise than others."""
        pages = question.kind is Kind.DOCUMENT  # uBO's strict blocking heeds rules that say nothing of kinds
        rules: list[Rule] = self.index.matching(question.request)
        every = (rule for rule in self.parsed.rules if pages)
        rules += [rule for rule in every if matches(replace(rule, kinds=ALL_KINDS), question.request)]
        said = (answer["filter"] or "").partition("$")[0]
        as_host = said.removeprefix("@@").removesuffix("^") + "|"  # `||name|` is `||name^` to uBO
        rules += [rule for rule in self.parsed.rules if rule.pattern == as_host]
        refused = {said} & self.refused
        return refused | {rule.text for rule in rules if is_rewritten(rule, pages)}

    @cached_property
    def refused(self) -> set[str]:
        """Return the patterns that make no rule of ours: they speak of all below a public suffix."""
        taken = {rule.origin.line for rule in (*self.parsed.rules, *self.parsed.badfilters)}
        names = self.parsed.subtree | self.parsed.allow_subtree
        lines = enumerate(self.text.splitlines(), start=1)
        return {
            line.partition("$")[0] for number, line in lines if number not in taken and line.strip("@|^") not in names
        }


def is_rewritten(rule: Rule, pages: bool) -> bool:
    """Whether we write a line otherwise; that a pattern without kinds speaks of no page bears on pages alone."""
    nearest = with_nearest(rule)
    line = network_line(nearest)[0] if nearest else ""
    if not pages:
        line = line.removesuffix("~document").removesuffix("$").removesuffix(",")
    return line != rule.text


def as_written(judges: Sequence[Judged], name: str) -> Found:
    """Ask uBO of the text of that list in each world, and the list by itself of our reading."""
    readings = [Reading(judged.world.lists[name]) for judged in judges]
    given = (
        Asked([reading.text], [question.request for question in judged.world.questions])
        for reading, judged in zip(readings, judges, strict=True)
    )
    found = Found()
    for judged, reading, answers in zip(judges, readings, ask_many(given), strict=True):
        for question, answer in zip(judged.world.questions, answers, strict=True):
            blocked = reading.blocked(question)
            lines = reading.read_otherwise(question, answer) if answer["blocked"] != blocked else set()
            found.add(judged, question, answer, blocked, {"rewritten"} if lines else set())
    return found
