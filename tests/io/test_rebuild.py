"""The compiler in a process of its own tells what the service has to pass on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from blockctl.io.live import read_live
from blockctl.io.rebuild import rebuild

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
