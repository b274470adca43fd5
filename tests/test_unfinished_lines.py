"""What is written of a killed process is what its own lines would have shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import io
import json
import logging
import logging.config
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest

import clew
import clew.asgi
from clew import _unfinished
from clew._http.settings import Settings
from clew._lines.notes import LineMask
from clew._redaction import STRICT
from clew._remains import Remains, Stranger, remains
from clew._table import SUFFIX, MaskedTable, Table
from clew._tasks import TaskRun, TaskSettings
from clew._unfinished import check_folder, unfinished
from tests.conftest import Lines, Raising, serve

from .test_unfinished import _without_a_table, die, folder, kill_at

__all__ = ["_without_a_table", "folder"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of files")


class Full(io.StringIO):
    """A stream to a full disk."""

    def write(self, _text: str) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


# What is masked.

KEY = "00112233445566778899aabbccddeeff"
OWN: dict[str, str] = {"path": "mask", "userId": "token"}


@pytest.mark.parametrize("redact", [OWN, "strict", ["tenant", "userId"]], ids=["own", "strict", ""])
@pytest.mark.parametrize("option", ["of the lines", "of the adapter"])
def test_a_table_holds_what_the_lines_show(
    lines: Lines, folder: Path, redact: Any, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path and the user are masked before they are noted, by what masks the record; the lost
    record shows the same.
    """
    monkeypatch.setenv("CLEW_REDACT_KEY", KEY)
    of_lines, of_adapter = (redact, "default") if option == "of the lines" else ("default", redact)
    lines.configure(unfinished=folder, redact=of_lines)
    shown = []
    for ending in (lambda: None, die):

        def request(ending: Any = ending) -> None:
            clew.bind(user_id="bob@example.org")
            ending()

        environ = {"PATH_INFO": "/of;tenant=bob@example.org"}
        options: dict[str, Any] = {"environ": environ, "redact": of_adapter}
        if ending is die:
            kill_at(lambda: serve(request, **options))
            assert b"bob@example" not in bytes_in(folder)
            unfinished.stop()
            lines.configure(unfinished=folder)
        else:
            serve(request, **options)
        (line,) = lines.http()
        shown.append((line["userId"], line["request"]["path"]))
        lines.clear()
    assert shown[0] == shown[1] and "bob@example" not in str(shown)


def test_what_the_framework_knows_of_a_user_is_masked(lines: Lines, folder: Path) -> None:
    """So is the user that the option finds; without a slot nothing is asked."""
    lines.configure(unfinished=folder)
    options: dict[str, Any] = {"user_id": lambda _: "bob@example.org", "redact": "strict"}

    def request() -> None:
        clew.get_logger("shop").info("at it")
        assert b"bob@example" not in bytes_in(folder) and b"***" in bytes_in(folder)

    serve(request, **options)
    assert lines.http()[0]["response"]["httpStatus"] == 200


def test_a_task_is_noted_as_its_record_shows_it(lines: Lines, folder: Path) -> None:
    """Name and id are masked as well, and who guards still knows the task by its id."""
    lines.configure(unfinished=folder, redact="strict")
    unfinished.guard()
    name = "mail to bob@example.org"

    def work() -> None:
        TaskRun(TaskSettings(), None, name=name, id=name, queue="mail").begin()
        die()

    kill_at(work)
    assert b"bob@example" not in bytes_in(folder)
    assert unfinished.may_say(name)
    assert not unfinished.may_say(name)


def test_a_mask_that_fails_notes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the user nor the subject gets into the table in clear, and nobody else sees that."""
    folder.mkdir(parents=True)

    class Failing(LineMask):
        def user(self, user_id: str) -> str:
            raise LookupError(user_id)

    table = MaskedTable(Failing([STRICT]), folder, {})
    slot = table.begin(TaskRun(TaskSettings(), None, name="mail", id="t-1"))
    assert slot is not None
    slot.know_user("bob")
    ((_, row),) = next(each for each in remains(folder) if isinstance(each, Remains)).rows
    assert row.user_id is None
    slot.end()
    table.close()


def test_a_users_mask_that_fails_costs_no_request(
    lines: Lines, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request whose user cannot be masked is served, and its user is not noted."""
    lines.configure(unfinished=folder)
    settings = Settings(redact="strict")

    def fail(*_: object) -> NoReturn:
        raise LookupError

    def request() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("clew._http.presence.user_of", fail)
            clew.bind(user_id="bob")
        assert b"bob" not in bytes_in(folder)

    serve(request, settings=settings)
    assert lines.http()[0]["userId"] == "bob"


def test_plain_lines_have_a_plain_table(lines: Lines, folder: Path) -> None:
    """Where lines mask nothing beyond the default, nothing stands between a request and its slot;
    behind a formatter that is none of clew's, too.
    """
    lines.configure(unfinished=folder)
    serve(lambda: None)
    assert type(unfinished.table) is Table
    unfinished.stop()
    clew.configure_logging(stream=lines.stream, unfinished=folder)
    logging.root.handlers[-1].setFormatter(logging.Formatter("%(message)s"))
    serve(lambda: None)
    assert type(unfinished.table) is Table


# Of which release it was.


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_lost_record_has_the_version_of_its_own_process(
    lines: Lines, folder: Path, form: Any
) -> None:
    """The next release's line says what the killed one was: its version and its fields, and no
    field that came later.
    """
    old = {"environment": "canary", "task": "old", "password": "hunter2"}
    lines.configure(unfinished=folder, version="1.0", fields=old)

    def work() -> None:
        TaskRun(TaskSettings(), None, name="mail", id="t-1").begin()
        serve(die)

    kill_at(work)
    assert b"hunter2" not in bytes_in(folder)
    new = {"environment": "prod", "region": "eu"}
    lines.clear()
    lines.configure(unfinished=folder, version="2.0", fields=new, format=form)
    clew.get_logger("shop").info("new")
    if form == "console":
        texts = [line for line in lines.raw().splitlines() if " lost" in line]
        assert len(texts) == 2
        assert all("environment=canary" in text and "region" not in text for text in texts)
        return
    *lost, own = sorted(lines(), key=lambda line: line["message"] == "new")
    assert len(lost) == 2
    for line in lost:
        assert (line["serviceVersion"], line["environment"]) == ("1.0", "canary")
        assert line["password"] == "***" and "region" not in line and "task_" not in line
    assert {line["logger"]: line.get("task") for line in lost}["clew.http"] == "old"
    assert (own["serviceVersion"], own["environment"], own["region"]) == ("2.0", "prod", "eu")


def test_a_process_without_a_version_lends_none(lines: Lines, folder: Path) -> None:
    """What had no version and no fields gets none of the next process's."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    lines.configure(unfinished=folder, version="2.0", fields={"region": "eu"})
    (line,) = lines.http()
    assert "serviceVersion" not in line and "region" not in line


def test_facts_fill_the_header_as_far_as_they_fit(folder: Path) -> None:
    """What comes first is kept, each field by itself; what is no JSON is left out, and so are
    fields that a damaged header calls as clew's own keys.
    """
    folder.mkdir(parents=True)
    fields: dict[str, Any] = {
        "odd": object(),
        "half": "\ud800",
        "at": dt.date(2026, 11, 29),
        "price": Decimal("1.5"),
        "long": "x" * 2_000,
        "level": "mine",
        "last": "fits",
    }
    facts = {"service": "shop", "guardian": None, "log": ["/" + "l" * 5_000, 1, 2], "version": "1"}
    table = Table(folder, {**facts, "fields": fields})
    (found,) = remains(folder)
    assert isinstance(found, Remains)
    assert (found.service, found.version, found.guardian) == ("shop", "1", None)
    assert found.fields == {"at": "2026-11-29", "price": 1.5, "last": "fits"}
    assert "log" not in found.facts
    table.close()
    table = Table(folder, {"version": 5, "fields": [1]})
    (found,) = remains(folder)
    assert isinstance(found, Remains) and (found.version, found.fields) == (None, {})
    table.close()


def test_of_several_handlers_each_says_what_it_knows(
    restored_logging: None, folder: Path, tmp_path: Path
) -> None:
    """The file of the one that writes to one is noted, and what masks the most masks the notes;
    also where they are on a logger of clew's.
    """
    config = clew.logging_config(format="console", unfinished=folder, version="1")
    logging.config.dictConfig(config)
    with (tmp_path / "app.log").open("w") as stream:
        handler = clew.LineHandler(stream)
        handler.setFormatter(clew.JSONFormatter(redact="strict"))
        logger = logging.getLogger("clew.http")
        logger.addHandler(handler)

        def request() -> None:
            clew.bind(user_id="bob@example.org")
            (found,) = remains(folder)
            assert isinstance(found, Remains)
            assert found.facts["log"][0] == str(tmp_path / "app.log")
            assert found.rows[0][1].user_id == "***"

        serve(request)
        logger.removeHandler(handler)


# What cannot be written.


def test_what_cannot_be_written_stays(lines: Lines, folder: Path) -> None:
    """On a full disk, and without a stdout, the next process leaves what a killed one was at for
    whoever can write it; also the line that its table was too small.
    """
    lines.configure(unfinished=folder)

    def work() -> None:
        serve(lambda: None)
        assert unfinished.table is not None
        while len(unfinished.table._free) > 1:
            unfinished.table._free.pop()
        serve(lambda: serve(die))

    kill_at(work)
    clew.configure_logging(stream=Full(), unfinished=folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", None)
        clew.configure_logging(unfinished=folder)

    class Filling(io.StringIO):
        def write(self, text: str) -> int:
            if "no room" in text:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    stream = Filling()
    clew.configure_logging(stream=stream, unfinished=folder)
    assert [json.loads(line)["outcome"] for line in stream.getvalue().splitlines()] == ["lost"]
    lines.clear()
    lines.configure(unfinished=folder)
    (warning,) = lines()
    assert "no room for 1 requests" in warning["message"] and "1,024" in warning["message"]
    assert list(folder.iterdir()) == []


def test_what_a_handler_of_clews_own_logger_cannot_write_stays(lines: Lines, folder: Path) -> None:
    """The handler may be that of a logger of clew's, below the root."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    logger = logging.getLogger("clew.http")
    logger.addHandler(handler := clew.LineHandler(Full()))
    handler.setFormatter(clew.JSONFormatter())
    try:
        lines.configure(unfinished=folder)
    finally:
        logger.removeHandler(handler)
    lines.clear()
    lines.configure(unfinished=folder)
    assert [line["outcome"] for line in lines.http()] == ["lost"]


def test_another_handler_that_fails_holds_nothing_up(lines: Lines, folder: Path) -> None:
    """What clew's own handler has written is written, whatever becomes of it elsewhere."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    logging.root.addHandler(other := Raising())
    try:
        lines.configure(unfinished=folder)
    finally:
        logging.root.removeHandler(other)
    assert [line["outcome"] for line in lines.http()] == ["lost"]
    assert list(folder.iterdir()) == []


# Who says it.


def test_a_task_that_ends_its_process_is_said_once(lines: Lines, folder: Path) -> None:
    """The process that guards says it; where that one is gone, too, the next one says it was lost.
    Where nobody guards, nobody can be asked, and nothing is said twice.
    """
    lines.configure(unfinished=folder)

    def leave() -> None:
        run = TaskRun(TaskSettings(), None, name="mail", id="t-1")
        run.begin()
        run.abandon()
        assert clew.request_id() is None
        die()

    kill_at(leave)
    lines.configure(unfinished=folder)
    assert lines() == []
    unfinished.guard()
    kill_at(leave)
    assert unfinished.may_say("t-1") and not unfinished.may_say("t-1")
    kill_at(leave)
    lines.configure(unfinished=folder)
    assert [line["message"] for line in lines()] == ["mail lost"]


def test_all_that_a_process_recorded_lately_is_said_once(lines: Lines, folder: Path) -> None:
    """It may have done more tasks than its guard has heard of when it dies."""
    lines.configure(unfinished=folder)
    names = [f"t-{number}" for number in range(20)]

    def work() -> None:
        for name in names:
            run = TaskRun(TaskSettings(), None, name="mail", id=name)
            run.begin()
            run.end("succeeded")
        die()

    unfinished.guard()
    kill_at(work)
    assert [name for name in names if unfinished.may_say(name)] == []


@pytest.mark.parametrize("odd", [{}, {"method": b"GET"}, {"method": "G\udcff"}, {"raw_path": 7}])
def test_an_odd_scope_is_served(odd: dict[str, Any], lines: Lines, folder: Path) -> None:
    """What a server says of a request in its own way costs the note of it, not the request."""
    lines.configure(unfinished=folder)
    served: list[object] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        served.append(scope)

    async def nothing(*_: object) -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "path": "/", "raw_path": b"/", "headers": [], **odd}
    asyncio.run(clew.asgi.RequestIDMiddleware(app)(scope, nothing, nothing))
    assert len(served) == len(lines.http()) == 1


# What is said of a folder.


def test_a_folder_stays_where_it_was_given(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is that of the directory in which it was given."""
    monkeypatch.chdir(tmp_path)
    assert check_folder("run") == tmp_path / "run"
    config = clew.logging_config(unfinished="run")
    assert config["handlers"]["clew"]["unfinished"] == str(tmp_path / "run")
    lines.configure(unfinished="run")
    monkeypatch.chdir("/")
    serve(lambda: len(list((tmp_path / "run").iterdir())) == 1 or pytest.fail("no table"))
    assert [line["message"] for line in lines()] == ["GET / 200"]


@pytest.mark.parametrize("wrong", ["/tmp/x\0y", "/tmp/x\ud800"])
def test_what_no_folder_can_be_called_is_named(wrong: str) -> None:
    """Neither a zero nor half of a character gets to the system: a sentence names them."""
    with pytest.raises(ValueError, match="which no folder can be called .* give a path") as told:
        check_folder(wrong)
    assert repr(wrong) in str(told.value)

    class Bytes(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return b"/tmp/x"

    with pytest.raises(TypeError, match="a folder's path or None"):
        check_folder(Bytes())


def test_a_full_folder_is_named(
    lines: Lines, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is given, and when the table is made."""

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_unfinished, "Table", full)
    check_folder(folder)
    unfinished.start(folder, None)
    serve(lambda: None)
    first, second, _ = lines()
    for line in (first, second):
        assert f"cannot be made in {folder}, and is left out: [Errno 28]" in line["message"]


def test_a_table_of_another_user_is_said_to_be(
    lines: Lines, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone, whether it could be opened or not; what went away meanwhile is no table."""
    lines.configure(unfinished=folder)
    kill_at(lambda: serve(die))
    (path,) = folder.iterdir()
    own = os.geteuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: own + 1)
        (found,) = remains(folder)
        assert isinstance(found, Stranger)
        assert str(found) == (
            f"{path} is another user's (uid {own}), and a folder is of one user: left alone"
        )
    with monkeypatch.context() as patched:

        def refuse(*_: object) -> NoReturn:
            path.unlink()
            raise PermissionError(errno.EACCES, "Permission denied")

        patched.setattr(os, "open", refuse)
        (found,) = remains(folder)
    assert str(found).endswith("is no table of unfinished requests (Permission denied): left alone")
    (folder / f"own{SUFFIX}").mkdir()
    lines.configure(unfinished=folder)
    assert "(Is a directory): left alone" in lines()[-1]["message"]
