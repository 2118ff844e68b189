"""The answers kept for the next start: nobody else may read what was asked here."""

from __future__ import annotations

from pathlib import Path

from blockctl.dns.cache import Cache
from blockctl.io.kept_cache import NAME, load_cache, save_cache
from blockctl.io.live import FOLDER


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / NAME
    path.parent.mkdir()
    path.touch(mode=0o644)  # as it was once written
    path.chmod(0o644)
    save_cache(tmp_path, Cache(1 << 20, 60.0))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size > 0
    load_cache(tmp_path, Cache(1 << 20, 60.0))
