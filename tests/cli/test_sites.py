"""The commands that write the policy and show it: what they say, what they write, and their exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blockctl.io import clock
from tests.cli.run import Run, runner
from tests.shipped import STRATEGIES

NOW = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)
POLICY = """\
version: 1
sites:
  news.example:  # daily
    allow: [cdn.partner.example]
    hide: [".modal"]
hosts: {deny: [telemetry.example]}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_init_writes_a_policy_that_is_right_and_never_overwrites(run: Run, tmp_path: Path, strategy: str) -> None:
    path = tmp_path / "policy.yaml"
    assert run("init", "--strategy", strategy).status == 0
    written = path.read_bytes()
    assert run("check").status == 0
    again = run("init")
    assert (again.status, path.read_bytes()) == (2, written)
    assert "exists, and is left as it is" in again.err


def test_init_knows_its_strategies(run: Run, tmp_path: Path) -> None:
    result = run("init", "--strategy", "js-denylst")
    assert result.status == 2
    assert "did you mean `js-denylist`?" in result.err
    assert list(tmp_path.iterdir()) == []


def test_without_a_policy_the_next_step_is_named(run: Run) -> None:
    for command in (["check"], ["show"], ["set", "a.example", "javascript=deny"], ["allow", "a.example"]):
        result = run(*command)
        assert result.status == 2
        assert "blockctl init" in result.err


def test_a_wrong_policy_is_told_in_full_and_not_written(run: Run, policy: Path) -> None:
    wrong = POLICY + "protect: [1.2.3.4]\nresolver: {answer: no}\n"
    policy.write_text(wrong)
    result = run("set", "a.example", "javascript=deny")
    assert result.status == 2
    assert "policy.yaml:7:11: P012" in result.err
    assert "policy.yaml:8:20: P007" in result.err
    assert "nothing was done" in result.err
    assert policy.read_text() == wrong


@pytest.mark.parametrize(
    ("words", "said", "written"),
    [
        pytest.param(
            ["set", "rant.example", "javascript=deny"],
            "JavaScript: denied on rant.example and below\n",
            "  rant.example: {javascript: deny}\n",
            id="javascript",
        ),
        pytest.param(
            ["set", "Rant.Example", "javascript=block", "--for", "2h", "--note", "too: loud"],
            "JavaScript: denied on rant.example and below, until 14:05\nNote: too: loud\n",
            '  rant.example: {javascript: deny, note: "too: loud", until: 2026-11-21T14:05:00Z}\n',
            id="for a while, with a note",
        ),
        pytest.param(
            ["set", "shop.example", "blocking=no", "scroll=unlock"],
            "Lists: do nothing on shop.example and below\nScrolling: unlocked on shop.example and below\n",
            "  shop.example: {blocking: off, scroll: unlock}\n",
            id="blocking",
        ),
        pytest.param(
            ["set", "192.168.1.1", "javascript=first-party"],
            "JavaScript: from the site itself only on 192.168.1.1\n",
            "  192.168.1.1: {javascript: first-party}\n",
            id="an address",
        ),
        pytest.param(
            ["allow", "x.example", "--for", "1d"],
            "allowed everywhere: x.example and below, until 2026-11-22 12:05\n",
            "allow: [{host: x.example, until: 2026-11-22T12:05:00Z}]",
            id="allow for a day",
        ),
        pytest.param(
            ["allow", "telemetry.example"],
            "allowed everywhere: telemetry.example and below\n",
            "hosts: {allow: [telemetry.example]}\n",
            id="allow what was denied",
        ),
        pytest.param(
            ["deny", "chat.example", "--site", "news.example"],
            "denied on news.example and below: chat.example and below\n",
            "    deny: [chat.example]\n",
            id="deny on a site",
        ),
        pytest.param(
            ["forget", "telemetry.example"],
            "telemetry.example: nothing is said of it; the lists decide\n",
            "hosts: {}\n",
            id="forget",
        ),
        pytest.param(
            ["reset", "news.example"],
            "news.example: nothing is said of it; what is above it applies\n",
            "version: 1\nsites:\nhosts:",
            id="reset",
        ),
    ],
)
def test_a_change_is_said_and_written(run: Run, policy: Path, words: list[str], said: str, written: str) -> None:
    result = run(*words)
    assert (result.status, result.out, result.err) == (0, said, "")
    assert written in policy.read_text()
    again = run(*words)
    assert again.status == 0
    assert again.out == said + "(it was so before: the file is as it was)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["set", "a.example", "javascript=of"], "did you mean `deny`? (it is allow,", id="word"),
        pytest.param(["set", "a.example", "javascrip=deny"], "did you mean `javascript`?", id="key"),
        pytest.param(["set", "a.example", "javascript"], "not key=value: 'javascript'", id="no value"),
        pytest.param(["set", "a.example", "deny=x.example"], "blockctl deny HOST --site SITE", id="elsewhere"),
        pytest.param(["set", "a.example", "until=2030-01-01"], "`--for 1h`", id="until"),
        pytest.param(["set", "https://a.example/x", "javascript=deny"], "write a.example", id="URL"),
        pytest.param(["set", "co.uk", "javascript=deny"], "co.uk is a public suffix", id="suffix"),
        pytest.param(["set", "a.example", "javascript=deny", "--for", "soon"], "as in 30m, 2h, 1d or 1h30m", id="time"),
        pytest.param(["set", "a.example", "javascript=deny", "--for", "999999w"], "beyond the calendar", id="endless"),
        pytest.param(["set", "a.example", "javascript=deny", "--for", "0m"], "is over at once", id="no time"),
        pytest.param(["set", "a.example", "blocking=on", "blocking=off"], "'blocking' is here twice", id="twice"),
        pytest.param(["set", "a.example", "note=\x1b[0m"], "note holds the character U+001B", id="escape"),
        pytest.param(["allow", "1.2.3.4"], "DNS never sees addresses", id="address"),
        pytest.param(["deny", "*.x.example"], "write x.example: it covers everything below it", id="wildcard"),
        pytest.param(["allow", "x.example", "--site", "a b"], "not one site name", id="site"),
        pytest.param(["show", "https://a.example/"], "write a.example", id="show"),
        pytest.param(["pause", "later"], "as in 30m", id="pause"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_written(run: Run, policy: Path, words: list[str], said: str) -> None:
    result = run(*words)
    assert (result.status, result.out) == (2, "")
    assert said in result.err
    assert policy.read_text() == POLICY


def test_several_mistakes_are_told_at_once(run: Run, policy: Path) -> None:
    result = run("set", "co.uk", "javascript=of", "bloking=on")
    assert [code for code in ("P011", "P007", "P006") if code in result.err] == ["P011", "P007", "P006"]
    assert policy.read_text() == POLICY


def test_a_key_can_be_taken_away(run: Run, policy: Path) -> None:
    run("set", "a.example", "javascript=deny", "blocking=off")
    assert run("set", "a.example", "javascript=").out == "Lists: do nothing on a.example and below\n"


def test_a_setting_for_a_while_says_what_ends_with_it(run: Run, policy: Path) -> None:
    run("set", "a.example", "javascript=deny")
    result = run("set", "a.example", "blocking=off", "--for", "1h")
    assert "what stood there comes back then" in result.err
    assert "JavaScript: denied on a.example" in result.err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["allow", "cdn.partner.example", "--site", "news.example"], id="on a site"),
        pytest.param(["deny", "telemetry.example"], id="everywhere"),
    ],
)
def test_what_stands_without_an_end_is_given_none(run: Run, policy: Path, words: list[str]) -> None:
    result = run(*words, "--for", "1h")
    assert (result.status, policy.read_text()) == (0, POLICY)
    assert "without an end" in result.err
    other = run("deny" if words[0] == "allow" else "allow", *words[1:], "--for", "1h")
    assert (other.status, "until" in policy.read_text()) == (0, True), "the contrary is news"


def test_an_entry_that_lapsed_is_absent_and_not_woken(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("set", "a.example", "javascript=deny", "--for", "1h")
    assert "JavaScript: denied" in run("show", "a.example").out
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    assert "JavaScript: allowed" in run("show", "a.example").out
    assert run("set", "a.example", "blocking=off").out == "Lists: do nothing on a.example and below\n"
    assert "javascript" not in policy.read_text()


def test_forget_says_where_else_something_is_said(run: Run, policy: Path) -> None:
    assert "--site news.example" in run("forget", "cdn.partner.example").out
    assert "leave --site away" in run("forget", "telemetry.example", "--site", "news.example").out


def test_show_names_the_lines(run: Run, policy: Path) -> None:
    shown = run("show", "www.news.example").out
    assert "  JavaScript: allowed  (nothing is said, so it is the default)\n" in shown
    assert f"  Hidden: .modal  ({policy}:5, news.example)\n" in shown
    assert f"  allowed on news.example and below: cdn.partner.example and below  ({policy}:4:13)\n" in shown
    everything = run("show").out
    assert "news.example  (line 3)" in everything
    assert "denied everywhere: telemetry.example and below  (line 6)" in everything


def test_json_is_stable(run: Run, policy: Path) -> None:
    said = json.loads(run("show", "news.example", "--json").out)
    assert said == {
        "version": 1,
        "policy": str(policy),
        "paused": False,
        "site": "news.example",
        "applies": {
            "javascript": {"value": "allow", "from": "defaults", "line": None},
            "blocking": {"value": True, "from": "defaults", "line": None},
            "hide": {"value": [".modal"], "from": "news.example", "line": 5},
        },
        "entries": [
            {
                "site": "news.example",
                "line": 3,
                "javascript": None,
                "blocking": None,
                "hosts": [{"host": "cdn.partner.example", "verdict": "allow", "until": None, "note": "", "line": 4}],
                "hide": [".modal"],
                "scroll": None,
                "until": None,
                "note": "",
            }
        ],
    }
    assert set(json.loads(run("show", "--json").out)) == {
        "version", "policy", "paused", "defaults", "sites", "hosts", "protect", "lists", "targets",
    }  # fmt: skip
    added = json.loads(run("deny", "x.example", "--json").out)
    assert (added["changed"], added["host"]["verdict"]) == (True, "deny")
    assert json.loads(run("pause", "10m", "--json").out) == {
        "version": 1,
        "paused": True,
        "until": "2026-11-21T12:15:00Z",
    }


def test_a_pause_is_in_force_until_it_lapses(run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("pause", "10m").out == "Paused, until 12:15: everything is let through\n"
    assert run("show").out.startswith("Paused, until 12:15: everything is let through\n")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=10))
    assert not run("show").out.startswith("Paused")
    run("pause")
    assert run("show").out.startswith("Paused: everything is let through\n")
    assert run("resume").out == "The policy is in force\n"
    assert not run("show").out.startswith("Paused")
    assert policy.read_text() == POLICY


def test_names_that_are_not_utf8_are_told_all_the_same(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/p\xff.yaml"
    command = [sys.executable, "-m", "blockctl", "init", "--policy", path, "--state", str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"wrote ")


def test_commands_at_once_lose_nothing(policy: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blockctl", "deny", "--policy", str(policy), "--state", str(tmp_path / "s")]
    running = [subprocess.Popen([*command, f"h{number}.example"], stdout=subprocess.DEVNULL) for number in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    text = policy.read_text()
    assert all(f"h{number}.example" in text for number in range(6))


def test_a_reader_that_has_read_enough_is_no_failure(policy: Path, tmp_path: Path) -> None:
    policy.write_text(POLICY + "protect:\n" + "".join(f"  - h{number}.example\n" for number in range(9000)))
    command = [sys.executable, "-m", "blockctl", "show", "--json", "--policy", str(policy), "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        os.close(process.stdout.fileno())
        process.stdout = None
        error = process.stderr.read()
    assert (process.returncode, error) == (0, b"")
