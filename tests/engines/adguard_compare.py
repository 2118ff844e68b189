"""Questions asked of AdGuard's engine, given what we write for its extension and for Safari, against `decide()`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from blockctl.backends.output import Gaps, Output
from tests.engines.adguard_core import World as Asked
from tests.engines.adguard_core import ask_many
from tests.engines.judge import Judged
from tests.engines.ledger import record
from tests.engines.shrink import shrink
from tests.engines.ubo_compare import SHOWN, Found
from tests.engines.worlds import Question, World

ENGINES = {"adguard-browser": "adguard-core", "adguard-safari": "adguard-safari"}  # backend -> its name in the ledger


def told(judged: Judged, backend: str) -> tuple[Output, str]:
    """Return what the backend makes of a world, and its text."""
    output = judged.output(backend)
    return output, b"".join(bytes(chunk) for chunk in output.files[""]).decode()


def compare(backend: str, judges: Sequence[Judged]) -> Found:
    """Ask of each world."""
    given = [told(judged, backend) for judged in judges]
    safari = backend == "adguard-safari"
    answers = ask_many(
        Asked([text], [question.request for question in judged.world.questions], safari)
        for judged, (_, text) in zip(judges, given, strict=True)
    )
    found = Found()
    for judged, (output, _), each in zip(judges, given, answers, strict=True):
        files = replace(output, gaps=_of_requests(output.gaps))
        for question, answer in zip(judged.world.questions, each, strict=True):
            blocked = judged.decide(question).blocked
            forgiving = output if question.inline else files
            differs = answer["blocked"] != blocked
            reasons = judged.explained_by(forgiving, backend, question, answer["blocked"]) if differs else set()
            found.add(judged, question, answer, blocked, reasons)
    return found


def _of_requests(gaps: Gaps) -> Gaps:
    """Return the gaps but those that speak only of scripts written in a page."""
    left = Gaps()
    for gap in gaps.kept:
        if gap.reason != "inline":
            left.add(gap.reason, gap.origin, gap.text)
    return left


def check(backend: str, part: str, judges: Sequence[Judged], seed: int | None = None) -> Found:
    """Compare and write it down; fail with the smallest worlds that show what no gap explains."""
    began = time.monotonic()
    found = compare(backend, judges)

    def disagrees(world: World, question: Question) -> bool:
        return bool(compare(backend, [Judged(world)]).wrong)

    small = [shrink(judged.world, question, disagrees) for judged, question, _ in found.wrong[:SHOWN]]
    shown = "\n\n".join([f"{len(found.wrong)} of {found.questions} differ, seed {seed}", *map(str, small)])
    assert not found.wrong, shown
    record(
        ENGINES[backend], part, questions=found.questions, agreed=found.agreed, gaps=found.gaps, seed=seed,
        seconds=time.monotonic() - began,
    )  # fmt: skip
    return found
