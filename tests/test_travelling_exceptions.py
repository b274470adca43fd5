"""Exceptions that left a context, on their way into another process, and as copies."""

from __future__ import annotations

import copy
import logging
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import pytest
import trio

import clew
from clew import _context, _current
from tests.conftest import Lines, serve
from tests.rows import each_row

log = clew.get_logger("shop")


class Declined(Exception):
    """An exception that says itself how it is pickled, with all that it holds."""

    def __init__(self, reason: str, *, card: int) -> None:
        super().__init__(reason)
        self.card = card

    def __reduce__(self) -> tuple[Any, ...]:
        return _declined, (self.args[0], self.card), vars(self)


def _declined(reason: str, card: int) -> Declined:
    return Declined(reason, card=card)


class Slotted(_context.Context):
    """A context with slots of its own, and with what cannot be pickled in it."""

    __slots__ = ("work",)

    def __init__(self) -> None:
        super().__init__("slotted")
        self.work = lambda: None


def raise_in_context(number: int = 0) -> None:
    with clew.context(request_id="job", callback=lambda: number):
        raise ValueError("card declined")


def raise_own() -> None:
    with clew.context(callback=lambda: 1):
        raise Declined("no money", card=4)


def raise_in_request() -> None:
    def fail() -> None:
        raise ValueError("card declined")

    serve(fail, user_id=lambda _: "1")


def raise_in_slotted() -> None:
    inner = Slotted()
    outer = _current.enter(inner)
    error = ValueError("card declined")
    _current.leave(inner, outer, error)
    raise error


def raised(work: Callable[[], None]) -> Exception:
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError(work)


RAISE = [raise_in_context, raise_own, raise_in_request, raise_in_slotted]


@each_row("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@each_row("work", RAISE)
def test_an_exception_that_left_a_context_is_pickled(
    work: Callable[[], None], protocol: int, lines: Lines
) -> None:
    """It is pickled as it would be without one, and comes out without any context."""
    error = raised(work)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert (type(again), again.args) == (type(error), error.args)
    if isinstance(error, Declined):
        assert again.card == error.card
    with clew.context(request_id="now"):
        log.danger("failed", exc_info=again)
    log.danger("failed", exc_info=again)
    now, outside = lines()[-2:]
    assert now["requestId"] == "now"
    assert "requestId" not in outside


@each_row("copied", [copy.copy, copy.deepcopy])
@each_row("work", RAISE)
def test_an_exception_that_left_a_context_is_copied(
    work: Callable[[], None], copied: Callable[[Any], Any], lines: Lines
) -> None:
    """A copy has the same context."""
    error = raised(work)
    log.danger("failed", exc_info=error)
    log.danger("failed", exc_info=copied(error))
    first, second = lines()[-2:]
    assert first["requestId"] == second["requestId"]


def test_an_exception_comes_out_of_a_process_pool() -> None:
    """What a job raises in another process is raised here, of an executor and of a pool."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        with pytest.raises(ValueError, match="card declined"):
            executor.submit(raise_in_context).result(60)
        with pytest.raises(Declined, match="no money"):
            executor.submit(raise_own).result(60)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(ValueError, match="card declined"):
            pool.apply_async(raise_in_context).get(60)
        with pytest.raises(ValueError, match="card declined"):
            pool.map_async(raise_in_context, [1]).get(60)


KEPT = ValueError("kept in a module")


def raise_kept() -> None:
    raise KEPT


def raise_kept_afresh() -> None:
    raise KEPT.with_traceback(None)


def raise_by_future() -> None:
    """Raise what a future keeps, as every call of its result does."""
    FUTURE.result()


FUTURE: Future[None] = Future()
FUTURE.set_exception(KEPT)


def catch_in_place(raise_it: Callable[[], None]) -> None:
    with suppress(ValueError), clew.context(request_id="job"):
        raise_it()


def catch_around(raise_it: Callable[[], None]) -> None:
    """Catch it as a worker does, some frames away from the context."""

    def job() -> None:
        with clew.context(request_id="job"):
            raise_it()

    def call() -> None:
        job()

    with suppress(ValueError):
        call()


def catch_in_server(raise_it: Callable[[], None]) -> None:
    with suppress(ValueError):
        serve(raise_it)


@contextmanager
def within() -> Iterator[None]:
    with clew.context(request_id="job"):
        yield


@each_row("raise_it", [raise_kept, raise_kept_afresh, raise_by_future])
@each_row("first", [catch_in_place, catch_around, catch_in_server])
def test_exception_raised_again_outside_any_context_has_no_id(
    first: Callable[[Callable[[], None]], None], raise_it: Callable[[], None], lines: Lines
) -> None:
    """What one request raised first, and a thread raises again, is not that request's."""
    for _ in range(2):
        first(raise_it)
    try:
        raise_it()
    except ValueError:
        logging.getLogger("worker").exception("Failed")
    assert "requestId" not in lines()[-1]


@pytest.mark.parametrize("raise_it", [raise_kept, raise_kept_afresh, raise_by_future])
@pytest.mark.parametrize("around", [partial(clew.context, request_id="job"), within])
def test_exception_that_left_its_context_keeps_the_id(
    raise_it: Callable[[], None], around: Callable[[], Any], lines: Lines
) -> None:
    """Whoever logs what came out of a context, by whatever layers, knows whose it was."""

    def call() -> None:
        with around():
            raise_it()

    for _ in range(2):
        try:
            with ExitStack() as stack:
                stack.enter_context(suppress(KeyError))
                call()
        except ValueError as error:
            with suppress(RuntimeError):
                raise RuntimeError("around it") from error
            logging.getLogger("server").exception("Failed", exc_info=error)
    assert [line["requestId"] for line in lines()] == ["job", "job"]


def call_again() -> None:
    """Raise what it caught itself."""
    try:
        raise_in_context()
    except ValueError as error:
        raise error  # noqa: TRY201 - so many write it


def call_helper() -> None:
    """Have a function raise what it caught, as six does."""

    def reraise(error: Exception) -> None:
        raise error.with_traceback(error.__traceback__)

    try:
        raise_in_context()
    except ValueError as error:
        reraise(error)


def call_in_thread() -> None:
    """Raise what a pool's thread did not catch."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(raise_in_context).result(60)


def call_trio() -> None:
    """Raise what trio's thread did not catch."""

    async def main() -> None:
        await trio.to_thread.run_sync(raise_in_context)

    trio.run(main)


@pytest.mark.parametrize("call", [call_again, call_helper, call_in_thread, call_trio])
def test_exception_that_is_handed_on_keeps_the_id(call: Callable[[], None], lines: Lines) -> None:
    """Who raises what he has just caught, here or out of another thread, hands it on."""
    try:
        call()
    except ValueError:
        logging.getLogger("server").exception("Failed")
    [line] = lines()
    assert line["requestId"] == "job"


def test_an_exception_that_answers_no_question_tells_no_context() -> None:
    """Whatever its class makes of an attribute that it does not know, nothing is raised."""

    class Odd(Exception):
        def __getattr__(self, name: str) -> object:
            raise LookupError(name)

    assert _current.attached_context(Odd()) is None
    with clew.context(request_id="r"):
        found = _current.context_of(Odd())
    assert found is not None and found.request_id == "r"
