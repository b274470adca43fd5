"""For loguru: ``logger.configure(handlers=[clew.loguru.handler(sys.stdout, service="shop")])``."""

from __future__ import annotations

import contextlib
import logging
import pickle
import time
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Unpack, cast

from ._backlog import MOST_BYTES, MOST_LINES, Backlog
from ._context import rename_fields
from ._current import current
from ._faults import report_failure
from ._lines.entry import Entry
from ._lines.extract import capture, message_of
from ._lines.json_formatter import JSONFormatter
from ._lines.line_options import LineOptions
from ._options import needed
from ._redaction import Redact, lasting
from ._text import escaped, takes_utf8, text_of

with needed("clew.loguru needs loguru: pip install loguru"):
    import loguru
    from loguru import logger

Record = dict[str, Any]

# Where a record of loguru's keeps what clew needs; loguru's own sinks look at its own keys only.
_LINE = "_clew_line"
_INTERCEPTED = "_clew_intercepted"
# The extra of a record that brings a line which was kept, and is written now.
_RELEASED = "_clew_released"

# What loguru makes a line of. A line is never read as a format itself, so that neither braces
# nor what looks like a colour's tag mean anything in it.
_FORMAT = f"{{{_LINE}}}\n"


def patcher(record: loguru.Record) -> None:
    """Put ``requestId``, ``userId`` and the bound fields into ``record["extra"]``.

    For ``logger.configure(patcher=clew.loguru.patcher)`` and a format of your own:
    ``"{extra[requestId]} {message}"``. Both ids are always there, empty without a request. No
    caller can forge them: what stood under their names gets an underscore behind.
    """
    extra: dict[str, object] = record["extra"]
    for key in ("requestId", "userId"):
        if key in extra:
            extra[f"{key}_"] = extra.pop(key)
    known = cast("Record", record)
    entry = Entry(0, "", 0.0, "")
    entry.take_ids(_error_of(known), _intercepted_in(known))
    extra["requestId"] = entry.request_id or ""
    extra["userId"] = entry.user_id or ""
    for name, value in entry.bound.items():
        extra.setdefault(name, value)


def handler(
    sink: Any,
    *,
    service: str | None = None,
    version: str | None = None,
    fields: Mapping[str, object] | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
    keep: int | str | None = None,
    **options: Any,
) -> loguru.BasicHandlerConfig:
    """Return a handler that writes ApplicationLogs, for ``logger.configure(handlers=[...])``.

    ``logger.add(**clew.loguru.handler(sys.stdout))`` takes it as well. *options* are those of
    ``logger.add``: ``level``, ``enqueue``, ``rotation`` and others. ``diagnose``, which spells out
    the variables of a stack trace, is off, and so are ``backtrace`` and ``colorize``: an
    exception is written as clew writes it.

    Args:
        sink: Where the lines go, as in ``logger.add``: a stream, a path, a function.
        service: Which service of several writes the lines.
        version: The release of that service.
        fields: Further fields of every line.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: As in `clew.configure_logging`.
        keep: A level below the option ``level``, from which on lines are kept in their request and
            written if it fails, as in `clew.configure_logging`.
        options: Further options of ``logger.add``; ``format`` and ``serialize`` are refused.
    """
    for name in {"format", "serialize"} & options.keys():
        raise TypeError(f"{name} is clew's own here, {options[name]!r} would be lost: leave it out")
    redact = lasting(redact)
    line = _Format(service=service, version=version, fields=fields, levels=levels, redact=redact)
    line.ascii = not takes_utf8(sink)
    line.queued = bool(options.get("enqueue"))
    plain = {"backtrace": False, "diagnose": False, "colorize": False}
    made = {"sink": sink, "format": line, **plain, **options}
    if keep is not None:
        keeper = _Keeper(line, keep, made.get("level", logging.INFO), made.get("filter"))
        made |= {"level": 0, "filter": keeper}
    return cast("loguru.BasicHandlerConfig", made)


class _Format:
    """Make a record of loguru's the line of an ApplicationLog, in the thread that logs.

    It never fails, and what it makes of a record passes any queue.
    """

    ascii = False  # for a stream of another encoding than UTF-8
    queued = False

    def __init__(self, **options: Unpack[LineOptions]) -> None:
        self.formatter = JSONFormatter(**options)
        self._options = options

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that is spawned is sent the logger, handlers and all.
        return (partial(_Format, **self._options), (), {"ascii": self.ascii, "queued": self.queued})

    def encoded(self, record: Record, *, kept: bool = False) -> str:
        """Return the line of *record*."""
        try:
            intercepted = _intercepted_in(record)
            if intercepted is not None:
                capture(intercepted).kept = kept
                return self.formatter.format(intercepted)
            entry = self._entry(record)
            entry.kept = kept
        except Exception:  # a patcher has made another thing of the record
            entry = Entry(logging.INFO, text_of(record.get("message")), time.time(), "root")
        return self.formatter.encoder.encode(entry).decode()

    def __call__(self, record: Record) -> str:
        released = record["extra"].get(_RELEASED) if record["extra"] else None
        line = self.encoded(record) if released is None else released[1]
        record[_LINE] = escaped(line) if self.ascii else line
        if self.queued:
            record["extra"] = _Extra(record["extra"] or ())
            if record["exception"] is not None:
                record["exception"] = _Exception(*record["exception"])
        return _FORMAT

    def _entry(self, record: Record) -> Entry:
        name, message = record["name"], record["message"]
        entry = Entry.of_event(
            record["level"].no,
            message if type(message) is str else text_of(message),
            record["time"].timestamp(),
            name if type(name) is str else "root",
            record["extra"],
            error=_error_of(record),
        )
        if "requestId" in entry.fields:  # `patcher` has put the ids there
            own = {"requestId": entry.request_id or "", "userId": entry.user_id or ""}
            entry.fields = {
                name: value
                for name, value in entry.fields.items()
                if not (name in own and type(value) is str and value == own[name])
            }
        entry.fields = rename_fields(entry.fields)  # type: ignore[arg-type]
        return entry


class _Keeper:
    """Lets the records pass that are written at once, and keeps others in their context."""

    def __init__(self, line: _Format, keep: int | str, level: int | str, wanted: Any) -> None:
        if wanted is not None and not callable(wanted):
            raise TypeError(f"filter must be a function beside keep, not {wanted!r}")
        self._line = line
        self._from, self._level, self._wanted = _number(keep), _number(level), wanted
        if not 0 < self._from < self._level:
            raise ValueError(f"keep is {keep!r}, which is not below the level {level!r}")

    def __call__(self, record: Record) -> bool:
        if (released := record["extra"].get(_RELEASED)) is not None:
            # It came by this name to other handlers as well, below the level of any.
            return bool(released[0] is self)
        if self._wanted is not None and not self._wanted(record):
            return False
        if record["level"].no >= self._level:
            return True
        context = current()
        if record["level"].no >= self._from and context is not None and context.live:
            line = self._line.encoded(record, kept=True)
            if context.backlog is None:
                context.backlog = Backlog(MOST_LINES, MOST_BYTES, self._say_dropped)
            context.backlog.add(self._write, line, len(line))
        return False

    def _write(self, line: str) -> None:
        logger.bind(**{_RELEASED: (self, line)}).log(0, "")

    def _say_dropped(self, count: int) -> None:
        message = f"Lines dropped: {count} (at most {MOST_LINES} are kept)"
        entry = Entry.now(logging.INFO, message, "clew", {})
        self._write(self._line.formatter.encoder.encode(entry).decode())


def _number(level: int | str) -> int:
    return level if isinstance(level, int) else logger.level(level).no


class InterceptHandler(logging.Handler):
    """Hand the records of the logging module to loguru, and so the HTTPLog to loguru's sinks.

    For ``logging.basicConfig(handlers=[clew.loguru.InterceptHandler()], level="INFO",
    force=True)``. What `handler` made writes a record as clew's own handler would, an HTTPLog
    as such; any other sink sees its message and its exception.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* with loguru, under its own name and from where it was made."""
        try:
            message = capture(record).message or message_of(record)

            def patch(patched: Any) -> None:
                patched["name"] = record.name
                patched["function"], patched["line"] = record.funcName, record.lineno
                patched["module"] = record.module
                patched[_INTERCEPTED] = _Intercepted(record)

            level: str | int = record.levelno
            with contextlib.suppress(ValueError):  # loguru may have no level of that name
                level = logger.level(record.levelname).name
            logger.patch(patch).opt(exception=record.exc_info).log(level, message)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say on stderr what failed, once a minute, and wait for nobody who should read it."""
        report_failure(record)


class _Intercepted:
    """A record of the logging module on its way; it goes into no queue, its line does."""

    __slots__ = ("record",)

    def __init__(self, record: logging.LogRecord) -> None:
        self.record = record

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(None), ())


# A record goes into a queue whole, and what cannot be pickled would cost the line.


class _Extra(dict[str, object]):
    """The extra of a record, which a queue takes if it can."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (_pickled(dict(self)), {}))


class _Exception(NamedTuple):
    """The exception of a record, of which a queue takes what it can."""

    type: type[BaseException] | None
    value: BaseException | None
    traceback: TracebackType | None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_exception, (_pickled(self.type), _pickled(self.value)))


def _exception(kind: bytes | None, value: bytes | None) -> _Exception:
    return _Exception(_unpickled(kind, None), _unpickled(value, None), None)


def _pickled(value: object) -> bytes | None:
    try:
        return pickle.dumps(value)
    except Exception:
        return None


def _unpickled(pickled: bytes | None, instead: Any) -> Any:
    try:
        return instead if pickled is None else pickle.loads(pickled)  # noqa: S301 - it is ours
    except Exception:
        return instead


def _intercepted_in(record: Record) -> logging.LogRecord | None:
    """Return the record of the logging module that *record* was made of, if it was."""
    intercepted = record.get(_INTERCEPTED)
    return intercepted.record if type(intercepted) is _Intercepted else None


def _error_of(record: Record) -> BaseException | None:
    exception = record["exception"]
    error = None if exception is None else exception.value
    return error if isinstance(error, BaseException) else None
