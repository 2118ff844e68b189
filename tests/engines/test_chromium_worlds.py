"""Generated worlds: Chromium's declarativeNetRequest, with what we write loaded, answers as `decide()` does.

$BLOCKCTL_SEED draws other worlds, $BLOCKCTL_QUESTIONS so many questions (24,000 else).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from blockctl.model.request import Kind
from tests.engines.chromium import Chromium
from tests.engines.chromium_compare import Told
from tests.engines.judge import Judged
from tests.engines.require import require
from tests.engines.wide_worlds import wide_worlds
from tests.engines.worlds import World, worlds

SEED = int(os.environ.get("BLOCKCTL_SEED", "20261121"))
QUESTIONS = int(os.environ.get("BLOCKCTL_QUESTIONS", "24000"))
PER_WORLD = 200


FRAMES = 40  # worlds


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    require("chromium")
    with Chromium() as browser:
        yield browser


def check(chromium: Chromium, drawn: Sequence[World]) -> None:
    """Every answer is that of `decide()`, or a gap of that very rule explains it."""
    began = time.monotonic()
    told = Told()
    for world in drawn:
        told.ask(chromium, Judged(world))
    assert not told.wrong, f"seed {SEED}: {len(told.wrong)} of {told.asked} differ\n\n{told.smallest(chromium)}"
    told.close("worlds", time.monotonic() - began, SEED)


def test_worlds(chromium: Chromium) -> None:
    check(chromium, wide_worlds(SEED, QUESTIONS // PER_WORLD, questions=PER_WORLD))


def test_what_the_policy_says_holds_in_frames(chromium: Chromium) -> None:
    """Without lists, for a rule of a list has the frame as its page, and `decide()` the page around it."""
    check(chromium, [from_frames(world) for world in worlds(SEED, FRAMES, questions=PER_WORLD)])


def from_frames(world: World) -> World:
    """Return the policy alone, its requests asked for by frames of all pages."""
    random, pages = Random(SEED), [each.page for each in world.questions]
    asked = [
        replace(each, frame=random.choice((each.url, *pages)))
        for each in world.questions
        if each.kind is not Kind.DOCUMENT
    ]
    return replace(world, lists=dict.fromkeys(world.lists, ""), questions=list(dict.fromkeys(asked)))
