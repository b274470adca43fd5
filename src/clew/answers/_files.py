"""Log files as whole lines: found, decompressed, without what no engine could take."""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ._mistakes import AnswerError, needs

# A longer line is broken. It bounds the memory that a line can take.
LONGEST_LINE = 16 * 1024 * 1024
OVERLONG = b"A line of more than 16 MiB\n"
STDIN = "-"

_PIECE = 1024 * 1024
_LOG_NAME = re.compile(r"\.(ndjson|jsonl|log)([.-][\w-]+)*(\.gz|\.zst)?$")
_GZIP, _ZSTD, _BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
# An escaped surrogate (RFC 8259, section 8.2) in group 1 when it is not one of a pair.
_SURROGATE = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def find(sources: Sequence[str]) -> list[str]:
    """Return the log files that *sources* name, each once.

    A folder stands for the log files in it and below: ``*.ndjson``, ``*.jsonl`` and ``*.log``,
    rotated ones (``app.log.1``) and compressed ones (``.gz``, ``.zst``) too. ``-`` is the standard
    input. Names are taken literally.
    """
    found: dict[str, str] = {}
    for source in sources:
        path = Path(source)
        logs = [path]
        if source == STDIN:
            found[STDIN] = STDIN
            continue
        if path.is_dir():
            logs = sorted(
                log for log in path.rglob("*") if _LOG_NAME.search(log.name) and log.is_file()
            )
            if not logs:
                raise AnswerError(
                    f"There is no log in the folder {source!r}: "
                    "*.ndjson, *.jsonl and *.log are looked for, .gz and .zst too"
                )
        elif not path.exists():
            raise AnswerError(f"There is no file {source!r}")
        for log in logs:
            found.setdefault(str(log.resolve()), str(log))
    return list(found.values())


class LogFile:
    """One source, read from its beginning on.

    ``consumed`` is how many bytes of the file were read so far, and ``damage`` says why a
    compressed file could not be read to its end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.consumed = 0
        self.damage: str | None = None
        self._lines = _Lines()
        self._inode = 0

    @property
    def size(self) -> int:
        """Return how many bytes the file has, 0 where nobody knows."""
        return 0 if self.name == STDIN else Path(self.name).stat().st_size

    def read(self, *, growing: bool = False) -> Iterator[bytes]:
        """Yield what the last call had not reached, in pieces of whole lines.

        Of a *growing* file, a last line without its end is left for the next call. A file that
        was cut, or replaced by another of its name, is read from its beginning.
        """
        try:
            if self.name == STDIN:
                yield from self._split(sys.stdin.buffer, growing=False)
                return
            with Path(self.name).open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < self.consumed or self._inode not in (0, status.st_ino):
                    self.consumed = 0
                self._inode = status.st_ino
                if self.consumed < status.st_size or not file.seekable():
                    yield from self._split(file, growing=growing)
        except OSError as error:
            raise AnswerError(f"{self.name!r} cannot be read: {error.strerror or error}") from error

    def _split(self, file: BinaryIO, *, growing: bool) -> Iterator[bytes]:
        for piece in self._pieces(file):
            yield self._lines.feed(piece)
        if not growing:
            yield self._lines.rest()

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the bytes of *file*, decompressed; as many as there are where it is damaged."""
        raw = self._counted(file)
        head = b""
        if self.consumed == 0:
            head = next(raw, b"")
        elif file.seekable():
            file.seek(self.consumed)
        try:
            if head.startswith(_GZIP):
                yield from _gunzip(head, raw)
            elif head.startswith(_ZSTD):
                yield from _unzstd(head, raw)
            else:
                yield head.removeprefix(_BOM)
                yield from raw
        except (EOFError, zlib.error) as error:
            self.damage = f"{self.name!r} is damaged and was read in part: {error}"

    def _counted(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(_PIECE):
            self.consumed += len(piece)
            yield piece


class _Lines:
    """Cuts bytes into whole lines; `OVERLONG` stands for one that is too long."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, read: bytes) -> bytes:
        """Return the lines that end in *read*, and keep what follows."""
        if self._skipping:
            _, end, read = read.partition(b"\n")
            self._skipping = not end
        block = self._rest + read
        if len(block) > LONGEST_LINE and block.find(b"\n", 0, LONGEST_LINE + 1) < 0:
            _, end, block = block.partition(b"\n")
            self._skipping = not end
            block = OVERLONG + block
        end_of_lines = block.rfind(b"\n") + 1
        self._rest = block[end_of_lines:]
        return _paired(block[:end_of_lines])

    def rest(self) -> bytes:
        """Return the last line, which has no end."""
        rest, self._rest = self._rest, b""
        return _paired(rest + b"\n") if rest else b""


def _paired(lines: bytes) -> bytes:
    """Return *lines* with U+FFFD for the surrogates that have no pair.

    Python's json module writes and reads such escapes; DuckDB refuses the line.
    """
    if b"\\" not in lines or (b"\\ud" not in lines and b"\\uD" not in lines):
        return lines
    return _SURROGATE.sub(lambda found: b"\\ufffd" if found[1] else found[0], lines)


def _gunzip(head: bytes, raw: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    piece = head
    while True:
        while piece:
            yield member.decompress(piece, _PIECE)
            piece = member.unconsumed_tail
            if member.eof:  # another may follow (RFC 1952, section 2.2), or zeros
                piece = member.unused_data.lstrip(b"\0")
                member = zlib.decompressobj(zlib.MAX_WBITS | 16) if piece else member
        try:
            piece = next(raw)
        except StopIteration:
            break
        if member.eof:
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    if not member.eof:
        raise EOFError("its end is missing")


def _unzstd(head: bytes, raw: Iterator[bytes]) -> Iterator[bytes]:
    with needs("zstandard"):
        import zstandard
    frame = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    try:
        yield frame.decompress(head)
        for piece in raw:
            yield frame.decompress(piece)
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from error
