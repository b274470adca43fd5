"""An exception from outside, at every place where Python looks for one.

Ctrl-C, a time limit and a server's timeout raise in whatever code is running. Python looks for
signals when a function begins, behind a call, and when a loop goes back. Each test raises at one
such place of clew's code after the other.
"""

from __future__ import annotations

import dis
import functools
import gc
import io
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import clew
from clew._current import entered
from clew._lines.handler import own_handlers

from .adapters.drive import Call, serve_wsgi
from .adapters.stacks import BareASGI, BareWSGI, DjangoWSGI, Flask
from .conftest import serve

Work = Callable[[], object]
SOURCE = str(Path(clew.__file__).parent) + os.sep


class Stopped(BaseException):
    """As KeyboardInterrupt."""


class TimeLimit(Exception):
    """As Celery's soft time limit."""


@functools.cache
def names_of(code: CodeType) -> dict[int, str]:
    """Return the names of the instructions of *code*, by where they stand."""
    return {step.offset: step.opname for step in dis.get_instructions(code)}


def looks_after(name: str | None) -> bool:
    """Tell whether Python looks for signals after the instruction *name*."""
    return name in ("RESUME", "JUMP_BACKWARD") or (
        name is not None and name.startswith("CALL") and not name.startswith("CALL_INTRINSIC")
    )


class Interruption:
    """Raises *error* at the place *number* of clew's code, counted from 1."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.number = number
        self.error = error
        self.place: str | None = None
        self.is_armed = False
        self._passed = 0
        self._before: dict[FrameType, str | None] = {}

    def begin(self, frame: FrameType, _event: str, _value: object) -> Any:
        """Trace what is clew's, as `sys.settrace` has it."""
        code = frame.f_code
        # What a finalizer raises, Python drops.
        if not code.co_filename.startswith(SOURCE) or code.co_name == "__del__":
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self._before[frame] = "RESUME"
        return self._step

    def _step(self, frame: FrameType, event: str, _value: object) -> Any:
        if event == "exception":
            self._before[frame] = None
        elif event == "opcode":
            before = self._before[frame]
            self._before[frame] = names_of(frame.f_code).get(frame.f_lasti)
            if self.is_armed and looks_after(before):
                self._passed += 1
                if self._passed == self.number:
                    self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                    self._before.clear()
                    on_alarm(0, None, self.error)
        elif event == "return":
            self._before.pop(frame, None)
        return self._step


def on_alarm(_number: int, _frame: object, error: BaseException = TimeLimit()) -> None:
    """Raise, as the handler of a signal that sets a time limit."""
    raise error


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


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, on_alarm)
    yield
    signal.signal(signal.SIGALRM, before)


def interrupted(
    work: Work, interruption: Interruption, path: Path
) -> tuple[BaseException | None, str]:
    """Return what *work* raised while *interruption* came, and what it wrote to the file *path*."""
    tracer = sys.gettrace()
    gc.disable()  # what its callbacks raise, Python drops
    begin = 0
    sys.settrace(interruption.begin)
    try:
        if sys.version_info >= (3, 12):
            work()  # a function's instructions are traced from its second call on
        begin = path.stat().st_size
        interruption.is_armed = True
        work()
    except BaseException as error:
        found: BaseException | None = error
        error.__traceback__ = error.__context__ = None  # they hold what the request held
    else:
        found = None
    finally:
        sys.settrace(tracer)
        gc.enable()
    interruption.error.__traceback__ = None
    return found, path.read_bytes()[begin:].decode()


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


KINDS: dict[str, Callable[[], Work]] = {
    "asgi": lambda: serving_asgi("/ok"),
    "asgi-stream": lambda: serving_asgi("/stream"),
    "wsgi": lambda: serving_wsgi(BareWSGI().app, "/ok"),
    "wsgi-stream": lambda: serving_wsgi(BareWSGI().app, "/stream"),
    "flask": lambda: serving_wsgi(Flask().app, "/ok"),
    "django": lambda: serving_wsgi(DjangoWSGI().app, "/ok"),
    "line": lambda: line,
    "record": lambda: record,
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
        for _ in range(3):  # Python 3.12 begins to trace
            interrupted(work, Interruption(0, error()), Path(stream.name))
        number = 0
        while True:
            number += 1
            interruption = Interruption(number, error())
            found, written = interrupted(work, interruption, Path(stream.name))
            place = interruption.place
            if place is None:
                break
            assert found is interruption.error, place
            assert entered() is None, place
            served = {"asgi", "wsgi"} & {kind}
            is_making = place.startswith(("of_exchange", "ScopeExchange.facts"))
            assert written.count('"clew.http"') <= 1, place
            if served and is_making:
                assert written.count('"clew.http"') == 1, place
            assert is_free(handler.lock), place
            assert shapes_of(stream, work) == usual, place
    assert number > 30
