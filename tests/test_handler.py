"""The handler that writes lines: when it is given one without a record, and when not."""

from __future__ import annotations

import io
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import clew
from clew._lines.delivery import deliver, in_handler, put
from clew._lines.entry import Entry
from clew._lines.extract import is_twin
from clew._lines.handler import LineHandler
from clew._lines.log_record import make_record

from .conftest import parse_line, run_unread, serve

log = clew.get_logger("shop.orders")
LOGGER = logging.getLogger("shop.orders")


pytestmark = pytest.mark.alone


@pytest.fixture
def handler(restored_logging: None) -> LineHandler:
    """Set logging up, and give clew's handler, which nobody else is beside."""
    clew.configure_logging(stream=io.StringIO())
    [handler] = [one for one in logging.root.handlers if isinstance(one, LineHandler)]
    return handler


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the messages of the records that are made."""
    messages: list[str] = []

    def counted(*args: Any) -> logging.LogRecord:
        messages.append(str(args[4]))
        return make_record(*args)

    monkeypatch.setattr("clew._lines.logger.make_record", counted)
    monkeypatch.setattr("clew._lines.delivery.make_record", counted)
    return messages


def written(handler: LineHandler) -> list[str]:
    stream = handler.stream
    assert isinstance(stream, io.StringIO)
    return [parse_line(line)["message"] for line in stream.getvalue().split("\n") if line]


def test_nobody_else_no_record(handler: LineHandler, made: list[str]) -> None:
    """Where clew's handler is alone, lines of its Logger and HTTPLogs need no record."""
    log.info("sold %s", "lamp", value="order-77")
    serve(lambda: log.info("served"))
    assert made == []
    assert written(handler) == ["sold lamp", "served", "GET / 200"]


def test_what_needs_a_record_gets_one(handler: LineHandler, made: list[str]) -> None:
    """A line with an exception, a stack, a message that is no text or does not fit its arguments
    is made with a record, and written."""
    log.info("failed", exc_info=ValueError("boom"))
    log.info("where", stack_info=True)
    log.info(5)
    log.info("%d items", "many")
    assert made == ["failed", "where", "5", "%d items"]
    assert written(handler) == ["failed", "where", "5", "%d items ('many',)"]


def _set_factory(_: LineHandler) -> None:
    logging.setLogRecordFactory(lambda *args, **options: logging.LogRecord(*args, **options))


class _Formatter(clew.JSONFormatter):
    pass


SEEN: dict[str, Callable[[LineHandler], object]] = {
    "a handler on the root logger": lambda _: logging.root.addHandler(logging.NullHandler()),
    "a handler on the logger": lambda _: LOGGER.addHandler(logging.NullHandler()),
    "a handler between": lambda _: logging.getLogger("shop").addHandler(logging.NullHandler()),
    "a filter on the logger": lambda _: LOGGER.addFilter(lambda record: True),
    "a filter on the handler": lambda handler: handler.addFilter(lambda record: True),
    "a formatter of the user's": lambda handler: handler.setFormatter(_Formatter()),
    "an option of the formatter's": lambda handler: handler.setFormatter(
        clew.JSONFormatter(static_fields={"region": "north"})
    ),
    "a record factory": _set_factory,
}


@pytest.mark.parametrize("sees", SEEN.values(), ids=SEEN)
def test_whoever_would_see_a_record_gets_it(
    sees: Callable[[LineHandler], object], handler: LineHandler, made: list[str]
) -> None:
    """A user's handler, filter, formatter or record factory is given complete records."""
    sees(handler)
    log.info("sold")
    assert made == ["sold"]
    assert len(written(handler)) == 1


def test_a_filter_that_comes_later_sees_records(handler: LineHandler, made: list[str]) -> None:
    """A filter that is added when lines have been written gets the next ones."""
    log.info("before")
    handler.addFilter(lambda record: record.getMessage() != "secret")
    log.info("secret")
    assert made == ["secret"]
    assert written(handler) == ["before"]


def test_levels_and_switches_count_without_a_record(handler: LineHandler) -> None:
    """The handler's level and a disabled logger drop lines that need no record, too."""
    handler.setLevel(logging.WARNING)
    log.info("quiet")
    log.warning("loud")
    LOGGER.disabled = True
    log.warning("off")
    assert written(handler) == ["loud"]


class _Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("No space left on device")


def test_a_full_disk_is_complained_about(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that cannot be written are counted on stderr, in one line, and raise nothing."""
    clew.configure_logging(stream=_Full())
    logging.root.handlers[:] = logging.root.handlers[-1:]
    for _ in range(100):
        log.info("sold")
    err = capsys.readouterr().err
    assert err.startswith("clew: lines cannot be written: No space left on device; 1 lost since ")
    assert err.count("\n") == 1


def test_a_handler_without_a_stream_writes_nothing() -> None:
    """A process without a stdout has nowhere to write to, and nothing to flush."""
    handler = LineHandler(io.StringIO())
    handler.stream = None  # type: ignore[assignment]
    handler.write_line(b"{}")
    handler.flush()


def test_a_record_that_cannot_be_formatted_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What fails in a user's formatter stands on stderr, where there is one, and raises nothing."""

    class Failing(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            raise RuntimeError("no line")

    handler = LineHandler(stream := io.StringIO())
    handler.setFormatter(Failing())
    record = logging.LogRecord("shop", logging.INFO, "", 0, "line", (), None)
    handler.emit(record)
    assert "RuntimeError: no line" in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr", None)
    handler.emit(record)
    assert stream.getvalue() == ""


def test_a_disabled_logger_has_no_handlers(handler: LineHandler) -> None:
    """An entry for a logger that was disabled just now is handed to nobody, and makes no record."""
    logger = logging.getLogger("shop.closed")
    logger.disabled = True
    assert put(logger, logging.ERROR, Entry(logging.ERROR, "line", 0.0, logger.name)) == []
    assert written(handler) == []
    logger.disabled = False
    assert put(logger, logging.ERROR, Entry(logging.ERROR, "line", 0.0, logger.name)) == []
    assert written(handler) == ["line"]


def record_of(logger: logging.Logger, message: str) -> logging.LogRecord:
    return logger.makeRecord(logger.name, logging.WARNING, "", 0, message, (), None)


def test_a_filter_may_replace_a_record(handler: LineHandler) -> None:
    """What a logger's filter gives back, from Python 3.12 on, goes to the handlers in its place."""

    class Replacing(logging.Logger):
        def filter(self, record: logging.LogRecord) -> Any:
            return record_of(self, f"another {record.msg}")

    logger = Replacing("shop.replacing")
    logger.parent = logging.root
    deliver(logger, record_of(logger, "line"))
    assert written(handler) == ["another line"]


def test_a_record_that_nobody_takes_goes_to_the_last_resort(
    handler: LineHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a handler a warning is on stderr, as the standard library has it; with that taken
    away it is nowhere, and a disabled logger's is nowhere either."""
    logger = logging.getLogger("shop.alone")
    logger.propagate = False
    deliver(logger, record_of(logger, "said"))
    logging.lastResort = None
    deliver(logger, record_of(logger, "not said"))
    logger.disabled = True
    deliver(logger, record_of(logger, "not said"))
    assert capsys.readouterr().err == "said\n"
    assert written(handler) == []


def test_a_handler_is_looked_for_within_reason() -> None:
    """What runs below a handler is known to; a very deep stack is not searched."""
    seen: list[bool] = []

    def deep(frames: int) -> None:
        if frames:
            deep(frames - 1)
        else:
            seen.append(in_handler())

    class Deep(logging.Handler):
        frames = 0

        def emit(self, record: logging.LogRecord) -> None:
            deep(self.frames)

    below = Deep()
    for frames in (0, 600):
        below.frames = frames
        below.handle(record_of(LOGGER, "line"))
    deep(0)
    assert seen == [True, False, False]


def test_a_line_of_which_nothing_can_be_read_is_a_line(handler: LineHandler) -> None:
    """It says when, where and how bad it was; the next one is as ever."""

    @dataclass
    class Odd:
        amount: int

        def __str__(self) -> str:
            return "odd"

    Odd.__module__ = 5  # type: ignore[assignment]
    logging.getLogger("shop").error(Odd(7))
    logging.getLogger("shop").error("next")
    stream = handler.stream
    assert isinstance(stream, io.StringIO)
    odd, line = map(parse_line, stream.getvalue().splitlines())
    assert (odd["message"], odd["level"], odd["logger"]) == ("", "danger", "shop")
    assert line["message"] == "next"


def test_a_record_that_somebody_made_otherwise_is_no_twin() -> None:
    """What has no logger's name is not known to say what an HTTPLog says, and is written."""
    record: Any = record_of(LOGGER, "line")
    record.exc_info, record.name = (ValueError, ValueError("boom"), None), 5
    assert not is_twin(record)


FAILING = """
import logging, os
import clew
class Failing(logging.Formatter):
    def format(self, record):
        raise RuntimeError("no line")
clew.configure_logging(stream=open(os.devnull, "w"))
logging.root.handlers[0].setFormatter(Failing())
for _ in range(1_000):
    logging.getLogger("shop").info("line")
print("served")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no poll")
def test_a_formatter_that_fails_for_each_line_is_said_once() -> None:
    """Thousands of lines without a line leave one traceback on stderr, and where it was logged."""
    printed, errors = run_unread(FAILING)
    assert printed == "served\n"
    assert errors.count("Traceback") == errors.count("RuntimeError: no line") == 1
    assert errors.endswith("Logged at <string>:10\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no poll")
def test_a_formatter_that_fails_waits_for_no_reader() -> None:
    """Where stderr has no room left, a formatter that fails holds up nothing."""
    assert run_unread(FAILING, full=True) == ("served\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGUSR1")
def test_a_time_limit_in_a_formatter_goes_its_way() -> None:
    """What the handler of a signal raises while a formatter works is raised, not said."""

    def limit(*_: object) -> None:
        raise TimeoutError("time limit")

    class Slow(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            signal.raise_signal(signal.SIGUSR1)
            return "line"

    handler = LineHandler(io.StringIO())
    handler.setFormatter(Slow())
    before = signal.signal(signal.SIGUSR1, limit)
    try:
        with pytest.raises(TimeoutError, match="time limit"):
            handler.handle(logging.LogRecord("shop", logging.INFO, "", 0, "line", (), None))
    finally:
        signal.signal(signal.SIGUSR1, before)
