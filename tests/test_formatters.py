"""From a record to a line: as JSON, or for people at a terminal."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import io
import json
import logging
import logging.config
import os
import pathlib
import re
import traceback
import types
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonjsonlogger.core import RESERVED_ATTRS

import clew
from clew._lines.console import is_terminal
from tests.conftest import Lines, parse_line, serve, without_capture
from tests.rows import each_row

log = clew.get_logger("shop.orders")


def record(message: object = "line", **attributes: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "shop.orders", "levelno": 20, "msg": message, **attributes}
    )


def formatted(record: logging.LogRecord, **options: Any) -> dict[str, Any]:
    return parse_line(clew.JSONFormatter(**options).format(record))


@each_row(
    ("level", "word"),
    [
        *((0, "debug"), (1, "debug"), (-5, "debug"), (10, "debug"), (19, "debug")),
        *((20, "info"), (25, "info"), (30, "warning"), (40, "danger"), (49, "danger")),
        *((50, "critical"), (1000, "critical")),
    ],
)
def test_levels_are_words(level: int, word: str) -> None:
    """Every level is one of five words, one in between is rounded down."""
    assert formatted(record(levelno=level))["level"] == word


@pytest.mark.parametrize("odd", [{"levelno": "high"}, {"created": None}], ids=str)
def test_a_record_without_a_level_or_a_time_is_written(odd: Any) -> None:
    """A record that somebody made with a level or a time that is no number loses no line."""
    assert formatted(record(**odd))["message"] == "line"


@each_row("word", ["debug", "info", "warning", "danger", "critical"])
def test_every_word_can_be_renamed(word: str) -> None:
    """Any of the five words can be another, which leaves the rest as they are."""
    level = {"debug": 10, "info": 20, "warning": 30, "danger": 40, "critical": 50}[word]
    renamed = {"levels": {word: "OTHER"}}
    assert formatted(record(levelno=level), **renamed)["level"] == "OTHER"
    assert formatted(record(levelno=level % 50 + 10), **renamed)["level"] != "OTHER"


@each_row("levels", [{"error": "danger"}, {"danger": 5}, {"INFO": "info"}])
def test_wrong_words_are_refused(levels: Any) -> None:
    """Renaming what is no level's word, or to no string, raises and names the allowed ones."""
    with pytest.raises(ValueError, match="levels has .*debug, info, warning, danger, critical"):
        clew.JSONFormatter(levels=levels)


def test_keys_come_in_the_documented_order(lines: Lines) -> None:
    """A line begins with clew's keys in their order, then the caller's, then the exception."""
    lines.configure(service="shop")
    with clew.context(user_id=1, tenant="acme"):
        log.danger("line", zebra=1, action="SELL", exc_info=ValueError())
    assert list(lines()[0]) == [
        *("level", "message", "createdAt", "logger", "service", "requestId", "userId"),
        *("zebra", "action", "tenant", "exception"),
    ]


def test_a_service_is_on_every_line(lines: Lines) -> None:
    """With a service, every line says it; no field of the caller's takes its place."""
    lines.configure(service="shop")
    log.info("line", service="mine")
    serve(lambda: None)
    assert [line["service"] for line in lines()] == ["shop", "shop"]
    assert lines()[0]["service_"] == "mine"


STATIC = {"environment": "prod", "password": "x", "limits": [1]}


@pytest.mark.parametrize("format", ["json", "console"])
def test_static_fields_are_on_every_line(format: Any, lines: Lines) -> None:
    """Every line has them, masked; a field of a line's own is written in the place of one."""
    lines.configure(service="shop", version="1.4.2", fields=STATIC, format=format)
    log.info("line")
    log.info("line", environment="mine")
    serve(lambda: clew.bind(environment="bound"))
    serve(lambda: None)
    if format == "console":
        assert [line.count("password=***") for line in lines.raw().splitlines()] == [1] * 4
        assert "1.4.2" not in lines.raw()
        return
    assert {(line["serviceVersion"], line["password"]) for line in lines()} == {("1.4.2", "***")}
    assert [line["environment"] for line in lines()] == ["prod", "mine", "bound", "prod"]
    assert list(lines()[3])[:5] == ["level", "message", "createdAt", "logger", "service"]


def test_two_formatters_write_one_record_each_in_its_way(lines: Lines) -> None:
    """Handlers with other words, other services and other keys disturb one another nowhere."""
    for _ in range(2):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(
            clew.JSONFormatter(
                service="other", levels={"info": "INFO"}, rename_fields={"message": "msg"}
            )
        )
        logging.getLogger().addHandler(handler)
    log.info("line")
    serve(lambda: None)
    for text in stream.getvalue().splitlines():
        other = parse_line(text)
        assert (other["level"], other["service"]) == ("INFO", "other")
        assert "message" not in other
    for line in lines():
        assert line["level"] == "info"
        assert "service" not in line


def test_other_formatters_leave_no_trace(restored_logging: None) -> None:
    """What other formatters leave on a record (message, asctime, exc_text) is no field."""
    one = record(exc_info=(ValueError, ValueError("boom"), None))
    logging.Formatter("%(asctime)s %(message)s").format(one)
    assert formatted(one).keys() == {"level", "message", "createdAt", "logger", "exception"}


def test_a_frameworks_request_is_not_written() -> None:
    """The request object that Django puts on records, whose text is its URL, is left out."""

    class WSGIRequest:
        META: Mapping[str, str] = {}

        def __str__(self) -> str:
            return "GET /?token=hunter2"

    class Over:
        """A proxy, as Flask's, of a request that is over."""

        def __getattr__(self, name: str) -> object:
            raise RuntimeError("there is no request")

    for request in (WSGIRequest(), Over()):
        line = formatted(record(request=request, status_code=500))
        assert not {"request", "request_"} & line.keys()
        assert line["status_code"] == 500


def test_another_request_is_written() -> None:
    """A field of that name that is no framework's is kept, masked, with an underscore behind."""
    moment = uuid.UUID("018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a")
    assert formatted(record(request=moment))["request_"] == str(moment)
    ordered = types.SimpleNamespace(item="lamp", token="hunter2")
    assert formatted(record(request=ordered))["request_"] == {"item": "lamp", "token": "***"}


def test_the_standard_attributes_are_no_fields() -> None:
    """Attributes that every record has, and uvicorn's coloured message, are no fields."""
    line = formatted(record(color_message="\x1b[1mline", taskName="Task-1"))
    assert line.keys() == {"level", "message", "createdAt", "logger"}


# The options of python-json-logger.


def test_rename_fields() -> None:
    """rename_fields renames keys of the line, clew's and the caller's."""
    line = formatted(
        record(action="SELL"),
        rename_fields={"message": "msg", "createdAt": "ts", "action": "what", "absent": "never"},
    )
    assert (line["msg"], line["what"]) == ("line", "SELL")
    assert line.keys() == {"level", "msg", "ts", "logger", "what"}


def test_rename_fields_of_an_http_log(lines: Lines) -> None:
    """rename_fields renames the keys of an HTTPLog too."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(clew.JSONFormatter(rename_fields={"requestId": "trace", "request": "req"}))
    logging.getLogger().addHandler(handler)
    serve(lambda: None)
    line = parse_line(stream.getvalue())
    assert line["trace"] == lines()[0]["requestId"]
    assert line["req"] == lines()[0]["request"]


def test_rename_fields_keep_missing() -> None:
    """rename_fields_keep_missing writes null for a renamed key that is absent."""
    line = formatted(
        record(), rename_fields={"requestId": "trace"}, rename_fields_keep_missing=True
    )
    assert line["trace"] is None


@each_row("name", ["requestId", "userId", "level", "logger"])
def test_a_renamed_key_cannot_be_forged(name: str) -> None:
    """A field named as a key of clew's is renamed to does not take that key's place."""
    options = {"rename_fields": {name: "renamed"}}
    with clew.context(request_id="real", user_id="real"):
        honest = formatted(record(), **options)["renamed"]
        assert formatted(record(renamed="forged"), **options)["renamed"] == honest
        assert formatted(record({"renamed": "forged"}), **options)["renamed"] == honest


def test_static_fields_and_defaults(lines: Lines) -> None:
    """static_fields are on every line, an HTTPLog's too; defaults where nothing else is."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        clew.JSONFormatter(static_fields={"env": "prod"}, defaults={"tenant": "none"})
    )
    logging.getLogger().addHandler(handler)
    log.info("line", tenant="acme")
    log.info("line")
    serve(lambda: None)
    written = [parse_line(line) for line in stream.getvalue().splitlines()]
    assert [line["env"] for line in written] == ["prod"] * 3
    assert [line["tenant"] for line in written] == ["acme", "none", "none"]


def test_static_fields_forge_nothing() -> None:
    """static_fields and defaults do not take the place of clew's keys."""
    with clew.context(request_id="real"):
        line = formatted(
            record(), static_fields={"requestId": "forged"}, defaults={"message": "forged"}
        )
    assert (line["requestId"], line["message"]) == ("real", "line")


@pytest.mark.parametrize(("option", "key"), [(True, "timestamp"), ("at", "at")])
def test_timestamp(option: bool | str, key: str) -> None:
    """timestamp adds the record's time in ISO 8601, in UTC."""
    one = record()
    text = formatted(one, timestamp=option)[key]
    assert text.endswith("Z")
    told = dt.datetime.fromisoformat(text)
    assert abs(told.timestamp() - one.created) < 0.001


def test_a_timestamp_has_six_digits_or_none() -> None:
    """The microseconds of a timestamp have their zeros in front; a whole second has none."""
    one = record()
    for created, text in ((1.00015, "1970-01-01T00:00:01.000150Z"), (2.0, "1970-01-01T00:00:02Z")):
        one.created = created
        assert formatted(one, timestamp=True)["timestamp"] == text


def test_prefix() -> None:
    """prefix stands before the line."""
    line = clew.JSONFormatter(prefix="@cee: ").format(record())
    assert line.startswith("@cee: {")
    assert parse_line(line.removeprefix("@cee: "))["message"] == "line"


def test_reserved_attrs() -> None:
    """reserved_attrs says which attributes are no fields: fewer of them, or more."""
    fewer = [name for name in RESERVED_ATTRS if name != "lineno"]
    assert formatted(record(lineno=7), reserved_attrs=fewer)["lineno"] == 7
    more = [*RESERVED_ATTRS, "tenant"]
    line = formatted(record(tenant="acme", action="SELL"), reserved_attrs=more)
    assert "tenant" not in line
    assert line["action"] == "SELL"


@each_row(
    ("arguments", "options"),
    [
        (("%(levelname)s %(asctime)s %(message)s",), {"datefmt": "%Y"}),
        (("{levelname} {asctime} {message}", "%Y", "{"), {}),
        (("levelname,asctime,message", "%Y", ","), {}),
        ((["levelname", "asctime", "message"],), {"datefmt": "%Y"}),
    ],
)
def test_fmt(arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    """fmt adds the attributes it names to the line, in any of its styles."""
    one = record(levelname="INFO", created=1637594905.976)
    line = parse_line(clew.JSONFormatter(*arguments, **options).format(one))
    assert (line["levelname"], line["asctime"], line["message"]) == ("INFO", "2021", "line")
    assert line["level"] == "info"


def test_fmt_shows_no_secrets() -> None:
    """Attributes that fmt names are masked like fields."""
    assert formatted(record(password="hunter2"), fmt="%(password)s")["password"] == "***"


def test_exceptions_as_arrays(lines: Lines) -> None:
    """exc_info_as_array and stack_info_as_array part the traceback and the stack into lines."""
    try:
        raise ValueError("boom")
    except ValueError as error:
        one = record(exc_info=(ValueError, error, error.__traceback__), stack_info="one\ntwo")
    line = formatted(one, exc_info_as_array=True, stack_info_as_array=True)
    assert line["exception"]["stackTrace"][0] == "Traceback (most recent call last):"
    assert line["exception"]["stackTrace"][-1] == "ValueError: boom"
    assert line["stackInfo"] == ["one", "two"]


@each_row(
    ("options", "key"),
    [
        ({"fmt": "%(exc_info)s"}, "exc_info"),
        ({"fmt": "%(exc_text)s"}, "exc_text"),
        ({"fmt": ["exc_info"], "rename_fields": {"exc_info": "stack_trace"}}, "stack_trace"),
        ({"rename_fields": {"exc_info": "stack_trace"}}, "stack_trace"),
    ],
)
def test_exc_info_is_the_tracebacks_text(options: dict[str, Any], key: str) -> None:
    """In a format, or renamed, it is the text of the traceback; without one it is nothing."""
    error = ValueError("boom")
    failed = record(exc_info=(ValueError, error, None))
    line = formatted(failed, **options)
    assert line[key] == line["exception"]["stackTrace"].rstrip() == "ValueError: boom"
    assert formatted(failed, exc_info_as_array=True, **options)[key] == ["ValueError: boom"]
    assert formatted(record(), **options).get(key) is None
    assert "exc_info" not in formatted(failed, **options).keys() - {key}


def test_a_renamed_stack_is_its_text() -> None:
    """A stack may be renamed as well, or be a list of lines."""
    options: dict[str, Any] = {"rename_fields": {"stack_info": "stack"}}
    kept = record(stack_info="one\ntwo")
    assert formatted(kept, **options)["stack"] == "one\ntwo"
    assert formatted(kept, stack_info_as_array=True, **options)["stack"] == ["one", "two"]
    assert "stack" not in formatted(record(), **options)


def test_json_default() -> None:
    """json_default writes what JSON cannot, on the top level and within; what it cannot is text."""

    class Money:
        def __str__(self) -> str:
            return "5 EUR"

    def default(value: object) -> object:
        if isinstance(value, Money):
            return {"amount": 5}
        raise TypeError(value)

    line = formatted(record(price=Money(), deep=[Money()], other=object()), json_default=default)
    assert line["price"] == {"amount": 5}
    assert line["deep"] == [{"amount": 5}]
    assert isinstance(line["other"], str)
    assert formatted(record(price=Money(), deep=[Money()]))["deep"] == ["5 EUR"]


def test_json_default_shows_no_secrets() -> None:
    """What json_default returns is masked."""
    line = formatted(record(x=object()), json_default=lambda _: {"password": "hunter2"})
    assert line["x"] == {"password": "***"}


def test_json_default_that_returns_itself_ends() -> None:
    """A json_default that returns what it was given costs no line."""
    line = formatted(record(x=object(), y=[object()], action="SELL"), json_default=lambda one: one)
    assert line["action"] == "SELL"


class Adding(clew.JSONFormatter):
    """A user's formatter that adds a field, as python-json-logger's documentation shows."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["source"] = record.name
        log_data["bad"] = object


class Processing(clew.JSONFormatter):
    """A user's formatter that changes the line as a dictionary."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        log_data["source"] = log_data.pop("logger")
        return log_data


class Jsonifying(clew.JSONFormatter):
    """A user's formatter that writes the JSON itself."""

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return json.dumps({**log_data, "source": log_data["logger"]})


@pytest.mark.parametrize("kind", [Adding, Processing, Jsonifying])
def test_hooks_of_subclasses(kind: type[clew.JSONFormatter], lines: Lines) -> None:
    """The hooks of python-json-logger's formatters work, for both records."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(kind())
    logging.getLogger().addHandler(handler)
    log.info("line")
    serve(lambda: None)
    application, http = (parse_line(line) for line in stream.getvalue().splitlines())
    assert (application["source"], application["message"]) == ("shop.orders", "line")
    assert (http["source"], http["request"]) == ("clew.http", lines()[1]["request"])


class Failing(clew.JSONFormatter):
    """A user's formatter that fails."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("no line")


def test_a_hook_that_fails_costs_no_line() -> None:
    """When a user's hook fails, a line comes out all the same, with what went wrong."""
    with clew.context(request_id="real", user_id=7):
        line = parse_line(Failing(service="shop").format(record()))
    assert (line["level"], line["message"], line["logger"], line["service"]) == (
        *("info", "line", "shop.orders"),
        "shop",
    )
    assert (line["requestId"], line["userId"]) == ("real", "7")
    assert "no line" in line["formattingError"]


def test_a_saved_line_has_the_required_keys() -> None:
    """Such a line has a message even where that is empty."""
    line = parse_line(Failing().format(record(msg="")))
    assert line["message"] == ""
    assert not {"service", "requestId", "userId"} & line.keys()


def test_the_formatter_in_a_configuration(restored_logging: None) -> None:
    """The formatter can be named in a dictConfig, with its options."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {"()": "clew.JSONFormatter", "service": "shop", "rename_fields": {"a": "b"}}
            },
            "handlers": {"x": {"class": "logging.NullHandler", "formatter": "json"}},
            "loggers": {"shop.orders": {"handlers": ["x"]}},
        }
    )
    (handler,) = logging.getLogger("shop.orders").handlers
    line = parse_line(handler.format(record(a=1)))
    assert (line["service"], line["b"]) == ("shop", 1)


# Values that JSON cannot hold.


class Mute:
    """An object without any text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
    __hash__ = object.__hash__


class Liar:
    """An object that lies about its class and raises at every question."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class Recursive:
    """An object whose text never ends."""

    def __str__(self) -> str:
        return f"{self}"


class NotText:
    """An object whose text is none."""

    def __str__(self) -> str:
        number: Any = 5
        return number  # type: ignore[no-any-return]


class Stubborn(dict[str, Any]):
    """A dictionary that shows nothing of what it has."""

    def items(self) -> Any:
        raise RuntimeError("no items")


class Colour(enum.Enum):
    RED = 1


class Nothing(enum.Enum):
    NONE = None
    NO = False


try:
    raise ValueError("boom")
except ValueError as error:
    TRACEBACK = error.__traceback__


class Point(NamedTuple):
    x: int
    y: int


class Moment(dt.datetime):
    """A subclass, as pendulum's and pandas' are."""


class Price(decimal.Decimal):
    """A subclass."""


class Nowhere(dt.tzinfo):
    """A time zone that raises."""

    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError("nowhere")

    tzname = dst = utcoffset  # type: ignore[assignment]


def deep_list() -> object:
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def circle() -> object:
    one: list[object] = [1]
    one.append({"back": one})
    return one


UTC = dt.UTC

WRITTEN: dict[str, tuple[object, object]] = {
    "NaN": (float("nan"), None),
    "infinity": ([float("inf"), -float("inf")], [None, None]),
    "bytes": (b"text", "dGV4dA=="),
    "binary": (b"\xff\x00", "/wA="),
    "bytearray": (bytearray(b"text"), "dGV4dA=="),
    "lone surrogate": ("a\ud800b", "a\\ud800b"),
    "lone surrogate within": (["\udcff"], ["\\udcff"]),
    "surrogate key": ({"\ud800": 1}, {"\\ud800": 1}),
    "NUL": ("a\x00b", "a\x00b"),
    "line separators": ("a\nb\r\u2028\u2029\x85", "a\nb\r\u2028\u2029\x85"),
    "64 bits": ([2**63, -(2**63), 2**64 - 1], [2**63, -(2**63), 2**64 - 1]),
    "100 bits": (2**100, 2**100),
    "tuple key": ({(1, 2): 3}, {"(1, 2)": 3}),
    "number key": ({1: 2, None: 3, 1.5: 4}, {"1": 2, "None": 3, "1.5": 4}),
    "colliding keys": ({1: "a", "1": "b"}, {"1": "a", "1_": "b"}),
    "circle": (circle(), [1, {"back": "..."}]),
    "tuple": ((1, (2,)), [1, [2]]),
    "set": ({1}, [1]),
    "frozen set": (frozenset([1]), [1]),
    "named tuple": (Point(1, 2), {"x": 1, "y": 2}),
    "enum": ([Colour.RED], [1]),
    "enum of nothing": ([Nothing.NONE, Nothing.NO], [None, False]),
    "enum's class": (Nothing, [None, False]),
    "class within": ([Colour.__class__], ["EnumType"]),
    "traceback": (TRACEBACK, "".join(traceback.format_tb(TRACEBACK)).strip()),
    "decimal": (decimal.Decimal("1.50"), 1.5),
    "decimal NaN": (decimal.Decimal("NaN"), None),
    "date": (dt.date(2026, 11, 1), "2026-11-01"),
    "time": (dt.time(12, 30), "12:30:00"),
    "datetime": (dt.datetime(2026, 11, 1, 12, tzinfo=UTC), "2026-11-01T12:00:00Z"),
    "datetime's subclass": (Moment(2026, 11, 1, 12, tzinfo=UTC), "2026-11-01T12:00:00Z"),
    "datetime's subclass within": ([Moment(2026, 11, 1, tzinfo=UTC)], ["2026-11-01T00:00:00Z"]),
    "decimal's subclass": (Price("1.5"), 1.5),
    "uuid": ([uuid.UUID(int=7)], ["00000000-0000-0000-0000-000000000007"]),
    "path": (pathlib.PurePosixPath("/a/b"), "/a/b"),
    "exception": (ValueError("boom"), "ValueError: boom"),
    "class": (ValueError, "ValueError"),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "user string": (collections.UserString("text"), "text"),
    "range": (range(3), [0, 1, 2]),
    "deque": (collections.deque([1, 2]), [1, 2]),
    "str's subclass": (type("Text", (str,), {"__str__": lambda _: "other"})("text"), "text"),
    "int's subclass": (type("Number", (int,), {})(5), 5),
    "float's subclass": ([type("Number", (float,), {})(1.5)], [1.5]),
}

HOSTILE: dict[str, Callable[[], object]] = {
    "10**5000": lambda: 10**5000,
    "-10**5000 within": lambda: [-(10**5000)],
    "10**5000 as a key": lambda: {10**5000: 1},
    "mute": Mute,
    "mute within": lambda: [Mute()],
    "mute key": lambda: {Mute(): 1},
    "liar": Liar,
    "liar within": lambda: {"a": (Liar(),)},
    "recursive": Recursive,
    "not text": NotText,
    "stubborn": Stubborn,
    "nowhere": lambda: dt.datetime(2026, 11, 1, tzinfo=Nowhere()),
    "nowhere within": lambda: [dt.datetime(2026, 11, 1, tzinfo=Nowhere())],
    "far off": lambda: dt.timedelta.max,
    "deep": deep_list,
    "generator": lambda: (number for number in [1, 2]),
    "function": lambda: deep_list,
    "module": lambda: json,
    "weak mapping": lambda: collections.ChainMap(),
    "memoryview": lambda: memoryview(b"\xff"),
    "huge decimal": lambda: decimal.Decimal("1E+999999"),
    "signalling NaN": lambda: decimal.Decimal("sNaN"),
}


@each_row(("value", "written"), WRITTEN.values())
def test_what_json_cannot_hold_is_written_sensibly(value: object, written: object) -> None:
    """A value is written as the nearest that JSON has, and costs nothing beside it."""
    line = formatted(record(field=value, action="SELL"))
    assert line["field"] == written
    assert line["action"] == "SELL"


def as_field(value: object) -> logging.LogRecord:
    return record(field=value, action="SELL")


def as_bound_field(value: object) -> logging.LogRecord:
    with clew.context(request_id="real", field=value, action="SELL"):
        one = record()
        clew.ContextFilter().filter(one)
    return one


def as_key(value: object) -> logging.LogRecord:
    return record({"message": "line", value: 1, "action": "SELL"})


def as_attribute(value: object) -> logging.LogRecord:
    one = record(action="SELL")
    one.__dict__[value] = 1  # type: ignore[index]
    return one


def hashable(make: Callable[[], object]) -> bool:
    try:
        hash(make())
    except Exception:
        return False
    return True


def giving(value: object) -> Callable[[], object]:
    return lambda: value


VALUES = {**{name: giving(value) for name, (value, _) in WRITTEN.items()}, **HOSTILE}

# For the fronts, which all hand what they are given to the same encoder.
HANDFUL = [
    pytest.param(VALUES[name], id=name)
    for name in ("bytes", "-10**5000 within", "mute", "mute key", "liar", "recursive", "nowhere")
]


def as_dictionary_key(value: object) -> logging.LogRecord:
    return record(field={value: 1}, action="SELL")


@each_row("make", VALUES.values())
def test_a_line_never_fails(make: Callable[[], object]) -> None:
    """Whatever a field holds or is named, one valid line comes out, with the good fields in it."""
    ways = [as_field, as_bound_field]
    if hashable(make):
        ways += [as_dictionary_key, as_key, as_attribute]
    for way in ways:
        for options in ({}, {"redact": "strict"}, {"timestamp": True}):
            with clew.context(request_id="real"):
                line = formatted(way(make()), **options)
            good = (line["message"], line["requestId"], line.get("action"))
            assert good == ("line", "real", "SELL"), way.__name__


@pytest.mark.parametrize("as_message", [True, False], ids=["message", "argument"])
def test_a_message_of_any_kind_makes_a_line(as_message: bool) -> None:
    """Whatever the message or its arguments are, one valid line comes out, with the fields."""
    for name, make in VALUES.items():
        message = {"message": make()} if as_message else {"message": "%s", "args": (make(),)}
        assert formatted(record(**message, action="SELL"))["action"] == "SELL", name


@pytest.mark.parametrize("text", ["\ud800", "a\udc80b"])
def test_an_http_log_never_fails(text: str, lines: Lines) -> None:
    """A lone surrogate in an exception, a user's id or a field costs no HTTPLog its request."""

    without_capture()

    def crash() -> None:
        clew.bind(user_id=text, field=text)
        raise ValueError(text)

    with pytest.raises(ValueError, match=text):
        serve(crash, enrich=lambda _: {"more": text, text: 1})
    (line,) = lines.http()
    assert (line["request"]["path"], line["response"]["httpStatus"]) == ("/", 500)
    assert line["exception"]["type"] == "ValueError"


def test_hostile_enrichment_costs_no_http_log(lines: Lines) -> None:
    """Whatever enrich returns, the HTTPLog comes out with its request and response."""
    for make in VALUES.values():
        serve(lambda: None, enrich=lambda _, make=make: {"field": make(), "good": 1})
    assert [line.get("good") for line in lines.http()] == [1] * len(VALUES)


any_text = st.text(st.characters(exclude_categories=()))
any_key = (
    any_text
    | st.integers()
    | st.none()
    | st.floats()
    | st.binary()
    | st.tuples(st.integers(), st.text())
    | st.sampled_from(["message", "level", "requestId", "userId", "request", "args", "_clew"])
)
any_leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**60, max_value=2**12_000)
    | st.floats()
    | any_text
    | st.binary()
    | st.decimals()
    | st.complex_numbers()
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.fractions()
    | st.builds(object)
    | st.builds(Mute)
    | st.just(Colour.RED)
    | st.just(...)
)
any_value = st.recursive(
    any_leaf,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(any_key, inner)
        | st.builds(Point, inner, inner)
        | st.builds(collections.deque, st.lists(inner))
    ),
    max_leaves=15,
)
FORMATTERS = [
    clew.JSONFormatter(),
    clew.JSONFormatter(redact="strict", service="shop"),
    clew.JSONFormatter(redact="off"),
    clew.JSONFormatter(json_default=repr),
    clew.JSONFormatter("%(asctime)s %(message)s", timestamp=True, defaults={"a": 1}),
    clew.JSONFormatter(rename_fields={"message": "message"}, exc_info_as_array=True),
]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.dictionaries(any_key, any_value),
    any_text | any_value,
    st.lists(any_value, max_size=2).map(tuple),
    st.sampled_from(FORMATTERS),
)
def test_formatting_anything_gives_one_line(
    fields: dict[Any, object], message: object, args: tuple[object, ...], formatter: Any
) -> None:
    """Whatever is logged, one line of valid JSON in UTF-8 comes out, with the good fields."""
    with clew.context(request_id="real"):
        one = record(message, args=args)
        own = one.__dict__
        own.update({name: value for name, value in fields.items() if name not in own})
        own["goodField"] = "kept"
        text = formatter.format(one)
    assert "\n" not in text
    text.encode()
    line = parse_line(text)
    assert line["requestId"] == "real"
    assert type(message) is dict or line["goodField"] == "kept"


# Streams.


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "ascii", "latin-1", "cp1252", "shift_jis"])
def test_a_stream_of_any_encoding_gets_valid_lines(
    encoding: str, restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line is valid UTF-8 and says the same in a stream of any encoding."""
    without_capture()
    for text in ("é€ß", "日本", "😀", "\ud800", "a\u2028b", '"\\é'):
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding=encoding, newline="")
        clew.configure_logging(stream=stream)
        log.info(text, field=text, **{text: 1})
        assert capsys.readouterr().err == ""
        line = parse_line(written.getvalue().decode())
        told = "\\ud800" if text == "\ud800" else text
        assert (line["message"], line["field"], line[told]) == (told, told, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf_8"])
def test_a_stream_of_utf8_gets_letters(encoding: str, restored_logging: None) -> None:
    """By whatever name a stream is one of UTF-8, nothing is escaped there."""
    written = io.BytesIO()
    clew.configure_logging(stream=io.TextIOWrapper(written, encoding=encoding, newline=""))
    log.info("日本")
    assert "日本" in written.getvalue().decode()


def test_lines_are_flushed(tmp_path: pathlib.Path, restored_logging: None) -> None:
    """A line is in its file as soon as it is logged, ended by a newline."""
    with (tmp_path / "app.ndjson").open("w", encoding="utf-8") as stream:
        clew.configure_logging(stream=stream)
        log.info("line é")
        assert parse_line((tmp_path / "app.ndjson").read_text(encoding="utf-8"))
        assert (tmp_path / "app.ndjson").read_bytes().endswith(b"}\n")


# For people at a terminal.


@pytest.fixture
def console(lines: Lines) -> Lines:
    """Lines for people, in place of JSON."""
    lines.configure(format="console", level="DEBUG")
    return lines


def test_console_lines_tell_everything(console: Lines) -> None:
    """A line for people has time, level, logger, message, the ids and the fields, in one line."""
    with clew.context(request_id="made-here", user_id=7):
        log.info("sold it", action="SELL", quantity=2, deep={"a": [1]})
    (line,) = console.raw().splitlines()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} +info +shop\.orders +sold it ", line)
    for part in ("requestId=made-here", "userId=7", "action=SELL", "quantity=2", '{"a":[1]}'):
        assert part in line


def test_console_lines_are_aligned(console: Lines) -> None:
    """Messages begin in one column, whatever the level."""
    for write in (log.debug, log.info, log.warning, log.danger, log.critical):
        write("the message")
    assert len({line.index("the message") for line in console.raw().splitlines()}) == 1


def test_console_lines_of_requests(console: Lines) -> None:
    """A request's line for people has its method, path, status and duration."""
    serve(lambda: None)
    (line,) = console.raw().splitlines()
    assert re.search(r"GET / 200 +\d+\.\d ms", line)


def test_console_lines_show_no_secrets(console: Lines) -> None:
    """Masking holds for people too."""
    log.info("line", password="hunter2", deep={"token": "hunter2"})
    assert "password=***" in console.raw()
    assert "hunter2" not in console.raw()


def test_console_exceptions_stand_below(console: Lines) -> None:
    """An exception and a stack stand below their line, indented."""
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed", stack_info=True)
    first, *below = console.raw().splitlines()
    assert "failed" in first
    assert "ValueError" not in first
    assert "    ValueError: boom" in below
    assert any("test_console_exceptions_stand_below" in line for line in below)
    assert all(line.startswith("    ") for line in below)


FORGED = "a\nb\r\x1b[31mred\x1b]0;title\x07\x00\x7f\x9b31m\x85\u2028\u2029\x0b\x0c"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def test_console_lines_cannot_be_forged(console: Lines) -> None:
    """Control characters, newlines and ANSI escapes of a caller's are shown, not obeyed."""
    with clew.context(tenant=FORGED):
        log.info(FORGED, value=FORGED, deep=[FORGED], **{FORGED: 1})
    clew.get_logger(f"shop.{FORGED}").info("line")
    assert len(console.raw().split("\n")) == 3
    assert not CONTROL.search(console.raw())
    assert r"a\nb\r\x1b[31mred" in console.raw()


@pytest.mark.parametrize(
    "control", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\U000e0000\U000e0041\U000e007f"
)
def test_console_lines_show_what_is_invisible(control: str, console: Lines) -> None:
    """What turns the direction of text, and what nobody sees, is escaped everywhere in a line."""
    text = f"a{control}b"
    log.info(text, value=text, deep=[text], exc_info=ValueError(text))
    assert control not in console.raw()
    assert console.raw().count(control.encode("unicode_escape").decode()) >= 4


def test_console_exceptions_cannot_forge_lines(console: Lines) -> None:
    """The text of an exception makes no line that looks like a logger's."""
    log.danger("failed", exc_info=ValueError(FORGED))
    _, *below = console.raw().rstrip("\n").split("\n")
    assert not CONTROL.search(console.raw())
    assert all(line.startswith("    ") for line in below)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_console_lines_in_any_encoding(
    encoding: str, restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for people comes out in a stream of any encoding, whatever it holds."""
    without_capture()
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, newline="")
    clew.configure_logging(stream=stream, format="console")
    log.danger("é\ud800", field="日\ud800", exc_info=ValueError("\ud800"), **{"\ud800": 1})
    assert capsys.readouterr().err == ""
    assert "shop.orders" in written.getvalue().decode(encoding)


def test_console_lines_never_fail(console: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a field holds, one line for people comes out, with the good fields in it."""
    for name, make in VALUES.items():
        console.clear()
        with clew.context(bound=make()):
            log.info("line", field=make(), action="SELL")
        assert capsys.readouterr().err == "", name
        (line,) = console.raw().rstrip("\n").split("\n")
        assert "action=SELL" in line, name


def terminal(**options: Any) -> str:
    """Return what is shown at a terminal."""
    if not hasattr(os, "openpty"):
        pytest.skip("there are no such terminals here")
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        clew.configure_logging(stream=stream, **options)
        log.danger("line", action="SELL")
        shown = os.read(ours, 10_000).decode()
    os.close(ours)
    return shown


def test_colours_at_a_terminal(restored_logging: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the console format is coloured."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = terminal(format="console")
    assert "\x1b[31mdanger" in shown
    assert shown.count("\x1b[0m") == len(re.findall(r"\x1b\[[1-9]", shown))


@pytest.mark.parametrize(
    ("no_color", "options"), [("1", {"format": "console"}), (None, {"format": "json"})]
)
def test_no_colours(
    no_color: str | None,
    options: dict[str, Any],
    restored_logging: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NO_COLOR turns colours off; JSON never has any."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert "\x1b" not in terminal(**options)


def test_no_colours_in_a_file(console: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no terminal gets no colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    log.info("line")
    assert "\x1b" not in console.raw()


def test_a_text_that_fails_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the console's text cannot be made, a line comes out, with what went wrong."""
    formatter = clew.ConsoleFormatter()
    monkeypatch.setattr("clew._lines.console.ConsoleEncoder.line", None)
    assert "line" in formatter.format(record())
    monkeypatch.setattr("clew._lines.console.extract", None)
    assert "line" in formatter.format(record())


def test_what_cannot_be_asked_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream without isatty(), or whose isatty() fails, gets no colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    closed = io.StringIO()
    closed.close()
    assert not any(map(is_terminal, (None, object(), closed)))
