"""What is logged makes the same line by every way to a stream, whoever stands beside."""

from __future__ import annotations

import io
import logging
import logging.handlers
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import clew
from clew import _faults
from clew._lines.handler import LineHandler
from clew._tasks import TaskRun, TaskSettings
from tests.conftest import parse_line, serve
from tests.test_formatters import any_text, any_value

Read = Callable[[], str]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"service": "shop", "redact": "strict"},
    {"redact": "off", "levels": {"info": "INFO"}},
    {"redact": ["tenant"]},
]


@contextmanager
def on_the_root(handler: logging.Handler) -> Iterator[None]:
    """Put *handler* in the place of all others."""
    before = logging.root.handlers[:]
    logging.root.handlers[:] = [handler]
    try:
        yield
    finally:
        logging.root.handlers[:] = before
        handler.close()


@contextmanager
def alone(_: Path, options: dict[str, Any]) -> Iterator[Read]:
    """clew's own handler, and no other."""
    stream = io.StringIO()
    handler = LineHandler(stream)
    handler.setFormatter(clew.JSONFormatter(**options))
    handler.addFilter(clew.ContextFilter())
    with on_the_root(handler):
        yield stream.getvalue


@contextmanager
def beside_another(directory: Path, options: dict[str, Any]) -> Iterator[Read]:
    """clew's own handler, and a user's."""
    with alone(directory, options) as read:
        logging.root.addHandler(logging.NullHandler())
        yield read


@contextmanager
def with_a_filter(directory: Path, options: dict[str, Any]) -> Iterator[Read]:
    """clew's own handler with a filter of a user's, who is to see every record."""
    with alone(directory, options) as read:
        logging.root.handlers[0].addFilter(lambda _: True)
        yield read


@contextmanager
def into_a_file(directory: Path, options: dict[str, Any]) -> Iterator[Read]:
    """The standard library's handler of files, with clew's formatter and filter."""
    path = directory / "app.ndjson"
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(clew.JSONFormatter(**options))
    handler.addFilter(clew.ContextFilter())
    with on_the_root(handler):
        yield lambda: path.read_text("utf-8")


@contextmanager
def without_the_filter(_: Path, options: dict[str, Any]) -> Iterator[Read]:
    """The standard library's handler with clew's formatter, which nobody helps."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(clew.JSONFormatter(**options))
    with on_the_root(handler):
        yield stream.getvalue


@contextmanager
def through_a_queue(_: Path, options: dict[str, Any]) -> Iterator[Read]:
    """A queue, whose listener writes in another thread."""
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stream = io.StringIO()
    writing = logging.StreamHandler(stream)
    writing.setFormatter(clew.JSONFormatter(**options))
    listener = logging.handlers.QueueListener(waiting, writing)
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(clew.ContextFilter())

    def read() -> str:
        listener.start()
        listener.stop()
        return stream.getvalue()

    with on_the_root(handler):
        yield read


WAYS = [
    alone,
    beside_another,
    with_a_filter,
    into_a_file,
    without_the_filter,
    through_a_queue,
]


def by_every_way(
    write: Callable[[], object], directory: Path, options: dict[str, Any], *, queued: bool = True
) -> str:
    """Return the lines that *write* makes, but for the times, which are the same by every way."""
    written = {}
    for way in WAYS if queued else WAYS[:-1]:
        _faults._next_report.clear()
        with way(directory, options) as read:
            write()
            written[way.__name__] = untimed(read())
    assert len({*written.values()}) == 1, written
    return written["alone"]


def untimed(text: str) -> str:
    """Return *text* without what differs from one moment to the next."""
    lines = [parse_line(line) for line in text.split("\n") if line]
    for line in lines:
        assert isinstance(line.pop("createdAt"), int)
        if line["logger"] == "clew.http":
            del line["response"]["responseTime"]
        if line["logger"] == "clew.task":
            del line["task"]["duration"]
    return "\n".join(repr(dict(sorted(line.items()))) for line in lines)


def has_a_text(message: object, args: tuple[object, ...]) -> bool:
    """Tell whether the message is one for a QueueHandler too, which loses the others itself."""
    try:
        logging.LogRecord("shop", 20, "", 0, message, args, None).getMessage()
    except Exception:
        return False
    return True


@pytest.fixture
def every_level(restored_logging: None) -> None:
    logging.root.setLevel(logging.DEBUG)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


any_error = any_text.map(ValueError).map(raised)
names = st.sampled_from(
    [
        *(
            "action",
            "value",
            "old_value",
            "monetary_value",
            "tenant",
            "password",
            "x",
            "snake_case",
        ),
        *("name", "args", "msg", "levelname", "color_message", "process", "asctime", "exc_text"),
        *("message", "level", "requestId", "userId", "request", "http", "task", "exception"),
        *("_clew", "_private", "self", "message_", "jane@example.com", "é\ud800\u2028"),
    ]
)
fields = st.dictionaries(names, any_value, max_size=4)
bound = st.dictionaries(names.filter(lambda name: name not in ("request_id", "user_id")), any_value)
messages = any_text | st.sampled_from(
    ["sold %s", "%s %s", "100%", "%(name)s", "%d", "jane@example.com", "a\nb\u2028c"]
)
arguments = st.lists(any_value, max_size=2).map(tuple)
levels = st.sampled_from([5, 10, 20, 25, 30, 40, 50, 90])
several = settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@several
@given(
    level=levels,
    message=messages | any_value,
    args=arguments,
    fields=fields,
    bound=bound,
    error=st.none() | any_error,
    options=st.sampled_from(OPTIONS),
)
def test_a_loggers_line(
    level: int,
    message: object,
    args: tuple[object, ...],
    fields: dict[str, Any],
    bound: dict[str, Any],
    error: BaseException | None,
    options: dict[str, Any],
    every_level: None,
    tmp_path: Path,
) -> None:
    """A line of clew's Logger: message, arguments, fields, bound fields, exception."""
    log = clew.get_logger("shop.orders")

    def write() -> None:
        with clew.context(request_id="real", user_id=7):
            clew.bind(**bound)
            log.log(level, message, *args, exc_info=error, **fields)

    line = by_every_way(write, tmp_path, options, queued=has_a_text(message, args))
    assert line or level < logging.DEBUG


@several
@given(
    level=levels,
    message=messages | any_value,
    args=arguments,
    fields=fields,
    error=st.none() | any_error,
    options=st.sampled_from(OPTIONS),
)
def test_a_record_of_the_standard_library(
    level: int,
    message: object,
    args: tuple[object, ...],
    fields: dict[str, Any],
    error: BaseException | None,
    options: dict[str, Any],
    every_level: None,
    tmp_path: Path,
) -> None:
    """A line of the standard library's logger, with extra and an exception."""
    logger = logging.getLogger("shop.orders")
    taken = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime"}
    extra = {name: value for name, value in fields.items() if name not in taken}

    def write() -> None:
        with clew.context(request_id="real", tenant="acme"):
            logger.log(level, message, *args, exc_info=error, extra=extra)

    line = by_every_way(write, tmp_path, options, queued=has_a_text(message, args))
    assert line or level < logging.DEBUG


@several
@given(level=levels, message=any_text, fields=fields, options=st.sampled_from(OPTIONS))
def test_both_loggers(
    level: int,
    message: str,
    fields: dict[str, Any],
    options: dict[str, Any],
    every_level: None,
    tmp_path: Path,
) -> None:
    """Both libraries' loggers make the same line of what both can be told."""
    taken = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "_clew"}
    renamed = {"old_value", "monetary_value"}
    known = {
        name: value
        for name, value in fields.items()
        if name not in taken | renamed and not name.startswith("_")
    }
    written = []
    for logger in (clew.get_logger("shop.orders"), logging.getLogger("shop.orders")):
        with alone(tmp_path, options) as read, clew.context(request_id="real"):
            logger.log(level, message, extra=known)
            written.append(untimed(read()))
    assert written[0] == written[1]


@several
@given(
    bound=bound,
    enriched=fields,
    error=st.none() | any_text.map(ValueError),
    options=st.sampled_from(OPTIONS),
)
def test_a_requests_record(
    bound: dict[str, Any],
    enriched: dict[str, Any],
    error: Exception | None,
    options: dict[str, Any],
    every_level: None,
    tmp_path: Path,
) -> None:
    """An HTTPLog, of a request that is answered or crashes, with bound fields and enrichment."""

    def work() -> None:
        clew.bind(user_id=7, **bound)
        if error is not None:
            raise error.with_traceback(None)

    def write() -> None:
        try:
            serve(work, enrich=lambda _: enriched, generate=lambda: "made-here")
        except ValueError:
            assert error is not None

    assert by_every_way(write, tmp_path, options)


@several
@given(bound=bound, error=st.none() | any_error, options=st.sampled_from(OPTIONS))
def test_a_tasks_record(
    bound: dict[str, Any],
    error: BaseException | None,
    options: dict[str, Any],
    every_level: None,
    tmp_path: Path,
) -> None:
    """A TaskLog, of a run that succeeds or fails, with bound fields."""

    def write() -> None:
        job = TaskRun(
            TaskSettings(), {"requestId": "r"}, name="shop.mail to jane@example.com", id=7
        )
        job.begin()
        clew.bind(**bound)
        job.end("succeeded" if error is None else "failed", error)

    assert by_every_way(write, tmp_path, options)
