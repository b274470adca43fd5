"""A line's way from the caller to the handlers, and what it takes along."""

from __future__ import annotations

import io
import logging
import logging.handlers
import pickle
import queue
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import clew
from clew._lines import delivery
from clew._lines.handler import LineHandler
from tests.conftest import Lines, Raising, parse_line, run_fresh, serve
from tests.rows import each_row

log = clew.get_logger("shop.orders")


class Recording(logging.Handler):
    """A handler of a user's: keeps the records, formatted or not."""

    def __init__(self, format: str = "%(message)s") -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.texts: list[str] = []
        self.setFormatter(logging.Formatter(format))

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.texts.append(self.format(record))


def heard(format: str = "%(message)s") -> Recording:
    """Return a user's handler that hears what is logged to shop.orders."""
    handler = Recording(format)
    logging.getLogger("shop.orders").addHandler(handler)
    return handler


@each_row(
    ("write", "word"),
    [
        (log.debug, "debug"),
        (log.info, "info"),
        (log.warning, "warning"),
        (log.danger, "danger"),
        (log.error, "danger"),
        (log.exception, "danger"),
        (log.critical, "critical"),
        (lambda message: log.log(logging.WARNING, message), "warning"),
        (lambda message: log.log(25, message), "info"),
        (lambda message: log.log(5, message), "debug"),
        (lambda message: log.log(90, message), "critical"),
    ],
)
def test_every_level_has_its_word(write: Callable[[str], None], word: str, lines: Lines) -> None:
    """Each method writes its level's word; a level in between is rounded down."""
    lines.configure(level=1)
    write("line")
    assert [(line["level"], line["message"]) for line in lines()] == [(word, "line")]


@pytest.mark.usefixtures("both_ways")
def test_a_line_has_its_logger_and_time(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says which logger wrote it, and when, in milliseconds."""
    monkeypatch.setattr("time.time", lambda: 1637594905.976)
    monkeypatch.setattr("time.time_ns", lambda: 1637594905_976_000_000)
    log.info("line")
    assert lines()[0]["createdAt"] == 1637594905976
    assert lines()[0]["logger"] == "shop.orders"


def test_a_logger_is_the_standard_one_of_its_name() -> None:
    """A Logger is a face of the standard logger of its name, the root's without one."""
    assert log.name == "shop.orders"
    assert repr(log) == "<clew.Logger 'shop.orders'>"
    assert clew.get_logger().name == clew.get_logger(None).name == "root"
    assert isinstance(clew.get_logger("a"), clew.Logger)


@each_row(
    ("message", "args", "text"),
    [
        ("plain", (), "plain"),
        ("100%", (), "100%"),
        ("%s sold %d", ("shop", 3), "shop sold 3"),
        ("%(name)s", ({"name": "shop"},), "shop"),
        ("%.2f %r", (1, "a"), "1.00 'a'"),
        (42, (), "42"),
        (None, (), "None"),
        (ValueError("boom"), (), "boom"),
    ],
)
def test_messages_take_arguments(
    message: object, args: tuple[object, ...], text: str, lines: Lines
) -> None:
    """%-arguments go into the message as usual; a message may be any object."""
    log.info(message, *args)
    assert lines()[0]["message"] == text


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    ("message", "args"), [("sold %d", ("x",)), ("sold %s %s", ("x",)), ("sold", ("x",))]
)
def test_wrong_arguments_lose_nothing(message: str, args: tuple[object, ...], lines: Lines) -> None:
    """Arguments that do not fit their message stand behind it; the line and its fields come out."""
    log.info(message, *args, action="SELL")
    assert lines()[0]["message"] == f"{message} ('x',)"
    assert lines()[0]["action"] == "SELL"


class Mute:
    """An object without any text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_a_mute_argument_loses_nothing(lines: Lines) -> None:
    """An argument that has no text leaves the message's own words and the fields."""
    log.info("sold %s", Mute(), action="SELL", value=Mute(), quantity=2)
    (line,) = lines()
    assert "sold" in line["message"]
    assert (line["action"], line["quantity"]) == ("SELL", 2)


class Nameless:
    """An object that fails when it is asked for its class."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class Unreadable(Mapping[str, object]):
    """A mapping that can be neither read nor counted."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError("no items")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no keys")

    def __len__(self) -> int:
        raise RuntimeError("no length")


@pytest.mark.parametrize("hostile", [Nameless, Unreadable])
def test_a_hostile_argument_loses_nothing(hostile: Callable[[], Any], lines: Lines) -> None:
    """An argument or an extra that fails when it is asked what it is costs nothing else."""
    value = hostile()
    log.info("sold %s", value, action="SELL")
    log.info("sold", extra=value, action="SELL")
    assert [line["message"].split()[0] for line in lines()] == ["sold", "sold"]
    assert [line["action"] for line in lines()] == ["SELL", "SELL"]


@pytest.mark.usefixtures("both_ways")
def test_fields_are_written_under_their_keys(lines: Lines) -> None:
    """Fields keep their names, but for monetary_value and old_value."""
    log.info(
        "Purchase completed",
        action="PURCHASE_COMPLETED",
        value="order-77",
        old_value="cart-77",
        monetary_value=100_000,
        quantity=2,
        comment="paid",
        snake_case=True,
        self="me",
        args=[1],
        level="high",
    )
    (line,) = lines()
    assert {key: line[key] for key in line.keys() - {"createdAt"}} == {
        "level": "info",
        "message": "Purchase completed",
        "logger": "shop.orders",
        "action": "PURCHASE_COMPLETED",
        "value": "order-77",
        "oldValue": "cart-77",
        "monetaryValue": 100_000,
        "quantity": 2,
        "comment": "paid",
        "snake_case": True,
        "self": "me",
        "args": [1],
        "level_": "high",
    }


def test_extra_is_merged_like_fields(lines: Lines) -> None:
    """extra= counts as fields, whose own values win; the standard library's makes the same line."""
    extra = {"action": "LOGIN", "value": "extra", "old_value": 1, "name": "taken"}
    log.info("line", extra=extra, value="field")
    assert extra == {"action": "LOGIN", "value": "extra", "old_value": 1, "name": "taken"}
    logging.getLogger("shop.orders").info("line", extra={"action": "LOGIN", "value": "field"})
    ours, theirs = lines()
    assert (ours["action"], ours["value"], ours["oldValue"], ours["name"]) == (
        *("LOGIN", "field", 1),
        "taken",
    )
    assert (theirs["action"], theirs["value"]) == ("LOGIN", "field")


@each_row("extra", [5, "text", [1], Mute()])
def test_a_wrong_extra_loses_no_line(extra: Any, lines: Lines) -> None:
    """An extra that is no mapping costs no line."""
    log.info("line", extra=extra, action="SELL")
    assert [(line["message"], line["action"]) for line in lines()] == [("line", "SELL")]


def test_extra_may_have_keys_of_any_type(lines: Lines) -> None:
    """Keys of extra that are no strings are written as text."""
    extra: Any = {1: "one", (2, 3): "two", None: "none", "action": "SELL"}
    log.info("line", extra=extra)
    (line,) = lines()
    assert (line["1"], line["(2, 3)"], line["None"], line["action"]) == (
        *("one", "two", "none"),
        "SELL",
    )


def test_a_logger_adapter_works(lines: Lines) -> None:
    """The fields of a standard LoggerAdapter are fields, around clew's Logger too."""
    around: Any = log
    logging.LoggerAdapter(around, {"action": "LOGIN"}).info("line")
    assert lines()[0]["action"] == "LOGIN"
    lines.clear()
    logging.LoggerAdapter(logging.getLogger("legacy"), {"action": "LOGIN"}).info("line")
    assert lines()[0]["action"] == "LOGIN"


RESERVED = [
    *("name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module"),
    *("funcName", "lineno", "created", "msecs", "relativeCreated", "thread", "threadName"),
    *("process", "processName", "exc_text", "asctime", "taskName"),
]
OWNED = [
    *("level", "message", "createdAt", "logger", "service", "requestId", "userId"),
    *("request", "response", "outcome", "exception", "direction"),
]


@each_row("name", RESERVED)
def test_attributes_of_records_are_names_for_fields(name: str, lines: Lines) -> None:
    """A field may be named like a record's attribute: it is written, and nothing is disturbed."""
    user = heard("%(name)s %(levelname)s %(message)s")
    log.info("the message", **{name: "field"})
    with clew.context(**{name: "bound"}):
        log.info("the message")
    assert [(line["message"], line[name]) for line in lines()] == [
        ("the message", "field"),
        ("the message", "bound"),
    ]
    assert user.texts == ["shop.orders INFO the message"] * 2


@each_row("name", OWNED)
def test_clews_keys_stay_clews(name: str, lines: Lines) -> None:
    """A field named like a key of clew's is written with an underscore behind it."""
    for value in ("mine", 42, 1.5, ["mine"], {"a": 1}, None, True):
        log.info("the message", **{name: value, "action": "SELL"})
        line = lines()[-1]
        assert line.pop(f"{name}_") == value
        assert (line.pop("message"), line.pop("action")) == ("the message", "SELL")
        assert line.keys() == {"level", "createdAt", "logger"}


@pytest.mark.usefixtures("both_ways")
def test_underscores_are_added_until_a_key_is_free(lines: Lines) -> None:
    """Fields whose names collide are both written."""
    log.info("line", message="one", message_="two")
    assert {lines()[0]["message_"], lines()[0]["message__"]} == {"one", "two"}


@pytest.mark.usefixtures("both_ways")
def test_the_inner_attributes_of_records_are_no_way_in(lines: Lines) -> None:
    """Fields named like what clew keeps on records itself disturb nothing."""
    with clew.context(request_id="real"):
        log.info("line", _clew=5, _clew_fields=5, http="mine", action="SELL")
    (line,) = lines()
    assert (line["message"], line["action"], line["http"]) == ("line", "SELL", "mine")
    assert line["requestId"] == "real"


def test_an_exception_is_written(lines: Lines) -> None:
    """exception() writes the exception being handled: its type, its text, its traceback."""
    try:
        raise KeyError("missing")
    except KeyError:
        log.exception("failed", action="SELL")
    (line,) = lines()
    assert (line["level"], line["message"], line["action"]) == ("danger", "failed", "SELL")
    assert line["exception"]["type"] == "KeyError"
    assert line["exception"]["message"] == "'missing'"
    assert "test_an_exception_is_written" in line["exception"]["stackTrace"]
    assert line["exception"]["stackTrace"].endswith("KeyError: 'missing'\n")


@pytest.mark.parametrize("kind", ["true", "exception", "tuple"])
def test_exc_info_takes_what_it_takes_as_usual(kind: str, lines: Lines) -> None:
    """exc_info may be True, an exception or a tuple, on any level."""
    try:
        raise ValueError("boom")
    except ValueError as error:
        given: Any = {"true": True, "exception": error, "tuple": sys.exc_info()}[kind]
        log.info("failed", exc_info=given)
    assert lines()[0]["exception"]["message"] == "boom"
    assert "raise ValueError" in lines()[0]["exception"]["stackTrace"]


@each_row("given", [True, False, None, (None, None, None)])
def test_without_an_exception_there_is_none(given: Any, lines: Lines) -> None:
    """Outside any exception, exc_info adds nothing; exc_info=False keeps one out."""
    log.danger("fine", exc_info=given)
    log.exception("fine")
    if not given:
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("fine", exc_info=given)
    assert lines()
    assert all("exception" not in line for line in lines())


def test_stack_info_is_written(lines: Lines) -> None:
    """stack_info=True adds the caller's stack, which for users' handlers is as usual."""
    user = heard()
    log.info("line", stack_info=True)
    logging.getLogger("shop.orders").info("line", stack_info=True)
    for line in lines():
        assert "test_stack_info_is_written" in line["stackInfo"]
        assert "clew/_lines/logger.py" not in line["stackInfo"]
    ours, theirs = (text.splitlines() for text in user.texts)
    assert ours[:-2] == theirs[:-2]
    assert theirs[1] == "Stack (most recent call last):"


def test_users_formats_name_the_callers_line(restored_logging: None) -> None:
    """File, line and function in a user's format are the caller's, for every method."""
    user = heard("%(filename)s:%(lineno)d %(funcName)s")
    logging.getLogger("shop.orders").setLevel(1)
    line = sys._getframe().f_lineno
    log.debug("x")
    log.info("x", action="SELL")
    log.warning("x")
    log.danger("x")
    log.error("x")
    log.critical("x")
    log.exception("x", exc_info=False)
    log.log(20, "x")
    function = "test_users_formats_name_the_callers_line"
    assert user.texts == [f"test_logging.py:{line + after} {function}" for after in range(1, 9)]


def test_stacklevel_names_a_line_further_out(restored_logging: None) -> None:
    """stacklevel=2 names the caller's caller, a huge one the outermost, as usual."""
    user = heard("%(funcName)s:%(lineno)d")
    logging.getLogger("shop.orders").setLevel(1)

    def helper(stacklevel: int) -> None:
        log.info("x", stacklevel=stacklevel)
        logging.getLogger("shop.orders").info("x", stacklevel=stacklevel)

    for stacklevel in (2, 3, 1000):
        helper(stacklevel)
    ours, theirs = user.texts[::2], user.texts[1::2]
    assert ours[0].startswith("test_stacklevel_names_a_line_further_out:")
    assert ours == theirs


class Deaf(logging.Handler):
    """A handler of a user's whose emit raises."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("the disk is full")


@pytest.mark.parametrize("kind", [Raising, Deaf])
def test_a_handler_that_raises_harms_nobody(
    kind: type[logging.Handler], lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's handler that raises reaches neither the caller nor the other handlers."""
    logging.getLogger("shop.orders").addHandler(kind())
    logging.getLogger("shop").addHandler(kind())
    after = Recording()
    logging.getLogger("shop").addHandler(after)
    log.info("line")
    assert lines()[0]["message"] == "line"
    assert after.texts == ["line"]
    assert "the disk is full" in capsys.readouterr().err


def test_complaints_can_be_turned_off(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """logging.raiseExceptions = False silences complaints about handlers, as usual."""
    logging.raiseExceptions = False
    logging.getLogger("shop.orders").addHandler(Raising())
    log.info("line")
    assert capsys.readouterr().err == ""
    assert len(lines()) == 1


@pytest.mark.usefixtures("both_ways")
def test_a_closed_stream_harms_nobody(capsys: pytest.CaptureFixture[str], lines: Lines) -> None:
    """A stream that is closed breaks nobody who logs, by either library's logger."""
    stream = io.StringIO()
    clew.configure_logging(stream=stream)
    stream.close()
    log.info("line")
    logging.getLogger("legacy").info("line")
    assert "closed file" in capsys.readouterr().err


def test_no_stderr_harms_nobody(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stderr to report_failure on, a raising handler still harms nobody."""
    monkeypatch.setattr(sys, "stderr", None)
    logging.getLogger("shop.orders").addHandler(Raising())
    log.info("line")
    assert len(lines()) == 1


def off_by_level() -> None:
    logging.getLogger("shop.orders").setLevel(logging.CRITICAL + 1)


def off_by_root() -> None:
    logging.getLogger().setLevel(logging.CRITICAL + 1)


def off_by_disable() -> None:
    logging.disable(logging.CRITICAL)


@pytest.mark.parametrize("off", [off_by_level, off_by_root, off_by_disable])
def test_a_disabled_level_makes_no_work(off: Callable[[], None], lines: Lines) -> None:
    """A level that is off writes nothing and never asks an argument for its text."""
    made: list[logging.LogRecord] = []
    factory = logging.getLogRecordFactory()

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        made.append(factory(*args, **options))
        return made[-1]

    logging.setLogRecordFactory(make)
    off()

    class Watched:
        def __str__(self) -> str:
            raise AssertionError("asked")

    for write in (log.debug, log.info, log.warning, log.danger, log.critical, log.exception):
        write("%s", Watched(), field=Watched())
    log.log(logging.INFO, "%s", Watched())
    assert lines() == []
    assert made == []


@pytest.mark.usefixtures("both_ways")
def test_a_disabled_logger_writes_nothing(lines: Lines) -> None:
    """A logger that is disabled, as by dictConfig, writes nothing."""
    logging.getLogger("shop.orders").disabled = True
    log.critical("line")
    assert lines() == []


def test_caplog_sees_complete_records(
    restored_logging: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Pytest's caplog sees the message, the level, the fields and the exception."""
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("sold %s", "it", action="SELL", monetary_value=5)
    (record,) = caplog.records
    assert (record.getMessage(), record.levelno, record.name) == (
        *("sold it", logging.ERROR),
        "shop.orders",
    )
    assert record.__dict__["action"] == "SELL"
    assert record.__dict__["monetaryValue"] == 5
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
    assert "sold it" in caplog.text


@pytest.mark.usefixtures("both_ways")
def test_a_custom_record_factory_is_used(lines: Lines) -> None:
    """Records come from the user's factory, whose attributes are fields; ids cannot be forged."""
    factory = logging.getLogRecordFactory()

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        record = factory(*args, **options)
        record.host = "web-1"
        record.requestId = "forged"
        return record

    logging.setLogRecordFactory(make)
    with clew.context(request_id="real"):
        log.info("line")
    assert (lines()[0]["host"], lines()[0]["requestId"]) == ("web-1", "real")


def test_a_record_factory_that_raises_costs_no_line(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's factory that raises is complained about, and the line is written."""

    def make(*args: Any, **options: Any) -> logging.LogRecord:
        raise RuntimeError("no record")

    logging.setLogRecordFactory(make)
    log.info("sold %s", "it", action="SELL")
    assert (lines()[0]["message"], lines()[0]["action"]) == ("sold it", "SELL")
    assert "no record" in capsys.readouterr().err


class Counting(logging.Logger):
    """A user's logger class."""

    handled = 0

    def handle(self, record: logging.LogRecord) -> None:
        type(self).handled += 1
        super().handle(record)


@pytest.mark.usefixtures("both_ways")
def test_a_custom_logger_class_is_used(lines: Lines) -> None:
    """A user's logger class keeps its ways: its handle is called."""
    before = Counting.handled
    logging.setLoggerClass(Counting)
    clew.get_logger("a.custom.logger").info("line")
    assert Counting.handled == before + 1
    assert lines()[0]["logger"] == "a.custom.logger"


@pytest.mark.usefixtures("both_ways")
def test_a_replaced_way_to_the_handlers_is_used(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who replaces Logger.callHandlers, as error trackers do, hears clew's lines too."""
    seen: list[str] = []
    standard = logging.Logger.callHandlers

    def watched(self: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record.getMessage())
        standard(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", watched)
    log.info("line")
    assert seen == ["line"]
    assert len(lines()) == 1


PATCHED_BEFORE = """
import logging, sys
seen, standard = [], logging.Logger.callHandlers
def watched(self, record):
    seen.append(record.getMessage())
    standard(self, record)
logging.Logger.callHandlers = watched
import clew
clew.configure_logging(stream=sys.stderr)
clew.get_logger("shop").info("line")
print(seen)
"""


def test_a_way_replaced_before_the_import_is_used() -> None:
    """Who replaced Logger.callHandlers before clew was imported hears clew's lines too."""
    assert run_fresh(PATCHED_BEFORE) == "['line']\n"


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("method", ["handle", "callHandlers", "filter", "makeRecord"])
def test_a_way_replaced_on_one_logger_is_used(
    method: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who replaces a method on a single logger sees its lines."""
    logger = logging.getLogger("shop.orders")
    seen: list[str] = []
    standard = getattr(logger, method)

    def watched(*args: Any) -> Any:
        seen.append(method)
        return standard(*args)

    monkeypatch.setattr(logger, method, watched)
    log.info("line")
    assert seen == [method]
    assert len(lines()) == 1


def test_a_replaced_way_that_raises_has_ended(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is logged afterwards comes from no handler's midst."""

    def failing(record: logging.LogRecord) -> None:
        raise ValueError("boom")

    with monkeypatch.context() as patches:
        patches.setattr(logging.getLogger("shop.orders"), "handle", failing)
        log.info("lost")
    assert not delivery.in_handler()


class Shouting(logging.Logger):
    """A logger class with a filter of its own."""

    def filter(self, record: logging.LogRecord) -> Any:
        record.msg = record.msg.upper()
        return super().filter(record)


@pytest.mark.usefixtures("both_ways")
def test_a_logger_class_may_filter(lines: Lines) -> None:
    """What the filter method of a user's logger class makes of a record is written."""
    logging.setLoggerClass(Shouting)
    clew.get_logger("a.shouting.logger").info("line")
    assert lines()[0]["message"] == "LINE"


def scrub(record: logging.LogRecord) -> bool:
    """Take the secret out of a record, wherever a record has texts."""
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "note": "***"}
    else:
        record.msg, record.args = record.getMessage().replace("hunter2", "***"), ()
    record.exc_info = record.exc_text = record.stack_info = None
    return True


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("pin hunter2", {}),
        ("pin hunter2", {"exc_info": ValueError("hunter2")}),
        ("pin hunter2", {"stack_info": True}),
        ({"message": "pin", "note": "hunter2"}, {}),
    ],
    ids=["text", "exception", "stack", "dictionary"],
)
def test_filters_of_users_scrub_records(
    message: Any, options: dict[str, Any], lines: Lines
) -> None:
    """What a filter behind clew's takes out of a record, a trace too, is not written."""
    [handler] = [one for one in logging.root.handlers if isinstance(one, LineHandler)]
    handler.addFilter(scrub)
    for logger in (log, logging.getLogger("legacy")):
        logger.info(message, **options)
    assert "hunter2" not in lines.raw()
    for line in lines():
        assert "***" in line["message"] or line["note"] == "***"
        assert not {"exception", "stackInfo"} & line.keys()


def drop_traceback(record: logging.LogRecord) -> bool:
    """Leave the text of the exception only, as who hands records on to another process."""
    if record.exc_info:
        record.exc_text, record.exc_info = "ValueError: boom", None
    return True


def test_an_exception_of_which_the_text_stays_is_written(lines: Lines) -> None:
    """A filter behind clew's that takes the traceback off, and leaves its text, costs nothing."""
    [handler] = [one for one in logging.root.handlers if isinstance(one, LineHandler)]
    handler.addFilter(drop_traceback)
    logging.getLogger("legacy").info("line", exc_info=ValueError("boom"))
    assert lines()[0]["exception"]["message"] == "boom"


@pytest.mark.usefixtures("both_ways")
def test_filters_of_users_add_fields(lines: Lines) -> None:
    """What a user's filter puts on a record is a field, masked like one."""

    def add(record: logging.LogRecord) -> bool:
        record.build = "v7"
        record.api_key = "hunter2"
        return True

    logging.getLogger("shop.orders").addFilter(add)
    log.info("line")
    assert (lines()[0]["build"], lines()[0]["api_key"]) == ("v7", "***")


@pytest.mark.usefixtures("both_ways")
def test_filters_of_users_drop_lines(lines: Lines) -> None:
    """A user's filter on the logger or on a handler drops lines."""
    logging.getLogger("shop.orders").addFilter(lambda record: "noise" not in record.getMessage())
    user = heard()
    user.addFilter(lambda record: "private" not in record.getMessage())
    for message in ("noise", "private", "line"):
        log.info(message)
    assert [line["message"] for line in lines()] == ["private", "line"]
    assert user.texts == ["line"]


@pytest.mark.usefixtures("both_ways")
def test_a_filter_that_raises_harms_nobody(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's filter that raises does not reach the caller."""

    def fail(record: logging.LogRecord) -> bool:
        raise RuntimeError("no filter")

    logging.getLogger("shop.orders").addFilter(fail)
    log.info("line")
    assert "no filter" in capsys.readouterr().err


@pytest.mark.usefixtures("both_ways")
@pytest.mark.skipif(sys.version_info < (3, 12), reason="filters replace records since 3.12")
def test_filters_of_users_replace_records(lines: Lines) -> None:
    """A user's filter may return another record, from Python 3.12 on."""

    def replace(record: logging.LogRecord) -> Any:
        return logging.makeLogRecord({**record.__dict__, "msg": "replaced"})

    logging.getLogger("shop.orders").addFilter(replace)
    log.info("line")
    assert lines()[0]["message"] == "replaced"


@pytest.mark.usefixtures("both_ways")
def test_levels_of_handlers_count(lines: Lines) -> None:
    """A handler hears what its level lets through."""
    user = heard()
    user.setLevel(logging.ERROR)
    log.info("quiet")
    log.danger("loud")
    assert user.texts == ["loud"]
    assert len(lines()) == 2


@pytest.mark.usefixtures("both_ways")
def test_propagation_can_be_stopped(lines: Lines) -> None:
    """A logger that does not propagate is heard by its own handlers alone."""
    user = heard()
    logging.getLogger("shop.orders").propagate = False
    log.info("line")
    assert user.texts == ["line"]
    assert lines() == []


@pytest.mark.parametrize("write", [log.warning, log.info, logging.getLogger("shop.orders").warning])
def test_without_handlers_warnings_reach_stderr(
    write: Callable[[str], None], restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody handles, the last resort writes warnings to stderr, as usual."""
    logger = logging.getLogger("shop.orders")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    write("line")
    assert capsys.readouterr().err == ("" if write == log.info else "line\n")


@pytest.mark.usefixtures("both_ways")
def test_lines_of_many_threads_stay_whole(lines: Lines) -> None:
    """Lines written by many threads at once come out whole, each with its own id."""

    def write(number: int) -> None:
        with clew.context(request_id=f"thread-{number}"):
            for _ in range(50):
                log.info("line %s", number, filler="x" * 500)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = lines()
    assert len(written) == 400
    assert all(line["requestId"] == f"thread-{line['message'][5:]}" for line in written)


Delivery = Callable[[Callable[[], object]], dict[str, Any]]


def through_a_queue(write: Callable[[], object], *, pickled: bool) -> dict[str, Any]:
    """Return the line of what *write* logs, written by a queue's listener in another thread."""
    waiting: queue.Queue[Any] = queue.Queue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(clew.ContextFilter())
    logging.getLogger().handlers[:] = [handler]
    stream = io.StringIO()
    writing = logging.StreamHandler(stream)
    writing.setFormatter(clew.JSONFormatter())
    write()
    record = waiting.get_nowait()
    if pickled:
        record = pickle.loads(pickle.dumps(record))
    listener = logging.handlers.QueueListener(waiting, writing)
    waiting.put(record)
    listener.start()
    listener.stop()
    return parse_line(stream.getvalue())


def through_a_socket(write: Callable[[], object]) -> dict[str, Any]:
    """Return the line of what *write* logs, written by the process that a socket leads to."""
    sent: list[bytes] = []

    class Sending(logging.handlers.SocketHandler):
        def send(self, s: Any) -> None:
            sent.append(s)

    handler = Sending("localhost", None)
    handler.addFilter(clew.ContextFilter())
    logging.getLogger().handlers[:] = [handler]
    write()
    (message,) = sent
    assert struct.unpack(">L", message[:4]) == (len(message) - 4,)
    record = logging.makeLogRecord(pickle.loads(message[4:]))
    return parse_line(clew.JSONFormatter().format(record))


@pytest.fixture(params=["queue", "process queue", "socket"])
def deliver(request: pytest.FixtureRequest, lines: Lines) -> Delivery:
    """A way that a record takes to another thread or process before it is written."""
    ways: dict[str, Delivery] = {
        "queue": lambda write: through_a_queue(write, pickled=False),
        "process queue": lambda write: through_a_queue(write, pickled=True),
        "socket": through_a_socket,
    }
    return ways[request.param]


def test_ids_and_fields_outlive_a_queue(deliver: Delivery) -> None:
    """A record handed to another thread or process keeps id, user, bound and own fields."""

    def write() -> None:
        with clew.context(request_id="made-here", user_id=7, tenant="acme"):
            log.info("sold %s", "it", action="SELL", name="taken")

    line = deliver(write)
    assert (line["requestId"], line["userId"], line["tenant"]) == ("made-here", "7", "acme")
    assert (line["message"], line["action"], line["name"]) == ("sold it", "SELL", "taken")


def test_exceptions_outlive_a_queue(deliver: Delivery) -> None:
    """A record handed on keeps its exception, and the message does not repeat it."""

    def write() -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            log.exception("failed %s", "here")

    line = deliver(write)
    assert line["message"] == "failed here"
    assert (line["exception"]["type"], line["exception"]["message"]) == ("ValueError", "boom")
    assert "raise ValueError" in line["exception"]["stackTrace"]


def test_stacks_outlive_a_queue(deliver: Delivery) -> None:
    """A record handed on keeps its message apart from its stack."""
    line = deliver(lambda: log.info("line", stack_info=True))
    assert line["message"] == "line"


def test_dictionaries_outlive_a_queue(deliver: Delivery) -> None:
    """A dictionary logged as message is fields behind a queue too, and masked."""
    line = deliver(lambda: logging.getLogger("x").info({"event": "SIGNUP", "password": "hunter2"}))
    assert "hunter2" not in str(line)
    assert (line["event"], line["password"]) == ("SIGNUP", "***")


def test_http_logs_outlive_a_queue(deliver: Delivery) -> None:
    """An HTTPLog handed on is the same HTTPLog, the fields bound for it included."""
    line = deliver(lambda: serve(lambda: clew.bind(user_id=7, tenant="acme")))
    assert (line["request"]["path"], line["response"]["httpStatus"]) == ("/", 200)
    assert (line["message"], line["userId"], line["tenant"]) == ("GET / 200", "7", "acme")
    assert line["requestId"] == line["request"]["headers"]["requestId"]


def test_what_is_bound_later_is_not_on_earlier_lines(lines: Lines) -> None:
    """A record keeps what was known when it passed the filter, not what is bound afterwards."""

    def write() -> None:
        with clew.context():
            log.info("line")
            clew.bind(user_id="1", tenant="acme")

    line = through_a_queue(write, pickled=False)
    assert "userId" not in line
    assert "tenant" not in line


def test_the_filter_gives_records_their_attributes(restored_logging: None) -> None:
    """With a ContextFilter, %(requestId)s and %(userId)s work in any format, empty outside."""
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.INFO)
    user = heard("[%(requestId)s|%(userId)s] %(message)s")
    user.addFilter(clew.ContextFilter())
    log.info("outside")
    with clew.context(request_id="made-here"):
        log.info("nobody")
        clew.bind(user_id=7)
        logger.info("somebody")
    assert user.texts == [
        "[|] outside",
        "[made-here|] nobody",
        "[made-here|7] somebody",
    ]


def test_the_filter_has_a_default(restored_logging: None) -> None:
    """Without a request the attributes are what the filter was given; a line of JSON has none."""
    user = heard("[%(requestId)s|%(userId)s] %(message)s")
    user.addFilter(clew.ContextFilter(default="-"))
    log.warning("outside")
    with clew.context(request_id="made-here"):
        log.warning("nobody")
    assert user.texts == ["[-|-] outside", "[made-here|-] nobody"]
    assert "requestId" not in parse_line(clew.JSONFormatter().format(user.records[0]))
    with pytest.raises(TypeError, match='default must be a string, as "-", not 5'):
        clew.ContextFilter(default=5)  # type: ignore[arg-type]


def test_the_filter_on_a_logger_works_as_well(restored_logging: None) -> None:
    """A ContextFilter on a logger serves the handlers of all above it."""
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.INFO)
    user = heard("%(requestId)s")
    logger.addFilter(clew.ContextFilter())
    with clew.context(request_id="made-here"):
        log.info("line")
    assert user.texts == ["made-here"]


def test_the_formatter_needs_no_filter(restored_logging: None) -> None:
    """A JSONFormatter writes the ids without a ContextFilter too."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(clew.JSONFormatter())
    logging.getLogger("shop.orders").addHandler(handler)
    logging.getLogger("shop.orders").setLevel(logging.INFO)
    with clew.context(request_id="made-here", user_id=7):
        log.info("line")
    line = parse_line(stream.getvalue())
    assert (line["requestId"], line["userId"]) == ("made-here", "7")


class Traitor(Exception):
    """An exception that raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_the_filter_never_drops_a_record(restored_logging: None) -> None:
    """A ContextFilter passes every record, with both attributes, whatever is wrong with it."""
    record = logging.makeLogRecord({"msg": "x", "exc_info": (Traitor, Traitor(), None)})
    assert clew.ContextFilter().filter(record) is True
    assert (record.__dict__["requestId"], record.__dict__["userId"]) == ("", "")


def test_a_kept_record_takes_no_later_id(lines: Lines) -> None:
    """A record that was made before a context began has nothing of it, when it is written there;
    one that was made within has.
    """
    clews = logging.root.handlers[:]
    memory = logging.handlers.MemoryHandler(100, logging.CRITICAL + 1)
    logging.root.handlers[:] = [memory]
    logging.getLogger("legacy").info("outside")
    with clew.context(request_id="a"):
        log.info("in another")
    with clew.context(request_id="b", user_id="b", tenant="b"):
        log.info("within")
        kept, memory.buffer = memory.buffer, []
        logging.root.handlers[:] = clews
        for record in kept:
            logging.root.handle(record)
    outside, other, within = lines()
    for line in (outside, other):
        assert not {"userId", "tenant"} & line.keys()
    assert "requestId" not in outside
    assert other["requestId"] == "a"
    assert within["requestId"] == "b"


def test_where_threads_are_not_told_a_record_takes_its_id(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record has its request's id also where the logging module notes no threads."""
    monkeypatch.setattr(logging, "logThreads", False)
    with clew.context(request_id="a"):
        logging.getLogger("legacy").info("line")
    assert lines()[0]["requestId"] == "a"


def test_a_record_of_another_thread_takes_no_id(lines: Lines) -> None:
    """A record that is written in another thread than it was made in has nothing of that one's
    context, but what its exception took along.
    """
    clews = logging.root.handlers[:]
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logging.root.handlers[:] = [KeepingHandler(records)]
    with clew.context(request_id="b"), ThreadPoolExecutor(1) as pool:
        pool.submit(logging.getLogger("legacy").info, "elsewhere").result()
        pool.submit(fail_in_context).result()
        logging.root.handlers[:] = clews
        logging.root.handle(records.get())
        logging.root.handle(records.get())
    elsewhere, failed = lines()
    assert "requestId" not in elsewhere
    assert failed["requestId"] == "a"


class KeepingHandler(logging.Handler):
    """Keeps records as they are, for somebody else."""

    def __init__(self, records: queue.SimpleQueue[logging.LogRecord]) -> None:
        super().__init__()
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)


def fail_in_context() -> None:
    try:
        with clew.context(request_id="a"):
            raise ValueError("boom")
    except ValueError:
        logging.getLogger("legacy").exception("failed")


def test_a_level_of_ones_own_keeps_its_name(lines: Lines) -> None:
    """A level between two has its registered name beside the word; no other line has the key."""
    logging.addLevelName(25, "NOTICE")
    try:
        log.log(25, "line", levelName="mine")
        logging.getLogger("legacy").log(25, "line")
        log.log(26, "line")
        log.info("line")
        serve(lambda: None, level=lambda _: 25)
    finally:
        logging._levelToName.pop(25)
        logging._nameToLevel.pop("NOTICE")
    assert [(line["level"], line.get("levelName")) for line in lines()] == [
        ("info", "NOTICE"),
        ("info", "NOTICE"),
        ("info", None),
        ("info", None),
        ("info", "NOTICE"),
    ]
    assert lines()[0]["levelName_"] == "mine"


def unconfigure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have logging as in a process in which nobody set it up."""
    logging.root.handlers[:] = []
    logging.root.setLevel(logging.WARNING)
    monkeypatch.setattr(delivery, "_hinted", set())


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
@pytest.mark.usefixtures("restored_logging")
def test_a_forgotten_set_up_is_said_once(
    level: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first HTTPLog that nobody would write makes one line with the remedy."""
    unconfigure(monkeypatch)
    logging.root.setLevel(level)
    for _ in range(3):
        serve(lambda: None)
    said = capsys.readouterr().err
    assert said.count("clew.configure_logging()") == 1
    assert said.count("\n") == 1


@pytest.mark.usefixtures("restored_logging")
def test_a_set_up_without_a_level_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As basicConfig() leaves it: its handler says what it does not get."""
    unconfigure(monkeypatch)
    logging.basicConfig()
    serve(lambda: None)
    assert capsys.readouterr().err.count("No handler writes the HTTPLogs") == 1


def chosen_level() -> None:
    logging.getLogger("clew.http").setLevel(logging.ERROR)


def chosen_silence() -> None:
    logging.getLogger("clew").propagate = False


def chosen_errors() -> None:
    clew.configure_logging("ERROR")


def chosen_nothing() -> None:
    logging.disable()


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("choose", [chosen_level, chosen_silence, chosen_errors, chosen_nothing])
def test_who_wants_no_records_is_left_alone(
    choose: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where somebody chose that there be none, nothing is said."""
    unconfigure(monkeypatch)
    choose()
    serve(lambda: None)
    serve(lambda: None, log=False)
    assert capsys.readouterr().err == ""
