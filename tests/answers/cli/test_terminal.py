"""Answers and timelines for people at a terminal."""

from __future__ import annotations

import io
import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clew._table import SUFFIX
from clew.answers import QUESTIONS
from clew.answers.cli.output import progress
from tests.answers.shop_lines import ORDER, answered, said, shop, worked, write
from tests.rows import each_row

from .command import coloured, on_terminal, required, run, run_process, said_on_terminal

pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the small shop's log."""
    lines = [*shop(), worked("shop.bill", 70, 5.0, serviceVersion="1.0")]
    return write(tmp_path_factory.mktemp("shop") / "shop.ndjson", lines)


@each_row("name", QUESTIONS)
def test_a_table_fits_its_width(name: str, log: Path) -> None:
    """Every question has a table, of which no line is longer than the 80 columns there are."""
    done = run("ask", name, log, *required(name), columns=80)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert max(len(line) for line in text.splitlines()) <= 80


def test_an_id_is_never_parted(tmp_path: Path) -> None:
    """However narrow a terminal is, an id stands on one line, to be copied, with what has no
    room beside it under its row."""
    request_id = "01a213be-0863-7258-9572-9d437fff625d"
    lines = [
        answered(
            "GET",
            "/vouchers/SUMMER",
            500,
            at,
            4.0,
            requestId=request_id,
            userId="a-user-of-some-length",
            request={"ipAddress": "2001:db8::1234:5678"},
            exception={"type": "KeyError", "message": "'SUMMER'", "stackTrace": "Traceback\n"},
        )
        for at in range(3)
    ]
    log = write(tmp_path / "a.ndjson", lines)
    for name in ("requests", "errors", "exceptions", "events"):
        for columns in (40, 60, 80, 160):
            text = run("ask", name, log, columns=columns).stdout
            assert text.count(request_id) in (1, 3), text
            assert max(map(len, text.splitlines()[4:])) <= columns


def test_a_timeline_shows_what_a_crash_was(log: Path) -> None:
    """Under the timeline stands the stack trace of what failed, over it the status and the user."""
    text = run("timeline", "crash-1", log, columns=80).stdout
    assert text.splitlines()[1] == "500"
    assert text.endswith("\nGET /vouchers/SUMMER 500\nTraceback\nKeyError\n")


def test_colours_are_for_terminals_alone(log: Path) -> None:
    """A table has colours on a terminal, none in a pipe, and none where NO_COLOR is set."""
    assert "\x1b[" in coloured("ask", "slowest", log)
    assert "\x1b[3" not in coloured("ask", "slowest", log, NO_COLOR="1")
    assert "\x1b" not in run("ask", "slowest", log).stdout


def test_a_table_shows_twenty_rows_and_says_what_is_left(tmp_path: Path) -> None:
    """Without a limit the table has 20 rows, and says how to see the others; with one it has
    as many as were asked for."""
    lines = [answered("GET", f"/{n:02}", 404, n, 1.0) for n in range(25)]
    log = write(tmp_path / "a.ndjson", lines)
    text = run("ask", "bad-links", log).stdout
    assert text.count("\n/") == 20
    assert text.endswith("and 5 further rows: --limit 25\n")
    assert run("ask", "bad-links", log, "--limit", 22).stdout.count("\n/") == 22
    assert len(json.loads(run("ask", "bad-links", log, "--format", "json").stdout)) == 25


def test_a_timeline_shows_what_happened_within_what(log: Path) -> None:
    """`clew timeline` nests the services' events, with a bar for each that took time, in the
    order of their beginning, and names where nothing was logged."""
    done = run("timeline", ORDER, log, columns=160)
    assert done.returncode == 0
    # A bar is 40 characters for 42 milliseconds.
    gap = "nothing logged between 'GET /items/lamp 200' and 'Purchase completed'"
    order = "Purchase completed  PURCHASE_COMPLETED order-77 90000"
    assert [line.rstrip() for line in done.stdout.splitlines()] == [
        "Request order-1  2026-11-01 09:00:00.000 UTC  42.0 ms, 2 services",
        "201, from 203.0.113.7, user 7",
        "",
        f" +0.0  42.0 ms  gateway    {'━' * 40}  POST /orders 201",
        f" +2.0  10.0 ms  gateway    {' ' + '─' * 10:<40}    → GET /items/lamp 200",
        f" +5.0  5.00 ms  catalogue  {' ' * 4 + '━' * 5:<40}      GET /items/lamp 200",
        f" +8.0           catalogue  {' ' * 7 + '◆':<40}        Read price  READ_PRICE lamp",
        f"+12.0  28.0 ms  gateway    {' ' * 11 + '┄' * 27:<40}    {gap}",
        f"+40.0           gateway    {' ' * 38 + '◆':<40}    {order}",
    ]
    asked = run("ask", "timeline", "--request", ORDER, log, columns=160)
    assert asked.stdout == done.stdout


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_timeline_of_any_depth(form: str, tmp_path: Path) -> None:
    """Thousands of requests within each other are shown, a line each, which fits its width."""
    lines = [answered("GET", "/x", 200, n, 50.0, requestId="r") for n in range(2_100)]
    log = write(tmp_path / "a.ndjson", lines)
    done = run("timeline", "r", log, "--format", form)
    assert done.returncode == 0, done.stderr
    assert 2_100 <= done.stdout.count("\n") <= 2_104
    if form == "table":
        assert max(map(len, done.stdout.splitlines())) <= 100


def test_what_failed_is_red(log: Path) -> None:
    """The line of a failure, and no other, is red on a terminal, with its exception."""
    red = [
        line
        for line in coloured("timeline", "crash-1", log, columns=120).split("\n")
        if "31m" in line
    ]
    assert len(red) == 2  # the second is over the stack trace
    assert "KeyError: 'SUMMER'" in red[0]
    assert "31m" not in coloured("timeline", ORDER, log)


def test_another_encoding_of_the_terminal(log: Path) -> None:
    """What the terminal's encoding cannot hold is escaped."""
    done = run_process("timeline", ORDER, log, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u2501" in done.stdout


def test_long_texts_leave_the_numbers(tmp_path: Path) -> None:
    """In a narrow terminal a long path is cut, and each number and time is whole."""
    lines = [answered("GET", "/" + "x" * 500, 200, 1, 12.5), answered("GET", "/a", 404, 2, 1.0)]
    log = write(tmp_path / "a.ndjson", lines)
    text = on_terminal("ask", "slowest", log, columns=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "12.5 ms" in text and "1.00 ms" in text and "requests" in text and "xxx…" in text


def test_a_history_shows_its_end(tmp_path: Path) -> None:
    """Of a series, a table shows the last buckets, and says that there are earlier ones."""
    hour = 3_600_000
    log = write(
        tmp_path / "a.ndjson", [answered("GET", "/", 200, n * hour, 1.0) for n in range(25)]
    )
    text = run("ask", "latency", log).stdout
    assert "2026-11-02 09:00:00" in text
    assert text.endswith("and 5 earlier rows: --limit 25\n")


def test_hostile_text_does_not_steer_the_terminal(tmp_path: Path) -> None:
    """Escape sequences, line ends and turned writing in a log are shown as text."""
    evil = "\x1b[2J\x1b]0;title\x07\r\nforged\u202e\x9b31m"
    line = answered("GET", f"/{evil}", 404, 5, 1.0, requestId="x", service=evil)
    log = write(tmp_path / "a.ndjson", [line, said(evil, 3, requestId="x", value=evil)])
    for arguments in (["ask", "bad-links", log], ["timeline", "x", log]):
        text = on_terminal(*arguments, columns=200)
        assert not set("\x1b\x07\r\x9b\u202e") & set(text)
        assert "\\x1b[2J" in text
        assert not any(line.startswith("forged") for line in text.splitlines())


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_terminal_is_not_steered(form: str, tmp_path: Path) -> None:
    """On a terminal control characters are escaped in every form, in JSON as JSON does."""
    path = "/a\x9b2J\x7f\u202eb"
    log = write(tmp_path / "a.ndjson", [answered("GET", path, 404, 1, 1.0)])
    shown = on_terminal("ask", "bad-links", log, "--format", form, columns=200)
    assert not set(path) - set("/a2Jb") & set(shown)
    if form == "json":
        assert json.loads(shown)[0]["path"] == path
    piped = run("ask", "bad-links", log, "--format", form).stdout
    assert path in piped


EVIL = "a\x9b31m\u202e\x7fz\U000e0041"


def steering(folder: Path) -> Path:
    """Write a log whose name, and each of whose texts, would steer a terminal."""
    about: dict[str, Any] = {"requestId": "r1", "service": EVIL, "userId": "bob", EVIL: EVIL}
    lines = [
        answered(EVIL, f"/{EVIL}", 200, 1, 1.5, **about),
        said(EVIL, 2, level=EVIL, action=EVIL, value=EVIL, **about),
        said(
            EVIL,
            3,
            exception={"type": EVIL, "message": EVIL, "stackTrace": f"{EVIL}\n{EVIL}"},
            **about,
        ),
        said("bob@example.org", 4, **about, **{EVIL + "password": EVIL}),
    ]
    path = folder / f"{EVIL}.ndjson"
    texts = (json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


@each_row(
    "arguments",
    [
        ["ask", "events", "LOG"],
        ["ask", "requests", "LOG", "--by", EVIL],
        ["ask", "requests", "LOG", "--by", EVIL, "--format", "csv"],
        ["ask", "requests", "LOG", "--by", EVIL, "--format", "json"],
        ["ask", "exceptions", "LOG"],
        ["ask", "events", "LOG", "--action", f"{EVIL}x"],
        ["ask", f"{EVIL}x", "LOG"],
        ["ask", "events", "LOG", "--map", f"status={EVIL}"],
        ["ask", "timeline", "LOG", "--request", "r1", "--format", "csv"],
        ["timeline", "r1", "LOG"],
        ["timeline", EVIL, "LOG"],
        ["sql", f"SELECT message AS \"{EVIL}\",\n '{EVIL}' AS two FROM logs", "LOG"],
        ["sql", f'SELECT message AS "{EVIL}" FROM logs', "LOG", "--format", "csv"],
        ["sql", f'SELECT message AS "{EVIL}" FROM logs', "LOG", "--format", "json"],
        ["sql", f"SELECT {EVIL}", "LOG"],
        ["check", "LOG"],
        ["check", f"LOG{EVIL}"],
        ["check", "--privacy", "LOG"],
        ["check", "--names", "LOG"],
        ["schema", "--level", f"danger={EVIL}"],
        ["export", "--user", "bob", "LOG"],
        ["forget", "--user", "bob", "LOG"],
        ["report", "LOG", "--html", f"FOLDER/{EVIL}.html"],
        ["report", "LOG", "--html", f"FOLDER/{EVIL}/r.html"],
        ["load", "LOG", f"FOLDER/{EVIL}.duckdb"],
        ["load", "LOG", f"FOLDER/{EVIL}/a.duckdb"],
        ["serve", "LOG", "--host", EVIL],
        ["unfinished", f"FOLDER/{EVIL}"],
        ["unfinished", "FOLDER"],
        [EVIL],
    ],
)
def test_nothing_that_is_printed_steers_the_terminal(arguments: list[str], tmp_path: Path) -> None:
    """Whatever is printed of names, of ids, of arguments and of lines, on either stream, it is
    escaped."""
    (tmp_path / f"{EVIL}{SUFFIX}").touch()
    log = steering(tmp_path)
    given = [each.replace("LOG", str(log)) for each in arguments]
    text = said_on_terminal(*(each.replace("FOLDER", str(tmp_path)) for each in given))
    assert text
    assert not set("\x9b\u202e\x7f\U000e0041") & set(text)


def test_the_heading_of_a_query_keeps_its_lines(log: Path) -> None:
    """A query of several lines stands over its answer as it was given."""
    text = on_terminal("sql", "SELECT 1 AS one,\n  2 AS two", log)
    assert text.startswith("SQL\nSELECT 1 AS one,\n  2 AS two\n")


def test_lines_of_a_person_stand_as_they_are(tmp_path: Path) -> None:
    """Without a terminal, the lines about somebody come byte for byte."""
    log = steering(tmp_path)
    assert run("export", "--user", "bob", log).stdout == log.read_text()


def test_a_long_reading_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar is shown once a reading takes longer, and is gone at its end."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    moments = itertools.count(0.0, 0.4)
    monkeypatch.setattr("clew.answers.cli.output.time", SimpleNamespace(monotonic=moments.__next__))
    with progress() as show:
        assert show is not None
        show(1, 10)
        assert "Reading" not in terminal.getvalue()
        show(5, 10)
    assert "Reading" in terminal.getvalue()
