"""AdGuard's own DNS engine (Go module urlfilter) answers every name as `decide_name` says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from blockctl.backends import adguard
from tests.backends.dns_worlds import text_of, together, world

PROGRAM = Path(__file__).parent / "adguard"
MODULES = Path(os.environ.get("GOMODCACHE", Path.home() / "go/pkg/mod"))

if not shutil.which("go") or not (MODULES / "github.com/!adguard!team/urlfilter@v0.19.0").is_dir():
    pytest.skip("needs go, and `go mod download` in tests/engines/adguard", allow_module_level=True)


def test_random_worlds(tmp_path: Path) -> None:
    made = together(world(Random(seed), f"w{seed}.test") for seed in range(200))
    rules = tmp_path / "rules.txt"
    rules.write_text(text_of(made.output(adguard)))
    environment = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly"}
    engine = tmp_path / "engine"
    subprocess.run(["go", "build", "-o", str(engine), "."], cwd=PROGRAM, env=environment, check=True)
    asked = subprocess.run(
        [str(engine), str(rules)], input="\n".join(made.names), capture_output=True, check=True, text=True
    )
    assert set(asked.stdout.split()) == made.blocked()
    assert rules.read_text().count("denyallow=") > 20
