"""`log` and `stats` as a person and a program read them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from blockctl.cli.log import layout, line
from blockctl.dns.exchange import Client, Outcome, Reason, Transport
from blockctl.io.log_reader import Logged, LoggedRule
from blockctl.io.query_log import QueryLog, log_path
from blockctl.model.decide import Step
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import Resolver
from blockctl.model.rule import Effect, Rule
from tests.cli.run import Run, runner
from tests.io.test_query_log import query

ADS = Reason(Step.LIST_BLOCK, Rule(Effect.BLOCK, Origin("starter", 12), "||ads.example^"), "x.ads.example", "cname")
OWN = Reason(Step.HOST, Rule(Effect.ALLOW, Origin("/home/u/policy.yaml", 4), "hosts: allow"), "ok.example")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def log(tmp_path: Path) -> QueryLog:
    log = QueryLog(log_path(tmp_path / "state"), Resolver())
    log.note(-3000.0, Client("10.0.0.1"), query("old.example"), Outcome.FORWARDED, 3, None, 20.0, "9.9.9.9")
    log.note(8.0, Client("::1", Transport.DOH, "phone"), query("ads.example", 65), Outcome.BLOCKED, 3, ADS)
    log.note(9.0, Client("10.0.0.1"), query("ok.example"), Outcome.CACHED, 0, OWN, 0.2)
    log.turn(time.time(), 10.0)
    return log


def test_nothing_was_logged_yet(run: Run) -> None:
    for words in (["log"], ["stats"]):
        result = run(*words)
        assert (result.status, result.err) == (0, "")
        assert "No query was logged yet" in result.out
        assert run(*words, "--json").status == 0


@pytest.mark.usefixtures("log")
def test_log_in_words(run: Run) -> None:
    result = run("log")
    assert result.status == 0
    day, *lines = result.out.splitlines()
    assert day.split()[-1].count("-") == 2
    words = [text.split() for text in lines if not text.endswith(day.split()[-1])]
    assert words[0][1:] == ["not", "found", "A", "old.example", "10.0.0.1", "20.0", "ms", "9.9.9.9"]
    assert words[1][1:5] == ["blocked", "HTTPS", "ads.example", "phone"]
    assert words[1][5:] == ["starter:12", "via", "cname", "x.ads.example", "||ads.example^"]
    assert words[2][1:] == ["cached", "A", "ok.example", "10.0.0.1", "0.2", "ms", "let", "by", "policy.yaml:4"]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["old.example", "ads.example", "ok.example"]),
        (["--blocked"], ["ads.example"]),
        (["--client", "phone"], ["ads.example"]),
        (["--name", "OK"], ["ok.example"]),
        (["--since", "10m"], ["ads.example", "ok.example"]),
        (["-n", "1"], ["ok.example"]),
        (["--name", "nothing"], []),
    ],
)
def test_log_filtered(run: Run, words: list[str], names: list[str]) -> None:
    result = run("log", *words)
    assert [name for name in ("old.example", "ads.example", "ok.example") if f" {name} " in result.out] == names
    found = json.loads(run("log", "--json", *words).out)
    assert [each["name"] for each in found["queries"]] == names


@pytest.mark.usefixtures("log")
def test_log_json(run: Run, tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(run("log", "--json", "--blocked").out)
    assert found["version"] == 1
    assert found["log"] == str(log_path(tmp_path / "state"))
    (row,) = found["queries"]
    assert row.pop("time").endswith("Z")
    assert row == {
        "client": "::1",
        "device": "phone",
        "group": "",
        "transport": "doh",
        "name": "ads.example",
        "type": "HTTPS",
        "outcome": "blocked",
        "code": "NXDOMAIN",
        "milliseconds": 0.0,
        "rule": {"step": "block of a list", "file": "starter", "line": 12, "text": "||ads.example^"},
        "via": "cname",
        "led": "x.ads.example",
        "upstream": "",
    }


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("words", [["log", "--since", "soon"], ["stats", "--since", ""], ["log", "-n", "0"]])
def test_wrong_words(run: Run, words: list[str]) -> None:
    assert run(*words).status == 2


def test_a_damaged_log_is_told(run: Run, tmp_path: Path) -> None:
    path = log_path(tmp_path / "state")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    for command in ("log", "stats"):
        result = run(command)
        assert result.status == 3
        assert str(path) in result.err
        assert "Traceback" not in result.err


@pytest.mark.usefixtures("log")
def test_stats_in_words(run: Run) -> None:
    result = run("stats")
    assert result.status == 0
    assert "3 queries, 1 (33 %) blocked, 1 (33 %) from the cache" in result.out
    assert "Half of the answers came within 0.2 ms, 95 % within" in result.out
    assert "▓" in result.out
    for words in ("ads.example", "Most blocked", "Who asked most", "starter", "phone"):
        assert words in result.out


def test_rankings_stand_side_by_side(run: Run, log: QueryLog) -> None:
    for name in ("one.example", "two.example"):
        log.note(11.0, Client("::1"), query(name), Outcome.BLOCKED, 3, ADS)
    log.turn(time.time(), 12.0)
    lines = run("stats").out.splitlines()
    heading = next(text for text in lines if "Most asked" in text)
    below = lines[lines.index(heading) + 3]
    assert below.split() == ["two.example", "1"]  # two names were asked for and answered, three were blocked
    assert below.index("two.example") == heading.index("Most blocked") + 2


@pytest.mark.usefixtures("log")
def test_stats_json(run: Run) -> None:
    found = json.loads(run("stats", "--json", "--since", "2h").out)
    assert found["queries"] == 3
    assert found["blocked"] == found["cached"] == found["outcomes"]["forwarded"] == 1
    assert found["types"] == {"A": 2, "HTTPS": 1}
    assert found["rows"] == {"kept": 3, "not_kept": 0}
    assert found["top"]["blocked"] == [{"name": "ads.example", "count": 1}]
    assert found["top"]["lists"] == [{"name": "starter", "count": 1}]
    assert sum(each["queries"] for each in found["spans"]) == 3
    assert {each["seconds"] for each in found["spans"]} == {300}


def logged(**changes: Any) -> Logged:
    row = Logged(1, 0.0, "10.0.0.1", "", "", "udp", "www.example", 1, Outcome.BLOCKED, 3, 0.0, None, "", "", "")
    return Logged(**{**{name: getattr(row, name) for name in Logged.__slots__}, **changes})


LONG = logged(
    name="very." * 40 + "long.example",
    client="2001:db8:1234:5678:9abc:def0:1234:5678",
    type=65,
    rule=LoggedRule("block of a list", "/a/long/way/to/the-list-with-a-long-name.txt", 123456, "||x^" * 50),
    via="cname",
    led="other.example",
)
ODD = logged(device="\x1b]0;owned\x07 phone", rule=LoggedRule("host", "l\x1b[2J", 1, "\x9b31m"))


@pytest.mark.parametrize("width", [80, 100, 120, 240])
@pytest.mark.parametrize(
    "rows", [[LONG], [ODD], [logged()], [LONG, ODD, logged(outcome=Outcome.CACHED, upstream="u" * 60)]]
)
@pytest.mark.parametrize("steady", [False, True])
def test_a_line_fits_its_terminal(width: int, rows: Sequence[Logged], steady: bool) -> None:
    for row in rows:
        text = line(row, layout(rows, width, steady=steady)).plain
        assert len(text) <= width
        assert text.isprintable()
        assert row.name[-11:] in text


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_follow_sees_new_rows_and_ends_quietly(log: QueryLog, tmp_path: Path, words: list[str]) -> None:
    command = [
        sys.executable,
        "-u",
        "-m",
        "blockctl",
        "log",
        "-f",
        "-n",
        "1",
        "--state",
        str(tmp_path / "state"),
        *words,
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "ok.example" not in process.stdout.readline():
            assert process.poll() is None
        log.note(20.0, Client("10.0.0.1"), query("new.example"), Outcome.FORWARDED, 0)
        log.turn(time.time(), 20.0)
        while "new.example" not in (text := process.stdout.readline()):
            assert process.poll() is None
        if words:
            assert json.loads(text)["name"] == "new.example"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("word", ["log", "stats"])
def test_a_terminal_of_few_letters(tmp_path: Path, word: str, encoding: str) -> None:
    words = [sys.executable, "-m", "blockctl", word, "--state", str(tmp_path / "state")]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert done.stderr == ""
    assert "ads.example" in done.stdout


def test_a_narrow_terminal_keeps_the_line_of_the_rule() -> None:
    rule = LoggedRule("block of a list", "builtin:a-list-of-a-long-name", 1234, "||ads.example^")
    row = logged(name="ads.example", rcode=3, rule=rule)
    assert ":1234" in line(row, layout([row], 80, steady=True)).plain
