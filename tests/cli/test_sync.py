"""`sync` against a server on loopback: what is new comes into force, what is bad is held, what fails costs nothing."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blockctl.cli import refreshing
from blockctl.io import built, clock
from blockctl.model.diagnostic import WorldError
from tests.cli.run import Result, Run, runner
from tests.io import list_server as server
from tests.io.list_server import Answer, ListServer, certificate, hurry, running

NAMES = b"".join(b"0.0.0.0 ads%d.example\n" % number for number in range(300))
TEXT = b"# a list\n" + NAMES
POLICY = """version: 1
lists:
  - {{name: a, url: "{base}/a.txt", use: [dns]}}
  - {{name: b, url: "{base}/b.txt", use: [dns]}}
protect: [my-bank.example]
targets:
  hosts: {{path: out/hosts}}
"""


class World:
    """A policy with two lists on a server, synced once."""

    def __init__(self, folder: Path, run: Run, lists: ListServer) -> None:
        self.folder, self.run, self.lists = folder, run, lists
        lists.texts = {"/a.txt": TEXT, "/b.txt": b"0.0.0.0 other.example\n"}
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY.format(base=lists.base))

    def sync(self, *words: str) -> Result:
        return self.run("sync", "--now", *words)

    def blocked(self) -> set[str]:
        lines = (self.folder / "out" / "hosts").read_text().splitlines()
        return {line.split()[1] for line in lines if line.startswith("0.0.0.0 ")}

    def files(self) -> dict[str, tuple[int, int]]:
        found = [*(self.folder / "out").rglob("*"), *(self.folder / "state" / "lists").rglob("*")]
        return {str(path): (path.stat().st_ino, path.stat().st_size) for path in found if path.is_file()}

    def said(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.sync("--json").out)
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[World]:
    hurry(monkeypatch)
    monkeypatch.setattr(built, "code_fingerprint", lambda: "the code of this test")
    with running() as lists:
        made = World(tmp_path, runner(tmp_path, monkeypatch, capfd), lists)
        first = made.sync()
        assert (first.status, len(made.blocked())) == (0, 301), first.err
        yield made


def test_nothing_new_writes_nothing(world: World) -> None:
    before, asked = world.files(), len(world.lists.asked)
    again = world.sync()
    assert again.status == 0
    assert "everything is up to date, and nothing was written" in again.out
    assert world.files() == before
    assert [status for _, status in world.lists.asked[asked:]] == [304, 304]


def test_a_list_that_is_not_due_is_not_asked_for(world: World) -> None:
    asked = len(world.lists.asked)
    result = world.run("sync")
    assert result.status == 0
    assert "not due" in result.out
    assert len(world.lists.asked) == asked


def test_one_line_more_is_live(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 fresh.example\n"
    result = world.sync()
    assert result.status == 0
    assert "fresh.example" in world.blocked()
    assert "Lists: 1 new; written: hosts." in result.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(TEXT + b"0.0.0.0 my-bank.example\n", "my-bank.example", id="blocks a protected name"),
        pytest.param(TEXT + b"0.0.0.0 www.apple.com\n0.0.0.0 ocsp.apple.com\n", "essential", id="an essential name"),
        pytest.param(TEXT + NAMES.replace(b"ads", b"more"), "grew", id="doubles"),
        pytest.param(NAMES[: len(NAMES) // 2], "shrank", id="loses half"),
        pytest.param(b"<!DOCTYPE html><html><body>Sign in</body></html>\n", "no list", id="HTML"),
        pytest.param(b'{"error": "quota"}\n', "no list", id="JSON"),
        pytest.param(b"", "no list", id="empty"),
        pytest.param(b"||ads1.example^\n" * 300, "format", id="another format"),
        pytest.param(NAMES + b"0.0.0.0 com\n0.0.0.0 co.uk\n", "public suffix", id="a public suffix"),
    ],
)
def test_a_bad_version_is_held_and_the_next_good_one_recovers(world: World, text: bytes, says: str) -> None:
    before = world.blocked()
    world.lists.texts["/a.txt"] = text
    world.lists.texts["/b.txt"] = b"0.0.0.0 other2.example\n"
    held = world.sync()
    assert held.status == 1
    assert says in held.err
    assert "held: the version before serves on" in held.out
    assert max(map(len, [*held.out.splitlines(), *world.run("lists").out.splitlines()[:3]])) <= 80
    assert world.blocked() == (before - {"other.example"}) | {"other2.example"}, "the other list is not held up"
    assert world.sync().status == 1, "it is held still"
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 good.example\n"
    good = world.sync()
    assert (good.status, "good.example" in world.blocked()) == (0, True)
    assert good.err == ""


@pytest.mark.parametrize("read_before", [False, True], ids=["at first sight", "planned before"])
def test_a_badfilter_line_that_opens_a_block_is_held(world: World, read_before: bool) -> None:
    """What serves is settled over all lists, and so is what is judged, whether it was read before or not."""
    world.lists.texts["/a.txt"] = b"||ads.example^\n"
    world.lists.texts["/b.txt"] = b"||paypal.com^\n@@||paypal.com^\n"
    assert world.sync("--force").status == 0
    world.lists.texts["/a.txt"] = b"||ads.example^\n@@||paypal.com^$badfilter\n"
    if read_before:
        assert "held: the new version of a blocks" in world.run("plan", "--now").out
    held = world.sync()
    assert (held.status, "paypal.com" in held.err) == (1, True), held.err
    assert "paypal.com" not in world.blocked()


def test_a_first_version_that_is_held_is_not_taken_by_another_command(world: World) -> None:
    """What `sync` holds, `compile` does not put in force; `test_first` has the other ways in."""
    world.policy.write_text(POLICY.format(base=world.lists.base).replace("/a.txt", "/c.txt"))
    world.lists.texts["/c.txt"] = TEXT + b"0.0.0.0 ocsp.apple.com\n"
    held = world.sync()
    assert (held.status, "left out" in held.err) == (1, False), held.err
    assert "list a: what there is of it is held" in world.run("compile").err
    assert "ocsp.apple.com" not in world.blocked()
    assert world.run("sync", "a", "--leave-out").status == 0
    assert "ads1.example" in world.blocked()
    assert "ocsp.apple.com" not in world.blocked()


@pytest.mark.parametrize("turn", [1, -1], ids=["in this order", "the other way round"])
def test_lists_of_one_address_are_all_judged(world: World, turn: int) -> None:
    entries = ('{name: a, url: "URL", use: [browser]}', '{name: b, url: "URL", use: [dns], match: subtree}')
    lists = "".join(f"  - {entry}\n" for entry in entries[::turn]).replace("URL", world.lists.url("/a.txt"))
    world.policy.write_text(f"version: 1\nlists:\n{lists}targets: {{hosts: {{path: out/hosts}}}}\n")
    assert world.sync().status == 0
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 microsoftonline.com\n"
    held = world.sync()
    assert (held.status, "login.microsoftonline.com" in held.err) == (1, True), held.err
    assert "microsoftonline.com" not in world.blocked()
    assert world.sync("a", "--leave-out").status == 0


FAULTS: list[object] = [
    pytest.param(server.status(404), "404", id="404"),
    pytest.param(server.status(500), "500", id="500"),
    pytest.param(server.status(204), "204", id="204"),
    pytest.param(server.status(503, Retry_After="3600"), "503", id="503 for an hour"),
    pytest.param(server.status(304), "304", id="304 to a question without condition"),
    pytest.param(server.redirect("/a.txt"), "circle", id="redirects in a circle"),
    pytest.param(server.redirect("file:///etc/passwd"), "no web address", id="redirect to a file"),
    pytest.param(server.redirect("http://[::1"), "no address", id="redirect to nonsense"),
    pytest.param(server.drip, "took longer", id="slow drip"),
    pytest.param(server.silent, "timed out", id="silence"),
    pytest.param(server.cut, "cannot download", id="cut connection"),
    pytest.param(server.whole(TEXT, len(TEXT) + 50), "cannot download", id="wrong length"),
    pytest.param(server.whole(b"", 300_000_000), "larger than", id="300 MB told"),
    pytest.param(server.bomb, "unpacks to more than", id="gzip bomb"),
    pytest.param(server.whole(TEXT, Content_Encoding="gzip"), "damaged", id="no gzip"),
    pytest.param(server.whole(TEXT, Content_Encoding="br"), "not asked for", id="a coding nobody asked for"),
    pytest.param(server.whole(gzip.compress(TEXT)[:-9]), "cut off", id="a gzip file that is cut off"),
]


def unread(world: World) -> dict[str, tuple[int, int]]:
    """Return the files without the one that says what failed."""
    return {path: said for path, said in world.files().items() if not path.endswith("history.json")}


@pytest.mark.parametrize(("fault", "says"), FAULTS)
def test_a_failed_download_costs_nothing(world: World, fault: Answer, says: str) -> None:
    before, files = world.blocked(), unread(world)
    world.lists.faults["/a.txt"] = fault
    if says == "304":
        (world.folder / "state" / "lists" / "history.json").unlink()
    failed = world.sync()
    assert failed.status == 0, "its version before serves on"
    assert "failed: the version before serves on" in failed.out
    assert says in failed.err
    assert world.blocked() == before
    if says != "304":
        assert unread(world) == files
    world.lists.faults.clear()
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 fresh.example\n"
    assert world.sync().status == 0
    assert "fresh.example" in world.blocked()


def test_lists_tells_what_failed_since_when_and_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.lists.faults["/a.txt"] = server.status(404)
    assert "failed" not in world.run("lists").out
    for at in (1_800_000_000.0, 1_800_003_600.0):  # the second hour does not move the time of the first
        monkeypatch.setattr(clock, "seconds", lambda at=at: at)
        world.sync()
    told = world.run("lists").out
    assert [line.rstrip().endswith("failed") for line in told.splitlines()[1:3]] == [True, False]
    assert "\nfailed: a, since 2027-01-15 08:00: " in told
    assert "404" in told.partition("failed: a")[2]
    first, second = json.loads(world.run("lists", "--json").out)["lists"]
    assert first["failed"]["since"] == "2027-01-15T08:00:00+00:00"
    assert "404" in first["failed"]["why"]
    assert second["failed"] is None
    world.lists.faults.clear()
    world.sync()
    assert "failed" not in world.run("lists").out
    assert json.loads(world.run("lists", "--json").out)["lists"][0]["failed"] is None


def test_300_mb_are_not_taken(world: World) -> None:
    before = world.blocked()
    world.lists.faults["/a.txt"] = server.endless
    failed = world.sync()
    assert failed.status == 0
    assert "larger than" in failed.err or "took longer" in failed.err
    assert world.blocked() == before


def test_a_list_that_was_never_had_and_fails_is_a_failure(world: World) -> None:
    text = world.policy.read_text().replace("protect:", f'  - {{name: c, url: "{world.lists.base}/c.txt"}}\nprotect:')
    world.policy.write_text(text)
    before = world.blocked()
    failed = world.sync()
    assert failed.status == 3
    assert "failed: nothing is here" in failed.out
    assert world.blocked() == before
    world.lists.texts["/c.txt"] = b"0.0.0.0 c.example\n"
    assert world.sync().status == 0
    assert "c.example" in world.blocked()


@pytest.mark.skipif(not server.has_openssl(), reason="openssl makes the certificate")
def test_a_certificate_that_nobody_signed_is_refused(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with running(context) as secure:
        secure.texts["/a.txt"] = TEXT
        world.policy.write_text(world.policy.read_text().replace(f"{world.lists.base}/a", f"{secure.base}/a"))
        refused = world.sync()
        assert refused.status == 3
        assert "certificate" in refused.err
        assert secure.asked == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        assert world.sync().status == 0, "the user's own authority is believed"
        secure.faults["/a.txt"] = server.redirect(f"{world.lists.base}/a.txt")
        assert "not secure" in world.sync().err


Accept = Callable[[World], Result]


def test_accepting_whole(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 my-bank.example\n0.0.0.0 x.example\n"
    assert world.sync().status == 1
    taken = world.run("sync", "a", "--force")
    assert taken.status == 0
    assert "x.example" in world.blocked()
    assert world.sync().status == 0, "and it is not held again"


def test_accepting_all_but_the_lines(world: World) -> None:
    world.lists.texts["/b.txt"] = b"0.0.0.0 other.example\n0.0.0.0 www.apple.com\n0.0.0.0 x.example\n"
    assert world.sync().status == 1
    taken = world.run("sync", "b", "--leave-out")
    assert taken.status == 0, taken.err
    assert "x.example" in world.blocked()
    assert "www.apple.com" not in world.blocked()
    world.lists.texts["/b.txt"] += b"0.0.0.0 y.example\n"
    assert world.sync().status == 0, "the line stays left out of later versions"
    assert {"y.example"} == world.blocked() & {"y.example", "www.apple.com"}
    world.lists.texts["/b.txt"] = b"0.0.0.0 other.example\n0.0.0.0 y.example\n"
    assert world.sync().status == 0
    assert "without" not in (world.folder / "state" / "lists" / "lock.json").read_text(), "it is gone"
    world.lists.texts["/b.txt"] += b"0.0.0.0 www.apple.com\n"
    assert world.sync().status == 1, "and is news when it comes back"
    assert world.run("sync", "b", "--force").status == 0
    assert "www.apple.com" in world.blocked()


def test_no_list_cannot_be_accepted(world: World) -> None:
    before = world.blocked()
    world.lists.texts["/a.txt"] = b"<!DOCTYPE html><html></html>"
    assert world.sync("--force").status == 1
    assert world.blocked() == before


def test_what_is_held_is_for_nobody_else_to_read(world: World) -> None:
    history = world.folder / "state" / "lists" / "history.json"
    assert history.stat().st_mode & 0o077 == 0
    history.chmod(0o644)
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 my-bank.example\n"
    assert world.sync().status == 1
    assert history.stat().st_mode & 0o077 == 0


def test_the_publisher_takes_a_held_version_back(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 my-bank.example\n"
    assert world.sync().status == 1
    world.lists.texts["/a.txt"] = TEXT
    assert world.sync().status == 0
    assert "held" not in world.run("lists").out


def test_going_back_and_staying_there(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 bad.example\n"
    assert world.sync().status == 0
    back = world.run("rollback", "a")
    assert back.status == 0
    assert "bad.example" not in world.blocked()
    told = world.run("lists").out
    assert "sent back: a stays" in told
    assert "blockctl sync a --force" in told
    again = world.sync()
    assert again.status == 0
    assert "bad.example" not in world.blocked(), "it is not taken again"
    assert "the newest was sent back" in again.out
    assert "blockctl sync a --force" in again.err
    assert "sent back" in world.run("lists").out
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 bad.example\n0.0.0.0 newer.example\n"
    assert world.sync().status == 0
    assert "sent back" not in world.run("lists").out
    assert {"bad.example", "newer.example"} <= world.blocked(), "a newer version is"
    assert world.run("rollback").status == 0
    assert "newer.example" not in world.blocked()
    assert "bad.example" not in world.blocked()
    forced = world.run("sync", "a", "--force")
    assert (forced.status, "newer.example" in world.blocked()) == (0, True)


def test_what_was_asked_for_again_is_not_told_as_sent_back(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 bad.example\n"
    assert world.sync().status == 0
    assert world.run("rollback", "a").status == 0
    newest = world.lists.texts.pop("/a.txt")
    world.sync("a", "--force")
    told = world.run("lists").out
    assert "failed: a" in told
    assert "sent back" not in told
    world.lists.texts["/a.txt"] = newest
    assert world.sync().status == 0
    assert "bad.example" in world.blocked()


def test_going_back_where_only_a_part_has_changed(world: World) -> None:
    world.lists.texts |= {"/a.txt": b"||ads.example^\n!#include part.txt\n", "/part.txt": b"||good.example^\n"}
    assert world.sync("--force").status == 0
    world.lists.texts["/part.txt"] = b"||good.example^\n||bad.example^\n"
    assert world.sync().status == 0
    assert world.run("rollback", "a").status == 0
    assert world.sync().status == 0
    assert "bad.example" not in world.blocked(), "it is not taken again"
    world.lists.texts["/part.txt"] = b"||good.example^\n||newer.example^\n"
    assert world.sync().status == 0
    assert "newer.example" in world.blocked()


def test_there_is_no_way_back_from_the_first_version(world: World) -> None:
    before = world.files()
    result = world.run("rollback", "a")
    assert result.status == 1
    assert "no earlier version" in result.err
    assert world.files() == before


def test_a_sync_that_was_cut_off_before_its_last_step_is_not_gone_back_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> bool:
        raise WorldError("the disk is full")

    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 second.example\n"
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "write_lock", cut_off)
        assert world.sync().status == 3
    assert world.run("rollback", "a").status == 1, "the first version is live still"
    assert world.sync().status == 0
    assert world.run("rollback", "a").status == 0
    assert "second.example" not in world.blocked()
    assert world.run("rollback", "a").status == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("sync", "c"), "the policy has no list 'c'", id="no such list"),
        pytest.param(("rollback", "c"), "the policy has no list 'c'", id="no such list to go back"),
        pytest.param(("sync", "--force", "--leave-out", "a"), "choose one", id="both ways"),
        pytest.param(("sync", "--leave-out"), "of which list", id="of which"),
    ],
)
def test_what_is_asked_wrongly(world: World, words: tuple[str, ...], says: str) -> None:
    result = world.run(*words)
    assert result.status == 2
    assert says in result.err


def test_a_lost_output_is_made_again(world: World) -> None:
    (world.folder / "out" / "hosts").unlink()
    assert world.run("sync").status == 0
    assert len(world.blocked()) == 301


def test_an_edit_of_the_policy_is_built(world: World) -> None:
    world.policy.write_text(world.policy.read_text() + "hosts: {allow: [other.example]}\n")
    assert world.run("sync").status == 0
    assert "other.example" not in world.blocked()


def test_a_build_from_the_lock_file_is_the_same(world: World, tmp_path: Path) -> None:
    lock = tmp_path / "blockctl.lock"
    assert world.sync("--lock", str(lock)).status == 0
    first = (tmp_path / "out" / "hosts").read_bytes()
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 later.example\n"
    assert world.sync().status == 0
    assert (tmp_path / "out" / "hosts").read_bytes() != first
    assert world.run("compile", "--lock", str(lock), "--out", str(tmp_path / "again")).status == 0
    assert (tmp_path / "again" / "hosts").read_bytes() == first
    named = json.loads(lock.read_text())["lists"][f"{world.lists.base}/a.txt"]
    assert set(named) >= {"sha256", "date", "size", "lines", "rules", "format"}


def test_a_lock_file_of_another_machine(world: World, tmp_path: Path) -> None:
    lock = tmp_path / "blockctl.lock"
    world.sync("--lock", str(lock))
    first = (tmp_path / "out" / "hosts").read_bytes()
    words = ("compile", "--lock", str(lock), "--out", str(tmp_path / "there"), "--state", str(tmp_path / "other"))
    assert world.run(*words).status == 0
    assert (tmp_path / "there" / "hosts").read_bytes() == first
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 later.example\n"
    moved = world.run(*words[:-1], str(tmp_path / "third"), "--strict")
    assert moved.status == 1
    assert "moved on" in moved.err


def test_another_sync_at_the_same_time_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from blockctl.io import policy_file
    from blockctl.io.adopt import changing

    monkeypatch.setattr(policy_file, "LOCK_SECONDS", 0.1)
    with changing(world.folder / "state"):
        result = world.sync()
    assert result.status == 3
    assert "another blockctl is refreshing the lists" in result.err


def test_json(world: World) -> None:
    world.lists.texts["/a.txt"] = TEXT + b"0.0.0.0 my-bank.example\n"
    said = world.said()
    assert said["version"] == 1
    first, second = said["lists"]  # type: ignore[misc]
    assert (first["what"], second["what"]) == ("held", "same")
    assert first["held"][0]["kind"] == "protect"
    assert first["next_look"] > 1e9


def test_lists_are_data(world: World) -> None:
    world.policy.write_text(world.policy.read_text() + "hosts: {deny: [denied.example]}\n")
    world.lists.texts["/b.txt"] = (
        b"! Title: b\n||other.example^\n@@||denied.example^\n||x.example^$dnsrewrite=192.0.2.1\n"
        b"!#include /etc/passwd\n!#include ../../policy.yaml\n!#include file:///etc/passwd\n"
    )
    world.run("sync", "b", "--force")
    text = (world.folder / "out" / "hosts").read_text()
    assert "denied.example" in world.blocked(), "what the user denies no list allows"
    assert "192.0.2.1" not in text, "a list does not say what to answer"
    assert "root" not in text
    assert {path for path, _ in world.lists.asked} == {"/a.txt", "/b.txt"}


def test_the_stamp_is_no_promise(world: World) -> None:
    (world.folder / "state" / "lists" / built.NAME).write_text("[")
    assert world.run("sync").status == 0
