"""Options of the whole test run."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

settings.register_profile("blockctl", deadline=None)  # no test is about its own time, and machines are busy
settings.load_profile("blockctl")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as behind a shell; programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update`."""
    parser.addoption("--update", action="store_true", help="rewrite tests/golden/*.md; read the diff afterwards")
