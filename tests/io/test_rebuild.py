"""The compiler in a process of its own tells what the service has to pass on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from blockctl.io import rebuild as module
from blockctl.io.live import read_live
from blockctl.io.lock import Version, lock_path, write_lock
from blockctl.io.rebuild import rebuild
from tests.io.list_server import running

POLICY = """\
version: 1
lists:
  - {name: mine, path: mine.txt}
  - {name: lost, path: lost.txt}
"""


def test_a_list_that_is_left_out_is_told(tmp_path: Path) -> None:
    policy, state = tmp_path / "policy.yaml", tmp_path / "state"
    policy.write_text(POLICY)
    (tmp_path / "mine.txt").write_text("||ads.example^\n")
    said: list[str] = []
    assert asyncio.run(rebuild(policy, state, said.append)) == ""
    (told,) = said
    assert told.startswith(f"left out: {policy}:4:5: L001 list lost: cannot read")
    assert "hint: check the path" in told
    live = read_live(state)
    assert live is not None
    assert live.lists == ("mine",)

    (tmp_path / "lost.txt").write_text("||tracker.example^\n")
    assert asyncio.run(rebuild(policy, state, said.append)) == ""
    assert len(said) == 1, "nothing is left out any more"

    (tmp_path / "mine.txt").unlink()
    assert "list mine is in use and cannot be read" in asyncio.run(rebuild(policy, state, said.append))


def test_a_first_version_that_is_held_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` compiles what is not there yet, and its log says what is held."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    policy, said = tmp_path / "policy.yaml", list[str]()
    with running() as server:
        server.texts["/a.txt"] = b"0.0.0.0 ads.example\n0.0.0.0 ocsp.apple.com\n"
        policy.write_text(f"version: 1\nlists: [{{name: a, url: '{server.url('/a.txt')}', use: [dns]}}]\n")
        assert asyncio.run(rebuild(policy, tmp_path / "state", said.append)) == ""
    told = said[0]  # then it is compiled once more, for the lock file is another
    assert told.startswith("held: the new version of a blocks ocsp.apple.com, an essential name\n")
    assert "blockctl sync a --leave-out" in told


def test_what_came_into_force_meanwhile_is_compiled_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `sync` that ends while an older version is being compiled has the last word all the same."""
    state = tmp_path / "state"
    runs = []

    async def compiles(*_: object, **__: object) -> str:
        runs.append(1)
        if len(runs) == 1:
            write_lock(lock_path(state), {"https://lists.example/a": Version("0" * 64, "", 1, 1, 1)})
        return ""

    monkeypatch.setattr(module, "_compile", compiles)
    assert asyncio.run(rebuild(tmp_path / "policy.yaml", state, lambda _: None)) == ""
    assert len(runs) == 2
