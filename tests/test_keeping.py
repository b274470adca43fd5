"""Lines below the level wait in their request, and are written when it fails."""

from __future__ import annotations

import io
import logging
import logging.config
import logging.handlers
import os
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

import clew
from clew._backlog import MOST_LINES
from clew._current import current
from clew._tasks import TaskRun, TaskSettings
from clew.pytest import gathered
from tests.conftest import Lines, Raising, parse_line, serve

log = clew.get_logger("shop.orders")
standard = logging.getLogger("shop.legacy")


@pytest.fixture
def kept(lines: Lines) -> Lines:
    """Lines from DEBUG on are kept."""
    lines.configure(service="shop", keep="debug")
    return lines


def fail() -> None:
    raise LookupError("no such voucher")


@contextmanager
def failure() -> Iterator[str]:
    """Run a block in a context of its own that ends by an exception."""
    with suppress(LookupError), clew.context() as request_id:
        yield request_id
        fail()


def debug_and(work: Callable[[], object]) -> Callable[[], None]:
    """Return what says a line that is kept, and then does *work*."""

    def both() -> None:
        log.debug("detail")
        work()

    return both


def messages(lines: Lines) -> list[str]:
    return [line["message"] for line in lines()]


def test_kept_lines_come_in_their_order_and_with_their_times(kept: Lines, both_ways: None) -> None:
    """They stand before the HTTPLog, in order, with ids, fields and the times when they were said;
    a line at the level was written by then.
    """
    before = int(time.time() * 1000)

    def work() -> None:
        log.debug("read %s", "voucher", action="READ", old_value=1)
        standard.debug("asked for %(id)s", {"id": 7}, extra={"tries": 2})
        log.info("written at once")
        log.debug("with an error", exc_info=ValueError("bad"))
        fail()

    with pytest.raises(LookupError):
        serve(work)
    at_once, first, second, third, http = kept()
    assert (at_once["message"], "kept" in at_once) == ("written at once", False)
    assert (first["message"], first["action"], first["oldValue"]) == ("read voucher", "READ", 1)
    assert (second["message"], second["tries"]) == ("asked for 7", 2)
    assert (third["message"], third["exception"]["message"]) == ("with an error", "bad")
    assert all(line["kept"] and line["level"] == "debug" for line in (first, second, third))
    assert before <= first["createdAt"] <= third["createdAt"] <= at_once["createdAt"] + 5_000
    assert {line["requestId"] for line in kept()} == {http["requestId"]}
    assert {line["service"] for line in kept()} == {"shop"}
    assert "kept" not in http


def test_a_request_that_goes_well_forgets_them(kept: Lines) -> None:
    """Below 500 nothing of them is written, nor later, nor outside any context."""
    log.debug("outside")
    standard.debug("outside")
    serve(lambda: log.debug("inside"))
    with clew.context():
        log.debug("in a block")
    assert messages(kept) == ["GET / 200"]


def test_values_are_those_of_the_moment(kept: Lines) -> None:
    """What changes later is written as it was when the line was said."""
    cart: list[str] = ["apple"]
    with failure():
        clew.bind(cart=cart)
        log.debug("cart %s", cart, cart_now=cart)
        standard.debug("cart %s", cart, extra={"cart_now": cart})
        clew.bind(cart=None)
        cart.append("pear")
    for line in kept():
        assert (line["message"], line["cart_now"]) == ("cart ['apple']", ["apple"])
        assert line["cart"] == ["apple"]


def test_what_is_too_much_is_dropped_and_counted(lines: Lines) -> None:
    """The oldest go, beyond a number and a size, and one line says how many."""
    lines.configure(keep="DEBUG", keep_lines=3, keep_bytes=1_000)
    with failure() as request_id:
        for number in range(5):
            log.debug("line %d", number)
    assert lines()[0]["message"].startswith("Lines dropped: 2 (at most 3")
    assert lines()[0]["requestId"] == request_id
    assert messages(lines)[1:] == ["line 2", "line 3", "line 4"]
    lines.clear()
    with failure():
        log.debug("small")
        log.debug("large " + "x" * 2_000)
        standard.debug("list", extra={"list": ["x" * 2_000]})
        standard.debug("failed", exc_info=LookupError("x" * 2_000))
    assert [message[:16] for message in messages(lines)] == ["Lines dropped: 3", "small"]


def test_by_default_there_are_200(kept: Lines) -> None:
    """The default limits hold of either logger."""
    with failure():
        for number in range(150):
            log.debug("%d", number)
            standard.debug("%d", number)
    assert len(kept()) == MOST_LINES + 1


class Listener(logging.Handler):
    """A handler of somebody else's."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def test_other_handlers_hear_what_their_level_asks_for(kept: Lines) -> None:
    """Kept lines reach no other handler, now or later, unless its own level asks for them."""
    plain, curious = Listener(), Listener(logging.DEBUG)
    loggers = (logging.getLogger(), standard)
    for logger in loggers:
        logger.addHandler(plain)
        logger.addHandler(curious)
    try:
        with failure():
            log.debug("mine")
            standard.debug("legacy")
            standard.info("loud")
            fail()
    finally:
        standard.removeHandler(plain)
        standard.removeHandler(curious)
    assert plain.heard == ["loud", "loud"]
    assert curious.heard == ["mine", "legacy", "legacy", "loud", "loud"]
    assert messages(kept) == ["loud", "mine", "legacy"]


def test_a_loggers_own_level_holds(kept: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its own level lets pass is written at once; what it does not is not kept."""
    loud, quiet = logging.getLogger("loud"), logging.getLogger("quiet")
    monkeypatch.setattr(loud, "level", logging.DEBUG)
    monkeypatch.setattr(quiet, "level", logging.WARNING)
    deaf = logging.getLogger("deaf")
    monkeypatch.setattr(deaf, "propagate", False)
    for logger in (loud, quiet, deaf):
        logger.manager._clear_cache()  # type: ignore[attr-defined]
    with failure():
        for name in ("loud", "quiet", "deaf"):
            logging.getLogger(name).debug(name)
            clew.get_logger(name).debug(f"clew {name}")
        assert messages(kept) == ["loud", "clew loud"]
    assert messages(kept) == ["loud", "clew loud"]


def test_a_formatter_with_options_writes_them_in_its_way(lines: Lines) -> None:
    """Where a record has to be seen, by a filter of clew's handler's or its formatter, it is."""
    stream = io.StringIO()
    handler = clew.LineHandler(stream, keep_below="INFO")
    handler.setFormatter(clew.JSONFormatter(rename_fields={"message": "msg"}))
    handler.addFilter(clew.ContextFilter())
    handler.addFilter(lambda record: record.getMessage() != "dropped")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    with failure():
        log.debug("mine", tags=["a"])
        log.debug("dropped")
        standard.debug("legacy")
    found = [parse_line(line) for line in stream.getvalue().splitlines()]
    assert [(line["msg"], line["kept"]) for line in found] == [("mine", True), ("legacy", True)]
    handler.close()


def test_a_task_that_fails_has_them(kept: Lines) -> None:
    """A run that fails, or is tried again, writes them before its TaskLog; one that succeeds
    does not.
    """
    for outcome in ("failed", "retried", "succeeded"):
        run = TaskRun(TaskSettings(), None, name="mail", id="1")
        run.begin()
        log.debug("sending")
        run.end(outcome, None if outcome == "succeeded" else LookupError())
    assert messages(kept) == [
        *("sending", "mail failed", "sending", "mail retried", "mail succeeded"),
    ]


def test_threads_keep_in_the_context_that_they_carry(kept: Lines) -> None:
    """Lines of threads that carry the context wait in it."""

    def say(number: int) -> None:
        log.debug("%d", number)

    with failure(), ThreadPoolExecutor(4) as pool:
        list(pool.map(clew.carry(say), range(50)))
    assert sorted(map(int, messages(kept))) == list(range(50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_writes_none_of_them(kept: Lines) -> None:
    """A forked process that fails leaves its parent's lines to the parent."""
    with failure():
        log.debug("once")
        child = os.fork()
        if child == 0:
            try:
                fail()
            finally:
                context = current()
                assert context is not None
                context.release()
                os._exit(len(kept()))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert messages(kept) == ["once"]


def test_a_slow_request_has_them(kept: Lines) -> None:
    """One that takes as long as the option slow says is one that failed."""
    for slow in (0.001, 100):
        serve(debug_and(lambda: time.sleep(0.002)), slow=slow)
    assert messages(kept) == ["detail", "GET / 200", "GET / 200"]


def test_without_a_record_the_lines_are_written_all_the_same(kept: Lines) -> None:
    """With log=False a request that fails writes what it kept."""
    with pytest.raises(LookupError):
        serve(debug_and(fail), log=False)
    assert messages(kept) == ["detail"]


def test_whoever_sets_logging_up_anew_ends_it(kept: Lines) -> None:
    """A set-up without it keeps nothing; neither does a handler that was taken off, in whose place
    others hear what they ask for.
    """
    root = logging.getLogger()
    kept.configure()
    assert root.level == logging.INFO
    with failure():
        log.debug("detail")
    kept.configure(keep="DEBUG")
    (handler,) = [one for one in root.handlers if isinstance(one, clew.LineHandler)]
    other, curious = Listener(), Listener(logging.DEBUG)
    root.handlers[:] = [other, curious]
    with failure():
        log.debug("detail")
        standard.debug("legacy")
        log.info("loud")
    assert kept() == []
    assert other.heard == ["loud"]
    assert curious.heard == ["detail", "legacy", "loud"]
    handler.close()


def test_behind_a_queue_lines_below_the_level_do_not_come(kept: Lines) -> None:
    """A queue in the place of clew's handler hears what it did without it, of either logger."""
    root = logging.getLogger()
    (handler,) = [one for one in root.handlers if isinstance(one, clew.LineHandler)]
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    to_queue = logging.handlers.QueueHandler(waiting)
    to_queue.addFilter(clew.ContextFilter())
    root.handlers[:] = [to_queue]
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()
    with clew.context():
        log.debug("detail")
        standard.debug("legacy")
        log.info("loud")
    listener.stop()
    assert messages(kept) == ["loud"]


def test_a_dictionary_sets_it_up(kept: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    """What logging_config returns keeps lines as configure_logging does."""
    config = clew.logging_config(level="warning", keep="INFO", keep_lines=1)
    config["loggers"] = {}
    logging.config.dictConfig(config)
    with failure():
        log.debug("too low")
        log.info("first")
        log.info("second")
    found = [parse_line(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert found[1:] == ["second"]


def test_who_patches_the_way_of_records_hears_no_more_than_before(
    kept: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Around somebody's patched callHandlers, as an error tracker's, kept lines are kept."""
    heard: list[str] = []
    before = logging.Logger.callHandlers

    def patched(self: logging.Logger, record: logging.LogRecord) -> None:
        heard.append(record.levelname)
        before(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", patched)
    with failure():
        log.debug("mine")
        standard.debug("legacy")
        standard.info("loud")
    assert messages(kept) == ["loud", "mine", "legacy"]
    assert "INFO" in heard


def test_what_fails_while_it_is_kept_or_written_breaks_nothing(
    kept: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """Arguments that do not fit, and a stream that fails, cost no request and no other line."""
    with failure():
        log.debug("%d of %d", 1)  # noqa: PLE1206
        standard.debug("%d of %d", 1)  # noqa: PLE1206
        log.debug(5)
        log.debug("good")
    assert [message[:8] for message in messages(kept)] == ["%d of %d", "%d of %d", "5", "good"]
    context: Any = None
    with clew.context():
        log.debug("detail")
        context = current()
        backlog = context.backlog
        backlog.add(lambda _: fail(), "", 0)
        log.debug("behind it")
        backlog.release()
    assert messages(kept)[-2:] == ["detail", "behind it"]
    assert "no such voucher" in capsys.readouterr().err


def test_the_fixture_for_tests_has_them(kept: Lines) -> None:
    """What clew_logs gathers has the kept lines of what failed, in their place, and no others."""
    with gathered() as logs:
        with pytest.raises(LookupError):
            serve(debug_and(fail))
        serve(debug_and(lambda: None))
    assert [(line["message"], "kept" in line) for line in logs] == [
        *(("detail", True), ("GET / 500", False), ("GET / 200", False)),
    ]


def test_a_handler_that_raises_costs_no_kept_line(kept: Lines) -> None:
    """A curious handler of somebody else's that raises keeps the line from nobody."""
    raising = Raising(logging.DEBUG)
    logging.getLogger().addHandler(raising)
    with failure():
        log.debug("mine")
        with pytest.raises(RuntimeError):  # Python's own rule for its own loggers
            standard.debug("legacy")
    assert messages(kept) == ["mine", "legacy"]
