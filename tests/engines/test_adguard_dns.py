"""AdGuard's own DNS engine (Go module urlfilter) answers every name as `decide_name` says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from blockctl.backends import adguard
from tests.backends.dns_worlds import names_below, text_of, together, world
from tests.dns.ruleworlds import SOMEBODY, A, wire
from tests.dns.ruleworlds import rules as ours_of
from tests.model.say import policy

PROGRAM = Path(__file__).parent / "adguard"
MODULES = Path(os.environ.get("GOMODCACHE", Path.home() / "go/pkg/mod"))

if not shutil.which("go") or not (MODULES / "github.com/!adguard!team/urlfilter@v0.19.0").is_dir():
    pytest.skip("needs go, and `go mod download` in tests/engines/adguard", allow_module_level=True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("adguard") / "engine"
    environment = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly"}
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=PROGRAM, env=environment, check=True)
    return program


def blocked(engine: Path, rules: Path, names: Iterable[str]) -> set[str]:
    asked = subprocess.run(
        [str(engine), str(rules)], input="\n".join(names), capture_output=True, check=True, text=True
    )
    return set(asked.stdout.split())


def test_random_worlds(engine: Path, tmp_path: Path) -> None:
    made = together(world(Random(seed), f"w{seed}.test") for seed in range(200))
    rules = tmp_path / "rules.txt"
    rules.write_text(text_of(made.output(adguard)))
    assert blocked(engine, rules, made.names) == made.blocked()
    assert rules.read_text().count("denyallow=") > 20


@pytest.mark.parametrize("browser_lines", [False, True])
def test_a_list_for_dns_alone_is_read_alike(engine: Path, tmp_path: Path, browser_lines: bool) -> None:
    draw = Random(7)
    written = ("{}", "{}", "{} # {}", "||{}^", "|{}^", "||*.{}^", "@@||{}^", "@@|{}^", "||{}^$important")
    some = [draw.sample(names_below(f"w{at}.test", 2), 5) for at in range(200)]
    lines = [draw.choice(written).format(name, name) for names in some for name in names]
    if browser_lines:  # without `|name^`, which means a name only in a list that speaks of nothing but hosts
        lines = [line for line in lines if not line.lstrip("@").startswith(("|w", "|a", "|b", "||*"))]
        lines += ["/ads/banner.$image", "w.test##.ad", "||w.test/ads/$script"] * len(lines)
    rules = tmp_path / "rules.txt"
    rules.write_text("\n".join(lines))
    asked = [name for at in range(200) for name in names_below(f"w{at}.test", 3)]
    ours = ours_of(policy(), rules.read_bytes(), browser=False)
    assert blocked(engine, rules, asked) == {name for name in asked if ours.verdict(wire(name), A, SOMEBODY).blocked}
