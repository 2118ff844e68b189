"""The DNS files that no server here reads, judged by what their formats mean, on random worlds."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockctl.backends import adguard, dnsmasq, domains, hosts, rpz, unbound
from blockctl.backends.output import Output
from blockctl.model.decide import yields
from blockctl.model.names import covers
from blockctl.model.rule import Effect
from blockctl.policy.merge import page_exceptions
from tests.backends.dns_worlds import World, text_of, world

ALL = [
    (hosts, {}),
    (domains, {}),
    (domains, {"form": "wildcard"}),
    (dnsmasq, {}),
    (unbound, {}),
    (rpz, {}),
    (adguard, {}),
]
EACH = [pytest.param(module, options, id=f"{module.__name__[18:]}{'*' * len(options)}") for module, options in ALL]
worlds = st.integers(0, 1 << 32).map(lambda seed: world(Random(seed)))


def said(output: Output, comment: str = "#") -> list[str]:
    return [line for line in text_of(output).splitlines() if not line.startswith(comment)]


def named(made: World) -> set[str]:
    """Return every name that the lists name and block, or the policy denies by name."""
    names = {name for parsed in made.lists for name in parsed.exact | parsed.subtree}
    names |= {rule.host for parsed in made.lists for rule in parsed.rules if rule.effect is Effect.BLOCK}
    settled = made.settled()
    denied = {name for name, entry in made.policy.hosts.items() if not entry.allow}
    return denied | {name for name in names if settled.verdict(name) is Effect.BLOCK}


@given(worlds)
@settings(max_examples=200, deadline=None)
def test_single_names(made: World) -> None:
    """What is written is blocked, and of what is named all that is blocked is written, once."""
    blocked = made.blocked()
    plain = said(made.output(domains))
    assert [line.removeprefix("0.0.0.0 ") for line in said(made.output(hosts))] == plain
    assert len(plain) == len(set(plain))
    assert named(made) & blocked <= set(plain) <= blocked


@given(worlds)
@settings(max_examples=200, deadline=None)
def test_wildcards(made: World) -> None:
    """Nothing is blocked that should not be; what is named is blocked; where no gap is told nothing else differs."""
    output = made.output(domains, {"form": "wildcard"})
    lines = said(output)
    trees = [line[2:] for line in lines if line.startswith("*.")]
    found = {name for name in made.names if name in lines or any(covers(tree, name) for tree in trees)}
    blocked = made.blocked()
    assert found <= blocked
    below = {gap.text[2:] for gap in output.gaps.kept if gap.reason == "below"}
    assert named(made) & blocked - found <= {name for name in blocked if any(covers(top, name) for top in below)}
    if not output.gaps.count.keys() & {"hole", "below"}:
        assert found == blocked


def adguard_blocks(lines: list[str], name: str) -> bool:
    """Answer as AdGuard's engine: an important exception, an important block, an exception, a block."""
    tiers = set()
    for line in lines:
        pattern, _, options = line.removeprefix("@@").partition("$")
        values = dict(option.partition("=")[::2] for option in options.split(",") if option)
        holes = values.get("denyallow", "").split("|") if "denyallow" in values else []
        if adguard_matches(pattern, name) and not any(covers(hole, name) for hole in holes):
            tiers.add(("important" in values, line.startswith("@@")))
    for tier in ((True, True), (True, False), (False, True), (False, False)):
        if tier in tiers:
            return not tier[1]
    return False


def adguard_matches(pattern: str, name: str) -> bool:
    assert pattern.endswith("^")
    if pattern.startswith("||*."):
        return name.endswith(pattern[3:-1])
    return covers(pattern[2:-1], name) if pattern.startswith("||") else name == pattern[1:-1]


@given(worlds)
@settings(max_examples=200, deadline=None)
def test_adguard(made: World) -> None:
    lines = said(made.output(adguard), "!")
    assert {name for name in made.names if adguard_blocks(lines, name)} == made.blocked()


@pytest.mark.parametrize(("module", "options"), EACH)
@given(made=worlds)
@settings(max_examples=40, deadline=None)
def test_what_is_kept_in_a_file_serves_as_well(module: object, options: dict[str, str], made: World) -> None:
    """The bodies may be mapped files; nothing of them is changed, so they serve again."""
    given_names = yields(made.policy, page_exceptions(made.lists))
    fresh = made.output(module, options)  # type: ignore[arg-type]
    prepared = module.prepare(made.settled(), options)  # type: ignore[attr-defined]
    for name, body in prepared.bodies.items():
        if body:
            mapped = mmap.mmap(-1, len(body))
            mapped.write(body)
            prepared.bodies[name] = memoryview(mapped)
    for _ in range(2):
        again = module.emit(made.policy, given_names, prepared, options)  # type: ignore[attr-defined]
        assert text_of(again) == text_of(fresh)
        assert (again.rules_in, again.rules_out, again.gaps.count) == (
            fresh.rules_in,
            fresh.rules_out,
            fresh.gaps.count,
        )


@pytest.mark.parametrize(("module", "options"), EACH)
@given(made=worlds)
@settings(max_examples=40, deadline=None)
def test_counts(module: object, options: dict[str, str], made: World) -> None:
    """Rules out are the names spoken of, however many lines that takes."""
    output = made.output(module, options)  # type: ignore[arg-type]
    assert all(gap.reason in output.gaps.count for gap in output.gaps.kept)
    if module in (hosts, domains) and not options:
        assert output.rules_out == len(said(output)) + text_of(output).count("# let through")


SAME = """
import hashlib
from random import Random
from blockctl.backends import adguard, dnsmasq, domains, hosts, rpz, unbound
from tests.backends.dns_worlds import text_of, together, world
made = together(world(Random(seed), f"w{seed}.test") for seed in range(20))
texts = [text_of(made.output(each)) for each in (adguard, dnsmasq, domains, hosts, rpz, unbound)]
texts.append(text_of(made.output(domains, {"form": "wildcard"})))
print(hashlib.sha256("".join(texts).encode()).hexdigest())
"""


def test_same_input_same_bytes() -> None:
    """Whatever order sets have, which Python changes from run to run."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", SAME],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1
    assert len(runs.pop().strip()) == 64


def test_the_worlds_are_worth_asking() -> None:
    """In most of them something is blocked, something is let through again, and something below that is blocked."""
    nested = 0
    for seed in range(200):
        names = world(Random(seed)).settled()
        allowed = [*names.allow_subtree.decode().split(), *names.allow_below.decode().split()]
        blocks = (names.block_exact + names.block_subtree + names.block_below).decode().split()
        nested += any(covers(above, name) for above in allowed for name in blocks)
    assert nested > 20
