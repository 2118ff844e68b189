"""What stood in a site's entry comes back when a temporary change is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from blockctl.io import edits, returns
from blockctl.io.loaded import Loaded, load_policy

TEXT = """version: 1
sites:
  rant.example: {javascript: deny, hide: [".x"]}  # for good
  plain.example: {blocking: off}
"""


def loaded(folder: Path, moment: datetime) -> Loaded:
    from dataclasses import replace

    found = load_policy(folder / "p.yaml", folder / "state")
    return replace(found, policy=found.whole.at(moment), now=moment)


def start(folder: Path) -> tuple[Path, datetime]:
    (folder / "p.yaml").write_text(TEXT, encoding="utf-8")
    return folder / "p.yaml", datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_what_stood_there_comes_back(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    end = now + timedelta(hours=1)
    edits.set_site(loaded(tmp_path, now), "rant.example", {"javascript": "allow"}, end, hide=[".x", ".y"])
    assert "javascript: allow" in path.read_text()
    assert not returns.is_due(tmp_path / "state", end - timedelta(seconds=1))
    assert returns.is_due(tmp_path / "state", end)
    assert returns.restore(path, tmp_path / "state", end)
    assert path.read_text() == TEXT
    assert not returns.is_due(tmp_path / "state", end)


def test_twice_within_the_time_brings_back_what_stood_there_first(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    edits.set_site(loaded(tmp_path, now), "rant.example", {"javascript": "allow"}, now + timedelta(hours=1))
    later = now + timedelta(minutes=30)
    end = later + timedelta(hours=1)
    edits.set_site(loaded(tmp_path, later), "rant.example", {"javascript": "first-party"}, end)
    assert not returns.is_due(tmp_path / "state", now + timedelta(hours=1))
    returns.restore(path, tmp_path / "state", end)
    assert path.read_text() == TEXT


def test_the_next_edit_puts_back_too(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    end = now + timedelta(hours=1)
    edits.set_site(loaded(tmp_path, now), "rant.example", {"javascript": "allow"}, end)
    edits.set_site(loaded(tmp_path, end), "plain.example", {"blocking": "on"})
    assert path.read_text() == TEXT.replace("blocking: off", "blocking: on")


def test_what_was_made_for_good_or_given_another_end_stays(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    end = now + timedelta(hours=1)
    edits.set_site(loaded(tmp_path, now), "rant.example", {"javascript": "allow"}, end)
    edits.set_site(loaded(tmp_path, now), "rant.example", {"until": None})
    assert not returns.is_due(tmp_path / "state", end)
    assert "javascript: allow" in path.read_text()
    edits.set_site(loaded(tmp_path, now), "plain.example", {"blocking": "on"}, end)
    path.write_text(path.read_text().replace("13:00:00", "15:00:00"), encoding="utf-8")
    by_hand = path.read_text()
    assert not returns.restore(path, tmp_path / "state", end)
    assert path.read_text() == by_hand


def test_an_entry_of_nothing_lapses_and_a_reset_one_stays_away(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    end = now + timedelta(hours=1)
    edits.set_site(loaded(tmp_path, now), "new.example", {"javascript": "deny"}, end)
    assert not returns.is_due(tmp_path / "state", end)
    edits.set_site(loaded(tmp_path, now), "plain.example", {"blocking": "on"}, end)
    edits.reset_site(loaded(tmp_path, now), "plain.example")
    assert not returns.restore(path, tmp_path / "state", end)
    assert "plain.example" not in path.read_text()


def test_a_file_that_is_not_ours_puts_nothing_back(tmp_path: Path) -> None:
    path, now = start(tmp_path)
    folder = tmp_path / "state" / "api"
    folder.mkdir(parents=True)
    for text in ("[]", '{"rant.example": 3}', '{"rant.example": {"until": "x", "words": {}, "hide": null}}'):
        (folder / returns.NAME).write_text(text, encoding="utf-8")
        assert not returns.restore(path, tmp_path / "state", now)
