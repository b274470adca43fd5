"""The two records as types, and their JSON Schema."""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

import clew
import clew.httpx
import clew.records
from clew._exceptions import describe
from tests.conftest import Lines, serve
from tests.rows import each_row

log = clew.get_logger("shop.orders")

APPLICATION_LOG: dict[str, Any] = {
    "level": "info",
    "message": "Purchase completed",
    "createdAt": 1637594905976,
    "logger": "shop.orders",
    "service": "shop",
    "serviceVersion": "1.4.2",
    "requestId": "018f6b0e",
    "userId": "12345",
    "action": "PURCHASE_COMPLETED",
    "value": "order-77",
    "oldValue": "cart-77",
    "monetaryValue": 100000,
    "quantity": 2,
    "comment": "paid",
}

HTTP_LOG: dict[str, Any] = {
    "level": "info",
    "message": "GET /orders/42 200",
    "createdAt": 1637594905990,
    "logger": "clew.http",
    "service": "shop",
    "serviceVersion": "1.4.2",
    "requestId": "018f6b0e",
    "userId": "12345",
    "request": {
        "method": "GET",
        "path": "/orders/42",
        "route": "/orders/{order_id}",
        "query": "page=2",
        "ipAddress": "203.0.113.7",
        "headers": {"requestId": "018f6b0e"},
    },
    "response": {"httpStatus": 200, "responseTime": 12.345, "bodySize": 512},
}


TASK_LOG: dict[str, Any] = {
    "level": "warning",
    "message": "shop.send_mail retried",
    "createdAt": 1637594905990,
    "logger": "clew.task",
    "service": "worker",
    "serviceVersion": "1.4.2",
    "requestId": "018f6b0e",
    "userId": "12345",
    "task": {
        "name": "shop.send_mail",
        "id": "9229a035",
        "queue": "mail",
        "retries": 1,
        "duration": 12.345,
        "outcome": "retried",
    },
    "exception": {"type": "ConnectionError", "message": "down", "stackTrace": "Traceback\n"},
}


def test_an_application_log_reads_a_line() -> None:
    """A line is read back as an ApplicationLog, in snake_case, and written as it was."""
    line = json.dumps(APPLICATION_LOG)
    read = msgspec.json.decode(line, type=clew.ApplicationLog)
    assert (read.created_at, read.request_id, read.old_value) == (
        1637594905976,
        "018f6b0e",
        "cart-77",
    )
    assert (read.monetary_value, read.quantity, read.exception) == (100000, 2, None)
    assert json.loads(msgspec.json.encode(read)) == APPLICATION_LOG


def test_an_http_log_reads_a_line() -> None:
    """A line is read back as an HTTPLog, in snake_case, and written as it was."""
    read = msgspec.json.decode(json.dumps(HTTP_LOG), type=clew.HTTPLog)
    assert read.request.ip_address == "203.0.113.7"
    assert read.request.headers == {"requestId": "018f6b0e"}
    assert (read.response.http_status, read.response.response_time) == (200, 12.345)
    assert (read.outcome, read.direction, read.response.close_code) == (None, None, None)
    assert json.loads(msgspec.json.encode(read)) == HTTP_LOG


def test_a_task_log_reads_a_line() -> None:
    """A line is read back as a TaskLog, in snake_case, and written as it was."""
    read = msgspec.json.decode(json.dumps(TASK_LOG), type=clew.TaskLog)
    assert (read.task.name, read.task.retries, read.task.duration) == ("shop.send_mail", 1, 12.345)
    assert (read.request_id, read.task.outcome) == ("018f6b0e", "retried")
    assert json.loads(msgspec.json.encode(read)) == TASK_LOG


def test_further_keys_are_ignored() -> None:
    """Keys that a record does not know are allowed in a line and ignored when it is read."""
    line = json.dumps({**HTTP_LOG, "tenant": "acme", "request": {**HTTP_LOG["request"], "x": 1}})
    assert msgspec.json.decode(line, type=clew.HTTPLog).request.path == "/orders/42"
    line = json.dumps({**APPLICATION_LOG, "tenant": {"id": 1}})
    assert msgspec.json.decode(line, type=clew.ApplicationLog).action == "PURCHASE_COMPLETED"


def application_line() -> None:
    log.info("Purchase completed", action="PURCHASE_COMPLETED", value=77, monetary_value=1.5, x=[])


def line_with_exception() -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed")


def bare_line() -> None:
    logging.getLogger("legacy").warning("plain")


def request_line() -> None:
    serve(lambda: clew.bind(user_id=5))


def crashed_request_line() -> None:
    def crash() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        serve(crash)


def outgoing_line() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with clew.context(), clew.httpx.wrap(httpx.Client(transport=transport)) as client:
        client.get("http://orders.internal/orders?page=2")


def failed_outgoing_line() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with (
        clew.httpx.wrap(httpx.Client(transport=httpx.MockTransport(fail))) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get("http://orders.internal/")


REAL_LINES: list[Callable[[], None]] = [
    application_line,
    line_with_exception,
    bare_line,
    request_line,
    crashed_request_line,
    outgoing_line,
    failed_outgoing_line,
]


@pytest.mark.parametrize("write", REAL_LINES)
def test_real_lines_fit_the_schema(write: Callable[[], None], lines: Lines) -> None:
    """Every kind of line that is written fits the JSON Schema and reads back as its record."""
    with clew.context():
        write()
    (line,) = lines()
    jsonschema.Draft202012Validator(clew.json_schema()).validate(line)
    kind: Any = clew.HTTPLog if "request" in line else clew.ApplicationLog
    read = msgspec.json.decode(lines.raw(), type=kind)
    assert (read.message, read.created_at) == (line["message"], line["createdAt"])


def test_real_lines_with_other_words_fit_their_schema(lines: Lines) -> None:
    """With renamed levels, lines fit the schema for these words and not the usual one."""
    words = {"danger": "error"}
    lines.configure(levels=words)
    log.danger("failed")
    crashed_request_line()
    for line in lines():
        assert line["level"] == "error"
        jsonschema.Draft202012Validator(clew.json_schema(levels=words)).validate(line)
        assert not jsonschema.Draft202012Validator(clew.json_schema()).is_valid(line)


@pytest.mark.parametrize("levels", [{"dangr": "error"}, {"danger": 7}])
def test_a_wrong_level_of_the_schema_is_refused(levels: Any) -> None:
    """A level that there is not, or a word that is none, is named, as in configure_logging."""
    with pytest.raises(ValueError, match="levels has 'dang"):
        clew.json_schema(levels=levels)


def test_the_schema_is_one() -> None:
    """What json_schema returns is a JSON Schema of the 2020-12 draft, and plain JSON."""
    schema = clew.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def test_the_schema_describes_every_key() -> None:
    """Every key has its description, which the record's docstring gives as an attribute's."""
    definitions = clew.json_schema()["$defs"]
    assert len(definitions) == 8
    for name, definition in definitions.items():
        record = getattr(clew.records, name)
        doc = inspect.cleandoc(record.__doc__)
        assert definition["description"] == doc.partition("\n\nAttributes:")[0]
        for key in definition["properties"].values():
            assert key["description"].endswith(".")
            assert key["description"] in " ".join(doc.split())


def test_an_interpreter_without_docstrings_has_a_schema() -> None:
    """Under python -OO the schema has no descriptions."""
    command = [sys.executable, "-OO", "-c", "import clew; print(clew.json_schema()['$defs'])"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert "ApplicationLog" in printed and "Python's ERROR" not in printed


def test_the_schema_is_made_anew() -> None:
    """Changing a returned schema changes no later one."""
    clew.json_schema()["$defs"].clear()
    assert clew.json_schema()["$defs"]


def test_the_documented_lines_fit_the_schema() -> None:
    """The lines of the documentation fit, with further keys too."""
    validator = jsonschema.Draft202012Validator(clew.json_schema())
    validator.validate(APPLICATION_LOG)
    validator.validate(HTTP_LOG)
    validator.validate(TASK_LOG)
    validator.validate({**APPLICATION_LOG, "task": "dishes"})
    validator.validate({**HTTP_LOG, "tenant": "acme"})


ABSENT = object()

BROKEN: list[tuple[dict[str, Any], str, object]] = [
    (APPLICATION_LOG, "level", ABSENT),
    (APPLICATION_LOG, "level", "error"),
    (APPLICATION_LOG, "level", "INFO"),
    (APPLICATION_LOG, "message", ABSENT),
    (APPLICATION_LOG, "message", None),
    (APPLICATION_LOG, "createdAt", ABSENT),
    (APPLICATION_LOG, "createdAt", "2021-11-22T15:28:25Z"),
    (APPLICATION_LOG, "createdAt", 1.5),
    (APPLICATION_LOG, "logger", ABSENT),
    (APPLICATION_LOG, "requestId", 7),
    (APPLICATION_LOG, "userId", 7),
    (APPLICATION_LOG, "exception", "ValueError"),
    (APPLICATION_LOG, "exception", {"type": "ValueError"}),
    (APPLICATION_LOG, "response", {}),
    (TASK_LOG, "task", ABSENT),
    (TASK_LOG, "task", "dishes"),
    (TASK_LOG, "task.name", ABSENT),
    (TASK_LOG, "task.id", 7),
    (TASK_LOG, "task.outcome", ABSENT),
    (TASK_LOG, "task.duration", "12 ms"),
    (TASK_LOG, "level", "fatal"),
    (HTTP_LOG, "request", ABSENT),
    (HTTP_LOG, "response", ABSENT),
    (HTTP_LOG, "level", "fatal"),
    (HTTP_LOG, "request.method", ABSENT),
    (HTTP_LOG, "request.path", ABSENT),
    (HTTP_LOG, "request.headers", {"requestId": 7}),
    (HTTP_LOG, "response.responseTime", ABSENT),
    (HTTP_LOG, "response.responseTime", "12 ms"),
    (HTTP_LOG, "response.httpStatus", "200"),
]


@each_row(("good", "key", "value"), BROKEN)
def test_the_schema_refuses_a_broken_line(good: dict[str, Any], key: str, value: object) -> None:
    """A line that lacks a key it must have, or has one of the wrong type, does not fit."""
    line = copy.deepcopy(good)
    *outer, last = key.split(".")
    place = line[outer[0]] if outer else line
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    validator = jsonschema.Draft202012Validator(clew.json_schema())
    assert validator.is_valid(good)
    assert not validator.is_valid(line)


@each_row("line", [[], "text", 5, None, {}])
def test_the_schema_refuses_what_is_no_record(line: object) -> None:
    """What is no object, or an empty one, does not fit."""
    assert not jsonschema.Draft202012Validator(clew.json_schema()).is_valid(line)


def test_the_records_have_the_documented_keys() -> None:
    """The keys of both records are the documented ones."""
    application = clew.ApplicationLog.__struct_encode_fields__
    assert application == (
        *("level", "message", "createdAt", "logger", "service", "serviceVersion"),
        *("requestId", "userId", "kept"),
        *("action", "value", "oldValue", "monetaryValue", "quantity", "comment", "exception"),
    )
    http = {field.encode_name: field.type for field in msgspec.structs.fields(clew.HTTPLog)}
    assert set(http) == {
        *("level", "message", "createdAt", "logger", "service", "serviceVersion"),
        *("requestId", "userId", "kept"),
        *("request", "response", "outcome", "exception", "direction", "validationErrors"),
    }
    assert set(http["request"].__struct_encode_fields__) == {
        *("method", "host", "path", "route", "query", "operation", "ipAddress", "headers"),
        "rejectedRequestId",
    }
    task = {field.encode_name: field.type for field in msgspec.structs.fields(clew.TaskLog)}
    assert set(task) == {
        *("level", "message", "createdAt", "logger", "service", "serviceVersion"),
        *("requestId", "userId", "kept"),
        *("task", "exception"),
    }
    assert set(task["task"].__struct_encode_fields__) == {
        *("name", "id", "queue", "retries", "parentId", "duration", "outcome"),
    }
    assert set(http["response"].__struct_encode_fields__) == {
        *("httpStatus", "responseTime", "bodySize", "closeCode", "graphqlStatus"),
    }


class Mute(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@each_row(
    ("error", "type", "message"),
    [
        (ValueError("boom"), "ValueError", "boom"),
        (httpx.ConnectError("refused"), "httpx.ConnectError", "refused"),
        (ExceptionGroup("both", [ValueError("one")]), "ExceptionGroup", "both (1 sub-exception)"),
        (KeyError("key"), "KeyError", "'key'"),
        (Mute(), f"{__name__}.Mute", None),
    ],
)
def test_an_exception_is_told_as_text(
    error: Exception, type: str, message: str | None, lines: Lines
) -> None:
    """An exception is its qualified name, its text and its traceback, even without a text."""
    log.danger("failed", exc_info=error)
    told = lines()[0]["exception"]
    assert told["type"] == type
    assert isinstance(told["message"], str)
    assert message is None or told["message"] == message
    assert type in told["stackTrace"]


def test_a_traceback_names_causes_and_notes(lines: Lines) -> None:
    """The stack trace holds the cause and the notes of an exception, in one string."""
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            error = ValueError("boom")
            error.add_note("look here")
            raise error from cause
    except ValueError:
        log.exception("failed")
    trace = lines()[0]["exception"]["stackTrace"]
    for part in ("KeyError: 'cause'", "direct cause", "ValueError: boom", "look here"):
        assert part in trace


def caught(fail: Callable[[], object]) -> Exception:
    try:
        fail()
    except Exception as error:
        return error
    raise AssertionError(fail)


def fail(text: str) -> None:
    raise ValueError(text)


def test_a_long_message_is_cut(lines: Lines) -> None:
    """A message is some KB at most, also in the traceback, whose frames stay; the cut shows."""
    text = "x" * 5_000_000
    logging.getLogger("shop").error("failed", exc_info=caught(lambda: fail(text)))
    exception = lines()[0]["exception"]
    assert exception["message"] == "x" * 4096 + "..."
    assert len(lines.raw()) < 20_000
    assert ", in fail\n" in exception["stackTrace"]
    assert exception["stackTrace"].endswith("xxx...\n")


def test_long_notes_and_causes_are_cut() -> None:
    """A traceback is 64 KB at most, and its end is what is kept of it."""
    error = caught(lambda: fail("the last"))
    for number in range(30):
        error.add_note(f"note {number} " + "n" * 5_000)
    exception = describe(error)
    trace = str(exception.stack_trace)
    assert len(trace) == 65_536 + 3
    assert trace.startswith("...")
    assert "note 29 nnn" in trace
    assert "note 0 " not in trace


def nested(depth: int) -> None:
    if depth:
        nested(depth - 1)
    else:
        raise KeyError("deep")


def rethrown(error: Exception) -> Exception:
    for _ in range(1_000):
        assert caught(lambda: raise_again(error)) is error
    return error


def raise_again(error: Exception) -> None:
    raise error


def caused(error: Exception) -> Exception:
    try:
        raise RuntimeError("outer") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        lambda: rethrown(ValueError("again")),
        lambda: caught(lambda: nested(300)),
        lambda: caused(rethrown(ValueError("again"))),
        lambda: ExceptionGroup("group", [rethrown(ValueError("again"))]),
    ],
    ids=["raised again", "deep", "cause", "group"],
)
def test_of_many_frames_some_are_told(error: Callable[[], Exception]) -> None:
    """An exception that is raised again and again has a frame more each time: 100 are told, and
    that there are more.
    """
    trace = str(describe(error()).stack_trace)
    frames = [line for line in trace.splitlines() if line.lstrip(" |").startswith("File ")]
    assert len(frames) <= 101
    assert "  ...\n" in trace


def test_where_an_exception_was_raised_again_is_told() -> None:
    """Of one that is raised again and again both the last time and the first are told."""
    error = rethrown(caught(lambda: nested(1)))
    with contextlib.suppress(KeyError):
        raise error
    trace = str(describe(error).stack_trace)
    assert trace.index("in test_where_an_exception_was") < trace.index("  ...\n")
    assert trace.index("  ...\n") < trace.index("in nested\n")


def test_of_a_few_frames_all_are_told() -> None:
    """A usual traceback is the one that Python prints."""
    error = caught(lambda: nested(90))
    assert describe(error).stack_trace == "".join(traceback.format_exception(error))
