"""Bytes as they lie in a file: compressed, or in UTF-16."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .errors import require

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PIECE = 64 * 1024
# A zstd file unfolds this into 64 MiB at most, a gzip file into 2.
_SMALL_PIECE = 2048


class Decoder(Protocol):
    """What makes lines' bytes of a file's."""

    @property
    def damage(self) -> str | None:
        """Return why what was read is not all that was written."""

    def feed(self, read: bytes) -> Iterator[bytes]:
        """Yield what is in *read*, as far as it is sound, in pieces of bounded size."""


def decoder_of(head: bytes) -> Decoder | None:
    """Return what decodes a file that begins with *head*; None for one that is plain."""
    if head.startswith(GZIP):
        return _Decompressor(lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), zlib.error)
    if head.startswith(ZSTD):
        with require("zstandard"):
            import zstandard
        return _Decompressor(
            lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _UTF16()
    return None


class _UTF16:
    """Decodes what PowerShell writes; the mark at its beginning says in which order bytes are."""

    damage = None

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def feed(self, read: bytes) -> Iterator[bytes]:
        yield self._decoder.decode(read).encode(errors="replace")


class _Decompressor:
    """Decompresses a file of one or more members (RFC 1952, section 2.2) or frames (RFC 8878)."""

    def __init__(self, begin: Callable[[], Any], error: type[Exception]) -> None:
        self._begin = begin
        self._error = error
        self._member = begin()
        self._error_text: str | None = None

    @property
    def damage(self) -> str | None:
        return self._error_text or (None if self._member.eof else "its end is missing")

    def feed(self, read: bytes) -> Iterator[bytes]:
        if self._error_text:
            return
        try:
            for at in range(0, len(read), _SMALL_PIECE):
                rest = read[at : at + _SMALL_PIECE]
                while rest:
                    if self._member.eof:
                        rest = rest.lstrip(b"\0")  # a file may be filled up with zeros
                        if not rest:
                            break
                        self._member = self._begin()
                    unfolded = self._member.decompress(rest)
                    for begin in range(0, len(unfolded), _PIECE):
                        yield unfolded[begin : begin + _PIECE]
                    rest = self._member.unused_data
        except self._error as error:
            self._error_text = str(error)
