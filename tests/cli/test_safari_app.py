"""`export safari-app`: the policy's own files in a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import Run, runner


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize("targets", ["", "targets: {mine: {backend: safari, path: out, min-version: '17.0'}}\n"])
def test_a_project_with_the_policys_rules(tmp_path: Path, run: Run, targets: str) -> None:
    (tmp_path / "policy.yaml").write_text(f"version: 1\nhosts: {{deny: [ads.example]}}\n{targets}")
    done = run("export", "safari-app", "-o", str(tmp_path / "app"))
    assert (done.status, "Blockctl.xcodeproj" in done.out) == (0, True), done.err
    rules = {path.name: json.loads(path.read_text()) for path in (tmp_path / "app" / "Rules").iterdir()}
    assert rules
    assert all(name.endswith(".json") for name in rules)
    assert "ads" in json.dumps(rules)
    for name in rules:
        assert (tmp_path / "app" / f"{name.removesuffix('.json')}-Info.plist").exists()
    assert (tmp_path / "app" / "Blockctl.xcodeproj" / "project.pbxproj").exists()


def test_it_is_a_folder(tmp_path: Path, run: Run) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nhosts: {deny: [ads.example]}\n")
    done = run("export", "safari-app")
    assert (done.status, "-o DIR" in done.err) == (2, True)
