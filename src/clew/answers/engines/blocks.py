"""Lines in files of a bounded size, which DuckDB reads: prepared while the one before is read."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")

BLOCK_SIZE = 128 * 1024 * 1024
# What the processor's own memory holds: larger pieces take twice the time.
_PIECE = 64 * 1024


def write_blocks(pieces: Iterable[bytes], folder: Path, name: str) -> Iterator[Path]:
    """Yield *pieces* of whole lines in files, which the receiver removes."""
    coming = iter(pieces)
    for number in itertools.count():
        path = folder / f"{name}-{number}.ndjson"
        with path.open("wb", buffering=0) as block:
            for piece in coming:
                block.write(piece)
                if block.tell() > BLOCK_SIZE:
                    break
            size = block.tell()
        if not size:
            return
        yield path


def read_pieces(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of a file, many at once."""
    rest = bytearray()
    with path.open("rb", buffering=0) as file:
        while read := file.read(_PIECE):
            end = read.rfind(b"\n") + 1
            if end:
                yield b"".join((rest, read[:end]))
                rest.clear()
            rest += read[end:]
    if rest:
        yield bytes(rest)


def prefetch(items: Iterator[_T]) -> Iterator[_T]:
    """Yield *items*, each prepared in a thread while the one before is worked on."""
    coming = _start(items)
    while (item := coming.result()) is not None:
        coming = _start(items)
        yield item


def _start(items: Iterator[_T]) -> Future[_T | None]:
    coming: Future[_T | None] = Future()

    def prepare() -> None:
        try:
            coming.set_result(next(items, None))
        except BaseException as error:  # it is raised where the item is waited for
            coming.set_exception(error)

    # A daemon, as it may wait for a standard input that never ends.
    threading.Thread(target=prepare, daemon=True).start()
    return coming


class Polling:
    """Calls a function time and again while a block of code runs."""

    def __init__(self, poll: Callable[[], object], seconds: float = 0.2) -> None:
        self._poll = poll
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self._poll()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
