"""These tests ask real engines. Without its engine a test skips; under $BLOCKCTL_REQUIRE_ENGINES it fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.engines.require import must_have, require
from tests.engines.webkit import WebKit

# Files that take many minutes each: begun first, they do not leave one of two workers waiting for the other at the end.
LONG = ("test_mutations.py", "test_webkit_corpus.py", "test_webkit_worlds.py", "test_resolver_differential.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every engine is required, turn a skip for a missing one into a failure."""
    report = yield
    if report.skipped and must_have() and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "shared" not in reason and "corpus" not in reason:  # data that need not be here
            report.outcome = "failed"
            report.longrepr = f"BLOCKCTL_REQUIRE_ENGINES is set, and this was skipped: {reason}"
    return report


@pytest.fixture(scope="module")
def webkit() -> Iterator[WebKit]:
    """Run WebKit for the tests of a module."""
    require("webkit")
    with WebKit() as running:
        yield running
