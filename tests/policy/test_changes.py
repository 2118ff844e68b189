"""Lines counted by what differs are those that whole sets of lines would tell."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from blockctl.policy.changes import FEW, count_changes

TEXTS = st.lists(st.sampled_from([b"a", b"b", b"aa", b"", b"ab"]), max_size=9).map(b"\n".join)


@given(TEXTS, TEXTS)
@example(b"", b"")
@example(b"a\nb", b"a\nb\nb")
def test_changes_are_those_of_whole_sets(old: bytes, new: bytes) -> None:
    before, after = set(old.split(b"\n")), set(new.split(b"\n"))
    assert count_changes(old, new) == (len(after - before), len(before - after))


def test_many_changes_are_counted_at_once() -> None:
    old = b"".join(b"host%d\n" % each for each in range(3 * FEW))
    new = b"".join(b"host%d\n" % each for each in range(FEW, 6 * FEW))
    assert count_changes(old, new) == (3 * FEW, FEW)
    assert count_changes(old, old.replace(b"host7\n", b"host77\nhost1000\n")) == (1, 1)
