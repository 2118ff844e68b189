"""Unpacking what was packed by others: never more than there is room for."""

from __future__ import annotations

import zlib

from blockctl.model.diagnostic import BlockctlError

GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 31, 15, -15


class Unpacker:
    """Takes the pieces of a body in one content coding (RFC 9110, section 8.4.1) and gives what they hold.

    Raises BlockctlError when that is more than `limit` bytes, damaged or cut off, or the coding is unknown.
    """

    def __init__(self, coding: str, limit: int, what: str) -> None:
        self._coding, self._limit, self._what, self._size = coding.strip().lower(), limit, what, 0
        if self._coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BlockctlError(f"{what} comes in a coding that was not asked for: {coding[:40]!r}")
        bits = _ZLIB_BITS if self._coding == "deflate" else _GZIP_BITS
        self._zlib = None if self._coding in ("", "identity") else zlib.decompressobj(bits)
        self._begun, self._rest = False, b""

    def take(self, piece: bytes) -> bytes:
        """Return what this piece adds."""
        if self._zlib is None:
            text = piece
        else:
            try:
                text = self._unpack(piece)
            except zlib.error as error:
                raise BlockctlError(f"{self._what} is damaged, or no gzip: {error}") from error
        self._size += len(text)
        if self._size > self._limit:
            raise too_large(self._what, self._limit, packed=self._zlib is not None)
        return text

    def _unpack(self, piece: bytes) -> bytes:
        assert self._zlib is not None
        made, room = [], self._limit - self._size + 1
        if not self._begun:
            piece, self._rest = self._rest + piece, b""
            if len(piece) < len(GZIP):
                self._rest = piece
                return b""
            self._begun = True
            if self._coding == "deflate" and (piece[0] & 15 != 8 or int.from_bytes(piece[:2], "big") % 31):
                self._zlib = zlib.decompressobj(_RAW_BITS)  # as some servers understood it: without zlib's head
        while piece and room > 0:
            if self._zlib.eof:  # a gzip file may have several members (RFC 1952, section 2.2)
                piece, self._rest = self._rest + piece, b""
                if len(piece) < len(GZIP):
                    self._rest = piece
                    break
                if not piece.startswith(GZIP):
                    break  # padding
                self._zlib = zlib.decompressobj(_GZIP_BITS)
            made.append(self._zlib.decompress(piece, room))
            room -= len(made[-1])
            piece = self._zlib.unused_data
        return b"".join(made)

    def finish(self) -> None:
        """Say that there is no more. Raises BlockctlError when there should be."""
        if self._zlib is not None and (self._begun or self._rest) and not self._zlib.eof:
            raise BlockctlError(f"{self._what} is cut off: the gzip end is missing")


def unpacked(what: str, data: bytes, limit: int) -> bytes:
    """Return what a file or a download holds, unpacked if it is a gzip file by its name or its first bytes."""
    if not (what.partition("?")[0].endswith(".gz") or data.startswith(GZIP)):
        return data
    unpacker = Unpacker("gzip", limit, what)
    text = unpacker.take(data)
    unpacker.finish()
    return text


def too_large(what: str, limit: int, *, packed: bool) -> BlockctlError:
    """Return the error for what is larger than it may be."""
    verb = "unpacks to more than" if packed else "is larger than"
    return BlockctlError(f"{what} {verb} {limit / 1e6:,.0f} MB")
