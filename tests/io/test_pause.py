"""The pause lapses by itself, and a broken file is no pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blockctl.io.pause import EVERYBODY, NAME, Pause, Pauses, end_pause, read_pauses, strangers, write_pause
from blockctl.model.diagnostic import Origin, Severity, WorldError
from blockctl.model.policy import Group, Policy, Resolver

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_pause_with_an_end_lapses(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert read_pauses(state, NOW).everybody == Pause(in_force=False)
    end = NOW + timedelta(minutes=10)
    write_pause(state, end)
    assert read_pauses(state, NOW).everybody == Pause(in_force=True, until=end)
    assert read_pauses(state, end).everybody == Pause(in_force=False, until=end)


def test_a_pause_without_an_end_lasts_until_resume(tmp_path: Path) -> None:
    write_pause(tmp_path, None)
    assert read_pauses(tmp_path, NOW + timedelta(days=999)).everybody.in_force
    end_pause(tmp_path)
    assert not read_pauses(tmp_path, NOW).everybody.in_force
    end_pause(tmp_path)
    assert list(tmp_path.iterdir()) == []


ODD = (b"", b"{", b"[]", b"{}", b'{"until": 5}', b'{"until": "soon"}', b"\xff", b"[" * 100_000)


ODD_GROUPS = (b'{"groups": 5}', b'{"groups": {}}', b'{"groups": {"kids": "soon"}}', b'{"until": null, "groups": [1]}')


@pytest.mark.parametrize("data", [*ODD, *ODD_GROUPS, b'{"until": "0001-01-01T00:00:00+14:00"}'])
def test_a_file_that_blockctl_did_not_write_is_no_pause(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    pause = read_pauses(tmp_path, NOW).everybody
    assert not pause.in_force
    assert pause.problem is not None
    assert pause.problem.severity is Severity.WARNING
    write_pause(tmp_path, None)
    assert read_pauses(tmp_path, NOW).everybody.in_force


def test_a_state_folder_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(WorldError):
        write_pause(file / "state", None)
    end_pause(file / "state")


def test_groups_pause_by_themselves(tmp_path: Path) -> None:
    soon, later = NOW + timedelta(minutes=10), NOW + timedelta(hours=1)
    write_pause(tmp_path, soon, "kids")
    write_pause(tmp_path, None, "tv")
    pauses = read_pauses(tmp_path, NOW)
    assert pauses == Pauses(Pause(False), {"kids": Pause(True, soon), "tv": Pause(True)})
    assert [pauses.of(group) for group in ("kids", "tv", "guests", EVERYBODY)] == [True, True, False, False]
    assert (pauses.next_end(), read_pauses(tmp_path, soon).next_end()) == (soon, None)
    assert not read_pauses(tmp_path, NOW).everybody.in_force
    write_pause(tmp_path, later)
    assert read_pauses(tmp_path, NOW).of("guests")
    assert read_pauses(tmp_path, soon).groups["kids"] == Pause(False, soon)
    end_pause(tmp_path, "tv")
    assert set(read_pauses(tmp_path, NOW).groups) == {"kids"}
    end_pause(tmp_path)
    assert read_pauses(tmp_path, NOW) == Pauses()
    assert list(tmp_path.iterdir()) == []


def test_the_last_group_that_resumes_leaves_nothing(tmp_path: Path) -> None:
    write_pause(tmp_path, None, "kids")
    end_pause(tmp_path, "tv")
    assert read_pauses(tmp_path, NOW).of("kids")
    end_pause(tmp_path, "kids")
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_pause_for_everybody_is_as_it_was(tmp_path: Path) -> None:
    write_pause(tmp_path, NOW)
    assert (tmp_path / NAME).read_bytes() == b'{"until": "2026-11-21T12:00:00+00:00"}\n'


def test_a_pause_of_a_group_that_is_gone_is_told(tmp_path: Path) -> None:
    write_pause(tmp_path, NOW + timedelta(minutes=10), "kids")
    policy = Policy("p", resolver=Resolver(groups={"tv": Group("tv", Origin("p"), ("10.0.0.5",))}))
    (found,) = strangers(tmp_path, read_pauses(tmp_path, NOW), policy)
    assert (found.code, found.severity, found.hint) == (
        "P020", Severity.WARNING, "`blockctl resume --group kids` forgets it",
    )  # fmt: skip
    assert strangers(tmp_path, read_pauses(tmp_path, NOW + timedelta(hours=1)), policy) == []
