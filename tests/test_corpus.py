"""What fuzzing found, and the inputs that reached most, again; and short runs of the same targets on random input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from tests.fuzz.words import PIECES

CORPUS = Path(__file__).with_name("corpus")
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name[:16]}")
def test_replay(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=40).map(lambda p: "".join(p).encode()))
def test_any_input(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_every_folder_has_its_target() -> None:
    assert {path.parent.name for path in FILES} <= set(TARGETS)
