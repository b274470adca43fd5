"""Find log files, and read their whole lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .decoding import Decoder, decoder_of
from .errors import AnswerError

# A longer line is broken. It bounds the memory that a line can take.
LONGEST_LINE = 16 * 1024 * 1024
OVERLONG = b"A line of more than 16 MiB\n"
STDIN = "-"
_SUFFIXES = (".ndjson", ".jsonl", ".log")

# What the processor's own memory holds: larger pieces take twice the time.
_PIECE = 64 * 1024
_LOG_NAME = re.compile(r"\.(ndjson|jsonl|log)([.-][\w.-]+)?$")
_BOM = b"\xef\xbb\xbf"
# What may stand in front of a line, and is not of it.
_IN_FRONT = re.compile(rb"^(?:\0++|\xef\xbb\xbf)++(?=\{)", re.MULTILINE)
# An escaped surrogate (RFC 8259, section 8.2) in group 1 when it is not one of a pair.
_SURROGATE = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def find(sources: Sequence[str]) -> dict[str, object]:
    """Return the log files that *sources* name, each once, and where the file system has them.

    A folder stands for the log files in it and below: ``*.ndjson``, ``*.jsonl`` and ``*.log``,
    rotated ones (``app.log.1``) and compressed ones (``.gz``, ``.zst``) too. ``-`` is the standard
    input. Names are taken literally.
    """
    names: dict[object, str] = {}  # by their place
    if not sources:
        raise AnswerError("Give at least one log file, a folder, or - for the standard input")
    for source in sources:
        if source == STDIN:
            names[STDIN] = STDIN
            continue
        try:
            logs = _logs(Path(source))
            places = [(status.st_dev, status.st_ino) for status in map(Path.stat, logs)]
        except FileNotFoundError:
            raise AnswerError(f"There is no file {source!r}") from None
        except (OSError, ValueError) as error:
            raise AnswerError(f"{source!r} cannot be read: {_reason(error)}") from error
        if not logs:
            raise AnswerError(
                f"There is no log in the folder {source!r}: "
                "*.ndjson, *.jsonl and *.log are looked for, .gz and .zst too"
            )
        for log, place in zip(logs, places, strict=True):
            names.setdefault(place, str(log))
    return {name: place for place, name in names.items()}


def _logs(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    logs: list[Path] = []
    for folder, _, names in os.walk(path, onerror=_raise):
        logs += [Path(folder, name) for name in names if _LOG_NAME.search(name)]
    return sorted(log for log in logs if log.is_file())


def _raise(error: OSError) -> None:
    raise error


def _reason(error: Exception) -> object:
    return getattr(error, "strerror", None) or error


class LogFile:
    """One source, read from its beginning on.

    ``consumed`` is how many bytes of the file were read so far, and ``damage`` says why a
    compressed file could not be read to its end.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # Which files of this name were read, as the file system tells them apart.
        self.places: set[object] = set()
        self._inode = 0
        self._begin()

    def _begin(self) -> None:
        self.consumed = 0
        self.damage: str | None = None
        self._lines = _Lines()
        self._decoder: Decoder | None = None

    @property
    def size(self) -> int:
        """Return how many bytes the file has, 0 where nobody knows."""
        try:
            return 0 if self.name == STDIN else Path(self.name).stat().st_size
        except OSError:
            return 0

    def head(self) -> bytes:
        """Return how a file begins that can be read where it is; nothing of another."""
        if self.name == STDIN or not Path(self.name).is_file():
            return b""
        with suppress(OSError), Path(self.name).open("rb") as file:
            head = file.read(_PIECE)
            return b"" if decoder_of(head) or head.startswith(_BOM) else head
        return b""

    def read(self, *, growing: bool = False) -> Iterator[bytes]:
        """Yield what the last call had not reached, in pieces of whole lines.

        Of a *growing* file, a last line without its end is left for the next call. A file that was
        cut, or replaced by another of its name, is read from its beginning.
        """
        try:
            if self.name == STDIN:
                # Unbuffered: a thread that waits in a buffer's lock could not be left behind.
                with open(0, "rb", buffering=0, closefd=False) as file:
                    yield from self._split(file, growing=False)
                return
            with Path(self.name).open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < self.consumed or self._inode not in (0, status.st_ino):
                    yield self._lines.rest()  # nothing will be added to it
                    self._begin()
                self._inode = status.st_ino
                self.places.add((status.st_dev, status.st_ino))
                if self.consumed < status.st_size or not file.seekable():
                    yield from self._split(file, growing=growing)
        except OSError as error:
            if growing and self._inode and isinstance(error, FileNotFoundError):
                return  # it is just being replaced
            raise AnswerError(f"{self.name!r} cannot be read: {_reason(error)}") from error

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, without their ends."""
        for piece in self.read():
            yield from piece.split(b"\n")[:-1]

    def _split(self, file: BinaryIO, *, growing: bool) -> Iterator[bytes]:
        for piece in self._pieces(file):
            yield self._lines.feed(piece)
        if not growing:
            yield self._lines.rest()

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the bytes of *file*, decompressed; as many as there are where it is damaged."""
        if self.consumed and file.seekable():
            file.seek(self.consumed)
        while read := file.read(_PIECE):
            if self.consumed == 0:
                self._decoder = decoder_of(read)
            self.consumed += len(read)
            if self._decoder is None:
                yield read
            else:
                yield from self._decoder.feed(read)
        if self._decoder is not None:
            why = self._decoder.damage
            self.damage = why and f"{self.name!r} is damaged and was read in part: {why}"


class LogFiles:
    """The log files that *sources* name, in their order."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = sources
        self._files = [LogFile(name) for name in find(sources)]

    def __iter__(self) -> Iterator[LogFile]:
        return iter(self._files)

    @property
    def size(self) -> int:
        """Return how many bytes they have together."""
        return sum(file.size for file in self._files)

    @property
    def consumed(self) -> int:
        """Return how many bytes of them were read so far."""
        return sum(file.consumed for file in self._files)

    @property
    def damage(self) -> list[str]:
        """Return of each that could be read only in part, why."""
        return [file.damage for file in self._files if file.damage]

    def find_more(self) -> None:
        """Take in logs that are new; a rotated or compressed one was read already."""
        try:
            places = find(self._sources)
        except AnswerError:  # a folder or a file is just being replaced
            return
        names = {file.name for file in self._files}
        known = {place for file in self._files for place in file.places}
        for name, place in places.items():
            if name not in names and name.endswith(_SUFFIXES) and place not in known:
                self._files.append(LogFile(name))


class _Lines:
    """Cuts bytes into whole lines, of which the first has no mark in front; `OVERLONG` stands for
    one that is too long.
    """

    def __init__(self) -> None:
        self._begins = True
        self._rest = bytearray()
        self._skipping = False

    def feed(self, read: bytes) -> bytes:
        """Return the lines that end in *read*, and keep what follows."""
        if self._skipping:
            _, end, read = read.partition(b"\n")
            self._skipping = not end
        end_of_lines = read.rfind(b"\n") + 1
        lines = b""
        if end_of_lines:
            lines = self._unmarked(b"".join((self._rest, read[:end_of_lines])))
            self._rest.clear()
            if len(lines) > LONGEST_LINE and lines.find(b"\n", 0, LONGEST_LINE + 1) < 0:
                lines = OVERLONG + lines.partition(b"\n")[2]
        self._rest += read[end_of_lines:]
        if len(self._rest) > LONGEST_LINE:
            self._rest.clear()
            self._skipping = True
            lines += OVERLONG
        return lines

    def rest(self) -> bytes:
        """Return the last line, which has no end."""
        rest = self._unmarked(bytes(self._rest))
        self._rest.clear()
        return rest + b"\n" if rest else b""

    def _unmarked(self, lines: bytes) -> bytes:
        if self._begins:
            self._begins = False
            return lines.removeprefix(_BOM)
        return lines


def repair(lines: bytes) -> bytes:
    """Return *lines* as DuckDB and msgspec read them.

    U+FFFD stands for the surrogates that have no pair, which Python's json module writes. A file
    that was cut while it was written begins with zeros, and one that was put together of others
    has their marks in it: neither is of the line.
    """
    if b"\0" in lines or _BOM in lines:
        lines = _IN_FRONT.sub(b"", lines)
    if not has_surrogates(lines):
        return lines
    return _SURROGATE.sub(lambda match: b"\\ufffd" if match[1] else match[0], lines)


def has_surrogates(lines: bytes) -> bool:
    """Tell whether there may be escaped surrogates in *lines*."""
    return b"\\" in lines and (b"\\ud" in lines or b"\\uD" in lines)
