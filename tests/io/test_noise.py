"""Random bytes are handed out once, and a child of this process gets others."""

from __future__ import annotations

import os

import pytest

from blockctl.io import noise


def test_bytes_are_handed_out_once() -> None:
    """Eight bytes are alike by chance once in 2**64 pairs; over the pool's end as before it."""
    found = [noise.take(8) for _ in range(2 * noise.POOL // 8)]
    assert {len(each) for each in found} == {8}
    assert len(set(found)) == len(found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_has_bytes_of_its_own() -> None:
    noise.take(8)
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, noise.take(64))
        os._exit(0)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as told:
        os.close(writing)
        assert told.read() != noise.take(64)
