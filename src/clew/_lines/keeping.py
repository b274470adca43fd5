"""Lines below the level, of any logger, kept in their context until it ends.

The root logger's level is lowered, so that such lines come at all. Where they go is decided before
any handler sees them: a handler of somebody else's gets them where its own level asks for them,
and no other does. A logger with a level of its own chooses for itself, as ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from logging import LogRecord
from typing import TYPE_CHECKING, Any

from clew._backlog import Backlog, Write
from clew._current import current
from clew._faults import report_failure
from clew._interruptions import raise_interruption

from .encoder import Encoder
from .entry import Entry
from .extract import capture, extract
from .log_record import make_record, mapping_argument

if TYPE_CHECKING:
    from .handler import LineHandler

# Values of these types are later what they are now.
_UNCHANGING = frozenset((int, float, bool, type(None), bytes))

# About what a line takes besides its texts.
_OVERHEAD = 100

Route = tuple[bool, list[logging.Handler]]


class Keeper:
    """Keeps the lines below a level for a handler of clew's on the root logger.

    Args:
        handler: What writes those that are wanted.
        below: The level from which on lines are written at once.
        lines: How many a context keeps.
        size: How many bytes a context keeps.
    """

    def __init__(self, handler: LineHandler, below: int, lines: int, size: int) -> None:
        self.handler = handler
        self.below = below
        self._limits = lines, size
        self._write_entry: Write = self._encode_and_write
        # Who hears the lines that are written after all, besides: a test.
        self.listeners: list[Callable[[bytes], object]] = []

    def route(self, logger: logging.Logger, level: int) -> Route | None:
        """Return where a line of *logger* goes: whether to clew's handler, and to which others.

        None where it goes to all, as ever: a level of its logger's own lets it pass.
        """
        handler, comes_here, propagates = self.handler, False, True
        others: list[logging.Handler] = []
        found: logging.Logger | None = logger
        while found is not None:
            parent = found.parent
            if parent is not None and found.level:
                return None
            if propagates:
                for other in found.handlers:
                    if other is handler:
                        comes_here = True
                    elif 0 < other.level <= level:
                        others.append(other)
                propagates = found.propagate
            found = parent
        return comes_here and level >= handler.level, others

    def keep(self, entry: Entry) -> None:
        """Keep *entry* in the current context, with its values as they are now."""
        context = current()
        if context is None or not context.live:
            return
        entry.kept = True
        if entry.exception is not None or entry.stack is not None:  # long, and text already
            self.keep_line(self._encoder().encode(entry))
            return
        size = _OVERHEAD + len(entry.message)
        for fields in (entry.fields, entry.bound) if entry.bound else (entry.fields,):
            for value in fields.values():
                kind = type(value)
                if kind is str:
                    size += len(value)  # type: ignore[arg-type]
                elif kind not in _UNCHANGING:
                    self.keep_line(self._encoder().encode(entry))
                    return
        backlog = context.backlog or self.backlog_of(context)
        backlog.add(self._write_entry, entry, size)

    def keep_call(
        self,
        logger: logging.Logger,
        level: int,
        message: object,
        args: tuple[object, ...],
        fields: dict[str, Any],
    ) -> bool:
        """Keep a call of clew's Logger as it is, of which a line is made when it is wanted.

        Tell whether it could be: its values must not change, and no other handler wants it.
        """
        context = current()
        if context is None or type(message) is not str or not context.live:
            return False
        bound = context.fields
        size = _OVERHEAD + len(message)
        values: Iterable[object] = fields.values()
        for value in [*values, *args, *bound.values()] if args or bound else values:
            if type(value) is str:
                size += len(value)
            elif type(value) not in _UNCHANGING:
                return False
        route = self.route(logger, level)
        if route is None or not route[0] or route[1] or logger.filters:
            return False
        if self.handler.direct_encoder() is None:
            return False
        backlog = context.backlog or self.backlog_of(context)
        call = (context, logger.name, level, message, args, fields, bound, time.time())
        backlog.add(self._write_call, call, size)
        return True

    def keep_record(self, record: LogRecord) -> None:
        """Keep *record*, as clew's handler writes it."""
        try:
            context, handler = current(), self.handler
            if context is None or not context.live:
                return
            if handler.direct_encoder() is not None:
                self.keep(extract(record, last=True))
                return
            capture(record).kept = True
            passed: bool | LogRecord = handler.filter(record)
            if passed:
                record = passed if isinstance(passed, LogRecord) else record
                self.keep_line(handler.format(record).encode("utf-8", "backslashreplace"))
        except Exception:
            raise_interruption()
            report_failure()

    def backlog_of(self, context: Any) -> Backlog:
        """Return the backlog of *context*, which has one from now on."""
        if context.backlog is None:
            context.backlog = Backlog(*self._limits, self._say_dropped)
        backlog: Backlog = context.backlog
        return backlog

    def keep_line(self, line: bytes, write: Write | None = None) -> None:
        """Keep *line* in the current context, for *write* or clew's handler."""
        context = current()
        if context is not None and context.live:
            backlog = context.backlog or self.backlog_of(context)
            backlog.add(write or self._write_line, line, _OVERHEAD + len(line))

    def _encoder(self) -> Encoder:
        return self.handler.direct_encoder() or Encoder()

    def _encode_and_write(self, entry: Entry) -> None:
        self._write_line(self._encoder().encode(entry))

    def _write_line(self, line: bytes) -> None:
        self.handler.write_line(line)
        for listener in self.listeners:
            listener(line)

    def _write_call(self, call: Any) -> None:
        context, name, level, message, args, fields, bound, created = call
        if args:
            try:
                message %= mapping_argument(args) or args
            except Exception:
                message = f"{message} {args!r}"
        entry = Entry(
            *(level, message, created, name, context.request_id, context.user_id(), fields, bound),
            kept=True,
        )
        self._encode_and_write(entry)

    def _say_dropped(self, count: int) -> None:
        message = "Lines dropped: %d (at most %d lines and %d bytes are kept)"
        where = (logging.getLogger("clew"), logging.INFO, __file__, 0)
        arguments = (count, *self._limits)
        self.handler.handle(make_record(*where, message, arguments, None, "release", None))


class _Dispatch:
    """What a record's way to the handlers is: the standard library's, or past a `Keeper`."""

    def __init__(self) -> None:
        self.keeper: Keeper | None = None
        self._standard: Any = None

    def start(self, keeper: Keeper) -> None:
        """Let *keeper* take the lines that it keeps, in place of the one before."""
        self.keeper = keeper
        if self._standard is not None:
            return
        self._standard = standard = logging.Logger.callHandlers

        def callHandlers(logger: logging.Logger, record: LogRecord) -> None:  # noqa: N802 - its name
            keeper = self.keeper
            if keeper is None or record.levelno >= keeper.below or not self.serve(logger, record):
                standard(logger, record)

        callHandlers._clew = standard  # type: ignore[attr-defined]
        logging.Logger.callHandlers = callHandlers  # type: ignore[method-assign,assignment]

    def serve(self, logger: logging.Logger, record: LogRecord) -> bool:
        """Keep *record* where it is to be kept; tell whether that is all there is to do."""
        keeper = self.keeper
        if keeper is None or record.levelno >= keeper.below:
            return False
        route = keeper.route(logger, record.levelno)
        if route is None:
            return False
        comes_here, others = route
        if comes_here:
            keeper.keep_record(record)
        for other in others:
            other.handle(record)
        return True

    def stop(self, handler: logging.Handler | None = None) -> None:
        """Keep no lines for *handler* any more, or for any."""
        if self.keeper is not None and handler in (None, self.keeper.handler):
            self.keeper = None


dispatch = _Dispatch()
