"""What a killed process was at is written by the next one of its service, once."""

from __future__ import annotations

import errno
import io
import json
import logging
import logging.config
import os
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import clew
from clew import _table
from clew._lines.handler import own_handlers
from clew._lost import has_record, lost_log
from clew._remains import Remains, Row, is_alive, remains
from clew._table import SUFFIX, Table
from clew._tasks import TaskRun, TaskSettings
from clew._unfinished import unfinished
from tests.conftest import Lines, parse_line, serve

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of files")


@pytest.fixture(autouse=True)
def _without_a_table() -> Iterator[None]:
    """Keep no table behind a test."""
    yield
    unfinished.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tables are."""
    return tmp_path / "run" / "shop"


def kill_at(work: Any) -> None:
    """Do *work* in a fork, which kills itself in its midst by calling `die`."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_leaves_what_it_was_at(lines: Lines, folder: Path) -> None:
    """Requests and tasks that have no record come out as lost, with id, user, path and beginning;
    those that have are not mentioned, and the table is gone.
    """
    lines.configure(unfinished=folder, service="shop")

    def work() -> None:
        serve(lambda: None, environ={"PATH_INFO": "/over"})

        def request() -> None:
            clew.bind(user_id="bob")
            run = TaskRun(TaskSettings(), None, name="shop.mail", id="t-1", queue="mail")
            run.begin()
            die()

        environ = {"PATH_INFO": "/at it", "HTTP_X_REQUEST_ID": "r-1", "QUERY_STRING": "token=x"}
        serve(request, environ=environ)

    kill_at(work)
    assert [path.suffix for path in folder.iterdir()] == [SUFFIX]
    lines.clear()
    lines.configure(unfinished=folder, service="another")
    assert lines() == []
    lines.configure(unfinished=str(folder), service="shop")
    task, http = sorted(lines(), key=lambda line: line["logger"], reverse=True)
    assert (http["message"], http["outcome"]) == ("GET /at%20it lost", "lost")
    assert (http["level"], http["requestId"], http["userId"]) == ("danger", "r-1", "bob")
    assert http["response"] == {} and "token" not in lines.raw()
    assert (task["message"], task["task"]["outcome"]) == ("shop.mail lost", "lost")
    assert (task["task"]["id"], task["task"]["queue"]) == ("t-1", "mail")
    assert http["createdAt"] <= task["createdAt"]
    assert list(folder.iterdir()) == []
    lines.clear()
    lines.configure(unfinished=folder, service="shop")
    assert lines() == []


def test_a_task_is_in_the_table_until_its_record(lines: Lines, folder: Path) -> None:
    """Its slot says what it is, who it is for, and that its record is being written; then it is
    free, also where the run is left without a record.
    """
    lines.configure(unfinished=folder)

    def rows() -> list[Row]:
        (found,) = remains(folder)
        assert isinstance(found, Remains)
        return [row for _, row in found.rows]

    seen = []

    class Looks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.extend(rows())

    settings = TaskSettings(user_id=True)
    payload = {"requestId": "r-1", "userId": "bob"}
    run = TaskRun(settings, payload, name="shop.mail\nx", id="t-1", queue="mail")
    run.begin()
    [row] = rows()
    assert (row.kind, row.request_id, row.name, row.user_id) == (_table.TASK, "r-1", "t-1", "bob")
    assert row.path.endswith("\nmail") and row.path.count("\n") == 1
    assert row.is_task("t-1") and not row.is_ending
    logging.getLogger("clew.task").addHandler(Looks())
    run.end("succeeded")
    assert [one.is_ending for one in seen] == [True]
    assert rows() == [] and run.slot is None
    left = TaskRun(settings, None, name="shop.mail", id="t-2")
    left.begin()
    assert [one.name for one in rows()] == ["t-2"]
    left.leave()
    left.end("failed")
    assert rows() == []
    assert [line["task"]["id"] for line in lines()] == ["t-1"]


def test_a_fork_ends_no_task_of_its_parents(lines: Lines, folder: Path) -> None:
    """A process that is forked in the midst of a task frees no slot and writes no record."""
    lines.configure(unfinished=folder)
    run = TaskRun(TaskSettings(), None, name="mail", id="t-1")
    run.begin()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run.end("succeeded")
            code = len(lines.raw())
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (found,) = remains(folder)
    assert isinstance(found, Remains) and [row.name for _, row in found.rows] == ["t-1"]
    run.end("succeeded")
    assert [line["message"] for line in lines()] == ["mail succeeded"]


def test_each_process_has_its_own_table(lines: Lines, folder: Path) -> None:
    """A fork has its own, mode 0600 and of a fixed size; one that lives is left alone; a clean end
    removes it.
    """
    lines.configure(unfinished=folder)

    def request() -> None:
        (mine,) = folder.iterdir()
        assert stat.S_IMODE(mine.stat().st_mode) == 0o600
        size = mine.stat().st_size
        assert mine.stat().st_blocks * 512 >= size  # allocated, as a full disk would kill later
        child = os.fork()
        if child == 0:
            code = 1
            try:
                serve(lambda: None)
                assert len(list(folder.iterdir())) == 2
                unfinished.stop()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert list(folder.iterdir()) == [mine]
        assert mine.stat().st_size == size

    serve(request)
    unfinished.stop()
    assert list(folder.iterdir()) == []
    assert [line["message"] for line in lines.http()] == ["GET / 200"]


def test_what_a_clean_end_was_at_is_lost_too(lines: Lines, folder: Path) -> None:
    """A process that ends with a request in it, as some servers' workers do, leaves its table."""
    lines.configure(unfinished=folder)

    def work() -> None:
        unfinished.stop()
        die()

    kill_at(lambda: serve(work))
    lines.configure(unfinished=folder)
    assert [line["outcome"] for line in lines.http()] == ["lost"]


def test_setting_up_anew_loses_nothing(lines: Lines, folder: Path) -> None:
    """A request that runs while logging is set up anew is no lost one of this process."""
    lines.configure(unfinished=folder)
    serve(lambda: lines.configure(unfinished=folder))
    serve(lambda: None)
    assert [line["message"] for line in lines()] == ["GET / 200", "GET / 200"]


def test_foreign_files_are_left_alone_and_named(lines: Lines, folder: Path) -> None:
    """A file that is no table, or a broken one, stays, and a warning names it."""
    folder.mkdir(parents=True)
    corrupt = folder / f"corrupt{SUFFIX}"
    table = Table(folder, {})
    corrupt.write_bytes(table.path.read_bytes().replace(b'{"pid"', b'["pid"', 1))
    table.close()
    short = folder / f"short{SUFFIX}"
    short.write_text("not ours")
    (folder / f"link{SUFFIX}").symlink_to(short)
    (folder / "notes.txt").write_text("nobody's business")
    for name, age in ((".old.new", 60), (".young.new", 0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    (folder / ".folder.new").mkdir()
    os.utime(folder / ".folder.new", (0, 0))
    lines.configure(unfinished=folder)
    messages = [line["message"] for line in lines()]
    assert len(messages) == 3
    for name in ("corrupt", "short", "link"):
        assert any(f"{name}{SUFFIX} is no table" in message for message in messages), name
    assert len(list(folder.iterdir())) == 6
    assert not (folder / ".old.new").exists()  # a process died while it made it


def test_a_slot_holds_what_anybody_sends(folder: Path) -> None:
    """Long, odd and hostile texts are cut and cleaned, and forge nothing."""
    folder.mkdir(parents=True)
    table = Table(folder, {"service": "shop"})

    class Odd:
        def outline(self) -> Any:
            return _table.HTTP, b"r" * 300, b"BREW \xff" * 9, b"/a\nb?x=1" + b"p" * 2_000

    place = table.begin(Odd())
    assert place is not None
    place.know_user("\N{SNOWMAN}" * 200)
    (found,) = remains(folder)  # a process's own lock does not keep it out
    assert isinstance(found, Remains)
    ((_, row),) = found.rows
    log: Any = lost_log(row)
    assert log.request_id == "r" * 200
    assert log.request.path == "/a%0Ab" and log.request.method.isascii()
    assert log.user_id.startswith("\N{SNOWMAN}" * 40)
    assert "\n" not in clew.JSONFormatter().encoder.line(_entry(log))["message"]

    class Broken:
        def outline(self) -> Any:
            raise LookupError

    assert table.begin(Broken()) is None
    assert len(table._free) == 1023
    place.end()
    table.close()


def _entry(log: Any) -> Any:
    from clew._lines.entry import Entry

    return Entry(logging.ERROR, log.message, 0.0, log.logger, log=log)


def test_more_than_a_table_holds(lines: Lines, folder: Path) -> None:
    """Beyond its slots requests are served as ever, and their number is said afterwards."""
    lines.configure(unfinished=folder)

    def work() -> None:
        serve(lambda: None)
        assert unfinished.table is not None
        while len(unfinished.table._free) > 1:
            unfinished.table._free.pop()
        serve(lambda: serve(die))

    kill_at(work)
    lines.clear()
    lines.configure(unfinished=folder)
    lost, warning = lines()
    assert lost["outcome"] == "lost"
    assert "had no room for 1 requests" in warning["message"]


def test_a_folder_that_goes_away_costs_no_request(lines: Lines, folder: Path) -> None:
    """Without its folder a process serves on, with one warning."""
    lines.configure(unfinished=folder)
    folder.rmdir()
    serve(lambda: None)
    serve(lambda: None)
    messages = [line["message"] for line in lines()]
    assert messages[1:] == ["GET / 200", "GET / 200"]
    assert messages[0].startswith("The table of unfinished requests cannot be made")


def test_a_record_that_was_just_written_is_looked_up(tmp_path: Path) -> None:
    """Killed while its record is written, a request is lost only where the log, under whatever
    name by now, has none.
    """
    log = tmp_path / "app.log"
    row = Row(_table.HTTP, "r-1", "GET", "/", 0.0, None, is_ending=True)
    text = '{"requestId":"r-1","response":{}}\n{"requestId":"r-1","message":"behind"}\n'
    log.write_text(text)
    place = [str(log), log.stat().st_dev, log.stat().st_ino]
    assert has_record(place, row)
    log.rename(tmp_path / "app.log.1")
    log.write_text("")
    assert has_record(place, row)
    (tmp_path / "app.log.1").write_text('{"requestId":"r-1","direction":"outgoing","response":{}}')
    assert not has_record(place, row)
    (tmp_path / "app.log.1").unlink()
    assert has_record(place, row) and has_record(None, row)  # nobody can tell
    assert has_record([str(tmp_path / "none" / "x"), 1, 2], row)


def test_a_log_that_cannot_be_read_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log is a folder by now, or its name is none, the record may have been written;
    an id that stands there very often is not looked for in all places.
    """
    row = Row(_table.HTTP, "r-1", "GET", "/", 0.0, None, is_ending=True)
    status = tmp_path.stat()
    assert has_record([str(tmp_path), status.st_dev, status.st_ino], row)
    assert has_record([f"/{'x' * 300}/app.log", status.st_dev, status.st_ino], row)
    log = tmp_path / "app.log"
    log.write_text('{"requestId":"r-1","response":{}}\n' + '{"requestId":"r-1"}\n' * 3)
    place = [str(log), log.stat().st_dev, log.stat().st_ino]
    assert has_record(place, row)
    monkeypatch.setattr("clew._lost._MOST_PLACES", 3)
    assert not has_record(place, row)


def test_a_request_that_was_never_said_is_looked_up_in_an_empty_log(tmp_path: Path) -> None:
    """An empty log, as behind a rotation that truncates, has no record."""
    log = tmp_path / "app.log"
    log.touch()
    row = Row(_table.HTTP, "r-1", "GET", "/", 0.0, None, is_ending=True)
    assert not has_record([str(log), log.stat().st_dev, log.stat().st_ino], row)


def test_killed_behind_the_write_it_is_written_once(
    folder: Path, tmp_path: Path, restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between the record and the slot doubles nothing, and loses nothing before it."""
    path = tmp_path / "app.log"
    for moment in ("before", "behind"):
        with path.open("a") as stream:
            clew.configure_logging(stream=stream, unfinished=folder, service="shop")
            handler = own_handlers()[0]
            write = handler.write_line

            def dying(line: bytes, moment: str = moment, write: Any = write) -> None:
                if moment == "behind":
                    write(line)
                die()

            monkeypatch.setattr(handler, "write_line", dying)
            kill_at(lambda: serve(lambda: None, environ={"HTTP_X_REQUEST_ID": moment}))
    with path.open("a") as stream:
        clew.configure_logging(stream=stream, unfinished=folder, service="shop")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["requestId"], line.get("outcome")) for line in found] == [
        *(("before", "lost"), ("behind", None)),
    ]


def test_a_dictionary_sets_it_up(
    restored_logging: None, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As logging_config writes it, what was lost comes out with the first request."""
    for ending in (die, lambda: None):
        logging.config.dictConfig(clew.logging_config(unfinished=folder, service="shop"))
        if ending is die:
            kill_at(lambda: serve(die))
        else:
            serve(ending)
    found = [parse_line(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("outcome") for line in found] == ["lost", None]
    assert {line["service"] for line in found} == {"shop"}


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, lines: Lines) -> None:
    """What is no folder, or no path, is named when it is given."""
    file = tmp_path / "file"
    file.touch()
    for wrong in (file, file / "below"):
        with pytest.raises(ValueError, match="where no table can be written .* give a folder"):
            clew.configure_logging(unfinished=wrong)
    with pytest.raises(TypeError, match="unfinished must be a folder's path or None, not 5"):
        clew.logging_config(unfinished=5)  # type: ignore[arg-type]


def test_a_table_needs_no_handler_of_clews(folder: Path, restored_logging: None) -> None:
    """Where lines have other keys nobody looks them up, and what was lost comes all the same."""
    clew.configure_logging(stream=io.StringIO(), format="console", unfinished=folder)
    kill_at(lambda: serve(die))
    stream = io.StringIO()
    clew.configure_logging(stream=stream, format="console", unfinished=folder)
    assert "GET / lost" in stream.getvalue()


def test_who_guards_says_which_task_a_fork_died_at(lines: Lines, folder: Path) -> None:
    """Of a pool's process that is killed, the worker that lives says which task it lost, and no
    other process says it again; what it did not say is said when it is gone, too.
    """
    lines.configure(unfinished=folder)
    unfinished.guard()

    def task() -> None:
        run = TaskRun(TaskSettings(), None, name="mail", id="t-1")
        run.begin()
        die()

    def over_and_die() -> None:
        run = TaskRun(TaskSettings(), None, name="mail", id="t-3")
        run.begin()
        run.end("succeeded")
        die()

    kill_at(task)
    kill_at(task)
    assert len(list(folder.iterdir())) == 3
    child = os.fork()
    if child == 0:  # another of the pool
        try:
            serve(lambda: None)
            unfinished.stop()
        finally:
            os._exit("lost" in lines.raw())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(folder.iterdir())) == 3
    assert unfinished.may_say("t-2")  # it never began
    assert unfinished.may_say("t-1")
    assert unfinished.may_say("t-1")
    assert not unfinished.may_say("t-1")  # its processes are settled
    kill_at(over_and_die)
    assert not unfinished.may_say("t-3")  # it had its record
    kill_at(task)
    unfinished.stop()
    lines.configure(unfinished=folder)
    assert [line["message"] for line in lines()] == ["mail lost"]
    assert list(folder.iterdir()) == []


def test_who_guards_finds_the_record_of_a_task_in_the_log(
    folder: Path, tmp_path: Path, restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork that is killed behind its task's record has recorded it: who guards says nothing,
    whatever else is in the folder.
    """
    path = tmp_path / "app.log"
    with path.open("a") as stream:
        clew.configure_logging(stream=stream, unfinished=folder)
        unfinished.guard()
        write = own_handlers()[0].write_line

        def dying(line: bytes) -> None:
            write(line)
            die()

        monkeypatch.setattr(own_handlers()[0], "write_line", dying)

        def task() -> None:
            run = TaskRun(TaskSettings(), {"requestId": "r-1"}, name="mail", id="t-1")
            run.begin()
            run.end("succeeded")

        kill_at(task)
        (folder / f"notes{SUFFIX}").write_text("not ours")
        assert len(list(folder.iterdir())) == 3
        assert not unfinished.may_say("t-1")
        assert not unfinished.may_say("t-1")  # it is settled by now
        assert len(list(folder.iterdir())) == 3
        monkeypatch.setattr("clew._unfinished._UNTIL_LOST", -1.0)
        assert not unfinished.may_say("t-1")  # nobody asks any more, and its table goes
        assert len(list(folder.iterdir())) == 2
        unfinished.stop()
    assert [json.loads(line)["message"] for line in path.read_text().splitlines()] == [
        "mail succeeded"
    ]


def test_who_guards_tells_by_its_lock_whether_it_lives(folder: Path) -> None:
    """The table of a process is one of a living process as long as that has it open."""
    folder.mkdir(parents=True)
    parent, child = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            table = Table(folder, {})
            os.write(child, table.path.name.encode())
            signal.pause()
        finally:
            os._exit(1)
    try:
        path = folder / os.read(parent, 100).decode()
        assert is_alive(path)
        for found in remains(folder):
            assert isinstance(found, Remains) and found.is_alive
            assert 0 <= found.age() < 3_600
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(parent)
        os.close(child)
    assert not is_alive(path)
    path.unlink()
    assert not is_alive(path)


def test_a_table_that_another_process_takes_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes away between the list of the folder and the look at a table, by its lock or
    before, is no table any more; nor is another that was put in its place.
    """
    folder.mkdir(parents=True)
    names = [folder / f"{number}{SUFFIX}" for number in range(4)]
    content = Table(folder, {}).path
    for name in names:
        name.write_bytes(content.read_bytes())
    content.unlink()
    import fcntl

    lock = fcntl.lockf
    looks = remains(folder)
    first = next(looks)
    assert isinstance(first, Remains) and first.path == names[0]
    names[1].unlink()

    def slow(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        if names[2].exists():
            names[2].unlink()
        else:
            names[3].rename(folder / "old")
            names[3].write_bytes(b"")

    monkeypatch.setattr("fcntl.lockf", slow)
    assert list(looks) == []


def test_what_cannot_be_written_is_reported(
    folder: Path,
    lines: Lines,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table that cannot be settled stays, and is said on stderr; requests are served on."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))

    def full(found: Remains) -> bool:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(unfinished, "_write", full)
    lines.clear()
    lines.configure(unfinished=folder)
    serve(lambda: None)
    assert [line["message"] for line in lines.http()] == ["GET / 200"]
    assert "Disk quota exceeded" in capsys.readouterr().err + lines.raw()
    unfinished.stop()
    assert len(list(folder.iterdir())) == 1


def test_an_empty_table_of_a_dead_process_is_removed(lines: Lines, folder: Path) -> None:
    """Of whichever service: a process may die before it has said which it is of."""
    folder.mkdir(parents=True)

    def begin() -> None:
        Table(folder, {})
        die()

    kill_at(begin)
    assert len(list(folder.iterdir())) == 1
    lines.configure(unfinished=folder, service="shop")
    assert list(folder.iterdir()) == []


def test_a_damaged_table_costs_no_other(lines: Lines, folder: Path) -> None:
    """What cannot be understood is said on stderr, and what stands behind it is written."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    (good,) = folder.iterdir()
    odd = good.with_name(f"0{good.name}")
    content = good.read_bytes()
    odd.write_bytes(content.replace(b'{"', b'{"guardian":7,"', 1)[:1000] + content[1000:])
    lines.configure(unfinished=folder)
    assert [line["outcome"] for line in lines.http()] == ["lost"]
    assert list(folder.iterdir()) == [odd]


def test_threads_make_one_table_and_say_once(lines: Lines, folder: Path) -> None:
    """The first requests of many threads make one table, and write once what was lost."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {}})
    lines.configure()
    unfinished.start(folder, None)
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=serve, args=(barrier.wait,)) for _ in range(barrier.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.get("outcome") for line in lines()].count("lost") == 1
    assert len(list(folder.iterdir())) == 1


def test_a_table_that_cannot_be_made_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the lock or the room fails nothing of it stays; without posix_fallocate the file is
    written whole.
    """
    folder.mkdir(parents=True)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    with monkeypatch.context() as patched:
        patched.setattr("fcntl.lockf", fail)
        with pytest.raises(OSError, match="no locks"):
            Table(folder, {})
    assert list(folder.iterdir()) == []
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    table = Table(folder, {})
    assert table.path.stat().st_size > 1024 * 1024
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        table.close()
    assert table.path.exists()


def test_a_full_table_counts_what_it_misses(folder: Path) -> None:
    """What finds no slot is counted in the file, and costs no more."""
    folder.mkdir(parents=True)
    table = Table(folder, {})
    table._free.clear()
    for _ in range(3):
        assert table.note(_table.HTTP, b"r-1", b"GET", b"/") is None
    (found,) = remains(folder)
    assert isinstance(found, Remains) and found.missed == 3


def test_a_full_folder_stops_no_service(
    folder: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for a table a service starts all the same, with a warning; an empty name is
    refused.
    """

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    lines.configure(unfinished=folder)
    serve(lambda: None)
    messages = [line["message"] for line in lines()]
    assert messages[-1] == "GET / 200"
    assert "No space left on device" in messages[0]
    with pytest.raises(ValueError, match="unfinished is empty"):
        clew.configure_logging(unfinished="")


def test_only_who_is_on_guards(folder: Path, lines: Lines) -> None:
    """Without a table nobody guards, and says of each task what became of it."""
    unfinished.guard()
    assert unfinished.may_say("t-1")
    lines.configure(unfinished=folder)
    assert unfinished.may_say("t-1")
