"""Generated worlds: uBlock Origin's engines, given what we write, answer as `decide()` does; given a list as it was
written, as our reading of it does.

$BLOCKCTL_SEED draws other worlds, $BLOCKCTL_QUESTIONS so many questions (40,000 else) for each output.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from random import Random
from urllib.parse import urlsplit

import pytest

from blockctl.model.request import Kind
from tests.engines.judge import Judged
from tests.engines.require import require
from tests.engines.ubo_compare import as_written, check
from tests.engines.ubo_outputs import WAYS, Way
from tests.engines.wide_worlds import wide_worlds
from tests.engines.worlds import ADDRESS, Question, World

SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))
QUESTIONS = int(os.environ.get("BLOCKCTL_QUESTIONS", "40000"))
PER_WORLD = 200
INLINE = (
    "||{0}^$inline-script", "||{0}^$inline-script,important", "/ads/$inline-script", "*$inline-script,domain={0}",
    "||{0}^$script,inline-script", "||{0}^$inline-script,domain=~{1}", "||{0}^$all,important",
)  # fmt: skip


@cache
def drawn() -> list[Judged]:
    made = wide_worlds(SEED, QUESTIONS // PER_WORLD, questions=PER_WORLD)
    random = Random(SEED)
    judges = [Judged(with_inline_lines(with_inline_scripts(world), random)) for world in made]
    return [replace_questions(judged) for judged in judges]


def with_inline_scripts(world: World) -> World:
    """Return the world with a script that is written in the page for every fifth one that it loads."""
    asked = dict.fromkeys(
        replace(each, url=each.page, inline=True) if each.kind is Kind.SCRIPT and number % 5 == 0 else each
        for number, each in enumerate(world.questions)
    )
    return replace(world, questions=list(asked))


def with_inline_lines(world: World, random: Random) -> World:
    """Return the world, one in three with a line that stops the scripts written in pages, and maybe an exception."""
    if random.random() > 1 / 3:
        return world
    names = sorted({str(urlsplit(each.page).hostname) for each in world.questions} - {ADDRESS})
    some = random.sample([*names, "other.net"], 2)
    lines = [random.choice(INLINE), *(["@@||{0}^$inline-script"] if random.random() < 1 / 3 else [])]
    text = "".join(f"{line.format(*some)}\n" for line in lines)
    return replace(world, lists=world.lists | {"web.txt": world.lists["web.txt"] + text})


def replace_questions(judged: Judged) -> Judged:
    """Leave out the scripts written in pages that never open."""
    closed = {each.page for each in judged.world.questions if each.inline and is_closed(judged, each.page)}
    kept = [each for each in judged.world.questions if not (each.inline and each.page in closed)]
    judged.world = replace(judged.world, questions=kept)
    return judged


def is_closed(judged: Judged, page: str) -> bool:
    return judged.decide(Question(page, page, Kind.DOCUMENT)).blocked


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name) for way in WAYS])
def test_outputs(way: Way) -> None:
    require("ubo-core")
    check(way, "worlds", drawn(), SEED)


def test_lists_as_written() -> None:
    """Where uBO reads a line otherwise than its syntax says, that line is one that we write for it in another form."""
    require("ubo-core")
    found = as_written(drawn(), "web.txt")
    shown = [f"{question}: uBO {answer}\n{judged.world}" for judged, question, answer in found.wrong[:3]]
    assert not found.wrong, "\n\n".join([f"{len(found.wrong)} of {found.questions} differ, seed {SEED}", *shown])
    print(f"as written: {found.questions:,} questions, {found.agreed:,} agreed, {found.gaps.total():,} on such lines")
    assert found.gaps.total() < found.questions // 20
