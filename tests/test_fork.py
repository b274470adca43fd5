"""A process that forks in the midst of a request or a task."""

from __future__ import annotations

import json
import os

import pytest

from .conftest import run_fresh

REQUEST = """
import os, sys, clew, clew.wsgi
from wsgiref.util import setup_testing_defaults

clew.configure_logging()

def app(environ, start_response):
    child = os.fork()
    if not child:
        with clew.context():
            clew.get_logger("app").info("in the child")
            sys.exit()
    os.waitpid(child, 0)
    start_response("200 OK", [])
    return [b"ok"]

environ = {}
setup_testing_defaults(environ)
clew.wsgi.RequestIDMiddleware(app)(environ, lambda *_: None)
"""

TASK = """
import os, sys, clew
from clew._tasks import TaskRun, TaskSettings

clew.configure_logging()
run = TaskRun(TaskSettings(), {}, name="mail", id="1")
run.begin()
child = os.fork()
if not child:
    clew.get_logger("app").info("in the child")
    run.end("failed")
    os._exit(0)
os.waitpid(child, 0)
run.end("succeeded")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(("program", "end"), [(REQUEST, "GET / 200"), (TASK, "mail succeeded")])
def test_one_record_comes_from_where_it_began(program: str, end: str) -> None:
    """The child's lines are written; the record is the parent's, and there is one."""
    lines = [json.loads(line) for line in run_fresh(program).splitlines()]
    assert [line["message"] for line in lines] == ["in the child", end]


THREADED = """
import os, signal, sys, threading, time, clew

clew.configure_logging(when_blocked=sys.argv[1])
log = clew.get_logger("app")
stop = False

def say():
    while not stop:
        log.info("beside", pad="x" * int(sys.argv[2]))
        time.sleep(0.0002)  # else nobody else gets at the pipe

threads = [threading.Thread(target=say, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for number in range(60):
    child = os.fork()
    if not child:
        log.info("in the child", number=number, pad="x" * int(sys.argv[2]))
        for handler in clew._lines.handler.own_handlers():
            handler.flush()
        os.kill(os.getpid(), signal.SIGKILL)  # nothing else is to be done, not even by coverage
    os.waitpid(child, 0)
stop = True
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(("when", "size"), [("wait", "10"), ("wait", "9000"), ("drop", "9000")])
def test_a_fork_in_the_midst_of_a_line_of_another_thread_is_heard(when: str, size: str) -> None:
    """What another thread is just writing when a process forks silences no child."""
    lines = [json.loads(line) for line in run_fresh(THREADED, when, size).splitlines()]
    children = [line["number"] for line in lines if line["message"] == "in the child"]
    assert sorted(children) == list(range(60))
