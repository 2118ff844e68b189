"""`why` says what the resolver that serves here does, where it heeds more of a list than other DNS servers can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import Run, runner

NAMES = "".join(f"ads{number}.example.org\n" for number in range(9))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text("version: 1\nlists:\n  - {name: ads, path: ads.txt, use: [dns]}\n")
    (tmp_path / "ads.txt").write_text(NAMES + "/^track[0-9]+\\./\n")
    return runner(tmp_path, monkeypatch, capfd)


def test_the_resolvers_own_rules_are_told_once_it_serves(run: Run) -> None:
    asked = ("why", "track7.example.net")
    assert run(*asked).status == 0
    assert run("compile", "resolver").status == 0
    told = run(*asked, "--json")
    found = json.loads(told.out)
    assert told.status == 1
    assert not found["engines"]["dns"]["blocked"]
    assert found["engines"]["resolver"]["blocked"]
    assert found["engines"]["resolver"]["rule"]["line"] == 10
    for command in found["commands"]:
        assert command.startswith("blockctl allow track7.example.net")
    assert run(*found["commands"][-1].split()[1:]).status == 0
    assert run(*asked).status == 0


def test_nothing_is_said_where_it_decides_alike(run: Run) -> None:
    assert run("compile", "resolver").status == 0
    found = json.loads(run("why", "ads3.example.org", "--json").out)
    assert found["engines"]["dns"]["blocked"]
    assert "resolver" not in found["engines"]
