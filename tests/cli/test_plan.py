"""`plan` and `diff`: what would change, said before it does; nothing is changed by saying it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import Result, Run, runner
from tests.io.list_server import ListServer, hurry, running

NAMES = [f"ads{number}.example" for number in range(300)]
POLICY = """version: 1
sites:
  rant.example: {{javascript: deny}}
lists:
  - {{name: a, url: "{base}/a.txt"}}
protect: [my-bank.example]
targets:
  hosts: {{path: out/hosts}}
  ublock: {{path: out/ublock.txt}}
  safari: {{path: out/safari}}
"""


class World:
    """A policy with a list on a server, synced once."""

    def __init__(self, folder: Path, run: Run, lists: ListServer) -> None:
        self.folder, self.run, self.lists = folder, run, lists
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY.format(base=lists.base))
        self.serve(NAMES)

    def serve(self, names: list[str], *lines: str) -> None:
        """Let the server have a list of these names and lines."""
        self.lists.texts["/a.txt"] = "\n".join([*(f"||{name}^" for name in names), *lines, ""]).encode()

    def state(self) -> dict[str, bytes | float]:
        """Return everything by which a later run would see that this one was there, but for texts on the shelf."""
        lists = self.folder / "state" / "lists"
        files = [*(self.folder / "out").rglob("*"), lists / "lock.json", lists / "history.json"]
        found: dict[str, bytes | float] = {str(path): path.read_bytes() for path in files if path.is_file()}
        marks = [path for path in lists.rglob("*") if path.is_file() and path.stat().st_size == 0]
        return found | {str(path): path.stat().st_mtime for path in marks}

    def said(self, *words: str) -> dict[str, Any]:
        """Return what a command says in JSON."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json").out)
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[World]:
    hurry(monkeypatch)
    with running() as lists:
        made = World(tmp_path, runner(tmp_path, monkeypatch, capfd), lists)
        first = made.run("sync", "--now")
        assert first.status == 0, first.err
        yield made


def plan(world: World, *words: str) -> Result:
    before = world.state()
    found = world.run("plan", *words)
    assert world.state() == before, "plan changes nothing"
    return found


def test_nothing_would_change(world: World) -> None:
    found = plan(world, "--now")
    assert (found.status, found.out) == (0, "`blockctl sync` would write nothing\n")


def test_an_edit_of_the_policy(world: World) -> None:
    world.policy.write_text(world.policy.read_text().replace("rant.example", "grump.example"))
    found = plan(world)
    assert found.status == 1
    assert "would write ublock, safari" in found.out
    assert "  + block on grump.example (resource-type: script)\n" in found.out
    assert "  - block on rant.example (resource-type: script)\n" in found.out


def test_a_new_version_of_a_list(world: World) -> None:
    world.serve(NAMES[5:], "||fresh.example^", "||cdn.example^$third-party", "news.example##.ad")
    found = plan(world, "--now")
    assert found.status == 1
    assert "list a: a new version, +3 -5 lines\n" in found.out
    assert "  + 0.0.0.0 fresh.example\n" in found.out
    assert "  + hide .ad on news.example\n" in found.out
    assert "  - ||ads0.example^\n" in found.out
    assert "  gaps, party: 0 -> 1\n" in found.out
    assert "would write ublock, safari, hosts and take 1 new version of lists\n" in found.out
    said = world.said("plan", "--now")["targets"]["hosts"]
    hosts = set((world.folder / "out" / "hosts").read_text().splitlines())
    assert world.run("sync", "--now").status == 0
    after = set((world.folder / "out" / "hosts").read_text().splitlines())
    assert set(said["added"]["entries"]) == after - hosts
    assert set(said["removed"]["entries"]) == hosts - after
    assert plan(world, "--now").status == 0


def test_what_would_be_held(world: World) -> None:
    world.serve(NAMES, "||my-bank.example^")
    found = plan(world, "--now")
    assert found.status == 0, "a held version changes nothing"
    assert "held: the new version of a blocks my-bank.example, a name that the policy protects\n" in found.out
    assert ": a.txt:301  ||my-bank.example^\n" in found.out
    assert "to accept all but these lines: blockctl sync a --leave-out\n" in found.out
    assert "`blockctl sync` would write nothing; held: a\n" in found.out
    (row,) = world.said("plan", "--now")["lists"]
    assert (row["event"], row["held"][0]["kind"]) == ("held", "protect")


def test_many_entries_are_counted(world: World) -> None:
    world.serve([*NAMES, *(f"more{number}.example" for number in range(50))])
    found = plan(world, "--now", "hosts")
    assert found.out.count("\n  + 0.0.0.0 more") == 20
    assert "  + and 30 more\n" in found.out


def test_a_list_that_cannot_be_had(world: World) -> None:
    del world.lists.texts["/a.txt"]
    found = plan(world, "--now")
    assert found.status == 0
    assert "list a: " in found.err
    assert plan(world, "--offline").err == ""


def test_outputs_that_are_not_there_yet(world: World) -> None:
    (world.folder / "out" / "hosts").unlink()
    found = world.said("plan", "hosts")
    assert found["targets"]["hosts"]["bytes"]["before"] is None
    assert found["targets"]["hosts"]["added"]["count"] == 300
    assert not (world.folder / "out" / "hosts").exists()


def test_a_target_that_is_none(world: World) -> None:
    assert plan(world, "nowhere").status == 2


def test_diff_of_what_is_held(world: World) -> None:
    world.serve(NAMES[1:], "||my-bank.example^", "||fresh.example^$script")
    assert world.run("sync", "--now").status == 1
    found = world.run("diff", "a")
    assert found.status == 1
    assert found.out.startswith("a: live -> held\n  +2 -1; rules 300 -> 301, refused 0, bytes ")
    assert "  + ||fresh.example^$script\n" in found.out
    assert "  - ||ads0.example^\n" in found.out
    assert "held: the new version of a blocks my-bank.example" in found.out


def test_diff_of_the_last_update(world: World) -> None:
    world.serve([*NAMES, "fresh.example"])
    assert world.run("sync", "--now").status == 0
    found = world.run("diff", "a")
    assert (found.status, found.out.count("\n  + ")) == (1, 1)
    assert found.out.startswith("a: before -> live\n")
    assert found.out.endswith("  + ||fresh.example^\nThe gate lets it pass.\n")
    lock = json.loads((world.folder / "state" / "lists" / "lock.json").read_bytes())
    (live,) = lock["lists"].values()
    same = world.said("diff", "a", live["sha256"][:8], "live")
    assert (same["added"]["count"], same["removed"]["count"], same["new"]["rules"]) == (0, 0, 301)
    assert world.said("diff", "a", "before", live["date"])["added"]["entries"] == ["||fresh.example^"]


def test_diff_of_files(world: World, tmp_path: Path) -> None:
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("".join(f"0.0.0.0 {name}\n" for name in NAMES))
    new.write_text("".join(f"0.0.0.0 {name}\n" for name in [*NAMES[:100], "my-bank.example"]))
    found = world.said("diff", "a", str(old), str(new))
    assert (found["added"]["entries"], found["removed"]["count"]) == (["my-bank.example"], 200)
    assert [each["kind"] for each in found["held"]] == ["shrank", "protect"]
    assert found["held"][1]["names"][0]["lines"] == [{"file": str(new), "line": 101, "text": "0.0.0.0 my-bank.example"}]
    assert world.run("diff", "a", str(old), str(old)).status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["b"], "the policy has no list 'b'", id="no such list"),
        pytest.param(["a", "before"], "a has no version 'before' that can be read", id="no version before"),
        pytest.param(["a"], "only one version of a is here", id="only one version"),
        pytest.param(["a", "live", "held"], "a has no version 'held' that can be read", id="nothing held"),
        pytest.param(["a", "1999-01-01"], "cannot read 1999-01-01", id="no version of that day"),
        pytest.param(["a", "."], "cannot read .", id="a folder"),
    ],
)
def test_diff_of_what_is_not_there(world: World, words: list[str], said: str) -> None:
    found = world.run("diff", *words)
    assert (found.status, said in found.err) == (2, True), found.err
