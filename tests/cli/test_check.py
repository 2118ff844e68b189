"""`check` tells every fault of the policy and its lists, and removes what has lapsed when asked to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blockctl.io import clock
from tests.cli.run import Run, runner

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
LAPSED = """\
version: 1
sites:
  a.example: {javascript: deny, until: 2026-11-21T12:00:00Z}
  b.example: {blocking: off}  # stays
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def test_a_policy_without_a_fault(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nsites: {a.example: {}}\n")
    result = run("check")
    assert (result.status, result.out) == (0, f"{policy}: fine (1 site, 0 hosts, 0 lists)\n")


def test_every_fault_is_printed(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nsites: {co.uk: {}}\nhosts: {deny: [zip, 1.2.3.4]}\n")
    result = run("check")
    assert result.status == 2
    assert [line.split()[1] for line in result.out.splitlines() if not line.startswith(" ")] == [
        "P011", "P011", "P012", "2",
    ]  # fmt: skip
    assert result.out.endswith(f"{policy}: 2 errors, 1 warning\n")


def test_a_warning_is_no_failure(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nhosts: {deny: [zip]}\n")
    assert run("check").status == 0


def test_what_has_lapsed_is_told_and_removed_on_request(run: Run, policy: Path) -> None:
    policy.write_text(LAPSED)
    told = run("check")
    assert told.status == 0
    assert f"{policy}:3:33: P015 a.example lapsed at 2026-11-21 12:00 UTC and counts as absent" in told.out
    assert "`blockctl check --remove-lapsed` deletes the 1 that lapsed" in told.out
    assert policy.read_text() == LAPSED
    assert "removed 1 lapsed entry" in run("check", "--remove-lapsed").out
    assert policy.read_text() == "version: 1\nsites:\n  b.example: {blocking: off}  # stays\n"
    assert "removed" not in run("check", "--remove-lapsed").out


REPLACED = """\
version: 1
sites:
  rant.example: {javascript: deny}  # for good
  gone.example: {blocking: off, until: 2026-11-21T12:00:00Z}
hosts: {allow: [cdn.example]}
"""


def replace_for_a_while(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow for half an hour what is denied for good; that is over five minutes ago."""
    policy.write_text(REPLACED)
    with monkeypatch.context() as earlier:
        earlier.setattr(clock, "now", lambda: NOW.replace(hour=11, minute=30))
        assert run("set", "rant.example", "javascript=allow", "--for", "30m").status == 0
    assert "javascript: allow, until: 2026-11-21T12:00:00Z" in policy.read_text()


@pytest.mark.parametrize(
    "words", [("check", "--remove-lapsed"), ("tidy", "--remove"), ("tidy", "--remove", "--only", "lapsed")]
)
def test_what_a_lapsed_entry_had_replaced_comes_back(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    replace_for_a_while(run, policy, monkeypatch)
    assert "what it said before comes back" in run("tidy").out
    assert run(*words).status == 0
    left = "".join(line for line in REPLACED.splitlines(keepends=True) if "gone.example" not in line)
    assert policy.read_text() == left
    assert run("tidy", "--only", "lapsed").status == 0
    assert policy.read_text() == left


def test_what_came_back_is_told(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_for_a_while(run, policy, monkeypatch)
    said = json.loads(run("check", "--remove-lapsed", "--json").out)
    assert (said["removed"], said["put_back"], said["lapsed"]) == (1, ["rant.example"], 0)
    replace_for_a_while(run, policy, monkeypatch)
    said_so = run("check", "--remove-lapsed").out
    assert "removed 1 lapsed entry\nput back what rant.example said before\n" in said_so


def test_what_tidy_took_out_does_not_come_back(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary entry whose site nobody visits is taken out for good, with what it had replaced."""
    from blockctl.io import edits, returns
    from blockctl.io.loaded import load_policy

    policy.write_text(REPLACED)
    run("set", "rant.example", "javascript=allow", "--for", "30m")
    loaded = load_policy(None, None)
    place = loaded.policy.sites["rant.example"].origin
    edits.take_out(loaded, {(place.line, place.column)}, lapsed=False)
    later = NOW.replace(hour=13)
    assert not returns.restore(policy, policy.parent / "state", later)
    assert "rant.example" not in policy.read_text()


def test_the_lapsed_hosts_of_a_group_go_too(run: Run, policy: Path) -> None:
    policy.write_text(
        "version: 1\nresolver:\n  groups:\n    kids:\n      clients: [192.168.1.9]\n"
        "      deny: [{host: games.example, until: 2026-11-21T12:00:00Z}]\n"
    )
    told = run("tidy").out
    assert f"{policy}:6:14: lapsed: group kids: deny: games.example: its time passed" in told
    assert run("tidy", "--remove").status == 0
    assert "games.example" not in policy.read_text()


def test_lists_are_checked_too(run: Run, policy: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("0.0.0.0 ads.example\n0.0.0.0 bad name!\n0.0.0.0 b.example\n")
    (tmp_path / "page.txt").write_text("<!DOCTYPE html><html><body>404</body></html>\n")
    policy.write_text("version: 1\nlists: [{name: good, path: hosts.txt}]\n")
    good = run("check")
    assert good.status == 0
    assert "list good: 3 lines," in good.out
    policy.write_text(
        "version: 1\nlists: [{name: page, path: page.txt}, {name: none, path: n}, {name: web, url: 'https://x.example'}]\n"
    )
    bad = run("check")
    assert bad.status == 1
    for name in ("page", "none", "web"):
        assert f"list {name}: left out" in bad.out
    said = json.loads(run("check", "--json").out)
    assert said["ok"] is False
    assert [each["left_out"] for each in said["lists"]] == [True, True, True]


def test_json(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nsites: {a.example: {javascript: of}}\n")
    result = run("check", "--json")
    assert result.status == 2
    assert json.loads(result.out)["diagnostics"] == [
        {
            "code": "P007",
            "severity": "error",
            "file": str(policy),
            "line": 2,
            "column": 33,
            "message": "javascript cannot be 'of'",
            "hint": "did you mean `deny`? (it is allow, deny or first-party)",
        }
    ]


def test_a_broken_pause_is_a_warning(run: Run, policy: Path, tmp_path: Path) -> None:
    policy.write_text("version: 1\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pause.json").write_text("{")
    result = run("check")
    assert result.status == 0
    assert "P019" in result.out


def test_two_targets_on_one_path(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\ntargets:\n  hosts: {path: out/x}\n  rpz: {path: ./out/x}\n")
    result = run("check")
    assert result.status == 2
    assert "target rpz would write over target hosts" in result.err


def test_a_list_left_out_is_said_of_the_policy_too(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nlists: [{name: gone, path: gone.txt}]\n")
    result = run("check")
    assert result.status == 1
    assert result.out.rstrip().endswith(": 1 list of 1 left out (0 sites, 0 hosts, 1 list)")


def test_what_a_list_includes_is_checked_and_what_it_lacks_is_said(run: Run, policy: Path) -> None:
    policy.write_text("version: 1\nlists: [{name: mine, path: mine.txt}]\n")
    (policy.parent / "mine.txt").write_text("||ads.example^\n!#include part.txt\n!#include gone.txt\n")
    (policy.parent / "part.txt").write_text("||x.example^$nonsense\n||ads.test^\n!#include mine.txt\n")
    result = run("check")
    assert result.status == 0
    assert "mine.txt:3: L213 cannot include gone.txt: there is no file gone.txt" in result.out
    assert "part.txt:1: L2" in result.out
    assert "list mine (part.txt): 3 lines, 1 with rules, 1 refused" in result.out


def test_the_policy_may_be_named_before_the_command(run: Run, tmp_path: Path) -> None:
    other, third = tmp_path / "other.yaml", tmp_path / "third.yaml"
    other.write_text("version: 1\nsites: {a.example: {javascript: no}}\n")
    third.write_text("version: 1\nsites: {a.example: {javascript: yes}}\n")
    assert "JavaScript: denied" in run("--policy", str(other), "show", "a.example").out
    assert "JavaScript: allowed" in run("--policy", str(other), "show", "a.example", "--policy", str(third)).out
