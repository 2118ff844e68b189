"""A missing engine is a skip that names its package, and a failure where every engine is required."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import require

TEST = """
import pytest

@pytest.mark.skipif(True, reason="needs a browser")
def test_browser(): ...

@pytest.mark.skipif(True, reason="needs ../shared/corpus")
def test_data(): ...
"""


def test_a_missing_engine_skips_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLOCKCTL_REQUIRE_ENGINES", raising=False)
    monkeypatch.setitem(require.ENGINES, "no-engine", require.Engine("some-package", lambda: False))
    with pytest.raises(pytest.skip.Exception, match="some-package"):
        require.require("no-engine")


def test_a_missing_engine_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOCKCTL_REQUIRE_ENGINES", "1")
    monkeypatch.setitem(require.ENGINES, "no-engine-either", require.Engine("some-package", lambda: False))
    with pytest.raises(pytest.fail.Exception, match="some-package"):
        require.require("no-engine-either")


@pytest.mark.parametrize(("required", "line"), [("1", "1 skipped, 1 error"), ("", "2 skipped")])
def test_a_skip_by_hand_is_seen_too(tmp_path: Path, required: str, line: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.engines.conftest import pytest_runtest_makereport  # noqa: F401")
    (tmp_path / "test_it.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        env={"BLOCKCTL_REQUIRE_ENGINES": required, "PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert line in done.stdout
