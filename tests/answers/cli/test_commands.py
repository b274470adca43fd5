"""The command line, run as a command."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import clew
from clew.answers import QUESTIONS
from tests.answers.shop_lines import NINE, ORDER, answered, said, shop, worked, write

CLEW = (sys.executable, "-m", "clew")
COMMANDS = ("ask", "check", "load", "report", "schema", "serve", "timeline")
REQUIRED = {
    "status": "404",
    "action": "PURCHASE_COMPLETED",
    "value": "order-77",
    "request": ORDER,
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The path of the small shop's log."""
    return write(tmp_path / "shop.ndjson", shop())


def run(*arguments: object, given: bytes = b"", **environment: str) -> Any:
    """Run the command and return what came of it, its texts as str."""
    done = subprocess.run(
        [*CLEW, *map(str, arguments)],
        input=given,
        capture_output=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", **environment},
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def required(name: str) -> list[str]:
    return [part for key in QUESTIONS[name].requires for part in (f"--{key}", REQUIRED[key])]


def on_terminal(*arguments: object, columns: int = 80, **environment: str) -> str:
    """Run the command with a terminal as its output; return what it wrote there, uncoloured."""
    return re.sub(r"\x1b\[[0-9;]*m", "", coloured(*arguments, columns=columns, **environment))


def coloured(*arguments: object, columns: int = 80, **environment: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "CI")}
    process = subprocess.Popen(
        [*CLEW, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**inherited, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    written = b""
    try:
        while piece := _read(ours):
            written += piece
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # its other end was closed
        return b""


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_asked_by_its_name(name: str, log: Path) -> None:
    """`clew ask` answers each question in JSON and CSV, with exactly the columns of the question,
    and says on stderr what was read."""
    as_json = run("ask", name, log, *required(name), "--format", "json")
    assert as_json.returncode == 0, as_json.stderr
    rows = json.loads(as_json.stdout)
    assert rows
    assert all(list(row) == list(QUESTIONS[name].columns) for row in rows)
    assert as_json.stderr == "clew: 9 lines, 0 of them broken\n"
    as_csv = run("ask", name, log, *required(name), "--format", "csv")
    read = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [list(row) for row in read] == [list(row) for row in rows]


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_table_fits_its_width(name: str, log: Path) -> None:
    """On a terminal of 80 columns no line of a table is longer, and its rows are there."""
    text = on_terminal("ask", name, log, *required(name), columns=80)
    assert max(len(line) for line in text.splitlines()) <= 80


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
    done = run("timeline", ORDER, log, COLUMNS="160")
    assert done.returncode == 0
    # A bar is 40 characters for 42 milliseconds.
    gap = "nothing logged between 'GET /items/lamp 200' and 'Purchase completed'"
    order = "Purchase completed  PURCHASE_COMPLETED order-77 90000"
    assert [line.rstrip() for line in done.stdout.splitlines()] == [
        "Request order-1  2026-11-01 09:00:00.000 UTC  42.0 ms, 2 services",
        "",
        f" +0.0  42.0 ms  gateway    {'━' * 40}  POST /orders 201",
        f" +2.0  10.0 ms  gateway    {' ' + '─' * 10:<40}    → GET /items/lamp 200",
        f" +5.0  5.00 ms  catalogue  {' ' * 4 + '━' * 5:<40}      GET /items/lamp 200",
        f" +8.0           catalogue  {' ' * 7 + '◆':<40}        Read price  READ_PRICE lamp",
        f"+12.0  28.0 ms  gateway    {' ' * 11 + '┄' * 27:<40}    {gap}",
        f"+40.0           gateway    {' ' * 38 + '◆':<40}    {order}",
    ]
    asked = run("ask", "timeline", "--request", ORDER, log, COLUMNS="160")
    assert asked.stdout == done.stdout


def test_what_failed_is_red(log: Path) -> None:
    """The line of a failure, and no other, is red on a terminal, with its exception."""
    red = [
        line
        for line in coloured("timeline", "crash-1", log, columns=120).split("\n")
        if "31m" in line
    ]
    assert len(red) == 1
    assert "KeyError: 'SUMMER'" in red[0]
    assert "31m" not in coloured("timeline", ORDER, log)


def test_a_timeline_has_the_columns_of_the_question(log: Path) -> None:
    """`clew timeline --format json` is the answer to the question of that name."""
    timeline = run("timeline", ORDER, log, "--format", "json").stdout
    assert timeline == run("ask", "timeline", "--request", ORDER, log, "--format", "json").stdout
    assert json.loads(timeline)[0] == {
        "offset": 0.0,
        "createdAt": "2026-11-01T09:00:00.000Z",
        "service": "gateway",
        "level": "info",
        "message": "POST /orders 201",
        "duration": 42.0,
        "requestId": ORDER,
    }


def test_the_standard_input_is_a_dash(log: Path) -> None:
    """A dash reads the lines that are piped in."""
    piped = run("ask", "slowest", "-", "--format", "json", given=log.read_bytes())
    assert piped.stdout == run("ask", "slowest", log, "--format", "json").stdout


def test_broken_lines_are_reported(log: Path) -> None:
    """What was read, and how many lines of it were broken, goes to stderr."""
    with log.open("a") as file:
        file.write('{"level":"in\nplain text\n')
    done = run("ask", "slowest", log, "--format", "json")
    assert done.stderr == "clew: 11 lines, 2 of them broken\n"
    assert len(json.loads(done.stdout)) == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ask", "slowst", "LOG"], "There is no question 'slowst'; did you mean slowest"),
        (["ask", "slowest", "missing.ndjson"], "There is no file 'missing.ndjson'"),
        (["ask", "slowest", "FOLDER"], "There is no log in the folder"),
        (["ask", "slowest"], "Give at least one log file"),
        (["ask"], "Missing argument 'QUESTION'"),
        (["ask", "slowest", "LOG", "--since", "yesterday"], "since is 'yesterday'"),
        (["ask", "slowest", "LOG", "--action", "X"], "slowest takes no action"),
        (["ask", "access", "LOG"], "access needs action, as in --action READ_JOURNAL"),
        (["ask", "statuses", "LOG", "--status", "abc"], "status is 'abc'"),
        (["ask", "slowest", "LOG", "--limit", "0"], "limit is '0'"),
        (["ask", "latency", "LOG", "--bucket", "week"], "bucket is 'week'"),
        (["ask", "slowest", "LOG", "--format", "xml"], "'xml' is not one of"),
        (["ask", "slowest", "LOG", "--colour"], "No such option"),
        (["ask", "slowest", "BROKEN"], "None of the 2 lines read is a JSON object"),
        (["timeline"], "Missing argument 'ID'"),
        (["timelime"], "No such command 'timelime'"),
        (["report", "LOG"], "Missing option '--html'"),
        (["report", "LOG", "--html", "no/such/folder.html"], "no/such/folder.html"),
        (["report", "LOG", "--html", "LOG"], "is one of the logs"),
        (["check"], "Give at least one log file"),
        (["load", "chdb:///nowhere"], "Give at least one log file"),
        (["serve", "LOG", "--host", "no host"], "There is no address 'no host'"),
        (["check", "missing.ndjson"], "There is no file 'missing.ndjson'"),
        (["check", "LOG", "--level", "loud=1"], "loud"),
        (["serve", "LOG", "--port", "70000"], "70000"),
        (["ask", "slowest", "clickhouse://127.0.0.1:1/logs"], "127.0.0.1:1"),
        (["load", "LOG", "postgres://127.0.0.1/logs"], "'postgres' is no URL of ClickHouse"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], sentence: str, log: Path, tmp_path: Path
) -> None:
    """A wrong argument, a missing file or a server that is not there is one line on stderr that
    names it, nothing on stdout, and exit status 2."""
    folder = tmp_path / "empty"
    folder.mkdir()
    broken = write(tmp_path / "broken.log", ["plain text", "Traceback"])
    paths = {"LOG": str(log), "FOLDER": str(folder), "BROKEN": str(broken)}
    done = run(*(paths.get(argument, argument) for argument in arguments))
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("clew: ")


def test_an_answer_without_rows_is_explained(log: Path, tmp_path: Path) -> None:
    """An empty answer is no mistake: the status is 0, and stderr says what was looked at."""
    done = run("ask", "slowest", log, "--since", "2027-01-01", "--format", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert "nothing found between 2026-11-01T09:00:00.005Z and" in done.stderr
    foreign = write(tmp_path / "foreign.ndjson", ['{"msg":"another logger"}'])
    assert "no line is an event" in run("ask", "slowest", foreign).stderr
    empty = write(tmp_path / "empty.ndjson", [])
    assert run("ask", "slowest", empty, "--format", "csv").returncode == 0


@pytest.mark.parametrize(("form", "first"), [("csv", b"path,requests"), ("table", b"Bad links")])
def test_a_closed_pipe_is_no_error(tmp_path: Path, form: str, first: bytes) -> None:
    """`clew ask ... | head` ends quietly, though much was left to write."""
    lines = [answered("GET", f"/{n:05}", 404, n, 1.0) for n in range(20_000)]
    log = write(tmp_path / "a.ndjson", lines)
    command = f"{sys.executable} -m clew ask bad-links {log} --format {form} --limit 20000"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | head -n 2"], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[0] == first
    assert done.stderr == b"clew: 20,000 lines, 0 of them broken\n"


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(signal_: signal.Signals, tmp_path: Path) -> None:
    """Stopped while it waits for lines, the command removes its temporary folder and is quiet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [*CLEW, "ask", "slowest", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        assert process.stdin is not None
        deadline = iter(range(600))
        while not list(folder.iterdir()) and next(deadline, None) is not None:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        assert list(folder.iterdir())
        process.send_signal(signal_)
        process.stdin.write(b"\n")
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == (130 if signal_ == signal.SIGINT else 143)
    assert (out, err) == (b"", b"")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["ask", "report"])
def test_a_signal_while_files_are_read(command: str, number: int, tmp_path: Path) -> None:
    """Stopped at any moment of the reading, a command is quiet, and nothing lies around."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    log = tmp_path / "a.ndjson"
    line = json.dumps(answered("GET", "/", 200, 1, 1.0)).encode() + b"\n"
    log.write_bytes(line * 400_000)
    own = ["slowest", log] if command == "ask" else [log, "--html", tmp_path / "r.html"]
    for moment in (1, 2, 3):
        process = subprocess.Popen(
            [*CLEW, command, *map(str, own)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        try:
            deadline = iter(range(2_000))
            while len(list(folder.rglob("*"))) <= moment and next(deadline, None) is not None:
                if process.poll() is not None:
                    break
                time.sleep(0.005)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        assert process.returncode in (128 + number, 0), err  # it may just have ended
        assert b"Traceback" not in err
        assert list(folder.iterdir()) == []
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_output_that_cannot_be_written(log: Path) -> None:
    """A full disk behind stdout is one line on stderr, and exit status 2."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*CLEW, "ask", "slowest", str(log), "--format", "csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 2
    assert b"The output cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_another_encoding_of_the_terminal(log: Path) -> None:
    """What the terminal's encoding cannot hold is escaped."""
    done = run("timeline", ORDER, log, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u2501" in done.stdout


def test_long_texts_leave_the_numbers(tmp_path: Path) -> None:
    """In a narrow terminal a long path is cut, and each number and time is whole."""
    lines = [answered("GET", "/" + "x" * 500, 404, 1, 12.5), answered("GET", "/a", 404, 2, 1.0)]
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


def test_without_a_command_the_help_is_shown() -> None:
    """``clew`` alone prints its help, as it is."""
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == run("--help").stdout


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


@pytest.mark.parametrize("form", ["json", "csv"])
def test_programs_get_texts_as_they_are(form: str, tmp_path: Path) -> None:
    """JSON and CSV hold a text exactly, whatever is in it."""
    path = '/\x1b[2J,"\n\u202e\u2028 é 🧵'
    log = write(tmp_path / "a.ndjson", [answered("GET", path, 404, 5, 1.0)])
    done = subprocess.run(
        [*CLEW, "ask", "bad-links", str(log), "--format", form],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ).stdout.decode()
    if form == "json":
        assert json.loads(done) == [{"path": path, "requests": 1}]
    else:
        rows = list(csv.reader(io.StringIO(done, newline="")))
        assert rows == [["path", "requests"], [path, "1"]]


def test_check_names_each_line_that_does_not_fit(log: Path, tmp_path: Path) -> None:
    """`clew check` writes file:line: why, and its status is 1; 0 when every line fits."""
    assert run("check", log).returncode == 0
    good = said("good", 1)
    odd = [
        good,
        {**good, "createdAt": "nine"},
        "plain text",
        "",
        [1],
        {**good, "level": "loud"},
        {key: value for key, value in good.items() if key != "logger"},
        {**answered("GET", "/", 200, 1, 1.0), "response": {"httpStatus": 200}},
    ]
    path = write(tmp_path / "odd.ndjson", odd)
    done = run("check", path)
    assert done.returncode == 1
    starts = [line.removeprefix(f"{path}:") for line in done.stdout.splitlines()]
    assert [start.partition(":")[0] for start in starts] == ["2", "3", "5", "6", "7", "8"]
    for start, why in zip(
        starts,
        (
            "Expected `int`, got `str` - at `$.createdAt`",
            "no JSON: ",
            "no JSON object",
            "The level 'loud' is none of",
            "missing required field `logger`",
            "missing required field `responseTime` - at `$.response`",
        ),
        strict=True,
    ):
        assert why in start
    assert done.stderr == "clew: 6 of 7 lines do not fit the schema\n"


def test_check_agrees_with_the_schema(tmp_path: Path) -> None:
    """What check says of a line is what the JSON Schema says of it."""
    lines: list[Any] = [*shop(), said("x", 1, userId=5), said("x", 1, level=3), {"request": {}}]
    lines += [answered("GET", "/", 200, 1, 1.0, outcome=4), said("x", 1, requestId=None)]
    lines += [worked("shop.bill", 1, 1.5), worked("shop.bill", 1, None), worked("x", 1, 1, task={})]
    lines += [said("x", 1, task="dishes"), said("x", 1, logger="clew.task")]
    path = write(tmp_path / "a.ndjson", lines)
    misfits = {int(row.split(":")[1]) for row in run("check", path).stdout.splitlines()}
    validator = jsonschema.Draft202012Validator(clew.json_schema())
    refused = {n for n, line in enumerate(lines, 1) if not validator.is_valid(line)}
    assert misfits == refused != set()


def test_renamed_levels_fit(tmp_path: Path) -> None:
    """A log whose levels were renamed fits when check is told their names."""
    path = write(tmp_path / "a.ndjson", [said("failed", 1, level="error")])
    assert run("check", path).returncode == 1
    assert run("check", path, "--level", "danger=error").returncode == 0


def test_the_schema_is_printed() -> None:
    """`clew schema` prints `clew.json_schema()`."""
    assert json.loads(run("schema").stdout) == clew.json_schema()
    renamed = json.loads(run("schema", "--level", "danger=error").stdout)
    assert renamed == clew.json_schema(levels={"danger": "error"})


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    """Each command's help ends with an example of it."""
    text = run(command, "--help").stdout
    assert f"Example: clew {command}" in " ".join(text.split())


def test_help_names_all() -> None:
    """`clew --help` names the commands, and `clew ask --help` the questions with their titles."""
    text = run("--help").stdout
    assert all(f"\n  {command} " in text for command in COMMANDS)
    questions = " ".join(run("ask", "--help").stdout.split())
    assert all(f"{q.name} {q.title}" in questions for q in QUESTIONS.values())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    """The command gives its completion for the shells, and completes a question."""
    script = run(_CLEW_COMPLETE=f"{shell}_source").stdout
    assert "_CLEW_COMPLETE" in script
    if shell == "bash":
        words = run(_CLEW_COMPLETE="bash_complete", COMP_WORDS="clew ask s", COMP_CWORD="2")
        assert words.stdout.split() == ["plain,slowest", "plain,statuses"]


def test_help_loads_no_engine() -> None:
    """Nothing is imported before it is needed: help answers at once."""
    heavy = ("duckdb", "rich", "jinja2", "starlette", "sqlglot", "clickhouse_connect", "uvicorn")
    code = (
        "import sys, runpy\n"
        "sys.argv = ['clew', '--help']\n"
        "try: runpy.run_module('clew', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stderr.decode().strip() == "[]"


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A folder for PYTHONPATH that hides the packages of the extra."""
    hider = "import sys\nfor name in ('click', 'duckdb'): sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hider)
    return str(tmp_path)


def test_without_the_extra_it_says_what_to_install(bare: str, log: Path) -> None:
    """Without the extra `clew ask` says which line installs it, and `clew schema` works."""
    done = run("ask", "slowest", log, PYTHONPATH=bare)
    assert done.returncode == 2
    assert done.stderr == 'clew: click is not installed: pip install "clew[answers]"\n'
    assert json.loads(run("schema", PYTHONPATH=bare).stdout) == clew.json_schema()


def test_a_broken_installation_is_no_missing_extra(tmp_path: Path, log: Path) -> None:
    """What clew itself lacks is not said to come with the extra."""
    hider = "import sys\nsys.modules['clew.answers.errors'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hider)
    done = run("ask", "slowest", log, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "pip install" not in done.stderr


def test_the_library_says_what_to_install(bare: str, log: Path) -> None:
    """Without DuckDB `answers.open` says which line installs it."""
    code = (
        "from clew import answers\n"
        f"try: answers.open({str(log)!r})\n"
        "except answers.AnswerError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": bare},
    )
    assert done.stdout.decode() == 'duckdb is not installed: pip install "clew[answers]"\n'


def test_times_are_in_utc(log: Path) -> None:
    """The time zone of the machine changes nothing."""
    here = run("ask", "latency", log, "--format", "json", TZ="Asia/Kolkata").stdout
    assert json.loads(here)[0]["bucket"] == "2026-11-01T09:00:00Z"
    assert here == run("ask", "latency", log, "--format", "json", TZ="America/New_York").stdout
    assert NINE % 3_600_000 == 0
