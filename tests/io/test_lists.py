"""Lists come from the package, from beside the policy, or from an earlier download; each failure is said once."""

import gzip
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from blockctl.io import lists as module
from blockctl.io.lists import Library, read_include
from blockctl.model.diagnostic import Diagnostic, Origin
from blockctl.model.filterlist import ListText
from blockctl.model.policy import ListSource, Policy

LIST = b"ads.example\ntracker.example\n"


def source(**fields: object) -> ListSource:
    return ListSource("mine", Origin("policy.yaml", 3, 5), **fields)  # type: ignore[arg-type]


def read_text(policy: Policy, source: ListSource, state: Path) -> ListText:
    library = Library(replace(policy, lists=(source,)), state, offline=True)
    (text,) = library.texts()
    return text


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    (tmp_path / "list.txt").write_bytes(LIST)
    (tmp_path / "list.txt.gz").write_bytes(gzip.compress(LIST))
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(LIST * 50)[:-12])
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(b"0" * 3_000_000))
    (tmp_path / "broken.txt.gz").write_bytes(b"no gzip at all")
    (tmp_path / "large.txt").write_bytes(b"x" * 1_500_000)
    return Policy(str(tmp_path / "policy.yaml"))


@pytest.mark.parametrize("path", ["list.txt", "list.txt.gz", "./list.txt"])
def test_a_file_beside_the_policy(policy: Policy, tmp_path: Path, path: str) -> None:
    text = read_text(policy, source(path=path), tmp_path / "state")
    assert (text.problem, text.data, text.digest) == (None, LIST, hashlib.sha256(LIST).hexdigest())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"path": "absent.txt"}, "cannot read", id="absent"),
        pytest.param({"path": "cut.txt.gz"}, "cut off", id="gzip cut off"),
        pytest.param({"path": "broken.txt.gz"}, "damaged, or no gzip", id="no gzip"),
        pytest.param({"path": "bomb.txt.gz"}, "unpacks to more than", id="gzip bomb"),
        pytest.param({"path": "large.txt"}, "is larger than", id="too large"),
        pytest.param({"path": "."}, "cannot read", id="folder"),
        pytest.param({"path": "builtin:absent"}, "no shipped list is called 'absent'", id="no such shipped list"),
        pytest.param({"path": "list.txt", "sha256": "0" * 64}, "not the one that sha256 names", id="pinned to another"),
        pytest.param({"url": "https://lists.example/a.txt"}, "never downloaded", id="offline"),
    ],
)
def test_what_cannot_be_had_is_a_problem_with_a_place(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    text = read_text(policy, source(**fields), tmp_path / "state")
    assert text.data == b""
    assert text.problem is not None
    assert message in str(text.problem)
    assert str(text.problem).startswith("policy.yaml:3:5: L001 list mine")


def test_includes_stay_in_the_folder(tmp_path: Path) -> None:
    origin = Origin(str(tmp_path / "policy.yaml"))
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "main.txt").write_bytes(b"!#include part.txt\n")
    (tmp_path / "lists" / "part.txt").write_bytes(LIST)
    (tmp_path / "secret.txt").write_bytes(b"secret")
    policy = Policy(str(tmp_path / "policy.yaml"), lists=(ListSource("mine", origin, path="lists/main.txt"),))
    (main,) = Library(policy, tmp_path / "state", offline=True).texts()
    part = read_include(main, "part.txt")
    assert isinstance(part, ListText)
    assert (part.data, part.file) == (LIST, "lists/part.txt")
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "absent.txt", "a/../../secret.txt"):
        absent = read_include(main, name)
        assert isinstance(absent, Diagnostic)
        assert (absent.code, absent.origin) == ("L213", Origin("lists/main.txt"))
    lacking = ListText(main.source, main.file, b"! a list\n!#include absent.txt\r\n", "")
    assert str(read_include(lacking, "absent.txt")).startswith(
        "lists/main.txt:2: L213 cannot include absent.txt: there"
    )


def test_a_pin_covers_what_is_included(tmp_path: Path) -> None:
    """A changed part is another list; the sum that is told pins the whole, in whatever folder it lies."""
    pins = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "part").mkdir(parents=True)
        (folder / "main.txt").write_bytes(b"!#include part/one.txt\n||ads.example^\n")
        (folder / "part" / "one.txt").write_bytes(b"!#include two.txt\n!#include one.txt\n")
        (folder / "part" / "two.txt").write_bytes(LIST)
        policy = Policy(str(tmp_path / "policy.yaml"))

        def problem(sha256: str, folder: Path = folder, policy: Policy = policy) -> str:
            mine = source(path=str(folder / "main.txt"), sha256=sha256)
            return str(read_text(policy, mine, tmp_path / "state").problem or "")

        alone = hashlib.sha256((folder / "main.txt").read_bytes()).hexdigest()
        told = re.search("with what it includes ([0-9a-f]{64})", problem(alone))
        assert told is not None
        pins.append(told[1])
        assert problem(told[1].upper()) == ""
        (folder / "part" / "two.txt").write_bytes(LIST + b"more.example\n")
        assert "not the one that sha256 names" in problem(told[1])
    assert pins[0] == pins[1]


def test_includes_of_an_include_stand_beside_it(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "b.txt").write_bytes(b"right\n")
    (tmp_path / "b.txt").write_bytes(b"wrong\n")
    (tmp_path / "part" / "a.txt").write_bytes(b"!#include b.txt\n")
    mine = ListSource("mine", Origin(str(tmp_path / "policy.yaml")), path="main.txt")
    part = read_include(ListText(mine, "main.txt", b"", ""), "part/a.txt")
    assert isinstance(part, ListText)
    inner = read_include(part, "b.txt")
    assert isinstance(inner, ListText)
    assert (inner.file, inner.data) == ("part/b.txt", b"right\n")


@pytest.mark.parametrize("name", ["x" * 5000, ".", "a\0b", "broken.txt", "part"])
def test_an_include_that_cannot_be_had_stops_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.txt.gz").write_bytes(b"no gzip at all")
    (tmp_path / "part").mkdir()
    mine = ListSource("mine", Origin(str(tmp_path / "policy.yaml")), path="main.txt")
    found = read_include(ListText(mine, "main.txt", b"", ""), name)
    problem = found if isinstance(found, Diagnostic) else found.problem
    assert "cannot include" in str(problem)


def test_a_device_is_not_read_without_end(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/zero").is_char_device():
        pytest.skip("this system has no /dev/zero")
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    text = read_text(policy, source(path="/dev/zero"), tmp_path / "state")
    assert "is larger than" in str(text.problem)


def test_shipped_lists_include_nothing(tmp_path: Path) -> None:
    (tmp_path / "part.txt").write_bytes(LIST)
    ours = ListSource("ours", Origin(str(tmp_path / "policy.yaml")), path="builtin:starter")
    assert "comes without the files it includes" in str(read_include(ListText(ours, ours.path, b"", ""), "part.txt"))
