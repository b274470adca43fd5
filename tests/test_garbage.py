"""What the garbage collector runs, and what is closed while another context is current."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest

import clew
import clew.asgi
import clew.wsgi
from clew import _current
from tests.conftest import Lines, run_fresh, serve
from tests.rows import each_row

log = clew.get_logger("shop")


@pytest.fixture(autouse=True)
def _only_asked_for(few_objects: None) -> Iterator[None]:
    """Let collections come where a test asks for one."""
    gc.disable()
    yield
    gc.enable()


def in_cycle(value: object) -> None:
    """Leave *value* to the garbage collector."""
    cycle: list[object] = [value]
    cycle.append(cycle)


class Finalized:
    def __del__(self) -> None:
        clew.bind(user_id="other", tenant="other")
        log.info("finalized")
        logging.getLogger("legacy").info("finalized")


def a_finalizer() -> None:
    in_cycle(Finalized())


def a_generator() -> None:
    def rows() -> Iterator[int]:
        try:
            yield 1
        finally:
            clew.bind(user_id="other", tenant="other")
            log.info("closed")

    cursor = rows()
    next(cursor)
    in_cycle(cursor)


def a_weak_reference() -> None:
    class Watched: ...

    def gone(_: object) -> None:
        clew.bind(user_id="other", tenant="other")
        log.info("gone")

    watched = Watched()
    kept.append(weakref.ref(watched, gone))
    in_cycle(watched)


def a_task() -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(0))
    loop.run_until_complete(task)
    failed = loop.create_future()
    failed.set_exception(ValueError("boom"))
    loop.close()
    in_cycle(failed)


kept: list[object] = []
RUN = [a_finalizer, a_generator, a_weak_reference, a_task]


@pytest.mark.parametrize("leave_garbage", RUN)
def test_what_the_collector_runs_has_no_context(
    leave_garbage: Callable[[], None], lines: Lines
) -> None:
    """What the garbage collector runs during a request has no id, and binds nothing there."""
    with clew.context(request_id="a"):
        leave_garbage()

    def work() -> None:
        gc.collect()
        log.info("working")

    serve(work, generate=lambda: "b")
    *collected, working, request = lines()
    assert collected
    assert not any({"requestId", "userId", "tenant"} & line.keys() for line in collected)
    for line in (working, request):
        assert line["requestId"] == "b"
        assert not {"userId", "tenant"} & line.keys()


def test_what_the_collector_leaves_for_later_has_no_context(lines: Lines) -> None:
    """The event loop closes an asynchronous generator later on: in no request's context either."""

    async def rows() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            clew.bind(user_id="other")
            log.info("closed")

    async def leave() -> None:
        with clew.context(request_id="a"):
            cursor = rows()
            await anext(cursor)
            in_cycle(cursor)

    async def collect() -> None:
        with clew.context(request_id="b"):
            gc.collect()
            for _ in range(3):
                await asyncio.sleep(0)
            log.info("working")

    async def main() -> None:
        await asyncio.create_task(leave())
        await asyncio.create_task(collect())

    asyncio.run(main())
    collected, working = lines()
    assert not {"requestId", "userId"} & collected.keys()
    assert (working["requestId"], "userId" in working) == ("b", False)


def holding(lines: list[str | None]) -> Generator[int]:
    """Hold a context while suspended."""
    with clew.context(request_id="held"):
        try:
            yield 1
        finally:
            lines.append(clew.request_id())


def closed(generator: Generator[int]) -> None:
    generator.close()


def collected(generator: Generator[int]) -> None:
    in_cycle(generator)
    del generator
    gc.collect()


END = [closed, collected]


@pytest.mark.parametrize("end", END)
def test_a_generator_ends_in_the_midst_of_another_context(end: Callable[[Any], None]) -> None:
    """A generator that holds a context leaves the one alone in which it is ended."""
    with clew.context(request_id="a"):
        generators = [holding([])]
        next(generators[0])
    with clew.context(request_id="b"):
        end(generators.pop())
        assert clew.request_id() == "b"
    assert clew.request_id() is None


@pytest.mark.parametrize("end", END)
def test_a_generator_ends_where_its_context_is_current(end: Callable[[Any], None]) -> None:
    """A generator that holds the current context gives its outer one back, whoever ends it."""
    with clew.context(request_id="a"):
        generators = [holding([])]
        next(generators[0])
        assert clew.request_id() == "held"
        end(generators.pop())
        assert clew.request_id() == "a"
    assert clew.request_id() is None


@each_row("end", END)
@each_row("carried_from", ["c", None])
@each_row("current", ["b", None])
def test_a_carried_coroutine_ends_elsewhere(
    carried_from: str | None, current: str | None, end: Callable[[Any], None]
) -> None:
    """A carried coroutine that is closed or collected elsewhere changes nothing there."""

    async def wait() -> None:
        await asyncio.Future(loop=loop)

    loop = asyncio.new_event_loop()
    if carried_from is None:
        carried = clew.carry(wait)
    else:
        with clew.context(request_id=carried_from):
            carried = clew.carry(wait)
    with clew.context(request_id="a"):
        running: list[Any] = [carried()]
        running[0].send(None)
    _current.enter(None)
    if current is None:
        end(running.pop())
        assert clew.request_id() is None
    else:
        with clew.context(request_id=current):
            end(running.pop())
            assert clew.request_id() == current
    assert clew.request_id() is None
    loop.close()


def an_asgi_call() -> Any:
    """Return a call of an ASGI application that waits for ever."""

    async def app(*_: object) -> None:
        await wait_for_ever()

    scope: Any = {"type": "http", "method": "GET", "path": "/ok", "headers": [], "client": None}
    running: Any = clew.asgi.RequestIDMiddleware(app)(scope, None, None)  # type: ignore[arg-type]
    running.send(None)
    return running


def a_wsgi_response() -> Any:
    """Return the body of a WSGI application's response, of which a part was sent."""

    def app(_environ: object, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from (b"a", b"b")

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/ok"}
    body: Any = clew.wsgi.RequestIDMiddleware(app)(environ, lambda *_: lambda _: None)
    next(iter(body))
    return body


@each_row("end", END)
@each_row("current", ["b", None])
@each_row("outer", ["a", None])
@each_row("begin", [an_asgi_call, a_wsgi_response])
def test_a_request_ends_in_the_midst_of_another_context(
    begin: Callable[[], Any], outer: str | None, current: str | None, end: Callable[[Any], None]
) -> None:
    """A request that is closed or collected elsewhere leaves what is current there alone."""
    variables = copy_context()
    if outer is not None:
        variables.run(clew.context(request_id=outer).__enter__)
    running = [variables.run(begin)]
    if current is None:
        end(running.pop())
    else:
        with clew.context(request_id=current):
            end(running.pop())
            assert clew.request_id() == current
    assert clew.request_id() is None


class Waiting:
    """What is awaited for ever, without a loop."""

    def __await__(self) -> Generator[None]:
        yield


async def wait_for_ever() -> None:
    await Waiting()


def test_a_carried_coroutine_that_is_closed_ends_no_context() -> None:
    """Closed in the midst of another context, it leaves that alone from which it was carried."""

    def close() -> None:
        with clew.context(request_id="b"):
            running.close()

    with clew.context(request_id="a"):
        running: Any = clew.carry(wait_for_ever)()
        Context().run(running.send, None)
        Context().run(close)
        with clew.context(request_id="inner"):
            pass
        assert clew.request_id() == "a"


def test_a_coroutine_that_was_carried_from_nowhere_brings_nothing_back() -> None:
    """Closed where no context is current, it leaves none, though that goes on in which it began."""
    carried: Any = clew.carry(wait_for_ever)
    with clew.context(request_id="a"):
        running = carried()
        copy_context().run(running.send, None)

        def close() -> str | None:
            running.close()
            return clew.request_id()

        assert Context().run(close) is None


def test_a_context_within_a_collection_ends_with_it() -> None:
    """A finalizer may run a context of its own, and one that it forgets to leave ends as well."""
    seen: list[str | None] = []

    class Working:
        def __del__(self) -> None:
            with clew.context(request_id="own"):
                seen.append(clew.request_id())
            seen.append(clew.request_id())
            clew.context(request_id="forgotten").__enter__()

    with clew.context(request_id="b"):
        in_cycle(Working())
        gc.collect()
        assert clew.request_id() == "b"
    in_cycle(Working())
    gc.collect()
    assert clew.request_id() is None
    assert seen == ["own", None] * 2


@pytest.mark.parametrize("around", [copy_context, Context])
def test_a_finalizer_that_runs_elsewhere_ends_no_later_context(
    around: Callable[[], Context],
) -> None:
    """It may close a generator in other context variables than it is called in itself."""

    def holding() -> Iterator[None]:
        with clew.context(request_id="held"):
            yield

    held = holding()

    class Closing:
        def __init__(self) -> None:
            self.variables = around()

        def __del__(self) -> None:
            self.variables.run(held.close)  # type: ignore[attr-defined]

    def collect() -> None:
        next(held)
        in_cycle(Closing())
        gc.collect()
        assert clew.request_id() is None

    copy_context().run(collect)
    with clew.context(request_id="next"):
        gc.collect()
        assert clew.request_id() == "next"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python holds on to values itself")
def test_what_was_bound_long_ago_goes_in_nobodys_midst() -> None:
    """The values that are held on to for a while are given up where no context is current."""
    seen: list[str | None] = []
    session: ContextVar[object] = ContextVar("session")

    class Session:
        def __del__(self) -> None:
            seen.append(clew.request_id())

    def begin() -> None:
        session.set(Session())
        gc.collect()

    Context().run(begin)
    with clew.context(request_id="b"):
        for _ in range(40):
            gc.collect()
    assert seen == [None]


def test_an_exception_keeps_its_own_context_in_a_collection(lines: Lines) -> None:
    """What is logged there with an exception has the id of the context that it left."""
    try:
        with clew.context(request_id="a"):
            raise ValueError("boom")
    except ValueError as error:
        caught = error

    class Telling:
        def __del__(self) -> None:
            log.danger("failed", exc_info=caught)

    with clew.context(request_id="b"):
        in_cycle(Telling())
        gc.collect()
    assert lines()[0]["requestId"] == "a"


IN_THE_MIDST = """
import asyncio, contextvars, gc
gc.set_threshold(99)
import clew
other = contextvars.ContextVar("other")
class Node:
    def __del__(self):
        with clew.context():
            pass
        clew.bind(late=1)
async def work():
    with clew.context() as own:
        for number in range(500):
            node = Node()
            node.itself = node
            del node
            token = other.set(number)
            contextvars.copy_context().run(other.set, 0)
            assert other.get() == number
            other.reset(token)
            with clew.context() as inner:
                assert clew.request_id() == inner
            await asyncio.sleep(0)
            assert clew.request_id() == own
async def main():
    await asyncio.gather(*(work() for _ in range(4)))
gc.set_threshold(1)
asyncio.run(main())
print("done")
"""


def test_a_collection_in_the_midst_of_a_change() -> None:
    """A collection that comes while a context variable is being set neither crashes nor errs."""
    assert run_fresh(IN_THE_MIDST) == "done\n"


SIGNALS = """
import json, signal, clew
lists = json.dumps([[]] * 300_000)
def stop(*_):
    raise InterruptedError
signal.signal(signal.SIGALRM, stop)
caught = 0
for _ in range(20):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        for _ in range(20):
            json.loads(lists)
    except InterruptedError:
        caught += 1
print(caught)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarm")
def test_what_a_signal_raises_while_there_are_collections_arrives() -> None:
    """A time limit that ends in the midst of a collection is none of what the collector runs."""
    assert run_fresh(SIGNALS) == "20\n"


FORK = """
import gc, os, clew
class Node:
    def __del__(self):
        print(clew.request_id(), flush=True)
with clew.context(request_id="b"):
    if not os.fork():
        node = Node()
        node.itself = node
        del node
        gc.collect()
        print(clew.request_id(), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_forked_process_collects_the_same_way() -> None:
    """What is collected in a child has no context either."""
    assert run_fresh(FORK) == "None\nb\n"


AT_EXIT = """
import os, sys, clew
os.dup2(1, 2)
class Node:
    pass
clew.context(request_id="b").__enter__()
node = sys.node = Node()
node.itself = node
"""


def test_the_interpreter_ends_quietly() -> None:
    """The last collections of an interpreter, when modules are gone, say nothing."""
    assert run_fresh(AT_EXIT) == ""


def test_a_context_that_ended_elsewhere_does_not_come_back() -> None:
    """The context in whose midst a generator was closed gives back what is current before it."""
    with clew.context(request_id="a"):
        first, second = holding([]), holding([])
        next(first)
        next(second)
        with clew.context(request_id="b"):
            first.close()
            second.close()
            assert clew.request_id() == "b"
        assert clew.request_id() == "a"
    assert clew.request_id() is None


def test_a_context_that_ended_elsewhere_may_be_entered_again() -> None:
    """It comes back then, as any other does."""
    job = clew.context(request_id="job")

    def hold() -> Generator[None]:
        with job:
            yield

    held = hold()
    next(held)
    with clew.context(request_id="b"):
        held.close()
    with job:
        with clew.context(request_id="inner"):
            pass
        assert clew.request_id() == "job"
    assert clew.request_id() is None
