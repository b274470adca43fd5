"""The handler that writes lines: of entries, and of the records of other loggers."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from typing import Literal, TextIO

from clew._backlog import MOST_BYTES, MOST_LINES
from clew._faults import Losses, report_failure
from clew._interruptions import raise_interruption
from clew._options import check_flag, check_level, check_number
from clew._unfinished import check_folder
from clew._unfinished import unfinished as table

from .dropping import DroppingWriter, prepare_pools
from .encoder import Encoder
from .entry import Entry
from .extract import ContextFilter, extract, is_twin
from .keeping import Keeper, dispatch
from .line_writer import LineWriter
from .standard_stream import StandardStream
from .uncaught import hooks

WhenBlocked = Literal["wait", "drop"]


class LineHandler(logging.StreamHandler[TextIO]):
    """Write lines to a stream. `configure_logging` finds its own handler by this class.

    An entry is written as it is where the formatter is clew's, without options of
    python-json-logger's, and no filter but a `ContextFilter` looks at records.

    Args:
        stream: A text stream; or ``"stdout"`` or ``"stderr"``, which are looked up at each line,
            so that a test's or a command's replaced stream does no harm.
        twins: Whether lines that say again what an HTTPLog says are written: a server's or a
            framework's about a crash whose exception the HTTPLog has, and Django's about a 4xx.
        keep_below: The level below which lines are kept in their request, and written if it fails.
            The root logger's level says from which level on. None keeps none.
        keep_lines: How many lines a request keeps, of which the oldest are dropped.
        keep_bytes: How many bytes they may have together.
        uncaught: Whether what nobody catches becomes a line; None leaves that as it is.
        unfinished: A folder for tables of what processes are at, as in `configure_logging`.
        service: Of which service the processes are whose tables are read there.
        when_blocked: ``"drop"`` never waits for the reader of a pipe, as in `configure_logging`.
    """

    def __init__(
        self,
        stream: TextIO | Literal["stdout", "stderr"] = "stdout",
        *,
        twins: bool = True,
        keep_below: int | str | None = None,
        keep_lines: int = MOST_LINES,
        keep_bytes: int = MOST_BYTES,
        uncaught: bool | None = None,
        unfinished: str | os.PathLike[str] | None = None,
        service: str | None = None,
        when_blocked: WhenBlocked = "wait",
    ) -> None:
        logging.Handler.__init__(self)
        check_flag("twins", twins)
        for option, number in (("keep_lines", keep_lines), ("keep_bytes", keep_bytes)):
            check_number(option, number)
        if keep_below is not None:
            below = check_level("keep_below", keep_below)
            dispatch.start(Keeper(self, below, keep_lines, keep_bytes))
        if uncaught is not None:
            (hooks.install if check_flag("uncaught", uncaught) else hooks.uninstall)()
        if unfinished is not None:
            table.start(check_folder(unfinished), service)
        self._twins = twins
        # The stream itself, or else one of sys.
        self._stream: TextIO | None = None if isinstance(stream, str) else stream
        self._standard = StandardStream(stream if isinstance(stream, str) else "stdout")
        self._writer: LineWriter | DroppingWriter | None = None
        self._drops = check_when_blocked(when_blocked) == "drop"
        if self._drops:
            prepare_pools()
        self.losses = Losses("lines")
        # What encodes entries, as long as the formatter and the filters are the same.
        self._encoder: Encoder | None = None
        self._known: tuple[object, object] = (None, None)

    @property
    def stream(self) -> TextIO:
        """The stream that the next line goes to."""
        return self._stream or self._standard.stream

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        self._stream = stream

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the line of *record*, unless a filter drops it; tell whether it was written."""
        if not self._twins and is_twin(record):
            return False
        encoder = self.direct_encoder() if type(self) is LineHandler else None
        if encoder is None:
            return bool(super().handle(record))
        try:
            # The root logger's last handler is the last one to see a record; its dictionary would
            # grow by what nobody reads.
            last = logging.root.handlers[-1:] == [self]
            line = encoder.encode(extract(record, last=last))
        except Exception:
            raise_interruption()
            return bool(super().handle(record))
        self.write_line(line)
        return True

    def put(self, entry: Entry) -> bool:
        """Write the line of *entry*; return False where a record is needed for it."""
        encoder = self.direct_encoder()
        if encoder is None:
            return False
        self.write_line(encoder.encode(entry))
        return True

    def put_beside(self, entry: Entry) -> bool:
        """Write the line of *entry* from a thread that may wait for no lock, and is alone in that;
        return False where it has to.

        Where another thread is just writing, that one writes this line as well.
        """
        encoder, stream, writer = self.direct_encoder(), self.stream, self._writer
        if encoder is None or stream is None:
            return False
        if writer is None or writer.stream is not stream:
            writer = self._writer = self._writer_to(stream)
        if writer.descriptor is None:
            return False
        try:
            writer.write(encoder.encode(entry))
        except Exception as error:
            self.losses.add(error)
        return True

    def close(self) -> None:
        """Keep no further lines; the stream stays open."""
        dispatch.stop(self)
        super().close()

    def direct_encoder(self) -> Encoder | None:
        """Return what encodes entries; None where a filter or the formatter has to see records."""
        formatter, filters = self._known
        if self.formatter is not formatter or self.filters != filters:
            self._known = self.formatter, self.filters[:]
            sees_records = any(type(entry) is not ContextFilter for entry in self.filters)
            self._encoder = None if sees_records else getattr(self.formatter, "direct", None)
        return self._encoder

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of *record*."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace")
        except Exception:
            self.handleError(record)
        else:
            self.write_line(line)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say on stderr what failed, once a minute, and wait for nobody who should read it."""
        self.losses.total += 1
        report_failure(record)

    def flush(self) -> None:
        """Flush the stream, if there is one; every line is flushed as it is written.

        With ``when_blocked="drop"`` it waits for the lines that are queued, as long as any goes.
        """
        if isinstance(self._writer, DroppingWriter):
            self._writer.wait()
        elif self.stream is not None:
            super().flush()

    def write_line(self, line: bytes) -> None:
        """Write *line*, in UTF-8; what cannot be written is counted, and said on stderr."""
        with self.lock or nullcontext():
            try:
                stream, writer = self._stream or self._standard.stream, self._writer
                if writer is None or writer.stream is not stream:
                    if stream is None:
                        self.losses.total += 1
                        return  # a process without a stdout has nowhere to write to
                    writer = self._writer = self._writer_to(stream)
                if writer.descriptor is not None or self._stream is not None:
                    writer.write(line)
                else:
                    self._standard.write(writer, line)
                if self.losses.count:
                    self.losses.end()
            except Exception as error:
                raise_interruption()
                self.losses.add(error)

    def _writer_to(self, stream: TextIO) -> LineWriter | DroppingWriter:
        writer = LineWriter(stream)
        if self._drops and writer.is_shared:
            return DroppingWriter(writer, self.losses, self._say_dropped)
        return writer

    def _say_dropped(self, count: int) -> bytes:
        message = "Lines dropped while nobody read them: %d"
        entry = Entry.now(logging.WARNING, message % count, "clew", {"dropped": count})
        return (self.direct_encoder() or Encoder()).encode(entry)


def check_when_blocked(when_blocked: WhenBlocked) -> WhenBlocked:
    """Return *when_blocked*; raise ValueError for anything but ``"wait"`` and ``"drop"``."""
    if when_blocked not in ("wait", "drop"):
        raise ValueError(f'when_blocked must be "wait" or "drop", not {when_blocked!r}')
    return when_blocked


def own_handlers(logger: logging.Logger = logging.root) -> list[LineHandler]:
    """Return the handlers of *logger* that clew has set up."""
    return [handler for handler in logger.handlers if isinstance(handler, LineHandler)]


def _count_losses() -> int:
    return sum(handler.losses.total for handler in own_handlers())


hooks.count_losses = _count_losses
