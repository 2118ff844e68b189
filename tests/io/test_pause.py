"""The pause lapses by itself, and a broken file is no pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blockctl.io.pause import NAME, Pause, end_pause, read_pause, write_pause
from blockctl.model.diagnostic import Severity, WorldError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_pause_with_an_end_lapses(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert read_pause(state, NOW) == Pause(in_force=False)
    end = NOW + timedelta(minutes=10)
    write_pause(state, end)
    assert read_pause(state, NOW) == Pause(in_force=True, until=end)
    assert read_pause(state, end) == Pause(in_force=False, until=end)


def test_a_pause_without_an_end_lasts_until_resume(tmp_path: Path) -> None:
    write_pause(tmp_path, None)
    assert read_pause(tmp_path, NOW + timedelta(days=999)).in_force
    end_pause(tmp_path)
    assert not read_pause(tmp_path, NOW).in_force
    end_pause(tmp_path)
    assert list(tmp_path.iterdir()) == []


ODD = (b"", b"{", b"[]", b"{}", b'{"until": 5}', b'{"until": "soon"}', b"\xff", b"[" * 100_000)


@pytest.mark.parametrize("data", [*ODD, b'{"until": "0001-01-01T00:00:00+14:00"}'])
def test_a_file_that_blockctl_did_not_write_is_no_pause(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    pause = read_pause(tmp_path, NOW)
    assert not pause.in_force
    assert pause.problem is not None
    assert pause.problem.severity is Severity.WARNING
    write_pause(tmp_path, None)
    assert read_pause(tmp_path, NOW).in_force


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(WorldError):
        write_pause(file / "state", None)
    end_pause(file / "state")
