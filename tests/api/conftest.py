"""One server for the tests of a file: each start takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.serving import Api, serving

POLICY = """sites:
  # what I read
  rant.example: {javascript: deny, note: too many pop-ups}  # for good
  news.example:
    allow: [cdn.partner.example]
    hide: [".modal"]
hosts: {deny: [tracker.example]}
lists: [{name: own, path: own.txt}]
targets: {ublock: {path: out/ublock.txt}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server, with a client that is paired."""
    with serving(tmp_path_factory.mktemp("api"), POLICY, **{"own.txt": "||ads.example^\n"}) as found:
        found.pair()
        yield found
