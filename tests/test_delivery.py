"""Records are made as the standard library makes them, attribute by attribute."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from clew._lines import log_record
from clew._lines.log_record import make_record

LOGGER = logging.getLogger("shop.orders")
ERROR = (ValueError, ValueError("boom"), None)
# Of these two records made one after the other differ.
TIMES = ("created", "msecs", "relativeCreated")
SWITCHES = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")


@pytest.fixture(autouse=True)
def _switches() -> Iterator[None]:
    """Turn what a test turns off on again."""
    before = {name: getattr(logging, name) for name in SWITCHES if hasattr(logging, name)}
    yield
    for name, value in before.items():
        setattr(logging, name, value)


def made(*args: Any, message: object = "sold", **other: Any) -> tuple[dict[str, Any], ...]:
    """Return the attributes of a record of clew's making, and of the standard library's."""
    where = (other.get("level", logging.INFO), other.get("pathname", "/srv/shop/orders.py"), 42)
    end = (other.get("exc_info"), "buy", other.get("stack_info"))
    ours = make_record(LOGGER, *where, message, args, *end)
    theirs = logging.LogRecord(LOGGER.name, *where, message, args or (), *end)
    assert type(ours) is logging.LogRecord
    return dict(vars(ours)), dict(vars(theirs))


def without_times(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in TIMES}


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"level": logging.ERROR, "exc_info": ERROR},
        {"level": 35},
        {"stack_info": "Stack (most recent call last):"},
        {"pathname": ""},
        {"pathname": "orders"},
        {"pathname": "<string>"},
        {"message": 5},
    ],
    ids=str,
)
def test_a_record_has_what_a_record_has(other: dict[str, Any]) -> None:
    """All attributes, in the same order, with the same values and types, but for the time."""
    for args in ((), (), (1, "two"), ({"name": "lamp"},), ({},), (None,), ([1],)):
        ours, theirs = made(*args, **other)  # the first of a file, and later ones
        assert list(ours) == list(theirs)
        assert without_times(ours) == without_times(theirs)
        assert list(map(type, ours.values())) == list(map(type, theirs.values()))


def test_a_record_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time, its milliseconds and the time since the start are what they are elsewhere."""
    for moment in (1637594905.9764321, 1637594906.0, 1793491200.0009999):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: int(moment * 1e9))
        ours, theirs = made()
        assert [ours[name] for name in TIMES] == pytest.approx([theirs[name] for name in TIMES])


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_not_collected_is_none(switch: str) -> None:
    """The logging module's switches for threads, processes and tasks are obeyed."""
    made()
    if not hasattr(logging, switch):
        pytest.skip(f"{switch} came with a later Python")
    setattr(logging, switch, False)
    ours, theirs = made()
    assert without_times(ours) == without_times(theirs)


def test_a_record_knows_its_thread() -> None:
    """Thread and name are those of the thread that makes the record, also when it is renamed."""
    made()
    results: list[tuple[dict[str, Any], ...]] = []

    def work() -> None:
        results.append(made())
        threading.current_thread().name = "renamed"
        results.append(made())

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    assert [ours["threadName"] for ours, _ in results] == ["worker", "renamed"]
    assert all(without_times(ours) == without_times(theirs) for ours, theirs in results)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="records know their task since 3.12")
def test_a_record_knows_its_task() -> None:
    """The task's name is on a record that is made in one."""

    async def work() -> tuple[dict[str, Any], ...]:
        asyncio.current_task().set_name("selling")  # type: ignore[union-attr]
        return made()

    ours, theirs = asyncio.run(work())
    assert ours["taskName"] == theirs["taskName"] == "selling"


def test_a_record_knows_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was given a name has it on its records."""
    made()
    monkeypatch.setattr(multiprocessing.current_process(), "name", "seller")
    ours, theirs = made()
    assert ours["processName"] == theirs["processName"] == "seller"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_its_own_id() -> None:
    """After a fork, records have the child's process id."""
    made()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ours, theirs = made()
            os.write(write, f"{ours['process'] == theirs['process'] == os.getpid()}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"True"


def test_files_without_end_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more files than are remembered, as where code is made, the earlier are forgotten."""
    monkeypatch.setattr(log_record, "_MOST_TEMPLATES", 2)
    for number in range(5):
        ours, theirs = made(pathname=f"/srv/{number}.py")
        assert without_times(ours) == without_times(theirs)
    assert len(log_record._templates) <= 2


def test_a_process_that_is_just_beginning_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """While multiprocessing is being imported, a process is the main one."""
    monkeypatch.setitem(sys.modules, "multiprocessing", ModuleType("multiprocessing"))
    assert log_record._process_name() == "MainProcess"
    monkeypatch.delitem(sys.modules, "multiprocessing")
    assert log_record._process_name() == "MainProcess"


def test_outside_of_tasks_there_is_no_tasks_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is named after the task that makes it, where there is one."""

    async def work() -> str | None:
        asyncio.current_task().set_name("selling")  # type: ignore[union-attr]
        return log_record._task_name()

    assert asyncio.run(work()) == "selling"
    assert log_record._task_name() is None
    monkeypatch.delitem(sys.modules, "asyncio")
    assert log_record._task_name() is None
