"""What differs on other systems, on this one: without what Windows and macOS do not have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.answers.shop_lines import shop, write
from tests.conftest import run_fresh

# Loads clew and what it uses, then takes away what the system lacks, and loads clew again.
_LOAD = """
import importlib, io, os, select, signal, socket, sys

def load():
    for name in sys.argv[1:]:
        importlib.import_module(name)

load()
for name in [name for name in sys.modules if name.partition(".")[0] == "clew"]:
    del sys.modules[name]
"""
_SYSTEMS = {
    "win32": """
for owner, names in {
    os: ("fork", "register_at_fork", "geteuid", "pread", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"),
    select: ("poll", "PIPE_BUF"),
    signal: ("SIGHUP", "SIGALRM", "SIGKILL", "SIGUSR1"),
    socket: ("AF_UNIX", "MSG_DONTWAIT"),
}.items():
    for name in names:
        delattr(owner, name)
for name in ("fcntl", "resource", "termios", "pwd"):
    sys.modules[name] = None
sys.platform = "win32"
ENCODING = "cp1252"
""",
    # There is no /proc, and a pipe has no lock.
    "darwin": """
import errno, fcntl, pathlib
opened, exists = os.open, pathlib.Path.exists

def open_without_proc(path, *arguments, **options):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
    return opened(path, *arguments, **options)

def refuse(*_):
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")

os.open, fcntl.lockf, sys.platform = open_without_proc, refuse, "darwin"
pathlib.Path.exists = lambda self, **how: not str(self).startswith("/proc") and exists(self, **how)
ENCODING = "utf-8"
""",
}
_USE = """
load()
import clew
reading, writing = os.pipe()
out = open(writing, "w", encoding=ENCODING)
for options in ({}, {"when_blocked": "drop"}, {"keep": "DEBUG"}, {"format": "console"}):
    clew.configure_logging(stream=out, **options)

    def application(environ, start_response):
        clew.get_logger("shop").info("\\u2713 f\\u00fcr", value="order-7")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    served = clew.wsgi.RequestIDMiddleware(application)
    import wsgiref.util
    environ = {"HTTP_X_REQUEST_ID": "phone-7f3a"}
    wsgiref.util.setup_testing_defaults(environ)
    list(served(environ, lambda *_: None))
import logging
logging.shutdown()
os.close(writing)
with open(reading, "rb") as pipe:
    print(ascii(pipe.read().decode(ENCODING)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="what is taken away is not there")
@pytest.mark.parametrize("system", _SYSTEMS)
def test_lines_are_written_without_what_a_system_lacks(system: str) -> None:
    """Clew loads and logs where there are no forks, no locks, no /proc, or another encoding."""
    written = run_fresh(_LOAD + _SYSTEMS[system] + _USE, "clew.wsgi", "clew.asgi")
    # Each way of logging has the line and the record; what the encoding lacks is escaped.
    assert written.count("phone-7f3a") >= 8
    assert written.count("GET / 200") == 4
    mark = "\\\\u2713" if system == "win32" else "\\u2713"
    assert written.count(mark) >= 4


_HOMELESS = ["no HOME", "a HOME that is not there", "a HOME that cannot be written", "nobody's"]


def homeless(kind: str, folder: Path) -> dict[str, str]:
    """Return an environment without a home, in one of the ways in which there is none."""
    names = ("HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "USER", "LOGNAME", "XDG_CACHE_HOME")
    environment = {name: text for name, text in os.environ.items() if name not in names}
    homes = {"a HOME that is not there": folder / "none", "a HOME that cannot be written": "/proc"}
    # Without HOME, Python asks who the user is: in a container often none that the system knows.
    unknown = "import pwd\ndef getpwuid(_):\n    raise KeyError\npwd.getpwuid = getpwuid\n"
    if kind == "nobody's":
        (folder / "sitecustomize.py").write_text(unknown)
        path = (str(folder), environment.get("PYTHONPATH", ""))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return environment | ({"HOME": str(homes[kind])} if kind in homes else {})


@pytest.mark.parametrize("kind", _HOMELESS)
def test_logging_needs_no_home(kind: str, tmp_path: Path) -> None:
    """Where there is no home, as in a container, clew loads and writes its lines."""
    script = (
        "import clew, clew.asgi, clew.wsgi, clew.pytest\n"
        "clew.configure_logging(service='shop')\n"
        "clew.get_logger('shop').info('Sold')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env=homeless(kind, tmp_path),
        cwd=tmp_path,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["message"] == "Sold"


@pytest.mark.outside
@pytest.mark.parametrize(
    ("kind", "command"),
    [
        *((kind, "ask slowest") for kind in _HOMELESS),
        *(("nobody's", command) for command in ("timeline order-1", "check", "report", "load")),
    ],
)
def test_the_command_needs_no_home(command: str, kind: str, tmp_path: Path) -> None:
    """Where there is no home, the command answers all the same."""
    log = write(tmp_path / "shop.ndjson", shop())
    more = {"report": ["--html", "r.html"], "load": ["shop.duckdb"]}.get(command, [])
    done = subprocess.run(
        [sys.executable, "-m", "clew", *command.split(), log, *more],
        capture_output=True,
        env=homeless(kind, tmp_path),
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="what is taken away is not there")
def test_unfinished_is_refused_where_files_have_no_locks() -> None:
    """The option that needs locks says so, where the system has none."""
    script = """
load()
import clew
try:
    clew.configure_logging(unfinished="x")
except ValueError as error:
    print(error)
"""
    said = run_fresh(_LOAD + _SYSTEMS["win32"] + script, "clew.wsgi")
    assert "Windows does not have" in said


@pytest.mark.skipif(sys.platform == "win32", reason="what is taken away is not there")
def test_answers_go_into_a_file_as_utf_8() -> None:
    """On Windows, where a redirected stdout has an old encoding, the command writes UTF-8."""
    script = """
from clew.answers.cli.exits import Commands
raw = io.BytesIO()
out, sys.stdout = sys.stdout, io.TextIOWrapper(raw, encoding="cp1252")
sys.argv = ["clew", "draw"]
group = Commands("clew")

@group.command()
def draw():
    print("\\u2501")

try:
    group.run()
except SystemExit as end:
    sys.stdout.flush()
    print(end.code, raw.getvalue(), file=out)
"""
    written = run_fresh(_LOAD + _SYSTEMS["win32"] + script, "clew.answers.cli.exits")
    assert written == "0 b'\\xe2\\x94\\x81\\n'\n"


@pytest.mark.skipif(sys.platform == "win32", reason="what is taken away is not there")
def test_colours_are_for_terminals_that_know_them() -> None:
    """On Windows only a terminal that says what it is gets colours."""
    script = """
load()
from clew._lines.console import is_terminal
class Terminal:
    def isatty(self):
        return True
for name in ("NO_COLOR", "TERM", "WT_SESSION", "ANSICON"):
    os.environ.pop(name, None)
print(is_terminal(Terminal()))
os.environ["WT_SESSION"] = "1"
print(is_terminal(Terminal()))
"""
    said = run_fresh(_LOAD + _SYSTEMS["win32"] + script, "clew.wsgi")
    assert said.split() == ["False", "True"]
