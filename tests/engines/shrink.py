"""The smallest world that still shows a disagreement: lines and entries go one by one as long as it stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from blockctl.policy.read import read_policy
from tests.engines.worlds import Question, World

Disagrees = Callable[[World, Question], bool]
ROUNDS = 20
ENTRY = re.compile(r"(?P<key>[a-z-]+): (?:\[[^]]*\]|[^,{}\[\]]+)(?:, )?")
NAME = re.compile(r'"[^"]*"(?:, )?')


def shrink(world: World, question: Question, disagrees: Disagrees) -> World:
    """Return a small world with that one question about which an engine still disagrees.

    `disagrees` asks the engine, so it is asked no more often than needed: whole halves of a list first, then lines,
    then options of lines, then entries of the policy. One that raises counts as "agrees": a smaller world that is no
    longer well formed is of no use.
    """
    small = replace(world, questions=[question])
    for _ in range(ROUNDS):
        smaller = next((each for each in _smaller(small) if _shows(each, question, disagrees)), None)
        if smaller is None:
            return small
        small = smaller
    return small


def _shows(world: World, question: Question, disagrees: Disagrees) -> bool:
    if read_policy(world.policy, "policy.yaml")[1]:
        return False
    try:
        return disagrees(world, question)
    except Exception:
        return False


def _smaller(world: World) -> Iterator[World]:
    """Yield worlds with a little less in them, those with much less first."""
    for name, text in world.lists.items():
        for lines in _fewer(text.splitlines(keepends=True)):
            yield replace(world, lists=world.lists | {name: "".join(lines)})
    for policy in _policies(world.policy):
        yield replace(world, policy=policy)
    for name, text in world.lists.items():
        for changed in _plainer(text):
            yield replace(world, lists=world.lists | {name: changed})


def _fewer(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines without half of them, without a quarter, and so on down to a single one."""
    size = len(lines)
    while size:
        for start in range(0, len(lines), size):
            yield lines[:start] + lines[start + size :]
        size //= 2


def _policies(policy: str) -> Iterator[str]:
    """Yield the policy without one line (and without a heading that has nothing left), entry or name."""
    lines = policy.splitlines(keepends=True)
    head = next(at for at, line in enumerate(lines) if line.startswith("lists:"))
    for kept in _fewer(lines[1:head]):
        yield _without_bare_headings("".join([lines[0], *kept, *lines[head:]]))
    for pattern in (ENTRY, NAME):
        for found in pattern.finditer(policy, len(lines[0]), policy.index("lists:")):
            text = policy[: found.start()] + policy[found.end() :]
            yield re.sub(r", *([}\]])", r"\1", text)


def _without_bare_headings(policy: str) -> str:
    return re.sub(r"^[a-z]+:\n(?! )", "", policy, flags=re.MULTILINE)


def _plainer(text: str) -> Iterator[str]:
    """Yield the text of a list with one option of a line gone."""
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        pattern, mark, options = line.rstrip("\n").rpartition("$")
        parts = options.split(",") if mark else []
        for gone in range(len(parts)):
            kept = ",".join(parts[:gone] + parts[gone + 1 :])
            yield "".join([*lines[:at], pattern + ("$" + kept if kept else "") + "\n", *lines[at + 1 :]])
