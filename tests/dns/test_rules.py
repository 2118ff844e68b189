"""What is blocked: that the file, its conditions and the policy over them say what `decide_name` says."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from blockctl.dns.overlay import lay
from blockctl.dns.rules import Rules
from blockctl.model.decide import Step, decide_name, yields
from blockctl.model.diagnostic import Origin
from blockctl.model.index import Index
from blockctl.policy.merge import page_exceptions
from tests.backends.dns_worlds import World, world
from tests.dns.ruleworlds import SOMEBODY, A, lists_of, wire


def worlds(seed: int) -> World:
    made = world(Random(seed), top="w.test" if seed % 3 else "w.co.uk")
    for parsed in made.lists:
        parsed.rules = [replace(rule, origin=Origin(parsed.file, RULES + at)) for at, rule in enumerate(parsed.rules)]
    if seed % 5 == 0:
        made.policy = replace(made.policy, blocking=False)
    return made


@pytest.mark.parametrize("seed", range(150))
def test_as_decide_name(seed: int) -> None:
    said = worlds(seed)
    index, given = Index.build(said.lists), yields(said.policy, page_exceptions(said.lists))
    made = lists_of(said.lists, said.policy)
    assert made.plain
    found = Rules(made, lay(said.policy, made.yields(said.policy)))
    for name in said.names:
        decision = decide_name(said.policy, index, name, given, trace=True)
        verdict = found.verdict(wire(name), A, SOMEBODY)
        step = verdict.reason.step if verdict.reason else Step.DEFAULT
        assert (verdict.blocked, step) == (decision.blocked, decision.step), name
        if verdict.reason and verdict.reason.step in OF_LISTS:
            # an entry stands for all lines that say as much; that of a rule with holes may cover what it leaves out
            rule, spoken = verdict.reason.rule, [each for _, each in decision.trace]
            assert rule.origin.line >= RULES or any(
                (rule.effect, rule.origin.file) == (each.effect, each.origin.file) for each in spoken
            )
        elif verdict.reason:
            assert verdict.reason.rule == decision.rule


RULES = 90  # the first line of a list's rules; its names stand before
OF_LISTS = (Step.LIST_IMPORTANT, Step.LIST_EXCEPTION, Step.LIST_BLOCK)


@pytest.mark.parametrize("seed", range(150))
def test_a_block_of_the_table_is_final_where_the_policy_is_silent(seed: int) -> None:
    """What the hot path goes by, without the rest of the rules."""
    said = worlds(seed)
    made = lists_of(said.lists, said.policy)
    found = Rules(made, lay(said.policy, made.yields(said.policy)))
    for name in map(wire, said.names):
        place = found.table.find(name)
        above = [name[at:] for at in range(len(name)) if name[at:] in found.overlay_names]
        if place >= 0 and found.table.blocks(place) and not above:
            assert found.verdict(name, A, SOMEBODY).blocked
