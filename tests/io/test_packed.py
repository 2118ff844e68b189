"""What others packed is unpacked whole, or is an error; never more than there is room for."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockctl.io.packed import Unpacker, unpacked
from blockctl.model.diagnostic import BlockctlError

TEXT = b"0.0.0.0 ads.example\n" * 200
RAW = zlib.compressobj(wbits=-15)
DEFLATED = RAW.compress(TEXT) + RAW.flush()


def take(coding: str, data: bytes, limit: int = 10_000, piece: int = 7) -> bytes:
    unpacker = Unpacker(coding, limit, "it")
    text = b"".join(unpacker.take(data[at : at + piece]) for at in range(0, len(data), piece))
    unpacker.finish()
    return text


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("identity", TEXT, id="identity"),
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("X-GZip", gzip.compress(TEXT), id="its old name"),
        pytest.param("gzip", gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]), id="two members"),
        pytest.param("gzip", gzip.compress(TEXT) + b"\0" * 20, id="padding"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("deflate", DEFLATED, id="deflate without its head"),
    ],
)
def test_what_is_whole(coding: str, data: bytes) -> None:
    assert all(take(coding, data, piece=piece) == TEXT for piece in (1, 2, 7, 1000))


@pytest.mark.parametrize(
    ("coding", "data", "says"),
    [
        pytest.param("gzip", gzip.compress(TEXT)[:-9], "cut off", id="cut off"),
        pytest.param("gzip", TEXT, "damaged", id="no gzip"),
        pytest.param("gzip", gzip.compress(b"0" * 3_000_000), "unpacks to more than", id="bomb"),
        pytest.param("gzip", gzip.compress(b"0" * 9_000) * 9, "unpacks to more than", id="bomb of many members"),
        pytest.param("", b"0" * 10_001, "is larger than", id="large"),
        pytest.param("br", TEXT, "not asked for", id="unknown"),
        pytest.param("gzip, gzip", TEXT, "not asked for", id="two codings"),
    ],
)
def test_what_is_not(coding: str, data: bytes, says: str) -> None:
    with pytest.raises(BlockctlError, match=says):
        take(coding, data, piece=64)


@given(st.binary(max_size=300))
def test_any_bytes_are_unpacked_or_refused(data: bytes) -> None:
    for text in (data, b"\x1f\x8b" + data):
        try:
            assert len(unpacked("it", text, 1000)) <= 1000
        except BlockctlError:
            continue
