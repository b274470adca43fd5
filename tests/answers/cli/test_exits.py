"""How commands end: mistakes, signals, and outputs that are closed or full."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clew import answers
from clew.answers.cli.commands import cli
from clew.answers.errors import AnswerError, without_passwords
from tests.answers.shop_lines import answered, shop, write
from tests.rows import each_row

from .command import CLEW, Ended, run

# Coverage has a lock that what a signal raises may leave taken.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the small shop's log."""
    return write(tmp_path_factory.mktemp("shop") / "shop.ndjson", shop())


@each_row(
    ("arguments", "sentence"),
    [
        (["ask", "slowst", "LOG"], "There is no question 'slowst'; did you mean slowest"),
        (["ask", "slowest", "missing.ndjson"], "There is no file 'missing.ndjson'"),
        (["ask", "slowest", "FOLDER"], "There is no log in the folder"),
        (["ask", "slowest"], "Give at least one log file"),
        (["ask"], "Missing argument 'QUESTION'"),
        (["ask", "slowest", "LOG", "--since", "tomorrow"], "since is 'tomorrow'"),
        (["ask", "slowest", "LOG", "--action", "X"], "slowest takes no action"),
        (["ask", "access", "LOG"], "access needs action, as in --action READ_JOURNAL"),
        (["ask", "statuses", "LOG", "--status", "abc"], "status is 'abc'"),
        (["ask", "slowest", "LOG", "--limit", "0"], "limit is '0'"),
        (["ask", "latency", "LOG", "--bucket", "month"], "bucket is 'month'"),
        (["ask", "slowest", "LOG", "--format", "xml"], "format is 'xml': give table, json or csv"),
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
        (["load", "LOG", "logs2"], "'logs2' is no target: name a file that ends in .duckdb, or"),
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


@pytest.mark.outside
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
    assert done.stderr == b"clew: 20,000 lines, 0 broken\n"


LATE = """
import os, signal, sys, time
from clew.answers.cli.exits import Commands
class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0)
commands = Commands("clew")
@commands.command()
def wait():
    Late()
    time.sleep(30)
    print("It went on")
sys.argv = ["clew", "wait"]
commands.run()
"""


@pytest.mark.outside
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_in_a_finalizer_ends_the_command_all_the_same(name: str) -> None:
    """Python lets nothing out of a finalizer: the signal is sent again."""
    script = LATE.format(name=name)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 128 + signal.Signals[name]
    assert (done.stdout, done.stderr) == (b"", b"")


LEAVING = """
import sys
from clew.answers.cli.exits import Commands
class Leaving:
    def __del__(self):
        sys.exit(4)
kept = Leaving() if {at_exit} else None
commands = Commands("clew")
@commands.command()
def go():
    Leaving()
    print("It went on")
sys.argv = ["clew", "go"]
commands.run()
"""


@pytest.mark.outside
@pytest.mark.parametrize("at_exit", [False, True])
def test_what_a_finalizer_raises_by_itself_is_no_signal(at_exit: bool) -> None:
    """It is printed, as Python does, and the command goes on and ends."""
    script = LEAVING.format(at_exit=at_exit)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"It went on\n")
    assert b"SystemExit: 4" in done.stderr


@pytest.mark.outside
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
        env={**os.environ, "TMPDIR": str(folder), **UNMEASURED},
    )
    try:
        assert process.stdin is not None
        deadline = iter(range(600))
        while not list(folder.glob("clew-*")) and next(deadline, None) is not None:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        assert list(folder.glob("clew-*"))
        process.send_signal(signal_)
        process.stdin.write(b"\n")
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == (130 if signal_ == signal.SIGINT else 143)
    assert (out, err) == (b"", b"")
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a log that takes a while to be read."""
    path = tmp_path_factory.mktemp("long") / "a.ndjson"
    line = json.dumps(answered("GET", "/", 200, 1, 1.0)).encode() + b"\n"
    path.write_bytes(line * 400_000)
    return path


@pytest.mark.outside
@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("ask", signal.SIGINT),
        ("ask", signal.SIGTERM),
        ("ask", signal.SIGHUP),
        ("report", signal.SIGINT),
        ("report", signal.SIGTERM),
    ],
)
def test_a_signal_while_files_are_read(
    command: str, number: int, long_log: Path, tmp_path: Path
) -> None:
    """Stopped at any moment of the reading, a command is quiet, and nothing lies around."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    own: list[object] = ["slowest", long_log]
    if command == "report":
        own = [long_log, "--html", tmp_path / "r.html"]
    for moment in (1, 2, 3):
        process = subprocess.Popen(
            [*CLEW, command, *map(str, own)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder), **UNMEASURED},
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


@pytest.mark.outside
@pytest.mark.parametrize(
    "arguments",
    [
        *(["ask", "slowest", "LOG", "--format", form] for form in ("table", "json", "csv")),
        ["ask", "--help"],
        ["--help"],
        ["--version"],
        [],
        ["schema"],
        ["serve", "LOG", "--port", "0"],
    ],
)
def test_output_that_cannot_be_written(arguments: list[str], log: Path) -> None:
    """A full disk behind stdout is one line on stderr, and exit status 2."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*CLEW, *(str(log) if argument == "LOG" else argument for argument in arguments)],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 2
    assert b"The output cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def ended(tail: str, *arguments: object) -> Ended:
    """Run the command in a shell that puts *tail* behind it, as `>&-`."""
    line = f"{shlex.join([*CLEW, *map(str, arguments)])} {tail}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    return Ended(done.returncode, done.stdout, done.stderr)


WRITING = [
    ["ask", "slowest", "LOG"],
    ["ask", "slowest", "LOG", "--format", "csv"],
    ["ask", "slowest", "LOG", "--format", "json"],
    ["ask", "--help"],
    ["timeline", "order-1", "LOG"],
    ["sql", "SELECT 1", "LOG"],
    ["schema"],
    ["check", "WRONG"],
    ["check", "--privacy", "WRONG"],
    ["check", "--names", "WRONG"],
    ["export", "--user", "7", "LOG"],
    ["serve", "LOG", "--port", "0"],
    ["--help"],
    ["--version"],
]


def with_paths(arguments: list[str], log: Path, folder: Path) -> list[str]:
    wrong = write(folder / "wrong.ndjson", [{"message": "bob@example.org"}])
    paths = {"LOG": str(log), "WRONG": str(wrong)}
    return [paths.get(argument, argument) for argument in arguments]


@pytest.mark.outside
@each_row("arguments", WRITING)
def test_a_closed_stdout_is_said(arguments: list[str], log: Path, tmp_path: Path) -> None:
    """A command that is to write to a stdout that was closed says so, and exits with 2."""
    done = ended(">&-", *with_paths(arguments, log, tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "clew: The output cannot be written: stdout is closed"
    assert all(line.startswith("clew: ") for line in done.stderr.splitlines())


@pytest.mark.outside
@pytest.mark.parametrize(
    ("arguments", "how"),
    [
        *((each, "2>&-") for each in WRITING if each[0] != "serve"),
        *((WRITING[place], "2>/dev/full") for place in (0, 7)),
    ],
    ids=str,
)
def test_a_closed_stderr_loses_the_notes_alone(
    arguments: list[str], how: str, log: Path, tmp_path: Path
) -> None:
    """Where stderr was closed, or its disk is full, all is as ever but for what is said there."""
    given = with_paths(arguments, log, tmp_path)
    usual, done = ended("", *given), ended(how, *given)
    assert done.stdout == usual.stdout != ""
    assert (done.returncode, done.stderr) == (usual.returncode, "")


@pytest.mark.outside
def test_a_mistake_has_its_status_with_all_closed(tmp_path: Path) -> None:
    """With neither stdout nor stderr, a mistake is told by the exit status."""
    for how in (">&- 2>&-", "<&- >&- 2>&-"):
        assert ended(how, "ask", "slowst", tmp_path) == Ended(2, "", "")


@pytest.mark.outside
@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full"])
def test_files_are_written_whatever_is_closed(how: str, log: Path, tmp_path: Path) -> None:
    """The page of a report, the file of a load, and each file without a person are written where
    nobody can be told of it, too."""
    page, kept = tmp_path / "r.html", tmp_path / "a.duckdb"
    for command in (["report", log, "--html", page], ["load", log, kept]):
        done = ended(how, *command)
        assert done.returncode == 0, done
        assert (str(page) in done.stderr or "events added" in done.stderr) is ("2>" not in how)
    assert page.read_text().endswith("</html>")
    assert kept.exists()
    files = [write(tmp_path / f"{n}.ndjson", shop()) for n in range(3)]
    assert ended(how, "forget", "--user", "7", *files).returncode == 0
    assert not [file for file in files if '"userId": "7"' in file.read_text()]


@pytest.mark.outside
def test_all_files_are_rewritten_whoever_reads_of_it(tmp_path: Path) -> None:
    """`clew forget ... | true` forgets in every file."""
    files = [write(tmp_path / f"{n}.ndjson", shop()) for n in range(3)]
    assert ended("| true", "forget", "--user", "7", *files).stdout == ""
    assert not [file for file in files if '"userId": "7"' in file.read_text()]


@pytest.mark.outside
@each_row("command", ["--help", "", "ask --help"])
def test_a_help_that_nobody_reads_is_no_error(command: str) -> None:
    """`clew --help | true` is quiet."""
    assert ended("| true", *command.split()) == Ended(0, "", "")


@pytest.mark.outside
@each_row("command", [["ask", "slowest"], ["check"], ["export", "--user", "7"]])
def test_a_closed_stdin_is_said(command: list[str]) -> None:
    """Where stdin was closed, - reads nothing else in its place, and says so."""
    done = ended("<&-", *command, "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "clew: '-' cannot be read: Bad file descriptor\n"


def test_without_a_command_the_help_is_shown() -> None:
    """``clew`` alone prints its help, as it is."""
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == run("--help").stdout


def test_another_failure_is_not_said_of_the_output(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system refuses elsewhere is not taken for an output that cannot be written."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(answers.Logs, "answer", refuse)
    with pytest.raises(PermissionError):
        cli.main(["ask", "slowest", str(log)], standalone_mode=False)


PASSWORDS = "clickhouse://ada:hush/hu@sh@127.0.0.1:1/logs"
# As an AnswerError or a note may quote them, and what is shown.
QUOTED = [
    ("asked 'clickhouse://u@corp:hush@h/db' alone", "asked 'clickhouse://u@corp:***@h/db' alone"),
    ("'clickhouse://u:hu sh@h' is none", "'clickhouse://u:***@h' is none"),
    ("clickhouse://u:password@hush1@h", "clickhouse://u:***@h"),
    ("clickhouse://corp/u:hush@h", "clickhouse://corp/u:***@h"),
    ("'clickhouse:/u:hush@h' is no folder", "'clickhouse:/u:***@h' is no folder"),
    ("clickhouse://u@h:8123/db?table=a@b", "clickhouse://u@h:***@b"),
    (
        "write clickhouse://user:password@host:8123/d",
        "write clickhouse://user:password@host:8123/d",
    ),
    ("clickhouse://user:passwords@host:8123/d", "clickhouse://user:***@host:8123/d"),
    ("clickhouse://h:8123/db and bob@example.org", "clickhouse://h:8123/db and bob@example.org"),
]


@each_row(("sentence", "shown"), QUOTED)
def test_passwords_are_masked(sentence: str, shown: str) -> None:
    """Of a URL all between the first colon behind its scheme and the last @ may be a password."""
    assert without_passwords(sentence) == str(AnswerError(sentence)) == shown


@each_row(
    "arguments",
    [
        ["ask", PASSWORDS, "slowest"],
        ["ask", "slowest", PASSWORDS],
        ["ask", "slowest", "LOG", PASSWORDS],
        ["ask", "slowest", "LOG", "--since", PASSWORDS],
        ["ask", "slowest", "LOG", f"--{PASSWORDS}"],
        ["timeline", "id", PASSWORDS],
        ["check", PASSWORDS],
        ["load", PASSWORDS, PASSWORDS],
        ["load", "LOG", PASSWORDS, PASSWORDS],
        ["report", PASSWORDS, "--html", "r.html"],
        ["report", "LOG", "--html", PASSWORDS],
        ["report", "LOG", "--html", f"{PASSWORDS}.html"],
        ["serve", PASSWORDS, "--host", PASSWORDS],
        ["serve", "LOG", "--port", PASSWORDS],
        ["unfinished", PASSWORDS],
        ["unfinished", PASSWORDS, "--running"],
        ["export", "--user", PASSWORDS, PASSWORDS],
        ["forget", "--user", PASSWORDS, PASSWORDS],
        ["check", "--privacy", PASSWORDS],
        ["check", "--names", PASSWORDS],
        ["check", "LOG", "--level", f"{PASSWORDS}=1"],
        ["sql", PASSWORDS, "LOG"],
        ["sql", "SELECT 1", PASSWORDS],
        ["ask", "slowest", "LOG", "--map", PASSWORDS],
        ["ask", "slowest", "LOG", "--map", f"status={PASSWORDS}", "--where", PASSWORDS],
        ["ask", "timeline", "LOG", "--request", PASSWORDS],
        ["load", "LOG", f"{PASSWORDS}.duckdb"],
        ["load", "LOG", f"no/{PASSWORDS.replace('://', ':/')}.duckdb"],
        [PASSWORDS],
    ],
)
def test_a_mistake_shows_no_password(arguments: list[str], log: Path) -> None:
    """Whatever is quoted of the arguments, the password of a URL among them is not."""
    done = run(*(str(log) if argument == "LOG" else argument for argument in arguments))
    assert done.returncode == 2
    assert done.stderr and "hush" not in done.stderr + done.stdout
    assert all(line.startswith("clew: ") for line in done.stderr.splitlines())


def test_a_files_name_is_one_line(tmp_path: Path) -> None:
    """What is written of a name forges no line, and steers no terminal."""
    log = write(tmp_path / "a\n\x1b[2Jb.ndjson", ["plain text"])
    done = run("check", str(log))
    assert done.stdout.count("\n") == 1 and "\x1b" not in done.stdout
    missing = run("check", f"{log}x")
    assert missing.stderr.count("\n") == 1 and "\x1b" not in missing.stderr
