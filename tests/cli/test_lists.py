"""`lists`: those of the policy, the catalogue, and naming one more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockctl.cli.common import span
from blockctl.model.diagnostic import Origin
from blockctl.model.policy import ListSource
from blockctl.policy.edit import add_list
from blockctl.policy.read import read_policy
from tests.cli.run import Run, runner

POLICY = """version: 1
# mine
lists:
  - {name: starter, path: builtin:starter}  # ships
  - {name: web, url: "https://lists.example/a.txt", use: [dns]}
sites: {}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return runner(tmp_path, monkeypatch, capfd)


def test_the_lists_of_the_policy(run: Run) -> None:
    shown = run("lists")
    assert shown.status == 0
    assert "builtin:starter" in shown.out
    assert "never" in shown.out
    (_, web) = json.loads(run("lists", "--json").out)["lists"]
    assert (web["name"], web["sha256"], web["use"]) == ("web", None, ["dns"])


def test_the_catalogue_is_searched(run: Run) -> None:
    assert "easyprivacy" in run("lists", "--catalogue").out
    found = run("lists", "easylist", "italian")
    assert "easylist-italy" in found.out
    assert "easylist-germany" not in found.out
    assert run("lists", "zzz").status == 1


def test_adding_changes_one_line(run: Run, tmp_path: Path) -> None:
    added = run("lists", "add", "easylist", "starter")
    assert added.status == 0
    assert "starter was there before" in added.out
    line = '  - {name: easylist, url: "https://easylist.to/easylist/easylist.txt", use: [browser]}\n'
    before, after = POLICY.partition("sites:")[::2]
    assert (tmp_path / "policy.yaml").read_text() == f"{before}{line}sites:{after}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("add",), "add which list?", id="none"),
        pytest.param(("add", "easylsit"), "did you mean `easylist`?", id="misspelled"),
        pytest.param(("add", "easylist", "nope"), "has no list 'nope'", id="one is unknown"),
    ],
)
def test_what_cannot_be_added(run: Run, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    refused = run("lists", *words)
    assert refused.status == 2
    assert says in refused.err
    assert (tmp_path / "policy.yaml").read_text() == POLICY


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("version: 1\n", id="no section"),
        pytest.param("version: 1\nlists:\n", id="an empty one"),
        pytest.param("version: 1\nlists: []  # none\n", id="an empty list"),
        pytest.param("version: 1\nlists: [{name: b, path: b.txt}]\n", id="in one line"),
        pytest.param("version: 1\nlists:\n  - name: b\n    path: b.txt\n# end\n", id="over lines"),
        pytest.param("{version: 1}\n", id="all in braces"),
        pytest.param("\ufeffversion: 1\r\nlists:\r\n- {name: b, path: b.txt}\r\n", id="from Windows"),
    ],
)
def test_every_layout_takes_a_list(text: str) -> None:
    source = ListSource("new list", Origin("p"), url="https://lists.example/a?b=1#c", dns=False)
    policy, faults = read_policy(add_list(text, source), "p")
    assert faults == []
    last = policy.lists[-1]
    assert (last.name, last.url, last.browser, last.dns) == ("new list", source.url, True, False)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 min"), (300, "5 min"), (5_900, "98 min"), (7_200, "2 h"), (86_400, "24 h"), (345_600, "4 days")],
)
def test_times_are_short(seconds: float, said: str) -> None:
    assert span(seconds) == said
