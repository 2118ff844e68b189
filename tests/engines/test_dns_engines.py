"""Real dnsmasq, unbound and BIND answer every name as `decide_name` says, on many random worlds at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from blockctl.backends import dnsmasq, rpz, unbound
from blockctl.model.diagnostic import Origin
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import HostEntry, Policy
from tests.backends.dns_worlds import World, text_of, together, world
from tests.engines.dns_engines import ask, serving
from tests.engines.require import require

BACKENDS = {"dnsmasq": dnsmasq, "unbound": unbound, "unbound-rpz": rpz, "bind": rpz}
ENGINES = [pytest.param(engine, id=engine) for engine in BACKENDS]
HERE = Origin("policy", 1)


def need(engine: str) -> None:
    require(engine.removesuffix("-rpz"))


@pytest.mark.parametrize("engine", ENGINES)
def test_random_worlds(engine: str, tmp_path: Path) -> None:
    need(engine)
    apart = engine != "unbound"  # its zones cannot part a name from what is below it, see the next test
    made = together(world(Random(seed), f"w{seed}.test", apart=apart) for seed in range(60))
    output = made.output(BACKENDS[engine])
    blocked = made.blocked()
    with serving(engine, text_of(output), tmp_path) as port:
        answers = ask(port, made.names)
    assert {name for name, answer in answers.items() if answer != "reached"} == blocked
    assert set(answers.values()) <= {"reached", "nxdomain", "nodata"}
    assert len(blocked) > len(made.names) / 10
    assert ("apart" in output.gaps.count) is False


def test_unbound_lets_through_what_it_cannot_part(tmp_path: Path) -> None:
    need("unbound")
    made = together(world(Random(seed), f"w{seed}.test") for seed in range(40))
    output = made.output(unbound)
    with serving("unbound", text_of(output), tmp_path) as port:
        answers = ask(port, made.names)
    wrong = {name for name, answer in answers.items() if answer != "reached"} ^ made.blocked()
    assert wrong <= made.blocked()
    parted = [gap.text.strip("@|^*.") for gap in output.gaps.kept if gap.reason == "apart"]
    assert all(any(name == top or name.endswith(f".{top}") for top in parted) for name in wrong)
    assert output.gaps.count["apart"] == len(parted) > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("answer", ["nxdomain", "nodata", "null", "refused"])
def test_answers(engine: str, answer: str, tmp_path: Path) -> None:
    need(engine)
    made = World([FilterList("list", "hosts", exact={"one.test"}, subtree={"all.test"})])
    made.policy = Policy("policy", hosts={"own.test": HostEntry("own.test", False, HERE)})
    output = made.output(BACKENDS[engine], {"answer": answer})
    names = ["one.test", "x.one.test", "all.test", "x.all.test", "own.test", "x.own.test"]
    with serving(engine, text_of(output), tmp_path) as port:
        answers = ask(port, names)
    for_all, for_one = EXPECTED[engine].get(answer, (answer, answer))
    assert answers == dict.fromkeys(names, for_all) | {"one.test": for_one, "x.one.test": "reached"}
    assert bool(output.notes) == ((for_all, for_one) != (answer, answer))


# engine -> answer asked for -> what it can do for whole regions, and for a name alone
EXPECTED: dict[str, dict[str, tuple[str, str]]] = {
    "dnsmasq": {"nodata": ("nxdomain", "nxdomain"), "refused": ("nxdomain", "nxdomain")},
    "unbound": {"nxdomain": ("nxdomain", "nodata"), "refused": ("refused", "nodata")},
    "unbound-rpz": {"refused": ("nxdomain", "nxdomain")},
    "bind": {"refused": ("nxdomain", "nxdomain")},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pause_blocks_nothing(engine: str, tmp_path: Path) -> None:
    need(engine)
    made = together(world(Random(seed), f"w{seed}.test") for seed in range(3))
    made.policy = replace(made.policy, paused=True)
    with serving(engine, text_of(made.output(BACKENDS[engine])), tmp_path) as port:
        assert set(ask(port, made.names).values()) == {"reached"}
