"""The serial of a zone follows its records, by the arithmetic of RFC 1982."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockctl.io.zone import following, overtake, serial_of, settle, with_serial

HEAD = b"; a zone\n$TTL 30\n@ SOA localhost. root.localhost. 1 3600 600 604800 30\n@ NS localhost.\n"


def written(path: Path, chunks: list[bytes | memoryview]) -> bytes:
    data = b"".join(chunks)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize(
    ("before", "moment", "after"),
    [
        pytest.param(None, 1_800_000_000.7, 1_800_000_000, id="the first is the time"),
        pytest.param(5, 1_800_000_000.0, 1_800_000_000, id="the time, where it is greater"),
        pytest.param(1_800_000_000, 1_800_000_000.0, 1_800_000_001, id="twice in a second"),
        pytest.param(1_800_000_900, 1_800_000_000.0, 1_800_000_901, id="the clock was set back"),
        pytest.param(4_294_967_295, 4_294_967_295.0, 1, id="after the last comes one, for zero is special"),
        pytest.param(4_294_967_290, 4_294_967_296.0 + 5, 5, id="the time has gone round"),
        pytest.param(3_000_000_000, 100.0, 100, id="the time has gone round, far"),
    ],
)
def test_what_comes_after(before: int | None, moment: float, after: int) -> None:
    assert following(before, moment) == after
    if before is not None:
        assert 0 < (after - before) % 2**32 < 2**31  # greater, as RFC 1982 has it


def test_other_records_another_serial_the_same_records_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rpz.zone"
    names = memoryview(b"ads.example CNAME .\n" * 1000)
    first = written(path, settle(path, [HEAD, names], 1_800_000_000))
    assert serial_of(path) == 1_800_000_000
    assert written(path, settle(path, [HEAD, names], 1_800_009_999)) == first
    more = written(path, settle(path, [HEAD, names, b"more.example CNAME .\n"], 1_800_000_000))
    assert serial_of(path) == 1_800_000_001
    assert more.endswith(b"more.example CNAME .\n")
    assert with_serial([HEAD + bytes(names)], 7)[0] != HEAD  # one chunk with all in it
    assert b"".join(with_serial([HEAD + bytes(names)], 1)) == HEAD + bytes(names)


def test_a_file_that_is_no_zone_of_ours_gives_no_serial(tmp_path: Path) -> None:
    path = tmp_path / "other"
    assert serial_of(path) is None
    path.write_bytes(b"\0" * 10_000 + HEAD)
    assert serial_of(path) is None
    assert b" 1800000000 " in b"".join(settle(path, [HEAD], 1_800_000_000))


@pytest.mark.parametrize(
    ("live", "after"),
    [
        pytest.param(None, 1_800_000_000, id="not told"),
        pytest.param(1_800_000_000, 1_800_000_000, id="the same"),
        pytest.param(1_700_000_000, 1_800_000_000, id="behind, as it should be"),
        pytest.param(1_800_000_500, 1_800_000_501, id="ahead: the file was deleted"),
        pytest.param(3_000_000_000, 3_000_000_001, id="far ahead: the clock was wrong"),
    ],
)
def test_a_zone_overtakes_what_servers_have(tmp_path: Path, live: int | None, after: int) -> None:
    path = tmp_path / "zone"
    text = written(path, settle(path, [HEAD, b"ads.example CNAME .\n"], 1_800_000_000))
    assert overtake(path, live, 1_800_000_000) == after
    assert path.read_bytes() == text.replace(b" 1800000000 ", b" %d " % after)
