"""loguru's lines as ApplicationLogs, alone and on a real server."""

from __future__ import annotations

import io
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("loguru", reason="needs loguru: pip install loguru")

from loguru import logger

import clew
import clew.loguru
from integrations.applications import COMMANDS, checked, running
from tests.conftest import (
    parse_line,
    restored_logging,
    run_without,
    serve,
    without_capture,
)
from tests.rows import each_row
from tests.servers.server import Server, fresh_id
from tests.test_formatters import HANDFUL

__all__ = ["restored_logging"]

HERE = Path(__file__).parent


class Sink:
    """What loguru has written with clew's handler."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(self, **options: Any) -> None:
        """Write with these options from now on, with nothing written yet."""
        self.stream = io.StringIO()
        logger.configure(
            handlers=[clew.loguru.handler(self.stream, catch=False, **options)],
            patcher=lambda _: None,
        )

    def lines(self) -> list[dict[str, Any]]:
        return [parse_line(line) for line in self.raw().split("\n") if line]

    def line(self) -> dict[str, Any]:
        """The only line, an ApplicationLog."""
        (line,) = self.lines()
        msgspec.convert(line, clew.ApplicationLog)
        return line

    def raw(self) -> str:
        text = self.stream.getvalue()
        text.encode()
        return text


@pytest.fixture
def sink() -> Iterator[Sink]:
    """loguru with clew's handler alone; without any afterwards."""
    sink = Sink()
    sink.configure()
    yield sink
    logger.remove()
    logger.configure(patcher=lambda _: None)


@pytest.fixture
def intercepted(sink: Sink, restored_logging: None) -> Sink:
    """The root logger's lines through loguru, as the only ones."""
    without_capture()
    logging.root.handlers[:] = [clew.loguru.InterceptHandler()]
    logging.root.setLevel(logging.INFO)
    sink.configure(service="shop")
    return sink


def test_a_line_becomes_an_application_log(sink: Sink) -> None:
    """A line has the keys of an ApplicationLog, with the ids of its request."""
    sink.configure(service="shop")
    with clew.context(request_id="r-1", user_id=7, tenant="acme"):
        logger.bind(cart=1).info("Sold {}", "it", action="SELL", value="lamp", monetary_value=5)
    line = sink.line()
    assert isinstance(line.pop("createdAt"), int)
    assert line == {
        "level": "info",
        "message": "Sold it",
        "logger": __name__,
        "service": "shop",
        "requestId": "r-1",
        "userId": "7",
        "action": "SELL",
        "value": "lamp",
        "monetaryValue": 5,
        "cart": 1,
        "tenant": "acme",
    }


@each_row(
    ("level", "word"),
    [
        *(("TRACE", "debug"), ("DEBUG", "debug"), ("INFO", "info"), ("SUCCESS", "info")),
        *(("WARNING", "warning"), ("ERROR", "danger"), ("CRITICAL", "critical")),
        *((0, "debug"), (45, "danger"), (99, "critical")),
    ],
)
def test_levels_are_words(level: str | int, word: str, sink: Sink) -> None:
    """Every level of loguru's, and any number, is one of the five words."""
    sink.configure(level=0)
    logger.log(level, "line")
    assert sink.line()["level"] == word


def test_level_words_can_be_renamed(sink: Sink) -> None:
    """The option levels renames words."""
    sink.configure(levels={"danger": "error"})
    logger.error("line")
    assert sink.line()["level"] == "error"


@each_row(
    "message",
    ["{", "{}", "{extra[requestId]}", "{0!r:>{width}}", "<red>x</red>", "<", "\\<b>", "%s"],
)
def test_nothing_in_a_line_is_a_format(message: str, sink: Sink) -> None:
    """Braces, tags and percent signs in messages and values are written as they are."""
    for colorize in (False, True):
        sink.configure(colorize=colorize)
        logger.bind(field=message).info(message)
        line = sink.line()
        assert (line["message"], line["field"]) == (message, message)


def test_colours_of_a_message_are_left_out(sink: Sink) -> None:
    """With opt(colors=True) the tags of the message are not written, nor any colour."""
    sink.configure(colorize=True)
    logger.opt(colors=True).info("<red>hot</red> {}", "<b>", field="<b>")
    line = sink.line()
    assert (line["message"], line["field"]) == ("hot <b>", "<b>")
    assert "\x1b" not in sink.raw()


def test_no_field_takes_the_place_of_a_key_of_clews(sink: Sink) -> None:
    """A field named as one of clew's keys is written with an underscore behind it."""
    with clew.context(request_id="real"):
        logger.bind(requestId="forged", userId="forged", level="odd", exception=1).info("line")
    line = sink.line()
    assert (line["requestId"], line["level"], line["message"]) == ("real", "info", "line")
    assert (line["requestId_"], line["userId_"], line["level_"]) == ("forged", "forged", "odd")
    assert line["exception_"] == 1
    assert "userId" not in line


def test_fields_are_masked(sink: Sink) -> None:
    """Sensitive names are masked at any depth; the option redact says which."""
    sink.configure(redact=iter(["tenant"]))
    logger.info("line", password="secret", nested=[{"apiKey": "secret"}], tenant="secret")
    assert "secret" not in sink.raw()
    assert sink.line()["nested"] == [{"apiKey": "***"}]


def divide(by: int) -> float:
    password = "hunter2"
    return len(password) / by


@pytest.mark.parametrize("enqueue", [False, True])
def test_exceptions_are_written_without_variables(enqueue: bool, sink: Sink) -> None:
    """An exception has its type, message and trace, and shows no variable of the trace."""
    sink.configure(enqueue=enqueue)
    try:
        divide(0)
    except ZeroDivisionError:
        logger.exception("failed")
    logger.complete()
    line = sink.line()
    assert line["level"] == "danger"
    assert line["exception"]["type"] == "ZeroDivisionError"
    assert line["exception"]["message"] == "division by zero"
    assert "return len(password) / by" in line["exception"]["stackTrace"]
    assert sink.raw().count("Traceback") == 1
    assert "hunter2" not in sink.raw()


def test_what_catch_caught_is_written(sink: Sink) -> None:
    """logger.catch writes what it caught, with the id of the request that it left."""

    @logger.catch
    def work() -> None:
        with clew.context(request_id="r-2"):
            divide(0)

    work()
    line = sink.line()
    assert (line["requestId"], line["exception"]["type"]) == ("r-2", "ZeroDivisionError")


def test_a_queue_keeps_the_ids(sink: Sink) -> None:
    """With enqueue=True a line has the ids of where it was logged, not of where it is written."""
    sink.configure(enqueue=True)
    with clew.context(request_id="r-3", user_id="7", tenant="acme"):
        logger.info("line")
    logger.complete()
    line = sink.line()
    assert (line["requestId"], line["userId"], line["tenant"]) == ("r-3", "7", "acme")


def test_files_with_all_of_logurus_options_hold_lines(tmp_path: Path) -> None:
    """A path is a sink as in loguru, with rotation and compression."""
    path = tmp_path / "shop.ndjson"
    logger.configure(handlers=[clew.loguru.handler(path, rotation="1 KB", encoding="utf8")])
    for number in range(20):
        logger.info("é" * 20, number=number)
    logger.remove()
    lines = [
        parse_line(line)
        for file in tmp_path.iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert len(list(tmp_path.iterdir())) > 1
    assert sorted(line["number"] for line in lines) == list(range(20))


def test_a_stream_of_another_encoding_gets_ascii() -> None:
    """To a stream that is not UTF-8 a line is written with JSON's escapes."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="cp1252")
    logger.configure(handlers=[clew.loguru.handler(stream, catch=False)])
    logger.info("€ 漢 🧶")
    logger.remove()
    assert raw.getvalue().isascii()
    assert parse_line(raw.getvalue().decode())["message"] == "€ 漢 🧶"


def test_two_handlers_write_each_their_own(sink: Sink) -> None:
    """Handlers of clew's and of others stand beside each other."""
    other, plain = io.StringIO(), io.StringIO()
    logger.add(**clew.loguru.handler(other, service="other"))
    logger.add(plain, format="{level} {message} {extra}", serialize=False)
    logger.info("line")
    assert "service" not in sink.line()
    assert parse_line(other.getvalue())["service"] == "other"
    assert plain.getvalue() == "INFO line {}\n"


@pytest.mark.parametrize("option", [{"format": "{message}"}, {"serialize": True}])
def test_what_would_take_the_place_of_clews_format_is_refused(option: Any) -> None:
    """An option that makes other lines than ApplicationLogs is named."""
    (name,) = option
    with pytest.raises(TypeError, match=f"{name} is clew's own here"):
        clew.loguru.handler(io.StringIO(), **option)


def test_a_handler_goes_to_other_processes() -> None:
    """What a handler formats with can be pickled, as it is when a process is spawned."""
    handler: Any = clew.loguru.handler(
        io.StringIO(), service="shop", redact={"tenant"}, enqueue=True
    )
    again = pickle.loads(pickle.dumps(handler["format"]))
    assert (again.formatter.service, again.queued) == ("shop", True)
    assert again.formatter.encoder.redactor.is_sensitive("tenant")


class Unpicklable(Exception):
    """An exception that no queue takes: its class may stand in no module."""

    def __init__(self, lock: object, more: object) -> None:
        super().__init__("locked")
        self.lock = lock


def unpicklable(how: str) -> Exception:
    if how == "its class":
        kind: type[Exception] = type("Dynamic", (Exception,), {})  # as boto3's are
        return kind("locked")
    return Unpicklable(threading.Lock() if how == "what it holds" else 0, 1)


@pytest.mark.parametrize("how", ["its class", "what it holds", "its making"])
@pytest.mark.parametrize("through", [False, True], ids=["loguru", "logging"])
def test_a_queue_takes_any_exception(how: str, through: bool, intercepted: Sink) -> None:
    """With enqueue=True no exception costs its line, by whomever it was logged."""
    intercepted.configure(enqueue=True)
    try:
        raise unpicklable(how)
    except Exception:
        (logging.getLogger("legacy") if through else logger).exception("failed")
    logger.complete()
    assert intercepted.line()["exception"]["message"] == "locked"


@each_row("make", HANDFUL)
@each_row("options", [{}, {"redact": "strict"}, {"enqueue": True}])
def test_a_line_never_fails(make: Callable[[], object], options: Any, sink: Sink) -> None:
    """Whatever a field or a bound field is, a line comes out with the good fields in it."""
    sink.configure(**options)
    with clew.context(request_id="real", bound=make()):
        logger.bind(field=make(), requestId=make(), request=make(), action="SELL").info("line")
    logger.complete()
    line = sink.line()
    assert (line["message"], line["requestId"], line["action"]) == ("line", "real", "SELL")


@pytest.mark.parametrize("key", ["extra", "level", "message", "name", "time", "exception"])
def test_what_a_patcher_breaks_makes_a_line(key: str, sink: Sink) -> None:
    """A patcher that makes another thing of the record costs no line."""

    def breaking(record: Any) -> None:
        record[key] = None

    level = logger.patch(breaking).opt()
    if key == "level":  # loguru itself looks at it, but for a format
        with pytest.raises(AttributeError):
            level.info("line")
        return
    level.info("line")
    assert sink.line()["level"] in ("info", "debug")


# The patcher, for formats of one's own.


def test_the_patcher_gives_any_format_the_ids() -> None:
    """A format of one's own has the ids, also outside of a request, and a forgery as such."""
    stream = io.StringIO()
    logger.configure(
        handlers=[{"sink": stream, "format": "[{extra[requestId]}|{extra[userId]}] {message}"}],
        patcher=clew.loguru.patcher,
    )
    try:
        with clew.context(request_id="r-4", user_id="7"):
            logger.bind(requestId="forged").info("inside")
        logger.bind(userId="forged").info("outside")
    finally:
        logger.remove()
        logger.configure(patcher=lambda _: None)
    assert stream.getvalue() == "[r-4|7] inside\n[|] outside\n"


def test_the_patcher_adds_bound_fields_and_keeps_forgeries_apart() -> None:
    """The bound fields are in extra, but for those that the line has itself."""
    record: Any = {"extra": {"cart": 2, "userId": "forged"}, "exception": None}
    with clew.context(request_id="r-5", tenant="acme", cart=1):
        clew.loguru.patcher(record)
    assert record["extra"] == {
        "cart": 2,
        "userId_": "forged",
        "requestId": "r-5",
        "userId": "",
        "tenant": "acme",
    }


def test_the_patcher_before_clews_format_changes_nothing(sink: Sink) -> None:
    """With both, each id stands once, and an empty one not at all."""
    logger.configure(patcher=clew.loguru.patcher)
    with clew.context(request_id="r-6", tenant="acme"):
        logger.info("line")
    line = sink.line()
    assert (line["requestId"], line["tenant"]) == ("r-6", "acme")
    assert not {"requestId_", "userId", "userId_"} & line.keys()


# logging through loguru.


def test_loggings_lines_are_as_clews_own_handler_writes_them(intercepted: Sink) -> None:
    """Through loguru a record makes the same line as through clew's formatter."""
    own = io.StringIO()
    handler = logging.StreamHandler(own)
    handler.setFormatter(clew.JSONFormatter(service="shop"))
    logging.root.addHandler(handler)
    legacy = logging.getLogger("legacy")
    with clew.context(request_id="r-7", user_id="7", tenant="acme"):
        legacy.warning("%s {} <b>", "sold", extra={"value": "lamp", "password": "secret"})
        legacy.log(35, {"message": "a dictionary", "value": "lamp"})
        clew.get_logger("shop").info("line", monetary_value=5)
        try:
            divide(0)
        except ZeroDivisionError:
            legacy.exception("failed", stack_info=True)
    lines = own.getvalue()
    assert lines.count("\n") == 4
    assert intercepted.raw() == lines


def test_the_http_log_stands_among_them_once(intercepted: Sink) -> None:
    """Each request has its one HTTPLog, whole, between loguru's lines."""

    def crash() -> None:
        logger.info("line")
        divide(0)

    serve(lambda: logger.info("line"))
    with pytest.raises(ZeroDivisionError):
        serve(crash)
    line, http, _, crashed = intercepted.lines()
    record = msgspec.convert(http, clew.HTTPLog)
    assert (record.response.http_status, record.logger) == (200, "clew.http")
    assert record.request_id == line["requestId"]
    assert (crashed["outcome"], crashed["exception"]["type"]) == ("error", "ZeroDivisionError")


def test_other_sinks_see_loggings_lines_too(intercepted: Sink) -> None:
    """A sink with a format of its own has a record's name, place, level, message and exception."""
    plain = io.StringIO()
    logger.add(plain, format="{name}:{function}:{module}:{level}:{message}", diagnose=False)
    try:
        divide(0)
    except ZeroDivisionError:
        logging.getLogger("legacy").exception("failed {}")
    first, *trace = plain.getvalue().splitlines()
    where = "test_other_sinks_see_loggings_lines_too:test_loguru"
    assert first == f"legacy:{where}:ERROR:failed {{}}"
    assert trace[-1] == "ZeroDivisionError: division by zero"


def test_the_patcher_knows_loggings_lines(intercepted: Sink) -> None:
    """With the patcher too, a record of logging's has its ids once, in the line and in extra."""
    plain = io.StringIO()
    logger.configure(patcher=clew.loguru.patcher)
    logger.add(plain, format="{extra[requestId]}")
    with clew.context(request_id="r-8"):
        logging.getLogger("legacy").info("line")
    assert plain.getvalue() == "r-8\n"
    assert intercepted.line()["requestId"] == "r-8"


@pytest.mark.parametrize("make", HANDFUL)
def test_a_record_never_fails(make: Callable[[], object], intercepted: Sink) -> None:
    """Whatever a record's message or a field of it is, a line comes out."""
    without_capture()
    with clew.context(request_id="real"):
        logging.getLogger("legacy").info("line", extra={"field": make(), "action": "SELL"})
        logging.getLogger("legacy").info(make(), extra={"action": "SELL"})
    lines = intercepted.lines()
    assert [(line["requestId"], line["action"]) for line in lines] == [("real", "SELL")] * 2


def test_an_intercepted_line_breaks_nothing(
    intercepted: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sink that raises is told of on stderr, and the caller goes on."""

    def full(_: str) -> None:
        raise OSError("the disk is full")

    logger.configure(handlers=[clew.loguru.handler(full, catch=False)])
    logging.getLogger("legacy").info("line")
    assert "the disk is full" in capsys.readouterr().err


# On a real server.


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.outside) for name in ("beside", "through")],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """uvicorn, with one of the two configurations of this folder."""
    command = (*COMMANDS["uvicorn"], f"{request.param}:app")
    with running(command, HERE, tmp_path_factory.mktemp("loguru")) as server:
        yield server


def test_a_request_leaves_its_lines_on_one_stream(server: Server) -> None:
    """A request's lines of loguru and logging and its HTTPLog share its id and user."""
    answer = server.ask("/orders/order-77?token=abc", own := fresh_id(), method="POST")
    assert answer.request_id == own
    record = server.record(own)
    assert (record.request.route, record.request.query) == ("/orders/{order_id}", "token=***")
    lines = [line for line in server.lines() if line.get("requestId") == own]
    assert [line["logger"] for line in lines][1:] == ["legacy", "clew.http"]
    assert lines[0]["logger"] in ("beside", "through")
    assert [line["userId"] for line in lines] == ["12345"] * 3
    assert [line["service"] for line in lines] == ["shop"] * 3
    assert (lines[0]["action"], lines[0]["value"]) == ("PURCHASE_COMPLETED", "order-77")


def test_a_crash_is_told_with_its_exception(server: Server) -> None:
    """loguru's line, the HTTPLog and the server's line have the id and the exception."""
    assert server.ask("/crash", own := fresh_id()).status == 500
    record = server.record(own)
    assert record.outcome == "error"
    lines = [line for line in server.lines() if line.get("requestId") == own]
    failed = next(line for line in lines if line["message"] == "Purchase failed")
    assert (failed["level"], failed["password"]) == ("danger", "***")
    assert failed["exception"]["message"] == "no such lamp"
    theirs = next(line for line in lines if line["logger"] == "uvicorn.error")
    assert theirs["exception"]["type"] == "ValueError"
    assert "hunter2" not in server.output()


def test_every_line_passes_clew_check(server: Server) -> None:
    """All that the server has written fits the schema."""
    server.ask("/", own := fresh_id())
    server.record(own)
    mistakes = checked(server)
    assert len(mistakes) >= 3
    assert set(mistakes) == {None}


def test_without_loguru_the_module_says_what_to_install() -> None:
    """Where loguru is missing, importing the module names the pip line."""
    assert "pip install loguru" in run_without("loguru", "clew.loguru")


def test_a_sink_that_raises_is_said_once(
    intercepted: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """What loguru lets through of a sink's failure stands on stderr once, not once a line."""

    def failing(_message: object) -> None:
        raise RuntimeError("no sink")

    logger.add(failing, catch=False)
    for _ in range(100):
        logging.getLogger("legacy").info("line")
    assert capsys.readouterr().err.count("RuntimeError: no sink") == 1


def test_lines_below_the_level_are_kept_until_their_request_fails(
    sink: Sink, restored_logging: None
) -> None:
    """With keep, loguru's lines wait, and logging's that come through it; other sinks see none."""
    other = io.StringIO()
    sink.configure(keep="DEBUG", service="shop", filter=lambda record: record["message"] != "no")
    logger.add(other, level="INFO")
    without_capture()
    logging.root.handlers[:] = [clew.loguru.InterceptHandler()]
    logging.root.setLevel(logging.DEBUG)
    logger.debug("outside")
    logger.trace("too low")
    serve(lambda: logger.debug("well"))

    def fail() -> None:
        logger.bind(step=1).debug("{braces}")
        logging.getLogger("legacy").debug("legacy")
        logger.debug("no")
        logger.info("at once")
        raise LookupError

    with pytest.raises(LookupError):
        serve(fail)
    ok, at_once, detail, legacy, http = sink.lines()
    assert [line["message"] for line in (ok, at_once, detail, legacy)] == [
        *("GET / 200", "at once", "{braces}", "legacy"),
    ]
    assert (detail["step"], detail["kept"], legacy["kept"]) == (1, True, True)
    assert {line["requestId"] for line in (at_once, detail, legacy, http)} == {http["requestId"]}
    assert http["outcome"] == "error"
    assert "braces" not in other.getvalue() and "legacy" not in other.getvalue()


def test_what_is_too_much_is_dropped(sink: Sink, restored_logging: None) -> None:
    """The oldest kept lines go, and one line says how many."""
    sink.configure(keep="DEBUG")

    def fail() -> None:
        for number in range(201):
            logger.debug(number)
        raise LookupError

    with pytest.raises(LookupError):
        serve(fail)
    first, second, *_ = sink.lines()
    assert first["message"].startswith("Lines dropped: 1")
    assert second["message"] == "1"


WRONG_KEEP: list[tuple[dict[str, Any], str]] = [
    ({"keep": "INFO"}, "keep is 'INFO', which is not below the level 20"),
    ({"keep": "DEBUG", "filter": "shop"}, "filter must be a function beside keep, not 'shop'"),
    ({"keep": "LOW"}, "LOW"),
]


@each_row(("options", "named"), WRONG_KEEP)
def test_a_wrong_keep_is_refused(options: dict[str, Any], named: str) -> None:
    """A level that keeps nothing, or that there is not, is refused when it is given."""
    with pytest.raises((TypeError, ValueError), match=named):
        clew.loguru.handler(io.StringIO(), **options)
