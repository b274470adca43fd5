"""The current context: what is bound, who sees it, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import functools
import gc
import inspect
import io
import logging
import multiprocessing
import pickle
import sys
import threading
import uuid
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

import clew
from clew import _context, _current
from tests.conftest import Lines, Raising, run_fresh, serve
from tests.rows import each_row

log = clew.get_logger("shop")


def test_outside_any_context_nothing_is_known(lines: Lines) -> None:
    """Outside any context there is neither an id nor a user, and lines carry neither key."""
    assert clew.request_id() is None
    assert clew.user_id() is None
    log.info("started")
    assert lines()[0].keys() == {"level", "message", "createdAt", "logger"}


def test_binding_outside_any_context_does_nothing(lines: Lines) -> None:
    """What is bound outside any context is on no line, then or later."""
    clew.bind(user_id="1", tenant="acme")
    assert clew.user_id() is None
    log.info("outside")
    with clew.context():
        log.info("inside")
    assert [("tenant" in line, "userId" in line) for line in lines()] == [(False, False)] * 2


def test_a_context_gives_every_line_its_id(lines: Lines) -> None:
    """In a context the lines of every logger carry its id."""
    with clew.context() as made:
        assert clew.request_id() == made
        log.info("ours")
        logging.getLogger("legacy").info("theirs")
    assert [line["requestId"] for line in lines()] == [made, made]
    assert clew.request_id() is None


def test_a_context_takes_the_id_it_is_given() -> None:
    """A given request id, such as a job's, is taken over."""
    with clew.context(request_id="job-7"):
        assert clew.request_id() == "job-7"


@each_row("value", ["", "a\nb", "x" * 201])
def test_an_unsafe_given_id_is_replaced(value: str) -> None:
    """An id that is not safe is replaced, as a client's is."""
    with clew.context(request_id=value):
        made = clew.request_id()
    assert made is not None
    assert made != value
    assert clew.is_safe_id(made)


def test_a_request_id_that_is_no_string_is_refused() -> None:
    """A request id of another type is a mistake, and the error names it and the remedy."""
    with pytest.raises(TypeError, match=r"request_id must be a string or None, not 7.*str\("):
        clew.context(request_id=7)  # type: ignore[arg-type]


def test_a_context_starts_fresh(lines: Lines) -> None:
    """A nested context has neither the user nor the fields nor the id of the outer one."""
    with clew.context(user_id="1", tenant="acme") as outer:
        with clew.context() as inner:
            assert clew.user_id() is None
            log.info("inner")
        log.info("outer")
    assert inner != outer
    assert "tenant" not in lines()[0]
    assert "userId" not in lines()[0]
    assert (lines()[1]["tenant"], lines()[1]["userId"], lines()[1]["requestId"]) == (
        "acme",
        "1",
        outer,
    )


def test_a_context_binds_the_fields_it_is_given(lines: Lines) -> None:
    """Fields given to a context are on its lines, under the keys that fields have."""
    with clew.context(queue="mail", monetary_value=5, old_value="a"):
        log.info("sent")
    assert lines()[0]["queue"] == "mail"
    assert lines()[0]["monetaryValue"] == 5
    assert lines()[0]["oldValue"] == "a"


def test_an_exception_restores_the_outer_context() -> None:
    """A context that ends by an exception brings the outer one back."""
    with clew.context() as outer:
        with pytest.raises(ValueError, match="inner"), clew.context():
            raise ValueError("inner")
        assert clew.request_id() == outer
    assert clew.request_id() is None


def test_a_context_object_can_be_entered_again() -> None:
    """One context object entered twice, also within itself, still restores the outer ones."""
    job = clew.context(request_id="job")
    with clew.context(request_id="outer"):
        with job, job:
            assert clew.request_id() == "job"
        assert clew.request_id() == "outer"


def test_tasks_have_contexts_of_their_own() -> None:
    """Concurrent tasks, each in its context, never see another's id."""

    async def handle(number: int) -> bool:
        with clew.context(request_id=f"task-{number}"):
            for _ in range(5):
                await asyncio.sleep(0)
                if clew.request_id() != f"task-{number}":
                    return False
        return clew.request_id() is None

    async def run() -> list[bool]:
        return await asyncio.gather(*(handle(number) for number in range(50)))

    assert all(asyncio.run(run()))


def test_threads_have_contexts_of_their_own() -> None:
    """Concurrent threads, each in its context, never see another's id."""
    barrier = threading.Barrier(8)

    def handle(number: int) -> bool:
        with clew.context(request_id=f"thread-{number}"):
            barrier.wait()
            return clew.request_id() == f"thread-{number}"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(handle, range(8)))


def in_copy(work: Callable[[], None]) -> None:
    contextvars.copy_context().run(work)


def in_task(work: Callable[[], None]) -> None:
    async def task() -> None:
        work()

    asyncio.run(task())


def in_worker_thread(work: Callable[[], None]) -> None:
    asyncio.run(asyncio.to_thread(work))


def in_carried_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=clew.carry(work))
    thread.start()
    thread.join()


@pytest.mark.parametrize("elsewhere", [in_copy, in_task, in_worker_thread, in_carried_thread])
def test_what_is_bound_elsewhere_is_known_here(
    elsewhere: Callable[[Callable[[], None]], None], lines: Lines
) -> None:
    """What a copy of the context, a task or a thread binds is on the later lines of them all."""
    with clew.context():
        elsewhere(lambda: clew.bind(user_id="12345", tenant="acme"))
        assert clew.user_id() == "12345"
        log.info("later")
    assert (lines()[0]["userId"], lines()[0]["tenant"]) == ("12345", "acme")


def test_binding_in_many_threads_loses_nothing(lines: Lines) -> None:
    """Threads that bind fields at the same time do not undo each other's binding."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with clew.context(), ThreadPoolExecutor(8) as pool:
            one = clew.carry(lambda number: clew.bind(**{f"field{number}": number}))
            list(pool.map(one, range(2000)))
            log.info("all")
    finally:
        sys.setswitchinterval(before)
    missing = {f"field{number}" for number in range(2000)} - lines()[0].keys()
    assert not missing


FINALIZERS = """
import gc, clew
class Node:
    def __del__(self):
        clew.bind(late=1)
with clew.context():
    gc.set_threshold(1)
    for number in range(3000):
        node = Node()
        node.itself = node
        del node
        clew.bind(**{f"field{number % 10}": number})
print("done")
"""


def test_binding_in_a_finalizer_does_not_hang() -> None:
    """What the garbage collector runs in the middle of a binding may bind as well."""
    assert run_fresh(FINALIZERS, timeout=20) == "done\n"


class Thing:
    """Something that can be watched."""


def test_what_is_bound_is_freed_with_the_context() -> None:
    """Once a context has ended and its last exception is gone, nothing keeps what was bound."""
    thing = Thing()
    watched = weakref.ref(thing)
    with contextlib.suppress(ValueError), clew.context(thing=thing):
        carried = clew.carry(clew.request_id)
        raise ValueError("boom")
    carried()
    del thing, carried
    gc.collect()
    assert watched() is None


def test_a_bound_field_can_be_bound_anew(lines: Lines) -> None:
    """The last binding of a name counts, and None for the user means nobody."""
    with clew.context(user_id="1", step="one"):
        clew.bind(user_id=None, step="two")
        log.info("later")
    assert lines()[0]["step"] == "two"
    assert "userId" not in lines()[0]


def test_a_field_of_the_line_wins_over_a_bound_one(lines: Lines) -> None:
    """A line's own field takes the place of a bound one of the same name."""
    with clew.context(value="bound"):
        log.info("own", value="own")
        log.info("none")
    assert [line["value"] for line in lines()] == ["own", "bound"]


def test_a_context_closed_in_another_leaves_that_one() -> None:
    """A generator that is closed in the midst of another context changes nothing there."""

    def suspended() -> Generator[None]:
        with clew.context(request_id="suspended"):
            yield

    def close_in_another() -> None:
        generator = suspended()
        next(generator)
        with clew.context(request_id="other"):
            generator.close()
            assert clew.request_id() == "other"

    contextvars.copy_context().run(close_in_another)


def test_enrichment_wins_over_a_bound_field(lines: Lines) -> None:
    """What enrich says of a request takes the place of what was bound in it."""
    serve(lambda: clew.bind(plan="bound", tenant="acme"), enrich=lambda _: {"plan": "enriched"})
    (line,) = lines.http()
    assert (line["plan"], line["tenant"]) == ("enriched", "acme")


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("12345", "12345"),
        (12345, "12345"),
        (0, "0"),
        (-1, "-1"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("", None),
        (None, None),
    ],
)
def test_a_users_id_becomes_a_string(given: object, known: str | None, lines: Lines) -> None:
    """Integers and UUIDs become strings; an empty string and None are nobody."""
    with clew.context():
        clew.bind(user_id=given)
        assert clew.user_id() == known
        log.info("line")
    assert lines()[0].get("userId") == known


@pytest.mark.parametrize(
    "given", [True, 1.5, b"1", ["1"], object(), {"id": 1}], ids=lambda value: type(value).__name__
)
def test_a_user_of_another_type_is_reported(given: object, lines: Lines) -> None:
    """A user's id of any other type changes nothing, breaks nothing, and is logged as a fault."""
    with clew.context(user_id="before"):
        clew.bind(user_id=given, tenant="acme")
        assert clew.user_id() == "before"
        log.info("line")
    fault, line = lines()
    assert fault["level"] == "warning"
    assert f"not of type {type(given).__name__}" in fault["message"]
    assert line["tenant"] == "acme"


def test_binding_survives_a_handler_that_raises(restored_logging: None) -> None:
    """Reporting a wrong user does not reach the caller, not even through a raising handler."""
    logging.getLogger("clew").addHandler(Raising())
    with clew.context():
        clew.bind(user_id=object())


FORGERIES: dict[str, Callable[[str], None]] = {
    "a field": lambda name: log.info("x", **{name: "forged"}),
    "extra": lambda name: logging.getLogger("legacy").info("x", extra={name: "forged"}),
    "extra of a Logger": lambda name: log.info("x", extra={name: "forged"}),
    "a dictionary as message": lambda name: logging.getLogger("legacy").info({name: "forged"}),
    "bind": lambda name: clew.bind(**{name: "forged"}) or log.info("x"),  # type: ignore[func-returns-value]
}


@each_row("name", ["requestId", "userId"])
@each_row("forge", FORGERIES.values())
def test_ids_cannot_be_forged(forge: Callable[[str], None], name: str, lines: Lines) -> None:
    """No field of a caller's takes the place of the ids: it is written with an underscore."""
    with clew.context(request_id="real", user_id="real"):
        forge(name)
    forge(name)
    inside, outside = (line for line in lines() if line["message"] in ("", "x"))
    assert inside["requestId"] == inside["userId"] == "real"
    assert inside.get(f"{name}_", "forged") == "forged"
    assert name not in outside


@pytest.mark.parametrize("name", ["request_id", "requestId"])
def test_the_id_is_not_bound(name: str, lines: Lines) -> None:
    """Binding an id binds nothing, and a warning says how it is chosen."""
    with clew.context(request_id="real"):
        clew.bind(**{name: "other"}, tenant="acme")
        log.info("line")
        assert clew.fields() == {"tenant": "acme"}
    warning, line = lines()
    assert (warning["level"], warning["logger"]) == ("warning", "clew")
    assert f"clew.bind({name}=...) binds nothing" in warning["message"]
    assert "clew.context(request_id=...)" in warning["message"]
    assert "other" not in lines.raw()
    assert (line["requestId"], line["tenant"]) == ("real", "acme")


def test_binding_what_tells_of_an_event_is_warned_of(lines: Lines) -> None:
    """One line names what would be counted on each line, and it is bound all the same."""
    with clew.context():
        for _ in range(3):
            clew.bind(action="BUY", monetary_value=5, tenant="acme")
        log.info("line")
    warning, line = lines()
    assert warning["level"] == "warning"
    assert "clew.bind() was given action, monetary_value: " in warning["message"]
    assert not {"action", "monetaryValue"} & warning.keys()
    assert (line["action"], line["monetaryValue"], line["tenant"]) == ("BUY", 5, "acme")


def test_what_is_bound_can_be_read() -> None:
    """The fields are read under their keys, as a copy; the user is not among them."""
    assert clew.fields() == {}
    with clew.context(user_id="1", tenant="acme", old_value=1):
        clew.bind(step=2)
        found = clew.fields()
        found["more"] = 1
        assert clew.fields() == {"tenant": "acme", "oldValue": 1, "step": 2}


def test_a_block_that_is_interrupted_at_its_end_is_left(lines: Lines) -> None:
    """What comes while the lines that were kept are written goes its way; the outer context is
    back, and the block can be entered again."""

    class Interrupting(io.StringIO):
        def write(self, text: str) -> int:
            raise KeyboardInterrupt

    def fail() -> None:
        with block:
            log.debug("kept")
            raise ValueError("boom")

    block = clew.context(request_id="inner")
    with clew.context(request_id="outer"):
        lines.stream = Interrupting()
        lines.configure(keep="debug")
        with pytest.raises(KeyboardInterrupt):
            fail()
        assert clew.request_id() == "outer"
        with block as request_id:
            assert clew.request_id() == request_id == "inner"
        assert clew.request_id() == "outer"
    lines.stream = io.StringIO()


def test_a_servers_line_about_a_jobs_exception_is_written(lines: Lines) -> None:
    """A job has no record that would say the same, also where requests' lines are left out."""
    lines.configure(twins=False)
    with clew.context(request_id="job-1"):
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in application")
    [line] = lines()
    assert (line["requestId"], line["exception"]["message"]) == ("job-1", "boom")


def test_an_exception_takes_its_context_along(lines: Lines) -> None:
    """A line logged with an exception after its context ended carries that context's ids."""
    try:
        with clew.context(request_id="crashed", user_id="1", tenant="acme"):
            raise ValueError("boom")
    except ValueError:
        logging.getLogger("server").exception("Exception in application")
    line = lines()[0]
    assert (line["requestId"], line["userId"], line["tenant"]) == ("crashed", "1", "acme")


def test_the_current_context_wins_over_an_exceptions(lines: Lines) -> None:
    """A line logged in a context carries its ids, also with an exception from another."""
    try:
        with clew.context(request_id="other", user_id="other"):
            raise ValueError("boom")
    except ValueError as error:
        with clew.context(request_id="current"):
            log.danger("line", exc_info=error)
    assert lines()[0]["requestId"] == "current"
    assert "userId" not in lines()[0]


class Refusing(Exception):
    """An exception that takes no attributes."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def test_an_exception_that_takes_nothing_along_leaves_unchanged() -> None:
    """An exception that refuses attributes leaves a context as it is."""
    with pytest.raises(Refusing), clew.context():
        raise Refusing


def test_a_user_option_that_logs_does_not_ask_itself(lines: Lines) -> None:
    """A user_id option may log: that line has no user, and the option is not asked for it."""
    asked: list[str] = []

    def find(_: object) -> str:
        asked.append("once")
        log.info("who is it?")
        return "12345"

    serve(lambda: log.info("working"), user_id=find, log=False)
    inner, outer = lines()
    assert (inner["message"], outer["message"]) == ("who is it?", "working")
    assert "userId" not in inner
    assert inner["requestId"] == outer["requestId"]
    assert outer["userId"] == "12345"
    assert asked == ["once"]


def test_a_user_option_that_logs_does_not_ask_itself_in_threads(lines: Lines) -> None:
    """Nor does it while other threads of the request ask for the user as well."""
    asked: list[str] = []
    together = threading.Barrier(4)

    def find(_: object) -> str:
        asked.append("once")
        together.wait(10)
        log.info("who is it?")
        together.wait(10)
        log.info("somebody")
        return "12345"

    def work() -> None:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(clew.carry(log.info), "working")

    serve(work, user_id=find, log=False)
    assert len(asked) == 4
    assert [line["message"] for line in lines() if "userId" in line] == ["working"] * 4


def test_a_carried_function_runs_in_its_context() -> None:
    """A carried function sees the context it was carried from, in a pool's thread."""
    with ThreadPoolExecutor(1) as pool:
        with clew.context() as made:
            inside = pool.submit(clew.carry(clew.request_id))
            bare = pool.submit(clew.request_id)
        assert inside.result() == made
        assert bare.result() is None
        assert pool.submit(clew.request_id).result() is None


def test_a_carried_function_outlives_its_context(lines: Lines) -> None:
    """A carried function still carries the context after that has ended."""
    with clew.context(user_id="1") as made:
        later = clew.carry(lambda: log.info("later"))
    with clew.context() as now:
        later()
        assert clew.request_id() == now
    assert (lines()[0]["requestId"], lines()[0]["userId"]) == (made, "1")


def test_carrying_from_nowhere_runs_outside_any_context() -> None:
    """A function carried from outside any context runs outside any."""
    work = clew.carry(clew.request_id)
    with clew.context():
        assert work() is None


def test_a_carried_function_keeps_its_face() -> None:
    """Carrying keeps arguments, result, name and exceptions."""

    def add(one: int, *, two: int = 2) -> int:
        """Add."""
        if two == 0:
            raise ZeroDivisionError
        return one + two

    carried = clew.carry(add)
    assert (carried(1), carried(1, two=5)) == (3, 6)
    assert (carried.__name__, carried.__doc__) == ("add", "Add.")
    with clew.context() as outer:
        with pytest.raises(ZeroDivisionError):
            carried(1, two=0)
        assert clew.request_id() == outer


def test_one_carried_function_serves_many_threads_at_once() -> None:
    """One carried function can run many times at the same moment."""
    barrier = threading.Barrier(8)

    def work(_: int) -> str | None:
        barrier.wait()
        return clew.request_id()

    with ThreadPoolExecutor(8) as pool:
        with clew.context() as made:
            carried = clew.carry(work)
        assert list(pool.map(carried, range(8))) == [made] * 8


async def ask(pause: float = 0) -> str | None:
    await asyncio.sleep(pause)
    return clew.request_id()


@pytest.mark.parametrize("work", [ask, functools.partial(ask, 0)], ids=["function", "partial"])
def test_a_carried_coroutine_function_stays_one(work: Callable[[], Any]) -> None:
    """A carried coroutine function is a coroutine function, and runs in its context throughout."""
    with clew.context() as made:
        carried = clew.carry(work)
    assert inspect.iscoroutinefunction(carried)

    async def run() -> list[str | None]:
        with clew.context() as now:
            got: list[str | None] = await asyncio.gather(*(carried() for _ in range(10)))
            got.append(await carried())
            assert clew.request_id() == now
        return got

    assert asyncio.run(run()) == [made] * 11


def test_a_carried_coroutine_restores_on_exceptions() -> None:
    """An exception out of a carried coroutine brings the caller's context back."""

    async def fail() -> None:
        raise ValueError("boom")

    carried = clew.carry(fail)

    async def run() -> None:
        with clew.context() as now:
            with pytest.raises(ValueError, match="boom"):
                await carried()
            assert clew.request_id() == now

    asyncio.run(run())


def told() -> tuple[str | None, str | None, dict[str, object]]:
    return clew.request_id(), clew.user_id(), clew.fields()


class Carrying:
    ask = clew.carry(lambda self: self)


def test_a_carried_function_runs_in_another_process() -> None:
    """There it has the id, the user and the fields, as plain JSON."""
    with clew.context(request_id="made-here", user_id=7, tenant="acme", path=Thing(), day=(1,)):
        carried = clew.carry(told)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        request_id, user_id, fields = pool.submit(carried).result(60)
        assert pool.submit(clew.carry(told)).result(60) == (None, None, {})
    assert (request_id, user_id) == ("made-here", "7")
    assert fields == {"tenant": "acme", "path": fields["path"], "day": [1]}
    assert isinstance(fields["path"], str)


def test_a_carried_function_that_cannot_travel_says_what_to_do() -> None:
    """One that another process could not find by its name is refused in a sentence."""
    carried = clew.carry(lambda: None)
    with pytest.raises(pickle.PicklingError, match="give one that stands in a module"):
        pickle.dumps(carried)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_carried_function_is_itself(copied: Callable[[Any], Any]) -> None:
    """It keeps its context."""
    carried = clew.carry(clew.request_id)
    assert copied(carried) is carried


def test_a_carried_function_is_a_method_in_a_class() -> None:
    """It takes the instance, as a function does."""
    one = Carrying()
    assert one.ask() is one
    assert "clew.carry(<function" in repr(Carrying.ask)


def test_carry_takes_objects_with_async_calls() -> None:
    """An object whose call is a coroutine function is carried as one."""

    class Work:
        async def __call__(self) -> str | None:
            await asyncio.sleep(0)
            return clew.request_id()

    with clew.context(request_id="here"):
        carried = clew.carry(Work())
    assert asyncio.run(carried()) == "here"


def test_carry_refuses_generator_functions() -> None:
    """A generator runs where it is iterated, so carrying its function would promise too much."""

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="carry the function that iterates"):
        clew.carry(numbers)


@pytest.fixture
def subscribers() -> Iterator[list[Callable[[_context.Context], object]]]:
    """The subscribers to contexts, put back as they were afterwards."""
    before = list(_context.begin_subscribers)
    yield _context.begin_subscribers
    _context.begin_subscribers[:] = before


def test_subscribers_know_of_each_context_that_begins(
    lines: Lines, subscribers: list[Callable[[_context.Context], object]]
) -> None:
    """A subscriber is called once with each request and each clew.context, before it is current."""
    seen: list[tuple[str, str | None]] = []

    def subscriber(context: _context.Context) -> None:
        seen.append((context.request_id, clew.request_id()))

    _context.subscribe(subscriber)
    _context.subscribe(subscriber)
    serve(lambda: None, generate=lambda: "request")
    with clew.context(request_id="outer"), clew.context(request_id="inner"):
        pass
    assert seen == [("request", None), ("outer", None), ("inner", "outer")]


def test_a_subscriber_that_raises_harms_nobody(
    lines: Lines,
    subscribers: list[Callable[[_context.Context], object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A broken subscriber is reported on stderr, once; requests, contexts and others go on."""
    seen: list[_context.Context] = []
    _context.subscribe(lambda _: 1 / 0)
    _context.subscribe(seen.append)
    serve(lambda: log.info("served"))
    with clew.context():
        log.info("worked")
    assert len(seen) == 2
    assert [line["message"] for line in lines()] == ["served", "GET / 200", "worked"]
    assert capsys.readouterr().err.count("ZeroDivisionError") == 1


@pytest.mark.parametrize("value", ["trace-1", None])
def test_further_ids_of_a_request_are_on_its_record(
    lines: Lines, subscribers: list[Callable[[_context.Context], object]], value: str | None
) -> None:
    """Ids that a subscriber gives to a request are on its HTTPLog, and their keys are theirs."""

    def give(context: _context.Context) -> None:
        context.ids = {"traceId": value}

    _context.subscribe(give)
    serve(lambda: clew.bind(traceId="forged"))
    (record,) = lines.http()
    assert (record.get("traceId"), record["traceId_"]) == (value, "forged")


def test_a_context_is_copied_as_itself() -> None:
    """Who copies what holds a context holds the same one."""
    with clew.context():
        current = _current.current()
        assert copy.copy(current) is copy.deepcopy(current) is current


def test_a_subscriber_is_told_until_it_leaves() -> None:
    """Subscribing and unsubscribing again tell whether anything changed."""
    told: list[object] = []
    assert _context.subscribe(told.append)
    assert not _context.subscribe(told.append)
    with clew.context():
        assert len(told) == 1
    assert _context.unsubscribe(told.append)
    assert not _context.unsubscribe(told.append)
    with clew.context():
        assert len(told) == 1
