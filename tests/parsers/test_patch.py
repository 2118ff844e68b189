"""Patches as GNU diff writes them give what they promise; others are refused."""

from __future__ import annotations

import difflib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.parsers.patch import PatchError, apply_patch, read_path

line = st.sampled_from(["a", "b", "||c^", "d1 1", "", "! x"])
texts = st.lists(line, max_size=12).map(lambda lines: "".join(f"{each}\n" for each in lines))


def rcs(old: str, new: str) -> str:
    """Return the difference of two texts as `diff --rcs` writes it."""
    before, after = old.split("\n")[:-1], new.split("\n")[:-1]
    said = []
    for kind, first, last, begin, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind in ("delete", "replace"):
            said.append(f"d{first + 1} {last - first}")
        if kind in ("insert", "replace"):
            said += [f"a{last} {end - begin}", *after[begin:end]]
    return "".join(f"{each}\n" for each in said)


@given(texts, texts)
def test_what_a_patch_makes(old: str, new: str) -> None:
    body = rcs(old, new)
    told = hashlib.sha1(new.encode()).hexdigest()
    patch = f"diff name:a checksum:{told} lines:{body.count(chr(10))}\n{body}"
    assert apply_patch(old.encode(), patch.encode(), "a").decode() == new
    assert apply_patch(old.encode(), body.encode(), "").decode() == new, "without a head there is no checksum"


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_are_a_patch_or_refused(text: bytes, patch: bytes) -> None:
    for given_patch in (patch, b"diff name:a checksum:0123456789 lines:1\n" + patch):
        try:
            apply_patch(text, given_patch, "a")
        except PatchError:
            continue


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        pytest.param(b"d9 1\n", "another version", id="beyond the end"),
        pytest.param(b"a9 1\nx\n", "another version", id="added beyond the end"),
        pytest.param(b"a1 3\nx\n", "cut off", id="too few lines"),
        pytest.param(b"d2 1\nd1 1\n", "another version", id="backwards"),
        pytest.param(b"x\n", "no RCS patch", id="nonsense"),
        pytest.param(b"d1 99999999999999\n", "no RCS patch", id="a number without end"),
        pytest.param(b"diff checksum:abc lines:1\nd1 1\n", "damaged", id="a checksum that proves little"),
        pytest.param(b"diff checksum:0123456789 lines:-1\nd1 1\n", "damaged", id="less than no lines"),
    ],
)
def test_what_is_refused(patch: bytes, says: str) -> None:
    with pytest.raises(PatchError, match=says):
        apply_patch(b"one\ntwo\n", patch, "")


@pytest.mark.parametrize(
    ("field", "path", "name"),
    [
        pytest.param("../p/1.patch#list", "../p/1.patch", "list", id="of several lists"),
        pytest.param("1.patch", "1.patch", "", id="of one"),
        pytest.param("https://evil.example/1.patch", None, "", id="elsewhere"),
        pytest.param("//evil.example/1.patch", None, "", id="elsewhere, in short"),
        pytest.param("\\\\evil.example\\1", None, "", id="elsewhere, backwards"),
        pytest.param("#list", None, "", id="nowhere"),
    ],
)
def test_where_a_patch_is(field: str, path: str | None, name: str) -> None:
    found = read_path(field)
    assert (found and (found.path, found.name)) == (path and (path, name))
