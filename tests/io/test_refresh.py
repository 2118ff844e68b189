"""Looking for new versions: politely, at mirrors too, by patches, with what lists include, through proxies."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Bell
from typing import Any

import pytest

from blockctl.io import fetch
from blockctl.io.addresses import address_of, shown
from blockctl.io.adopt import note
from blockctl.io.history import History
from blockctl.io.lists import Library
from blockctl.io.lock import Lock
from blockctl.io.refresh import Event, Look, Refresher
from blockctl.io.shelf import Shelf
from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.policy import ListSource, Policy
from tests.io import list_server as server
from tests.io.list_server import ListServer, hurry, running

TEXT = b"! Title: A\n! Expires: 2 days\n||ads.example^\n"
DAY = 86_400


@dataclass
class Home:
    """A state folder in which looks leave their traces, and a clock."""

    state: Path
    moment: float = 1_800_000_000.0
    lock: Lock = field(default_factory=dict)
    history: History = field(default_factory=History)

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.state)

    def look(self, source: ListSource, *, at_once: bool = True) -> Look:
        (look,) = Refresher(self.shelf, self.lock, self.history, self.moment).look_at([source], at_once=at_once)
        note(look, self.history, self.shelf, self.moment)
        if look.event is Event.NEW:
            assert look.version is not None
            self.lock[address_of(source)] = look.version
        return look

    def text(self, source: ListSource) -> bytes:
        return self.shelf.read(self.lock[address_of(source)].sha256)


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Iterator[ListServer]:
    hurry(monkeypatch)
    with running() as started:
        started.texts["/lists/a.txt"] = TEXT
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def source(url: str, **fields: Any) -> ListSource:
    return ListSource("a", Origin("p.yaml"), url=url, **fields)


def test_expires_is_respected(lists: ListServer, home: Home) -> None:
    mine = source(lists.url("/lists/a.txt"))
    assert home.look(mine, at_once=False).event is Event.NEW
    home.moment += 2 * DAY - 60
    assert home.look(mine, at_once=False).event is Event.NOT_DUE
    assert len(lists.asked) == 1
    home.moment += 120
    assert home.look(mine, at_once=False).event is Event.SAME
    assert [status for _, status in lists.asked] == [200, 304]
    home.moment += DAY
    assert home.look(mine, at_once=False).event is Event.NOT_DUE, "a 304 counts from now"


def test_a_stumble_is_got_over(lists: ListServer, home: Home) -> None:
    tries = iter([server.status(503), server.cut])
    lists.faults["/lists/a.txt"] = lambda request: next(tries, lists.serve)(request)
    assert home.look(source(lists.url("/lists/a.txt"))).event is Event.NEW
    assert len(lists.asked) == 3


def test_tries_are_few(lists: ListServer, home: Home) -> None:
    lists.faults["/lists/a.txt"] = server.status(500)
    assert home.look(source(lists.url("/lists/a.txt"))).event is Event.FAILED
    assert len(lists.asked) == 3
    lists.faults["/lists/a.txt"] = server.status(404)
    home.look(source(lists.url("/lists/a.txt")))
    assert len(lists.asked) == 4, "what is not there is not asked for again"


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        pytest.param("1", 3, id="a second"),
        pytest.param("86400", 1, id="a day: not now"),
        pytest.param("Wed, 21 Oct 2099 07:28:00 GMT", 1, id="a date: not now"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 3, id="a date that is past"),
        pytest.param("soon", 3, id="nonsense"),
        pytest.param("\u0663", 3, id="digits of another script"),
    ],
)
def test_retry_after(lists: ListServer, home: Home, said: str, asked: int) -> None:
    lists.faults["/lists/a.txt"] = server.status(429, Retry_After=said.encode().decode("latin-1"))
    assert home.look(source(lists.url("/lists/a.txt"))).event is Event.FAILED
    assert len(lists.asked) == asked


def test_mirrors_are_asked_in_their_order(lists: ListServer, home: Home) -> None:
    mine = source(lists.url("/lists/a.txt"), mirrors=(lists.url("/m1.txt"), lists.url("/m2.txt")))
    lists.faults["/lists/a.txt"] = server.status(404)
    lists.texts["/m2.txt"] = TEXT
    assert home.look(mine).event is Event.NEW
    assert [path for path, _ in lists.asked] == ["/lists/a.txt", "/m1.txt", "/m2.txt"]
    assert home.look(mine).event is Event.SAME
    assert lists.asked[-1] == ("/m2.txt", 304), "each address is asked by what it said itself"
    lists.texts.clear()
    failed = home.look(mine)
    assert "404 Not Found; 2 other addresses failed too" in str(failed.problem)


def test_redirects_carry_no_credentials(lists: ListServer, home: Home) -> None:
    with running() as other:
        other.texts["/a.txt"] = TEXT
        lists.faults["/lists/a.txt"] = server.redirect(other.url("/a.txt"))
        mine = source(lists.url("/lists/a.txt").replace("//", "//name:secret@"))
        assert home.look(mine).event is Event.NEW
        expected = "Basic " + base64.b64encode(b"name:secret").decode()
        assert lists.headers[0]["authorization"] == expected
        assert "authorization" not in other.headers[0]
    assert "secret" not in str(home.lock)
    assert "secret" not in str(home.history)
    lists.faults["/lists/a.txt"] = server.status(404)
    assert "secret" not in str(home.look(mine).problem)


def test_netrc_and_cookies_are_no_business_of_lists(
    lists: ListServer, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    lists.faults["/lists/a.txt"] = server.status(302, Location="/b.txt", Set_Cookie="id=1; Path=/")
    lists.texts["/b.txt"] = TEXT
    assert home.look(source(lists.url("/lists/a.txt"))).event is Event.NEW
    assert all("authorization" not in each and "cookie" not in each for each in lists.headers)


def test_a_proxy_of_the_environment(lists: ListServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", lists.base)
    lists.texts["http://lists.example/a.txt"] = TEXT  # a proxy is asked for the whole address
    assert home.look(source("http://lists.example/a.txt")).event is Event.NEW
    assert lists.headers[0]["host"] == "lists.example"


def test_a_proxy_that_is_not_there_is_named(lists: ListServer, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    problem = home.look(source("https://lists.example/a.txt")).problem
    assert problem is not None
    assert "proxy" in problem.hint


def test_a_pinned_list(lists: ListServer, home: Home) -> None:
    digest = hashlib.sha256(TEXT).hexdigest()
    mine = source(lists.url("/lists/a.txt"), sha256=digest.upper())
    assert home.look(mine).event is Event.NEW
    assert home.look(mine).event is Event.SAME
    assert len(lists.asked) == 1, "what is here is what is wanted"
    other = home.look(source(lists.url("/lists/a.txt"), sha256="0" * 64))
    assert other.event is Event.FAILED
    assert f"another text than the one that sha256 names ({digest})" in str(other.problem)


def test_a_pin_covers_what_is_included(lists: ListServer, home: Home) -> None:
    url = lists.url("/lists/a.txt")
    lists.texts |= {"/lists/a.txt": TEXT + b"!#include part.txt\n", "/lists/part.txt": b"||one.example^\n"}
    alone = home.look(source(url, sha256=hashlib.sha256(lists.texts["/lists/a.txt"]).hexdigest()))
    told = re.search(r"\(with what it includes ([0-9a-f]{64})\)", str(alone.problem))
    assert told is not None
    mine = source(url, sha256=told[1])
    assert home.look(mine).event is Event.NEW
    asked = len(lists.asked)
    assert home.look(mine).event is Event.SAME
    assert len(lists.asked) == asked, "what is here is what is wanted"
    lists.texts["/lists/part.txt"] = b"||another.example^\n"
    home.lock.clear()
    assert home.look(mine).event is Event.FAILED, "a part is another one"


def test_two_lists_of_one_address_are_fetched_once(lists: ListServer, home: Home) -> None:
    url = lists.url("/lists/a.txt")
    pair = [source(url, dns=False), ListSource("b", Origin("p.yaml"), url=url, browser=False)]
    looks = Refresher(home.shelf, {}, home.history, home.moment).look_at(pair, at_once=True)
    assert [(look.source.name, look.event) for look in looks] == [("a", Event.NEW), ("b", Event.NEW)]
    assert len(lists.asked) == 1


# What lists include


def test_includes_come_from_beside_the_list(lists: ListServer, home: Home) -> None:
    lists.texts |= {
        "/lists/a.txt": b"! A\n!#include part/b.txt\n!#include gone.txt\n!#if env_firefox\n!#include fx.txt\n!#endif\n",
        "/lists/part/b.txt": b"||b.example^\n!#include c.txt\n!#include b.txt\n",
        "/lists/part/c.txt": b"||c.example^\n!#include ../a.txt\n!#include /etc/passwd\n!#include http://x.example/d\n",
        "/lists/fx.txt": b"||fx.example^\n",
    }
    mine = source(lists.url("/lists/a.txt"))
    version = home.look(mine).version
    assert version is not None
    assert [address.partition("/lists/")[2] for address in version.includes] == ["part/b.txt", "part/c.txt"]
    asked = [path for path, _ in lists.asked]
    assert asked == ["/lists/a.txt", "/lists/part/b.txt", "/lists/gone.txt", "/lists/part/c.txt"]
    assert home.look(mine).event is Event.SAME
    lists.texts["/lists/part/c.txt"] = b"||c2.example^\n"
    changed = home.look(mine)
    assert changed.event is Event.NEW, "the list has changed where only a part of it has"


def test_includes_come_from_a_mirror_too(lists: ListServer, home: Home) -> None:
    texts = {"/lists/a.txt": b"! A\n!#include part/b.txt\n", "/lists/part/b.txt": b"||b.example^\n!#include c.txt\n",
             "/lists/part/c.txt": b"||c.example^\n"}  # fmt: skip
    with running() as mirror:
        mirror.texts = texts
        lists.texts.clear()
        lists.faults = dict.fromkeys(texts, server.status(500))
        mine = source(lists.url("/lists/a.txt"), mirrors=(mirror.url("/lists/a.txt"),))
        version = home.look(mine).version
    assert version is not None
    assert [address.partition("/lists/")[2] for address in version.includes] == ["part/b.txt", "part/c.txt"]


def test_an_include_may_not_lead_to_another_server(lists: ListServer, home: Home) -> None:
    with running() as other:
        other.texts["/b.txt"] = b"||b.example^\n"
        lists.texts["/lists/a.txt"] = b"! A\n!#include b.txt\n"
        lists.faults["/lists/b.txt"] = server.redirect(other.url("/b.txt"))
        failed = home.look(source(lists.url("/lists/a.txt")))
        assert "leads to another server" in str(failed.problem)
        assert other.asked == []


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({f"/lists/{n}.txt": f"!#include {n + 1}.txt\n".encode() for n in range(9)}, id="deep"),
        pytest.param({f"/lists/{n}.txt": b"||x^\n" for n in range(150)}, id="many"),
    ],
)
def test_includes_have_an_end(lists: ListServer, home: Home, texts: dict[str, bytes]) -> None:
    lists.texts |= texts
    lists.texts["/lists/a.txt"] = b"! A\n" + b"".join(
        b"!#include %d.txt\n" % n for n in range(len(texts) if len(texts) > 9 else 1)
    )
    failed = home.look(source(lists.url("/lists/a.txt")))
    assert "too many files, or too deep" in str(failed.problem)


def test_an_include_that_is_no_address_is_not_there(lists: ListServer, home: Home) -> None:
    lists.texts["/lists/a.txt"] = b"! A\n||ads.example^\n!#include \x1b[2J/[z\n"
    mine = source(lists.url("/lists/a.txt"))
    assert home.look(mine).event is Event.NEW
    policy = Policy(str(home.state / "policy.yaml"), lists=(mine,))
    library = Library(policy, home.state, offline=True, versions=home.lock)
    for name in ("\x1b[2J/[z", "\x1f//[z"):
        absent = library.include(library.text(mine), name)
        assert isinstance(absent, Diagnostic)
        assert absent.message.isprintable()


def test_an_include_that_fails_keeps_the_version_before(lists: ListServer, home: Home) -> None:
    lists.texts |= {"/lists/a.txt": b"! A\n!#include b.txt\n", "/lists/b.txt": b"||b.example^\n"}
    mine = source(lists.url("/lists/a.txt"))
    home.look(mine)
    lists.texts["/lists/a.txt"] = b"! A 2\n!#include b.txt\n"
    lists.faults["/lists/b.txt"] = server.status(500)
    assert home.look(mine).event is Event.FAILED
    lists.faults.clear()
    assert home.look(mine).event is Event.NEW


def test_an_interrupted_look_waits_for_no_server(
    lists: ListServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", (20.0, 20.0))
    monkeypatch.setattr(fetch, "WHOLE", 20.0)
    hung_up = Bell()
    over = list[str]()

    def hangs(request: server.Handler) -> None:
        hung_up.wait(10.0)
        over.append(request.path)

    lists.faults["/lists/b.txt"] = hangs

    def interrupted(look: Look) -> None:
        raise KeyboardInterrupt

    both = [source(lists.url(path)) for path in ("/lists/a.txt", "/lists/b.txt")]
    before = {each for each in threading.enumerate() if not each.daemon}
    with pytest.raises(KeyboardInterrupt):
        Refresher(home.shelf, home.lock, home.history, home.moment).look_at(both, at_once=True, told=interrupted)
    assert over == [], "the other is not done"
    assert {each for each in threading.enumerate() if not each.daemon} == before, "nothing holds up the end"
    hung_up.set()


# Patches


def patched(lists: ListServer, number: int) -> bytes:
    """Return a version of a list that offers a patch to the next one."""
    head = f"! Title: A\n! Diff-Path: ../patches/{number}.patch#a\n! Diff-Expires: 2 hours\n! Expires: 9 days\n"
    return head.encode() + b"".join(b"||ads%d.example^\n" % each for each in range(number, number + 50))


def test_a_diff_path_that_is_no_address_costs_a_whole_download(lists: ListServer, home: Home) -> None:
    lists.texts["/lists/a.txt"] = b"! Title: A\n! Diff-Path: /\t/[z#a\n||ads.example^\n"
    mine = source(lists.url("/lists/a.txt"))
    home.look(mine)
    lists.texts["/lists/a.txt"] += b"||ads2.example^\n"
    assert home.look(mine).event is Event.NEW


def patch(number: int, *, checksum: str = "", lines: int = 0) -> bytes:
    """Return the patch from one version to the next."""
    new = patched(None, number + 1)  # type: ignore[arg-type]
    told = checksum or hashlib.sha1(new).hexdigest()[:10]
    body = f"d2 1\na2 1\n! Diff-Path: ../patches/{number + 1}.patch#a\nd5 1\na54 1\n||ads{number + 50}.example^\n"
    other = "diff name:b checksum:0123456789 lines:1\nd1 1\n"
    return f"{other}diff name:a checksum:{told} lines:{lines or 6}\n{body}".encode()


@pytest.fixture
def patching(lists: ListServer) -> ListServer:
    lists.texts["/lists/a.txt"] = patched(lists, 1)
    return lists


def test_a_patch_is_taken_in_the_place_of_the_whole_list(patching: ListServer, home: Home) -> None:
    mine = source(patching.url("/lists/a.txt"))
    home.look(mine)
    patching.texts |= {"/patches/1.patch": patch(1), "/patches/2.patch": patch(2)}
    home.moment += 3 * 3600
    assert home.look(mine, at_once=False).event is Event.NEW
    assert home.text(mine) == patched(patching, 3)
    assert [path for path, _ in patching.asked[1:]] == ["/patches/1.patch", "/patches/2.patch", "/patches/3.patch"]
    home.moment += 3 * 3600
    assert home.look(mine, at_once=False).event is Event.SAME, "there is no newer patch yet"
    assert patching.asked[-1] == ("/patches/3.patch", 404)
    home.moment += 10 * DAY
    patching.texts["/lists/a.txt"] = patched(patching, 3) + b"||whole.example^\n"
    assert home.look(mine, at_once=False).event is Event.NEW, "now and then the whole list is asked for"
    assert home.text(mine).endswith(b"||whole.example^\n")


def test_who_looks_at_once_is_not_put_off_by_a_patch_that_is_not_there(patching: ListServer, home: Home) -> None:
    mine = source(patching.url("/lists/a.txt"))
    home.look(mine)
    patching.texts["/lists/a.txt"] = patched(patching, 9)
    home.moment += 3 * 3600
    assert home.look(mine, at_once=False).event is Event.SAME
    assert home.look(mine, at_once=True).event is Event.NEW
    assert home.text(mine) == patched(patching, 9)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(patch(1, checksum="deadbeefdeadbeef"), id="checksum"),
        pytest.param(patch(1, lines=400), id="lines"),
        pytest.param(patch(7), id="for another version"),
        pytest.param(b"<html>", id="no patch"),
        pytest.param(b"diff name:b checksum:0123456789 lines:1\nd1 1\n", id="for another list"),
    ],
)
def test_a_bad_patch_means_the_whole_list(patching: ListServer, home: Home, bad: bytes) -> None:
    mine = source(patching.url("/lists/a.txt"))
    home.look(mine)
    patching.texts |= {"/patches/1.patch": bad, "/lists/a.txt": patched(patching, 2)}
    home.moment += 3 * 3600
    assert home.look(mine, at_once=False).event is Event.NEW
    assert home.text(mine) == patched(patching, 2)


def test_addresses_are_shown_without_what_opens_them() -> None:
    assert shown("https://me:secret@lists.example:8443/a?b#c") == "https://lists.example:8443/a?b#c"
