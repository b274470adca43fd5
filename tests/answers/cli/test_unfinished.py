"""``clew unfinished``: what killed processes were at, and what live ones are at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clew._table import SUFFIX
from tests.servers.server import PATIENCE

from .command import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of files")

PROGRAM = """
import sys, clew, clew.wsgi
from clew._tasks import TaskRun, TaskSettings
clew.configure_logging(service="shop", unfinished=sys.argv[1])
run = TaskRun(TaskSettings(), None, name="shop.mail", id="t-1", queue="mail")
run.begin()
def application(environ, start_response):
    clew.bind(user_id="bob")
    print("at it", flush=True)
    sys.stdin.read()
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a\\x1b[31mb", "HTTP_X_REQUEST_ID": "r-1"}
clew.wsgi.RequestIDMiddleware(application)(environ, None)
"""


def test_shows_what_runs_and_what_was_lost(tmp_path: Path) -> None:
    """Live processes are shown by --running; of dead ones the lines are written, once."""
    folder = tmp_path / "run"
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"at it\n"
            running = run("unfinished", folder, "--running")
            assert run("unfinished", folder).stdout == ""
        finally:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    head, task, request = running.stdout.splitlines()
    assert head.split() == [
        "since",
        "(UTC)",
        "seconds",
        "process",
        "service",
        "what",
        "userId",
        "requestId",
    ]
    assert "task shop.mail mail" in task and "\x1b" not in request
    assert request.split()[-2:] == ["bob", "r-1"] and str(process.pid) in request
    (folder / f"odd{SUFFIX}").touch()
    lost = run("unfinished", folder)
    found = [json.loads(line) for line in lost.stdout.splitlines()]
    assert sorted(line.get("outcome") or line["task"]["outcome"] for line in found) == ["lost"] * 2
    assert {line["service"] for line in found} == {"shop"}
    assert "2 unfinished in" in lost.stderr and "no table" in lost.stderr
    assert len(run("unfinished", folder, "--running").stdout.splitlines()) == 1
    assert run("unfinished", folder).stdout == ""
    assert [path.name for path in folder.iterdir()] == [f"odd{SUFFIX}"]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """What is no folder is one sentence, and exit status 2."""
    wrong = run("unfinished", tmp_path / "none")
    assert wrong.returncode == 2
    assert "is no folder: give the one of unfinished=" in wrong.stderr


KILLED = """
import sys, os, clew, clew.wsgi
from clew._unfinished import unfinished
fields = {"environment": "canary"}
clew.configure_logging(service="shop", version="1.0", fields=fields, unfinished=sys.argv[1])
def application(environ, start_response):
    if environ["PATH_INFO"] == "/inner":
        os.kill(os.getpid(), 9)
    unfinished.table._free.clear()
    serve("/inner")
def serve(path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
    clew.wsgi.RequestIDMiddleware(application)(environ, None)
serve("/outer;password=hunter2")
"""


def killed_in(folder: Path) -> None:
    """Let a process be killed at two requests, of which its table holds one."""
    command = [sys.executable, "-c", KILLED, str(folder)]
    assert subprocess.run(command, timeout=PATIENCE, check=False).returncode == -signal.SIGKILL


def test_says_what_a_table_had_no_room_for(tmp_path: Path) -> None:
    """The missed ones are counted, as the next process counts them; the line has the version and
    the fields of the process that was killed.
    """
    killed_in(tmp_path)
    ended = run("unfinished", tmp_path)
    (line,) = map(json.loads, ended.stdout.splitlines())
    assert (line["serviceVersion"], line["environment"]) == ("1.0", "canary")
    assert line["request"]["path"] == "/outer;password=***"
    assert "no room for 1 requests in its table of unfinished ones, which holds 1,024" in (
        ended.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_without_a_stdout_nothing_is_forgotten(tmp_path: Path) -> None:
    """Where nothing can be written that is one sentence, and what was lost stays."""
    killed_in(tmp_path)
    command = f"exec {sys.executable} -m clew unfinished {tmp_path}"
    for where in (">&-", ">/dev/full"):
        ended = subprocess.run(
            ["sh", "-c", f"{command} {where}"], capture_output=True, timeout=PATIENCE, text=True
        )
        assert ended.returncode == 2
        (sentence,) = ended.stderr.splitlines()
        assert sentence.startswith("clew: The output cannot be written")
        assert len(list(tmp_path.iterdir())) == 1
    assert len(run("unfinished", tmp_path).stdout.splitlines()) == 1


def test_shows_what_runs_masked(tmp_path: Path) -> None:
    """What runs is shown as its record would be, and how much is not shown."""
    program = KILLED.replace("os.kill(os.getpid(), 9)", "print(flush=True); sys.stdin.read()")
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            running = run("unfinished", tmp_path, "--running")
        finally:
            process.kill()
    assert "/outer;password=***" in running.stdout and "hunter2" not in running.stdout
    assert f"Process {process.pid} had no room for 1 more, which are not shown" in running.stderr
