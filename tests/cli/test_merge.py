"""`blockctl merge`: by hand, for git, and for the copies that services leave beside the policy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blockctl.io.copies import find_copies
from blockctl.io.kept_policies import common_base, known, remember
from tests.cli.run import Run, runner

BASE = "version: 1\nsites:\n  a.example: {javascript: deny}\n  # b\n  b.example: {blocking: off}\n"
OURS = BASE.replace("deny", "allow")
THEIRS = BASE + "  c.example: {blocking: off}  # theirs\n"
BOTH = THEIRS.replace("deny", "allow")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capfd)


def three(folder: Path, base: str = BASE, ours: str = OURS, theirs: str = THEIRS) -> list[str]:
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(text)
    return [str(folder / name) for name in ("base", "ours", "theirs")]


def test_three_files_are_merged_into_ours(tmp_path: Path, run: Run) -> None:
    done = run("merge", *three(tmp_path))
    assert done.status == 0
    assert (tmp_path / "ours").read_text() == BOTH
    assert (tmp_path / "theirs").read_text() == THEIRS


def test_into_another_file(tmp_path: Path, run: Run) -> None:
    assert run("merge", *three(tmp_path), "-o", str(tmp_path / "out")).status == 0
    assert (tmp_path / "out").read_text() == BOTH
    assert (tmp_path / "ours").read_text() == OURS


def test_a_conflict_is_told_with_both_values_and_lines(tmp_path: Path, run: Run) -> None:
    done = run("merge", *three(tmp_path, theirs=BASE.replace("deny", "first-party")))
    assert done.status == 1
    assert "conflict at sites: a.example: javascript" in done.err
    assert "ours (line 3): allow" in done.err
    assert "theirs (line 3): first-party" in done.err
    text = (tmp_path / "ours").read_text()
    assert "  # conflict: javascript: theirs said  first-party\n  a.example: {javascript: allow}\n" in text


def test_conflicts_for_programs(tmp_path: Path, run: Run) -> None:
    done = run("merge", *three(tmp_path, theirs=BASE.replace("deny", "first-party")), "--json")
    (conflict,) = json.loads(done.out)["merges"][0]["conflicts"]
    assert conflict["path"] == ["sites", "a.example", "javascript"]
    assert (conflict["ours"], conflict["theirs"]) == ("allow", "first-party")


@pytest.mark.parametrize(
    ("which", "text"),
    [("theirs", "version: 1\nsites: {\n"), ("ours", "version: 1\nsits: {}\n"), ("base", "no policy\n")],
)
def test_what_is_no_policy_changes_nothing(tmp_path: Path, run: Run, which: str, text: str) -> None:
    files = three(tmp_path)
    (tmp_path / which).write_text(text)
    before = (tmp_path / "ours").read_bytes()
    done = run("merge", *files)
    assert done.status == 2
    assert f"{tmp_path / which}:" in done.err
    assert (tmp_path / "ours").read_bytes() == before


def test_two_files_are_one_too_few(run: Run) -> None:
    assert run("merge", "a", "b").status == 2


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "merge.blockctl.driver", f"{sys.executable} -m blockctl merge %O %A %B --name %P")
    (folder / ".gitattributes").write_text("policy.yaml merge=blockctl\n")
    (folder / "policy.yaml").write_text(BASE)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    return folder


def branches(folder: Path, ours: str, theirs: str) -> subprocess.CompletedProcess[str]:
    git(folder, "checkout", "-qb", "theirs")
    (folder / "policy.yaml").write_text(theirs)
    git(folder, "commit", "-qam", "theirs")
    git(folder, "checkout", "-q", "main")
    (folder / "policy.yaml").write_text(ours)
    git(folder, "commit", "-qam", "ours")
    return git(folder, "merge", "theirs", "-m", "both")


def test_git_merges_with_it(repository: Path) -> None:
    theirs = BASE.replace("  # b\n", "  c.example: {blocking: off}  # theirs\n  # b\n").replace(
        "deny}", "deny, note: n}"
    )
    done = branches(repository, OURS, theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "policy.yaml").read_text() == theirs.replace("deny", "allow")
    assert not git(repository, "status", "--porcelain").stdout


def test_git_is_told_of_a_conflict_and_the_file_can_be_served(repository: Path) -> None:
    done = branches(repository, OURS, BASE.replace("deny", "first-party"))
    assert done.returncode == 1
    assert "CONFLICT" in done.stdout
    assert "policy.yaml: conflict at sites: a.example: javascript" in done.stderr
    assert "policy.yaml: merged; 1 conflict, ours kept\n" in done.stdout
    assert ".merge_file" not in done.stdout + done.stderr
    assert "UU policy.yaml" in git(repository, "status", "--porcelain").stdout
    text = (repository / "policy.yaml").read_text()
    assert "# conflict: javascript: theirs said  first-party" in text
    assert "<<<<" not in text


def test_git_is_told_what_is_wrong_with_a_side_by_its_name(repository: Path) -> None:
    done = branches(repository, OURS, BASE + "sits: {}\n")
    assert done.returncode == 1
    assert "policy.yaml (theirs):" in done.stderr
    assert ".merge_file" not in done.stdout + done.stderr


NAMES = [
    "policy 2.yaml",
    "policy (Anna's conflicted copy 2026-11-21).yaml",
    "policy (In Konflikt stehende Kopie von Anna 2026-11-21).yaml",
    "policy (copie en conflit de Anna 2026-11-21).yaml",
    "policy (conflicted copy 2026-11-21 101010).yaml",
    "policy.sync-conflict-20261121-101010-ABCDEFG.yaml",
    "policy_conflict-20261121-101010.yaml",
    "policy-DESKTOP-4F2K9QX.yaml",
    "policy (1).yaml",
]
OTHERS = ["policy.yaml", "policy-kids.yaml", "policy.yaml.bak", "policy2.yaml", "my policy 2.yaml", "policy (old).yaml"]


def test_copies_are_known_by_their_names(tmp_path: Path) -> None:
    for name in (*NAMES, *OTHERS):
        (tmp_path / name).write_text(BASE)
    assert [path.name for path in find_copies(tmp_path / "policy.yaml")] == sorted(NAMES)


def test_copies_beside_the_file_that_a_link_leads_to_are_found(tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "cloud/policy.yaml").write_text(BASE)
    (tmp_path / "cloud/policy 2.yaml").write_text(BASE)
    (tmp_path / "mine.yaml").symlink_to(tmp_path / "cloud/policy.yaml")
    assert [path.name for path in find_copies(tmp_path / "mine.yaml")] == ["policy 2.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_merged_by_what_both_began_with_and_put_away(tmp_path: Path, run: Run, name: str) -> None:
    remember(tmp_path / "state", BASE, OURS)
    (tmp_path / "policy.yaml").write_text(OURS)
    (tmp_path / name).write_text(THEIRS.replace("  # b\n  b.example: {blocking: off}\n", ""))
    checked = run("check")
    assert "P024" in checked.out
    assert name in checked.out
    done = run("merge")
    assert done.status == 0, done.err
    assert (tmp_path / "policy.yaml").read_text() == BOTH.replace("  # b\n  b.example: {blocking: off}\n", "")
    assert not (tmp_path / name).exists()
    assert [path.name.partition(" ")[2] for path in (tmp_path / "state/copies").iterdir()] == [name]
    assert "P024" not in run("check").out
    assert "nothing to merge" in run("merge").out


def test_without_an_earlier_version_nothing_of_either_is_lost(tmp_path: Path, run: Run) -> None:
    (tmp_path / "policy.yaml").write_text(OURS)
    (tmp_path / "policy 2.yaml").write_text(THEIRS.replace("b.example", "d.example"))
    assert run("merge").status == 1
    text = (tmp_path / "policy.yaml").read_text()
    for word in ("javascript: allow", "b.example", "c.example", "d.example", "# theirs", "theirs said  deny"):
        assert word in text


def test_a_copy_that_is_no_policy_stays_and_changes_nothing(tmp_path: Path, run: Run) -> None:
    (tmp_path / "policy.yaml").write_text(OURS)
    (tmp_path / "policy 2.yaml").write_text("version: 1\nsites: [\n")
    assert run("merge").status == 2
    assert (tmp_path / "policy.yaml").read_text() == OURS
    assert (tmp_path / "policy 2.yaml").exists()


def test_the_nearest_earlier_version_is_what_both_began_with() -> None:
    assert common_base([], THEIRS) == ""
    assert common_base([OURS, BASE], THEIRS) == BASE


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("later", [False, True])
def test_copies_of_several_devices_lose_nothing_of_one_another(
    tmp_path: Path, run: Run, remembered: bool, later: bool
) -> None:
    start = "version: 1\nsites:\n  all.example: {javascript: deny}\n"
    ours = f"{start}  ours.example: {{javascript: deny}}\n"
    (tmp_path / "policy.yaml").write_text(ours)
    if remembered:  # as `serve` does with what it follows
        remember(tmp_path / "state", ours)
    for number in (2, 3, 4):
        (tmp_path / f"policy {number}.yaml").write_text(f"{start}  from{number}.example: {{javascript: deny}}\n")
        if later:
            assert run("merge").status == 0
    assert later or run("merge").status == 0
    text = (tmp_path / "policy.yaml").read_text()
    assert [name for name in ("all", "ours", "from2", "from3", "from4") if f" {name}.example" not in text] == []


def test_only_so_many_versions_are_kept(tmp_path: Path) -> None:
    for number in range(60):
        remember(tmp_path, f"version: 1 # {number}\n")
    assert len(known(tmp_path)) == 40
    assert known(tmp_path)[0].endswith("59\n")


def test_edits_are_remembered(tmp_path: Path, run: Run) -> None:
    (tmp_path / "policy.yaml").write_text(BASE)
    assert run("set", "a.example", "javascript=allow").status == 0
    assert known(tmp_path / "state") == [OURS, BASE]
