"""An exception from outside, at every place where Python looks for one.

Ctrl-C, a time limit and a server's timeout raise in whatever code is running. Each test raises at
one place of clew's code after the other.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import clew
from clew._current import enter, entered
from clew._faults import report_failure
from clew._interruptions import raise_interruption
from clew._lines.handler import own_handlers
from clew._lines.uncaught import _of_loop
from clew._nested import Nested
from clew._tasks import TaskRun, TaskSettings

from .adapters.drive import Call, serve_wsgi
from .adapters.stacks import BareASGI, BareWSGI, DjangoWSGI, Flask
from .conftest import serve
from .interruptions import Stopped, TimeLimit, Work, interruptions, on_alarm


class OnAlarm:
    """The handler of a signal that is an object."""

    def __call__(self, number: int, frame: object) -> None:
        raise TimeLimit

    def method(self, number: int, frame: object) -> None:
        raise TimeLimit


HANDLERS = [OnAlarm(), OnAlarm().method, functools.partial(OnAlarm()), lambda *_: on_alarm(0, 0)]


@pytest.mark.parametrize("handler", HANDLERS, ids=["object", "method", "partial", "function"])
def test_knows_handlers_of_every_kind(handler: Any, lines: Any) -> None:
    """A function, a method, an object and a partial of one may set a time limit."""

    class Slow:
        def __str__(self) -> str:
            signal.raise_signal(signal.SIGALRM)
            return "never"

    signal.signal(signal.SIGALRM, handler)
    with pytest.raises(TimeLimit):
        clew.get_logger("shop").info("Paid %s", Slow())
    with pytest.raises(TimeLimit):
        logging.getLogger("shop").info("Paid %s", Slow())
    for value in (Slow(), [Slow()], {Slow(): 1}):
        with pytest.raises(TimeLimit):
            clew.get_logger("shop").info("Paid", order=value)
        with pytest.raises(TimeLimit):
            logging.getLogger("shop").info("Paid", extra={"order": value})


_runs: Nested[TaskRun] = Nested("test_interruptions")


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, on_alarm)
    yield
    signal.signal(signal.SIGALRM, before)


def is_free(lock: Any) -> bool:
    """Tell whether another thread can take *lock*."""
    taken: list[bool] = []

    def take() -> None:
        taken.append(lock.acquire(blocking=False))
        if taken[0]:
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return taken[0]


def serving_asgi(path: str) -> Work:
    """Return what serves a request in this very context, where a task would have a copy."""
    app = BareASGI().app

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        pass

    def work() -> None:
        scope: Any = {"type": "http", "method": "GET", "path": path, "headers": [], "client": None}
        coroutine = app(scope, receive, send)
        with pytest.raises(StopIteration):
            coroutine.send(None)

    return work


def serving_wsgi(app: Any, path: str) -> Work:
    def work() -> None:
        reply = serve_wsgi(app, Call(target=path))
        if reply.error is not None:
            raise reply.error

    return work


def line() -> None:
    clew.get_logger("shop").info("Paid %s", "order-7", action="PAID", tags=["a"])


def record() -> None:
    logging.getLogger("shop").info("Paid %s", "order-7", extra={"action": "PAID"})


def task() -> None:
    """Run a task, as the module for RQ does."""
    run = TaskRun(TaskSettings(), {"requestId": "r"}, name="shop.mail", id="1")
    try:
        run.begin()
        run.end("succeeded")
    except BaseException as error:
        run.end("failed", error)
        raise


def nested() -> None:
    """Run a task, as the modules do that keep which one goes on."""
    run = TaskRun(TaskSettings(), {"requestId": "r"}, name="shop.mail", id="1")
    _runs.begin(run)
    _runs.end(run, "succeeded", None)


def context() -> None:
    with clew.context(request_id="r"):
        pass


def carrying() -> Work:
    """Carry a function and a coroutine function."""

    async def wait() -> None:
        pass

    with clew.context(request_id="r"):
        carried, awaited = clew.carry(len), clew.carry(wait)

    def work() -> None:
        carried(())
        with pytest.raises(StopIteration):
            awaited().send(None)

    return work


def unawaited() -> Work:
    """Have a loop tell of an exception that nobody awaited."""
    tell = _of_loop(lambda _loop, _facts: None)
    loop = SimpleNamespace(get_exception_handler=lambda: print)
    with clew.context(request_id="r"):
        facts = {"handle": [copy_context()], "message": "boom"}
    return lambda: tell(loop, {**facts, "exception": ValueError("boom")})


KINDS: dict[str, Callable[[], Work]] = {
    "asgi": lambda: serving_asgi("/ok"),
    "asgi-stream": lambda: serving_asgi("/stream"),
    "wsgi": lambda: serving_wsgi(BareWSGI().app, "/ok"),
    "wsgi-stream": lambda: serving_wsgi(BareWSGI().app, "/stream"),
    "flask": lambda: serving_wsgi(Flask().app, "/ok"),
    "django": lambda: serving_wsgi(DjangoWSGI().app, "/ok"),
    "line": lambda: line,
    "record": lambda: record,
    "task": lambda: task,
    "nested": lambda: nested,
    "context": lambda: context,
    "carry": carrying,
    "unawaited": unawaited,
}
# Where a function begins, no try of its own holds yet: there the context stays.
UNSAVED = {"context": ["context.__exit__"], "nested": ["Nested.end"]}
# What comes while these are at work costs no record.
SAVED = {
    "asgi": ("of_exchange", "ScopeExchange.facts"),
    "wsgi": ("of_exchange", "ScopeExchange.facts"),
    "task": (
        *("TaskRun.end", "TaskRun._finish", "TaskRun._leave", "TaskRun._record", "TaskRun._make"),
        *("Patterns.match", "level_word"),
    ),
}
# What the others raise within a request of theirs, these answer.
CASES = [
    (kind, error)
    for kind in KINDS
    for error in (Stopped, TimeLimit)
    if error is Stopped or kind not in ("flask", "django")
]


def shapes_of(stream: io.TextIOBase, work: Work) -> list[list[str]]:
    """Return the keys of the lines that *work* writes to *stream*, a file."""
    path = Path(stream.name)  # type: ignore[attr-defined]
    before = path.stat().st_size
    work()
    with path.open("rb") as file:
        file.seek(before)
        return [sorted(json.loads(line)) for line in file]


@pytest.mark.parametrize(("error", "status"), [(TimeLimit, 500), (KeyboardInterrupt, 200)])
def test_a_record_whose_making_is_interrupted_is_made_at_the_end(
    error: type[BaseException], status: int, lines: Any
) -> None:
    """A time limit that comes while the user is found goes its way, and the request has a record
    all the same: one.
    """
    asked = []

    def user_of(_environ: object) -> str:
        asked.append(1)
        if len(asked) == 1:
            signal.raise_signal(signal.SIGALRM)
        return "7"

    signal.signal(signal.SIGALRM, lambda number, frame: on_alarm(number, frame, error()))
    with pytest.raises(error):
        serve(lambda: None, user_id=user_of)
    [record] = lines.http()
    assert (record["userId"], record["response"]["httpStatus"]) == ("7", status)
    assert len(asked) == 2 and entered() is None


# What comes between a coroutine's making and its start; whoever awaits another has it so.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(("kind", "error"), CASES)
def test_goes_its_way_and_leaves_nothing_behind(
    kind: str, error: type[BaseException], tmp_path: Path, restored_logging: None
) -> None:
    """The exception arrives; no context, no lock stays; the next one is logged as ever."""
    with (tmp_path / "log").open("w") as stream:
        clew.configure_logging(stream=stream)
        [handler] = own_handlers()
        logging.root.handlers[:] = [handler]
        work = KINDS[kind]()
        work()
        usual = shapes_of(stream, work)
        left = []
        for interruption, found, written in interruptions(work, error, Path(stream.name)):
            place = interruption.place
            assert place is not None and found is interruption.error, place
            if entered() is not None:
                left.append(place.partition(":")[0])
                enter(None)
                if (run := _runs.innermost()) is not None:
                    _runs.forget(run)
            assert _runs.innermost() is None, place
            records = written.count('"clew.http"') + written.count('"clew.task"')
            assert records <= 1, place
            if place.startswith(SAVED.get(kind, ())):
                assert records == 1, place
            assert is_free(handler.lock), place
            assert shapes_of(stream, work) == usual, place
    assert left == UNSAVED.get(kind, [])
    assert interruption.number > 20


@pytest.mark.parametrize("tell", [raise_interruption, report_failure])
def test_where_there_is_no_room_for_a_call_nothing_is_raised_anew(
    monkeypatch: pytest.MonkeyPatch, tell: Callable[[], None]
) -> None:
    """At the limit of recursion an exception of clew's own stays the one that it is."""

    def full(*_: object) -> None:
        raise RecursionError

    def fail() -> None:
        raise ValueError("clew's own")

    monkeypatch.setattr(signal, "getsignal", full)
    monkeypatch.setattr("traceback.format_exc", full)
    try:
        fail()
    except ValueError:
        tell()
