"""The store keeps finished work by key, and a broken or foreign entry is as good as none."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from blockctl.io import store as module
from blockctl.io.store import Store


def test_what_was_put_is_there_for_the_next_run(tmp_path: Path) -> None:
    first = Store(tmp_path)
    key = first.key("list", "abc")
    assert first.get(key) is None
    first.put(key, {"rules": 2}, {"exact": b"a.example\nb.example", "empty": b""})
    kept = Store(tmp_path).get(key)
    assert kept is not None
    assert kept[0] == {"rules": 2}
    assert {name: bytes(body) for name, body in kept[1].items()} == {"exact": b"a.example\nb.example", "empty": b""}


def test_keys_differ_by_parts_and_by_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    assert store.key("list", "abc") == Store(tmp_path).key("list", "abc")
    assert store.key("list", "abc") != store.key("list", "abd")
    monkeypatch.setattr(module, "code_fingerprint", lambda: "another version")
    assert Store(tmp_path).key("list", "abc") != store.key("list", "abc")


@pytest.mark.parametrize("meta", [b"", b"\x80", b"not a pickle", b"\x80\x05cnowhere\nnothing\n.", b"\x80\x05h\x07."])
def test_a_broken_entry_is_none(tmp_path: Path, meta: bytes) -> None:
    store = Store(tmp_path)
    store.put("k", 1, {})
    (tmp_path / "cache" / "k" / "meta").write_bytes(meta)
    assert store.get("k") is None


@pytest.mark.parametrize("damage", ["short", "absent"])
def test_an_entry_with_a_damaged_body_is_none_and_made_anew(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    store.put("k", 1, {"index": b"12345"})
    body = tmp_path / "cache" / "k" / "body-index"
    body.write_bytes(b"") if damage == "short" else body.unlink()
    assert store.get("k") is None
    store.put("k", 1, {"index": b"12345"})
    kept = store.get("k")
    assert kept is not None
    assert bytes(kept[1]["index"]) == b"12345"


def test_keys_differ_by_the_public_suffix_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is replaced where it lies, by its package's own update."""
    (tmp_path / "__init__.py").touch()
    suffixes = tmp_path / "public_suffix_list.dat"
    suffixes.write_text("com\n")
    monkeypatch.setattr(module, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    before = module.code_fingerprint()
    suffixes.write_text("com\norg\n")
    assert module.code_fingerprint() != before


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("k", 1, {})
    assert store.get("k") is not None
    (tmp_path / "cache").chmod(0o777)
    assert store.get("k") is None


def test_prune_takes_the_longest_unused_and_what_a_kill_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    old = Store(tmp_path)
    for name in ("a", "b", "c"):
        old.put(name, None, {"x": b"1" * 1000})
        os.utime(tmp_path / "cache" / name, (ord(name), ord(name)))
    (tmp_path / "cache" / ".new-killed").mkdir()
    monkeypatch.setattr(module, "KEEP_BYTES", 2500)
    store = Store(tmp_path)
    store.get("a")  # used in this run, so it stays
    store.prune()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["a", "c"]
