"""The first version of a list passes the gate by whatever command it comes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from blockctl.io import policy_file
from blockctl.io.adopt import REST, TRIED, changing
from blockctl.io.clock import seconds
from blockctl.io.lock import lock_path
from blockctl.io.shelf import Shelf
from tests.cli.run import Result, Run, runner
from tests.io.list_server import ListServer, hurry, running

NAMES = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(300))
GOOD = b"0.0.0.0 other.example\n"
POLICY = """version: 1
lists:
  - {{name: a, url: "{base}/a.txt", use: [dns]}}
  - {{name: b, url: "{base}/b.txt", use: [dns]}}
sites: {{shop.example: {{javascript: allow}}}}
protect: [my-bank.example]
targets:
  hosts: {{path: out/hosts}}
"""
BAD = {
    "protect": (NAMES + b"0.0.0.0 my-bank.example\n", "blocks my-bank.example, a name that the policy protects"),
    "essential": (NAMES + b"0.0.0.0 ocsp.apple.com\n", "blocks ocsp.apple.com, an essential name"),
    "site": (NAMES + b"0.0.0.0 shop.example\n", "blocks shop.example, a name that is used here"),
    "suffix": (NAMES + b"0.0.0.0 co.uk\n", "names a public suffix"),
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>\n", "is no list"),
    "json": (b'{"error": "quota"}\n', "is no list"),
}


class World:
    """A policy with two lists on a server, of which nothing is here yet."""

    def __init__(self, folder: Path, run: Run, lists: ListServer) -> None:
        self.folder, self.run, self.lists = folder, run, lists
        lists.texts = {"/a.txt": NAMES, "/b.txt": GOOD}
        (folder / "policy.yaml").write_text(POLICY.format(base=lists.base))

    def blocked(self) -> set[str]:
        lines = (self.folder / "out" / "hosts").read_text().splitlines()
        return {line.split()[1] for line in lines if line.startswith("0.0.0.0 ")}

    def sync(self, *words: str) -> Result:
        return self.run("sync", *words)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[World]:
    hurry(monkeypatch)
    with running() as lists:
        yield World(tmp_path, runner(tmp_path, monkeypatch, capfd), lists)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("words", [("compile",), ("up", "--once"), ("export", "hosts", "-o", "out/hosts")])
def test_no_command_takes_a_first_version_unjudged(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(world.folder)
    world.lists.texts["/a.txt"], says = BAD[kind]
    made = world.run(*words)
    assert made.status == 0, made.err
    assert f"held: the new version of a {says}" in made.err
    assert world.blocked() == {"other.example"}, "the other list is in force"
    told = [line for line in made.err.splitlines() if line.startswith(("held: ", "  to accept"))]
    held = world.sync("--now")
    assert held.status == 1
    assert [line for line in held.err.splitlines() if line.startswith(("held: ", "  to accept"))] == told
    assert ("blockctl sync a --force" in held.err) == (kind not in ("html", "json"))


def test_a_first_version_that_passes_is_in_force_and_counted(world: World) -> None:
    made = world.run("compile")
    assert (made.status, made.err) == (0, "")
    assert len(world.blocked()) == 301
    assert "300" in world.run("lists").out, "its rules are counted"
    asked = len(world.lists.asked)
    assert world.run("compile").status == 0
    assert len(world.lists.asked) == asked


@pytest.mark.parametrize("damage", [b"[1, 2", b"{}", b'{"version": 1, "lists": {"a": {}}}'])
def test_a_damaged_lock_file_is_made_again(world: World, damage: bytes) -> None:
    world.run("compile")
    lock_path(world.folder / "state").write_bytes(damage)
    assert "never downloaded" in world.run("compile", "--offline").err
    assert world.run("compile").err == ""
    assert len(world.blocked()) == 301


def test_a_damaged_text_is_never_read(world: World) -> None:
    world.run("compile")
    (world.folder / "state" / "lists" / hashlib.sha256(NAMES).hexdigest()).write_bytes(NAMES[:-3])
    assert "damaged" in world.run("compile", "--offline").err
    assert world.run("compile").err == ""
    assert len(world.blocked()) == 301


def test_what_cannot_be_downloaded_is_left_out(world: World) -> None:
    del world.lists.texts["/a.txt"]
    made = world.run("compile")
    assert made.status == 0
    assert "left out: " in made.err
    assert "404" in made.err
    assert world.blocked() == {"other.example"}


def test_a_dead_list_stops_nobody_while_another_run_has_the_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    del world.lists.texts["/a.txt"]
    monkeypatch.setattr(policy_file, "LOCK_SECONDS", 0)
    with changing(world.folder / "state"):
        assert world.run("compile").status == 3, "what the other run fetches may be it"
    assert world.run("compile").status == 0
    with changing(world.folder / "state"):
        made = world.run("compile")
    assert (made.status, "404" in made.err) == (0, True)
    assert world.blocked() == {"other.example"}


def test_a_list_that_was_waited_for_in_vain_is_left_alone_for_a_while(world: World) -> None:
    world.lists.faults["/a.txt"] = lambda request: request.send_error(503)
    made = world.run("compile")
    assert (made.status, "503" in made.err) == (0, True)
    asked = len(world.lists.asked)
    made = world.run("compile")
    assert made.status == 0
    assert len(world.lists.asked) == asked
    assert "list a: it could not be had at " in made.err
    assert "503" in made.err
    assert "`blockctl sync a` tries it now" in made.err
    assert world.blocked() == {"other.example"}
    assert world.sync().status == 3, "sync asks whenever it is told to"
    assert len(world.lists.asked) > asked
    world.lists.faults.clear()
    assert "list a: it could not" in world.run("compile").err
    assert world.sync("a").status == 0
    assert (world.run("compile").err, len(world.blocked())) == ("", 301)


def test_after_a_while_it_is_asked_for_again(world: World) -> None:
    world.lists.faults["/a.txt"] = lambda request: request.send_error(503)
    world.run("compile")
    world.lists.faults.clear()
    Shelf(world.folder / "state").look(f"{TRIED}{world.lists.base}/a.txt", seconds() - REST - 1)
    assert (world.run("compile").err, len(world.blocked())) == ("", 301)


def test_who_says_no_at_once_is_asked_each_time(world: World) -> None:
    world.lists.faults["/a.txt"] = lambda request: request.send_error(503)
    world.run("compile")
    world.lists.faults["/a.txt"] = lambda request: request.send_error(404)
    assert world.sync().status == 3
    world.lists.faults.clear()
    assert (world.run("compile").err, len(world.blocked())) == ("", 301)


def test_what_was_held_is_accepted_as_sync_accepts_it(world: World) -> None:
    world.lists.texts["/a.txt"] = BAD["protect"][0]
    world.run("compile")
    asked = len(world.lists.asked)
    assert "list a: what there is of it is held" in world.run("compile").err
    assert len(world.lists.asked) == asked, "it waits for the user, not for another look"
    assert world.sync("a", "--leave-out").status == 0
    assert world.blocked() == {"other.example", *(f"ads{number}.example" for number in range(300))}


def test_what_was_no_list_is_looked_for_again(world: World) -> None:
    world.lists.texts["/a.txt"] = BAD["html"][0]
    assert "left out: " in world.run("compile").err
    assert "is no list" in world.run("compile", "--offline").err
    world.lists.texts["/a.txt"] = NAMES
    assert world.run("compile").err == ""
    assert len(world.blocked()) == 301


def test_a_list_of_a_file_is_the_users_own(world: World) -> None:
    """As `sync` has it: a file beside the policy is nobody's update."""
    (world.folder / "own.txt").write_bytes(BAD["essential"][0])
    (world.folder / "policy.yaml").write_text(
        "version: 1\nlists: [{name: own, path: own.txt, use: [dns]}]\ntargets: {hosts: {path: out/hosts}}\n"
    )
    made = world.run("compile")
    assert (made.status, made.err) == (0, "")
    assert "ocsp.apple.com" in world.blocked()


def test_a_lock_file_names_what_it_wants(world: World) -> None:
    """A build from a lock file puts nothing in force, and the gate has no say in it."""
    world.lists.texts["/a.txt"] = BAD["protect"][0]
    assert world.sync("--now", "--force", "--lock", str(world.folder / "b.lock")).status == 0
    other = str(world.folder / "other")
    assert world.run("compile", "--lock", str(world.folder / "b.lock"), "--state", other).status == 0
    assert "ads1.example" in world.blocked()
    assert not (world.folder / "other" / "lists" / "lock.json").exists()
