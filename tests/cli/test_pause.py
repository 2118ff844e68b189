"""`pause` and `resume`, for everybody and for one group of the resolver's clients."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blockctl.io import clock
from blockctl.io.pause import read_pauses
from tests.cli.run import Run, runner

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
POLICY = "version: 1\nresolver: {groups: {kids: {clients: [ipad]}, tv: {clients: [10.0.0.5]}}}\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return runner(tmp_path, monkeypatch, capfd)


def test_a_group_pauses_and_resumes(run: Run, tmp_path: Path) -> None:
    assert (
        run("pause", "10m", "--group", "kids").out == "Paused for kids in DNS, until 12:15: everything is let through\n"
    )
    assert run("show").out.startswith("Paused for kids in DNS, until 12:15: everything is let through\n")
    assert read_pauses(tmp_path / "state", NOW).of("kids")
    assert not read_pauses(tmp_path / "state", NOW).everybody.in_force
    assert run("resume", "--group", "kids").out == "The policy is in force for kids\n"
    assert "Paused" not in run("show").out
    assert (tmp_path / "policy.yaml").read_text() == POLICY


def test_until_resume(run: Run) -> None:
    said = run("pause", "--group", "tv").out
    assert said == "Paused for tv in DNS until `blockctl resume --group tv`: everything is let through\n"
    assert run("show").out.startswith("Paused for tv in DNS: everything is let through\n")


def test_everybody_pauses_on_when_a_group_resumes(run: Run) -> None:
    run("pause")
    run("pause", "1h", "--group", "kids")
    assert run("resume", "--group", "kids").out.startswith("The pause of kids is over, but everybody pauses")
    assert run("resume").out == "The policy is in force\n"


def test_resume_ends_every_pause(run: Run, tmp_path: Path) -> None:
    run("pause", "1h", "--group", "kids")
    run("resume")
    assert not read_pauses(tmp_path / "state", NOW).of("kids")


def test_json_names_the_group(run: Run) -> None:
    said = {"version": 1, "paused": True, "until": "2026-11-21T12:15:00Z", "group": "kids"}
    assert json.loads(run("pause", "10m", "--group", "kids", "--json").out) == said
    ended = {"version": 1, "paused": False, "until": None, "group": "kids"}
    assert json.loads(run("resume", "--group", "kids", "--json").out) == ended


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_group_that_is_not_there(run: Run, tmp_path: Path, command: str) -> None:
    done = run(command, "--group", "kid")
    assert (done.status, "no group 'kid'" in done.err, "did you mean `kids`?" in done.err) == (2, True, True)
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    done = run(command, "--group", "kids")
    assert (done.status, "groups of devices" in done.err) == (2, True)


def test_a_group_that_has_gone_is_told_and_can_be_forgotten(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("pause", "10m", "--group", "kids")
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    checked = run("check")
    assert (checked.status, "P020 the group kids pauses" in checked.out) == (0, True)
    assert run("resume", "--group", "kids").status == 0
    assert "P020" not in run("check").out
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    assert "P020" not in run("check").out
