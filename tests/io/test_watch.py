"""A change of a file is told, however it is written."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blockctl.io import watch
from blockctl.io.watch import Watch


def in_place(path: Path) -> None:
    path.write_text("changed in place")


def renamed(path: Path) -> None:
    new = path.with_name(".new")
    new.write_text("changed by a new file")
    new.replace(path)


def deleted(path: Path) -> None:
    path.unlink()


def emptied_and_written(path: Path) -> None:
    with path.open("w") as file:
        file.flush()
        file.write("changed after it was empty")


def led_elsewhere(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("changed by another link")
    link = path.with_name(".link")
    link.symlink_to(other)
    link.replace(path)


def put_away_and_written(path: Path) -> None:
    path.replace(path.with_name("policy.yaml~"))
    path.write_text("changed, with the old one as a backup")


async def _told(path: Path, change: Callable[[Path], None], events: bool) -> bool:
    heard = asyncio.Event()
    watched = Watch(heard.set)
    watched.start([path])
    if not events and watched._fd >= 0:
        asyncio.get_running_loop().remove_reader(watched._fd)
    try:
        await asyncio.sleep(0.02)
        assert not heard.is_set()
        change(path)
        await asyncio.wait_for(heard.wait(), 10)
    finally:
        watched.stop()
    return heard.is_set()


@pytest.mark.parametrize(
    "change", [in_place, renamed, deleted, emptied_and_written, led_elsewhere, put_away_and_written]
)
@pytest.mark.parametrize("events", [True, False], ids=["events", "looking"])
def test_a_change_is_told(
    tmp_path: Path, change: Callable[[Path], None], events: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.05)
    path = tmp_path / "policy.yaml"
    path.write_text("before")
    assert asyncio.run(_told(path, change, events))


def test_a_file_that_comes_later_is_told(tmp_path: Path) -> None:
    assert asyncio.run(_told(tmp_path / "later", in_place, events=True))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no events")
def test_a_folder_that_was_deleted_and_made_again_tells_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"

    async def scene() -> None:
        heard = asyncio.Event()
        watched = Watch(heard.set)
        folder.mkdir()
        watched.start([folder / "pause.json"])
        folder.rmdir()
        await asyncio.sleep(0.02)
        folder.mkdir()
        await asyncio.sleep(0.2)  # for a look, which finds the folder
        if watched._look is not None:  # events alone are left
            watched._look.cancel()
        (folder / "pause.json").write_text("{}")
        try:
            await asyncio.wait_for(heard.wait(), 10)
        finally:
            watched.stop()

    monkeypatch.setattr(watch, "LOOK_EVERY", 0.05)
    asyncio.run(scene())


def test_another_file_of_the_folder_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> bool:
        heard = asyncio.Event()
        watched = Watch(heard.set)
        watched.start([tmp_path / "policy.yaml"])
        (tmp_path / "other").write_text("x")
        await asyncio.sleep(0.15)
        watched.stop()
        return heard.is_set()

    monkeypatch.setattr(watch, "LOOK_EVERY", 0.05)
    assert not asyncio.run(scene())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are no events")
@pytest.mark.parametrize("by_link", [True, False], ids=["a link to it", "the folder itself"])
def test_a_folder_in_whose_place_another_is_put_tells_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_link: bool
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(name)
    folder = tmp_path / ("link" if by_link else "one")
    if by_link:
        folder.symlink_to(tmp_path / "one")

    async def scene() -> list[str]:
        heard = asyncio.Event()
        said = []
        watched = Watch(heard.set)
        watched.start([folder / "policy.yaml"])
        if by_link:
            (tmp_path / "new").symlink_to(tmp_path / "two")
            (tmp_path / "new").replace(folder)
        else:
            folder.rename(tmp_path / "old")
            (tmp_path / "two").rename(folder)
        try:
            await asyncio.wait_for(heard.wait(), 10)
            said.append((folder / "policy.yaml").read_text())
            await asyncio.sleep(0.2)  # for a look, which finds the folder
            if watched._look is not None:  # events alone are left
                watched._look.cancel()
            heard.clear()
            (folder / "policy.yaml").write_text("changed in there")
            await asyncio.wait_for(heard.wait(), 10)
            said.append((folder / "policy.yaml").read_text())
        finally:
            watched.stop()
        return said

    monkeypatch.setattr(watch, "LOOK_EVERY", 0.05)
    assert asyncio.run(scene()) == ["two", "changed in there"]
