"""Generated worlds asked of every engine that sees names: a running `blockctl serve`, unbound, BIND and dnsmasq.

All get what the compiler writes of the same policy and lists; each is compared with `decide_name()`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Protocol

import pytest

from blockctl.backends.output import Output
from blockctl.io.lists import builtin
from blockctl.policy.read import read_policy
from tests.engines import dns_engines
from tests.engines.dns_engines import Upstream
from tests.engines.judge import Judged
from tests.engines.ledger import record
from tests.engines.name_worlds import NEAR, Together, drawn
from tests.engines.require import require
from tests.engines.worlds import World
from tests.serve.running import serving

SEED = 20261121
QUESTIONS = 20_000
BACKENDS = {"unbound": "unbound", "unbound-rpz": "rpz", "bind": "rpz", "dnsmasq": "dnsmasq"}
ENGINES = [pytest.param(engine, id=engine) for engine in BACKENDS]
RESOLVER = ""","resolver": {{"listen": ["127.0.0.1:PORT"], "upstreams": ["127.0.0.1:{upstream}"], "log": "off"}}"""


@contextmanager
def own_resolver(made: Together, folder: Path) -> Iterator[int]:
    """Run `blockctl serve` on the worlds; give its port."""
    upstream = Upstream()
    upstream.start()
    for name, text in made.lists.items():
        (folder / name).write_text(text, encoding="utf-8")
    try:
        with serving(folder, made.world(RESOLVER.format(upstream=upstream.port)).policy) as running:
            yield running.port
    finally:
        upstream.stop()


def compare(engine: str, port: int, asked: Asked, output: Output | None, part: str, seed: int | None = None) -> None:
    """Ask for every name and write down how it compares with `decide_name()`."""
    began = time.monotonic()
    answers = dns_engines.ask(port, asked.names)
    assert set(answers.values()) <= {"reached", "nxdomain", "nodata"}
    differ = {name for name in asked.names if (answers[name] != "reached") is not (name in asked.blocked)}
    parted = parted_names(output) if output else set()
    given = {name for name in differ & asked.blocked if is_at_or_below(name, parted)}  # let through: see the gap
    assert differ == given, sorted(differ - given)[:20]
    record(
        engine, part, questions=len(asked.names), agreed=len(asked.names) - len(differ),
        gaps=+Counter(apart=len(given)), seed=seed, seconds=time.monotonic() - began,
    )  # fmt: skip


class Asked(Protocol):
    """Names, and those of them that `decide_name()` blocks."""

    @property
    def names(self) -> list[str]: ...

    @property
    def blocked(self) -> set[str]: ...


def parted_names(output: Output) -> set[str]:
    """Return the names that unbound's zones cannot part from what is below them: there both are let through."""
    return {gap.text.strip("@|^*.") for gap in output.gaps.kept if gap.reason == "apart"}


def is_at_or_below(name: str, tops: set[str]) -> bool:
    labels = name.split(".")
    return any(".".join(labels[start:]) in tops for start in range(len(labels)))


def some_are_blocked(asked: Asked) -> bool:
    """Whether a comparison of these can show anything."""
    return len(asked.names) / 10 < len(asked.blocked) < len(asked.names) * 9 / 10


def test_our_resolver(tmp_path: Path) -> None:
    made = drawn(SEED, QUESTIONS)
    assert some_are_blocked(made)
    with own_resolver(made, tmp_path) as port:
        compare("blockctl", port, made, None, "worlds", SEED)


@pytest.mark.parametrize("engine", ENGINES)
def test_engines(engine: str, tmp_path: Path) -> None:
    require(engine.removesuffix("-rpz"))
    made = drawn(SEED, QUESTIONS)
    output = Judged(made.world()).output(BACKENDS[engine])
    with dns_engines.serving(engine, b"".join(output.files[""]).decode(), tmp_path) as port:
        compare(engine, port, made, output, "worlds", SEED)


@dataclass
class Example:
    """An example policy with the lists that it names, and names on them, beside them and in the policy."""

    judged: Judged
    names: list[str]

    @cached_property
    def blocked(self) -> set[str]:
        return {name for name in self.names if self.judged.decide_name(name).blocked}


@cache
def example(name: str) -> Example:
    text = (resources.files("blockctl.configs") / f"{name}.yaml").read_text(encoding="utf-8")
    sources = read_policy(text, name)[0].lists
    judged = Judged(World(text, {source.path: shipped_text(source.path) for source in sources}, []))
    policy = judged.policy
    own = {*policy.sites, *policy.hosts, *policy.protect, *(e.host for s in policy.sites.values() for e in s.hosts)}
    listed = {str(n) for each in judged.dns_lists for n in each.subtree | each.exact | each.allow_subtree}
    listed |= {rule.host for each in judged.dns_lists for rule in each.rules if rule.host}
    return Example(judged, sorted({f"{near}{name}" for name in own | listed for near in NEAR}))


def shipped_text(path: str) -> str:
    return builtin(path.removeprefix("builtin:")).decode()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_example_policy_for_names(engine: str, tmp_path: Path) -> None:
    require(engine.removesuffix("-rpz"))
    asked = example("js-denylist-dns")
    assert some_are_blocked(asked)
    output = asked.judged.output(BACKENDS[engine])
    with dns_engines.serving(engine, b"".join(output.files[""]).decode(), tmp_path) as port:
        compare(engine, port, asked, output, "configs")
