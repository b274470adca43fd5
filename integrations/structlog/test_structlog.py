"""structlog's lines as ApplicationLogs, alone and on a real server."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("structlog", reason="needs structlog: pip install structlog")

import structlog

import clew
import clew.structlog
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


class Written:
    """A structlog logger over a BytesLogger, and what it has written."""

    def __init__(self, *before: Any, **options: Any) -> None:
        self.file = io.BytesIO()
        self.log: Any = structlog.wrap_logger(
            structlog.BytesLogger(self.file),
            processors=[*before, *clew.structlog.processors(**options)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        )

    def lines(self) -> list[dict[str, Any]]:
        lines = self.file.getvalue().splitlines()
        for line in lines:
            msgspec.json.decode(line, type=clew.ApplicationLog)
        return [parse_line(line.decode()) for line in lines]

    def line(self) -> dict[str, Any]:
        """The only line."""
        (line,) = self.lines()
        return line


@pytest.fixture(autouse=True)
def clean_contextvars() -> Iterator[None]:
    """Forget what a test has bound with structlog."""
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


def test_an_event_becomes_an_application_log() -> None:
    """An event has the keys of an ApplicationLog, with the ids of its request."""
    written = Written(service="shop")
    with clew.context(request_id="r-1", user_id=7, tenant="acme"):
        written.log.info("Sold", action="SELL", value="lamp", monetary_value=5, old_value=4)
    line = written.line()
    assert isinstance(line.pop("createdAt"), int)
    assert line == {
        "level": "info",
        "message": "Sold",
        "logger": "structlog",
        "service": "shop",
        "requestId": "r-1",
        "userId": "7",
        "action": "SELL",
        "value": "lamp",
        "monetaryValue": 5,
        "oldValue": 4,
        "tenant": "acme",
    }


@each_row(
    ("method", "word"),
    [
        *(("debug", "debug"), ("info", "info"), ("warning", "warning"), ("warn", "warning")),
        *(("error", "danger"), ("critical", "critical")),
    ],
)
@each_row("before", [(), (structlog.processors.add_log_level,)])
def test_methods_are_level_words(method: str, word: str, before: Any) -> None:
    """Each method has its word, whether add_log_level runs before or not, and it stands once."""
    written = Written(*before)
    getattr(written.log, method)("line")
    line = written.line()
    assert line["level"] == word
    assert "level_" not in line


@each_row(
    ("method", "word"),
    [
        *(("msg", "info"), ("exception", "danger"), ("err", "danger"), ("failure", "danger")),
        *(("fatal", "critical"), ("a method of one's own", "info")),
    ],
)
def test_methods_of_other_loggers_are_level_words(method: str, word: str) -> None:
    """The methods of structlog's plain loggers have their words, unknown ones are info."""
    assert parse_line(str(clew.structlog.Renderer()(None, method, {"event": "x"})))["level"] == word


def test_level_words_can_be_renamed() -> None:
    """The option levels renames words."""
    written = Written(levels={"danger": "error"})
    written.log.error("line")
    assert written.line()["level"] == "error"


def test_no_field_takes_the_place_of_a_key_of_clews() -> None:
    """A field named as one of clew's keys is written with an underscore behind it."""
    written = Written()
    with clew.context(request_id="real"):
        written.log.info("line", requestId="forged", userId="forged", level=["odd"], service="x")
    line = written.line()
    assert (line["requestId"], line["level"], line["message"]) == ("real", "info", "line")
    assert (line["requestId_"], line["userId_"]) == ("forged", "forged")
    assert (line["level_"], line["service_"]) == (["odd"], "x")
    assert "userId" not in line


def test_fields_are_masked() -> None:
    """Sensitive names are masked at any depth; the option redact says which."""
    written = Written(redact=["tenant"])
    written.log.info("line", password="secret", nested=[{"apiKey": "secret"}], tenant="secret")
    line = written.line()
    assert (line["password"], line["nested"], line["tenant"]) == ("***", [{"apiKey": "***"}], "***")
    assert b"secret" not in written.file.getvalue()


def test_strict_masks_texts() -> None:
    """Under strict, what looks sensitive in the message, a field and an exception is masked."""
    written = Written(redact="strict")
    try:
        raise ValueError("from a@b.example")
    except ValueError:
        written.log.exception("to a@b.example", note="cc a@b.example")
    assert b"a@b.example" not in written.file.getvalue()
    assert written.line()["message"] == "to ***"


def raised() -> ValueError:
    try:
        raise ValueError("boom")
    except ValueError as error:
        return error


@each_row("how", ["exception", "exc_info", "object", "tuple"])
def test_exceptions_are_written_as_clew_writes_them(how: str) -> None:
    """However an exception is given, it has its type, its message and its stack trace."""
    written = Written()
    error = raised()
    try:
        raise error
    except ValueError:
        if how == "exception":
            written.log.exception("failed")
        elif how == "exc_info":
            written.log.error("failed", exc_info=True)
    if how == "object":
        written.log.error("failed", exc_info=error)
    elif how == "tuple":
        written.log.error("failed", exc_info=(type(error), error, error.__traceback__))
    line = written.line()
    assert (line["exception"]["type"], line["exception"]["message"]) == ("ValueError", "boom")
    assert 'raise ValueError("boom")' in line["exception"]["stackTrace"]
    assert "exc_info" not in line


@each_row("value", [None, False, True, (None, None, None), "yes"])
def test_no_exception_is_no_key(value: object) -> None:
    """Without an exception there is none in the line, whatever exc_info says."""
    written = Written()
    written.log.info("line", exc_info=value)
    assert not {"exception", "exc_info"} & written.line().keys()


def test_stack_info_is_the_callers_stack() -> None:
    """With stack_info the line has the stack, which ends where the event was logged."""
    written = Written()
    written.log.info("line", stack_info=True)
    stack = written.line()["stackInfo"]
    assert stack.startswith("Stack (most recent call last):")
    assert stack.rstrip().endswith('written.log.info("line", stack_info=True)')


def test_an_exception_brings_the_id_of_its_request() -> None:
    """An error logged outside, after its request, has that request's id."""
    written = Written()
    error = None
    try:
        with clew.context(request_id="r-2"):
            raise ValueError("boom")
    except ValueError as caught:
        error = caught
    written.log.error("failed", exc_info=error)
    assert written.line()["requestId"] == "r-2"


def test_bound_values_and_contextvars_are_fields() -> None:
    """What structlog's bind and its contextvars hold is on the line; the event's own wins."""
    written = Written()
    structlog.contextvars.bind_contextvars(tenant="acme", shard=1)
    with clew.context(shard=2, region="eu"):
        written.log.bind(cart=3).info("line", cart=4)
    line = written.line()
    assert (line["tenant"], line["shard"], line["cart"], line["region"]) == ("acme", 1, 4, "eu")


def test_the_logger_is_named_by_the_factory_by_binding_or_not_at_all() -> None:
    """The logger's name is the bound one, else the factory's, else structlog."""
    names = []
    for bound, given in (({}, None), ({"logger": "bound"}, "given"), ({}, "given")):
        file = io.BytesIO()
        # structlog's own loggers have a name from 26.1 on.
        kind: Any = type("NamedLogger", (structlog.BytesLogger,), {"name": given})
        named = kind(file)
        named.name = given
        log: Any = structlog.wrap_logger(named, processors=clew.structlog.processors())
        log.bind(**bound).info("line")
        names.append(parse_line(file.getvalue().decode())["logger"])
    assert names == ["structlog", "bound", "given"]


@each_row("name", ["event", "message", "msg"])
def test_the_message_is_found_under_a_new_name(name: str) -> None:
    """EventRenamer before changes nothing in the line."""
    written = Written(structlog.processors.EventRenamer(name))
    written.log.info("hello")
    assert written.line()["message"] == "hello"


@each_row(("event", "message"), [(None, ""), (5, "5"), ("100%", "100%")])
def test_an_event_of_any_kind_is_a_message(event: Any, message: str) -> None:
    """An event that is no text becomes one."""
    written = Written()
    written.log.info(event)
    assert written.line()["message"] == message


@each_row("args", [("a", 2), ("a",), (1, 2, 3)])
def test_positional_arguments_belong_to_the_message(args: tuple[object, ...]) -> None:
    """Arguments of the standard library's kind are in the message, also where they do not fit."""
    renderer = clew.structlog.Renderer()
    text = renderer(None, "info", {"event": "%s has %s", "positional_args": args})
    message = parse_line(str(text))["message"]
    assert all(str(arg) in message for arg in args)


class OwnBytesLogger:
    """A logger class of somebody's own."""


@pytest.mark.parametrize(
    ("logger", "options", "kind"),
    [
        (structlog.BytesLogger(io.BytesIO()), {}, bytes),
        (structlog.WriteLogger(io.StringIO()), {}, str),
        (structlog.PrintLogger(io.StringIO()), {}, str),
        (logging.getLogger("std"), {}, str),
        (None, {}, str),
        (OwnBytesLogger(), {"binary": True}, bytes),
        (structlog.BytesLogger(io.BytesIO()), {"binary": False}, str),
    ],
)
def test_each_logger_gets_what_it_writes(logger: object, options: Any, kind: type) -> None:
    """A BytesLogger gets bytes, any other text; the option binary decides for others."""
    rendered = clew.structlog.Renderer(**options)(logger, "info", {"event": "é"})
    assert type(rendered) is kind
    text = rendered.decode() if isinstance(rendered, bytes) else rendered
    assert parse_line(text)["message"] == "é"


@pytest.mark.parametrize("factory", [structlog.WriteLogger, structlog.PrintLogger])
def test_text_loggers_write_lines(factory: Any) -> None:
    """WriteLogger and PrintLogger write a line an event."""
    file = io.StringIO()
    log = structlog.wrap_logger(factory(file), processors=clew.structlog.processors())
    log.info("one\ntwo\u2028three")
    log.info("four")
    messages = [parse_line(line)["message"] for line in file.getvalue().split("\n")[:-1]]
    assert messages == ["one\ntwo\u2028three", "four"]


def test_asynchronous_methods_keep_the_ids() -> None:
    """What ainfo and aexception log from another thread has the request's id."""
    written = Written()

    async def work() -> None:
        with clew.context(request_id="r-3"):
            await written.log.ainfo("line")
            try:
                raise ValueError("boom")
            except ValueError:
                await written.log.aexception("failed")

    asyncio.run(work())
    first, second = written.lines()
    assert (first["requestId"], second["requestId"]) == ("r-3", "r-3")
    assert second["exception"]["message"] == "boom"


PLACES: dict[str, Callable[[object], dict[str, Any]]] = {
    "a field": lambda value: {"event": "line", "field": value},
    "the event": lambda value: {"event": value},
    "exc_info": lambda value: {"event": "line", "exc_info": value},
    "stack_info": lambda value: {"event": "line", "stack_info": value},
    "the logger": lambda value: {"event": "line", "logger": value},
    "the level": lambda value: {"event": "line", "level": value},
    "the id": lambda value: {"event": "line", "requestId": value},
    "the arguments": lambda value: {"event": "%s", "positional_args": value},
    "a key of structlog's": lambda value: {"event": "line", "_record": value},
    "a key of clew's": lambda value: {"event": "line", "request": value},
}


@each_row("make", HANDFUL)
@each_row("redact", ["default", "strict"])
def test_a_line_never_fails(make: Callable[[], object], redact: str) -> None:
    """Whatever a field, the event, a bound field or an option is, a line has the good fields."""
    for place in PLACES.values():
        file = io.BytesIO()
        log = structlog.BytesLogger(file)
        renderer = clew.structlog.Renderer(redact=redact)
        with clew.context(request_id="real", bound=make()):
            event = clew.structlog.add_ids(log, "info", {**place(make()), "action": "SELL"})
            rendered: Any = renderer(log, "info", event)
        log.info(rendered)
        line = parse_line(file.getvalue().decode())
        msgspec.json.decode(file.getvalue(), type=clew.ApplicationLog)
        assert (line["requestId"], line["action"]) == ("real", "SELL")


@each_row("rendered", ["text", b"bytes", ((), {}), None])
def test_what_is_no_event_any_more_makes_a_line(rendered: Any) -> None:
    """After another renderer, in the wrong order, there is a line all the same."""
    assert parse_line(str(clew.structlog.Renderer()(None, "info", rendered)))["level"] == "info"


def test_many_threads_and_both_libraries_write_whole_lines(restored_logging: None) -> None:
    """structlog and logging on one stream write whole lines, each with its own thread's id."""
    without_capture()
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, encoding="utf-8", write_through=False)
    clew.configure_logging(stream=text)
    log = structlog.wrap_logger(structlog.BytesLogger(raw), processors=clew.structlog.processors())
    plain = logging.getLogger("plain")

    def work(number: int) -> None:
        with clew.context(request_id=f"r-{number}"):
            for _ in range(100):
                log.info("x" * 100, own=f"r-{number}")
                plain.info("x" * 100, extra={"own": f"r-{number}"})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [parse_line(line.decode()) for line in raw.getvalue().splitlines()]
    assert len(lines) == 1600
    assert all(line["requestId"] == line["own"] for line in lines)


# add_ids, for renderers of one's own.


def test_add_ids_is_for_other_renderers() -> None:
    """A renderer behind add_ids sees the ids and the bound fields, and a forgery as such."""
    with clew.context(request_id="r-4", user_id="7", tenant="acme", cart=1):
        event = clew.structlog.add_ids(None, "info", {"requestId": "forged", "cart": 2})
    assert event == {
        "requestId": "r-4",
        "userId": "7",
        "requestId_": "forged",
        "tenant": "acme",
        "cart": 2,
    }


def test_add_ids_adds_nothing_outside() -> None:
    """Outside a request there is no id, and no forged one."""
    assert clew.structlog.add_ids(None, "info", {"event": "line"}) == {"event": "line"}
    assert "requestId" not in clew.structlog.add_ids(None, "info", {"requestId": "forged"})


def test_add_ids_before_clews_renderer_changes_nothing() -> None:
    """With both, each id stands once."""
    written = Written(clew.structlog.add_ids)
    with clew.context(request_id="r-5", user_id="7", tenant="acme"):
        written.log.info("line", userId="forged")
    line = written.line()
    assert (line["requestId"], line["userId"], line["tenant"]) == ("r-5", "7", "acme")
    assert line["userId_"] == "forged"
    assert "requestId_" not in line


# Through the standard library.


class Formatted:
    """structlog through logging, with ProcessorFormatter on the root logger."""

    def __init__(self, *before: Any, filters: bool, foreign: Any = ()) -> None:
        without_capture()
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[clew.structlog.Renderer(service="shop")], foreign_pre_chain=foreign
            )
        )
        if filters:
            handler.addFilter(clew.ContextFilter())
        logging.root.handlers[:] = [handler]
        logging.root.setLevel(logging.INFO)
        self.log: Any = structlog.wrap_logger(
            logging.getLogger("shop.orders"),
            processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def lines(self) -> list[dict[str, Any]]:
        return [parse_line(line) for line in self.stream.getvalue().split("\n") if line]


FOREIGN: dict[str, tuple[Any, ...]] = {
    "nothing": (),
    "what people put there": (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        clew.structlog.add_ids,
    ),
}


@pytest.fixture(params=list(FOREIGN.values()), ids=list(FOREIGN))
def foreign(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[True, False], ids=["with filter", "without filter"])
def formatted(request: pytest.FixtureRequest, foreign: Any, restored_logging: None) -> Formatted:
    """structlog through logging, with clew's filter on the handler and without."""
    return Formatted(filters=request.param, foreign=foreign)


def test_both_libraries_lines_are_the_same(formatted: Formatted) -> None:
    """One event of structlog's and one of logging's make the same line."""
    with clew.context(request_id="r-6", user_id="7", tenant="acme"):
        formatted.log.info("Sold", action="SELL", password="secret", userId="forged")
        logging.getLogger("shop.orders").info(
            "Sold", extra={"action": "SELL", "password": "secret", "userId": "forged"}
        )
    first, second = formatted.lines()
    first.pop("createdAt")
    second.pop("createdAt")
    assert first == second
    assert (first["requestId"], first["password"], first["userId_"]) == ("r-6", "***", "forged")
    assert (first["logger"], first["service"]) == ("shop.orders", "shop")


def test_both_libraries_exceptions_are_the_same(formatted: Formatted) -> None:
    """An exception has the same keys from both, and its trace is not written a second time."""
    try:
        raise ValueError("boom")
    except ValueError:
        formatted.log.exception("failed")
        logging.getLogger("shop.orders").exception("failed")
    first, second = formatted.lines()
    assert first["level"] == second["level"] == "danger"
    assert first["exception"]["message"] == second["exception"]["message"] == "boom"
    assert first.keys() == second.keys()


def test_logging_arguments_and_stacks_are_kept(formatted: Formatted) -> None:
    """A record of logging's keeps its arguments, its stack, and a dictionary as its message."""
    logger = logging.getLogger("legacy")
    logger.info("%s sold %d", "shop", 5, stack_info=True)
    logger.info({"message": "a dictionary", "value": "lamp"})
    first, second = formatted.lines()
    assert first["message"] == "shop sold 5"
    assert first["stackInfo"].startswith("Stack (most recent call last):")
    assert (second["message"], second["value"]) == ("a dictionary", "lamp")


def test_structlogs_context_is_on_loggings_lines(restored_logging: None) -> None:
    """With merge_contextvars in foreign_pre_chain, logging's lines have structlog's context."""
    formatted = Formatted(filters=True, foreign=[structlog.contextvars.merge_contextvars])
    structlog.contextvars.bind_contextvars(tenant="acme", requestId="forged", value="own")
    with clew.context(request_id="r-7"):
        logging.getLogger("legacy").info("line", extra={"value": "lamp"})
        serve(lambda: None)
    line, http = formatted.lines()
    assert (line["tenant"], line["value"], line["requestId"]) == ("acme", "lamp", "r-7")
    assert http["tenant"] == "acme"
    assert http["requestId"] == http["request"]["headers"]["requestId"]


def test_the_http_log_stands_among_them_once(formatted: Formatted) -> None:
    """Each request has its one HTTPLog, whole, between the lines of both libraries."""

    def crash() -> None:
        formatted.log.info("line", quantity=1)
        raise ValueError("boom")

    serve(lambda: formatted.log.info("line"))
    with pytest.raises(ValueError, match="boom"):
        serve(crash)
    line, http, _, crashed = formatted.lines()
    record = msgspec.convert(http, clew.HTTPLog)
    assert (record.response.http_status, record.logger) == (200, "clew.http")
    assert record.request_id == line["requestId"]
    assert (crashed["outcome"], crashed["exception"]["message"]) == ("error", "boom")
    assert "http" not in crashed


@pytest.mark.parametrize("make", HANDFUL)
def test_a_line_through_logging_never_fails(
    make: Callable[[], object], restored_logging: None
) -> None:
    """Whatever a field or a message is, both libraries' lines have the good fields."""
    formatted = Formatted(filters=True, foreign=FOREIGN["what people put there"])
    with clew.context(request_id="real"):
        formatted.log.info("line", field=make(), action="SELL")
        formatted.log.info(make(), action="SELL")
        logging.getLogger("legacy").info("line", extra={"field": make(), "action": "SELL"})
    lines = formatted.lines()
    assert [(line["requestId"], line["action"]) for line in lines] == [("real", "SELL")] * 3


# On a real server.


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.outside) for name in ("native", "through_logging")
    ],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """uvicorn, with one of the two configurations of this folder."""
    command = (*COMMANDS["uvicorn"], f"{request.param}:app")
    with running(command, HERE, tmp_path_factory.mktemp("structlog")) as server:
        yield server


def test_a_request_leaves_its_lines_on_one_stream(server: Server) -> None:
    """A request's lines of structlog and logging and its HTTPLog share its id and user."""
    answer = server.ask("/orders/order-77?token=abc", own := fresh_id(), method="POST")
    assert answer.request_id == own
    record = server.record(own)
    assert (record.request.route, record.request.query) == ("/orders/{order_id}", "token=***")
    lines = [line for line in server.lines() if line.get("requestId") == own]
    assert [line["logger"] for line in lines] == ["shop.orders", "legacy", "clew.http"]
    assert [line["userId"] for line in lines] == ["12345"] * 3
    assert [line["service"] for line in lines] == ["shop"] * 3
    assert (lines[0]["action"], lines[0]["monetaryValue"]) == ("PURCHASE_COMPLETED", 90)


def test_a_crash_is_told_with_its_exception(server: Server) -> None:
    """structlog's line, the HTTPLog and the server's line have the id and the exception."""
    assert server.ask("/crash", own := fresh_id()).status == 500
    record = server.record(own)
    assert record.outcome == "error"
    lines = [line for line in server.lines() if line.get("requestId") == own]
    failed = next(line for line in lines if line["logger"] == "shop.orders")
    assert (failed["level"], failed["password"]) == ("danger", "***")
    assert failed["exception"]["message"] == "no such lamp"
    theirs = next(line for line in lines if line["logger"] == "uvicorn.error")
    assert theirs["exception"]["type"] == "ValueError"


def test_every_line_passes_clew_check(server: Server) -> None:
    """All that the server has written fits the schema."""
    server.ask("/", own := fresh_id())
    server.record(own)
    mistakes = checked(server)
    assert len(mistakes) >= 3
    assert set(mistakes) == {None}


def test_without_structlog_the_module_says_what_to_install() -> None:
    """Where structlog is missing, importing the module names the pip line."""
    assert "pip install structlog" in run_without("structlog", "clew.structlog")


def test_events_below_the_level_are_kept_until_their_request_fails(
    restored_logging: None,
) -> None:
    """With configure_logging(keep=...), structlog's own events wait as those of logging do."""
    clew.configure_logging(stream=io.StringIO(), keep="DEBUG")
    written = Written(service="shop")
    written.log.debug("outside")
    serve(lambda: written.log.debug("well"))

    def fail() -> None:
        written.log.debug("detail", step=1)
        written.log.info("at once")
        raise LookupError

    with pytest.raises(LookupError):
        serve(fail)
    at_once, detail = written.lines()
    assert (at_once["message"], "kept" in at_once) == ("at once", False)
    assert (detail["message"], detail["step"], detail["kept"]) == ("detail", 1, True)
    assert detail["requestId"] == at_once["requestId"]
