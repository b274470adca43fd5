"""A crash in the log: once or twice, with all of its frames or those of the application."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

import clew
from clew._exceptions import without_installed

from .adapters.stacks import BareASGI, DjangoASGI, DjangoWSGI, Flask, Stack
from .conftest import Lines

OWN = """  File "/app/shop.py", line 3, in pay
    charge(card)
    ^^^^^^^^^^^^
"""
INSTALLED = """  File "/venv/lib/python3.11/site-packages/starlette/routing.py", line 7, in app
    await route.handle(scope, receive, send)
  File "/usr/lib/python3/dist-packages/anyio/threads.py", line 8, in run
"""
RAISED = """  File "/usr/lib/python3.11/json/decoder.py", line 9, in decode
    raise JSONDecodeError("Expecting value", s, err.value)
"""
HEAD = "Traceback (most recent call last):\n"
END = "json.decoder.JSONDecodeError: Expecting value\n"
AGAIN = "\nDuring handling of the above exception, another exception occurred:\n\n"


@pytest.mark.parametrize(
    ("trace", "shown"),
    [
        (HEAD + OWN + END, HEAD + OWN + END),
        (
            HEAD + INSTALLED + OWN + END,
            HEAD + "  ... 2 frames of starlette, anyio\n" + OWN + END,
        ),
        (
            HEAD + OWN + INSTALLED + RAISED + END,
            HEAD + OWN + "  ... 2 frames of starlette, anyio\n" + RAISED + END,
        ),
        (HEAD + RAISED + END, HEAD + RAISED + END),
        (
            HEAD + RAISED * 2 + END + AGAIN + HEAD + OWN + END,
            HEAD + "  ... 1 frame of Python\n" + RAISED + END + AGAIN + HEAD + OWN + END,
        ),
        ("", ""),
        ("no traceback at all", "no traceback at all"),
    ],
)
def test_frames_of_installed_packages_are_folded(trace: str, shown: str) -> None:
    """A row of them is one line; what is the application's stays, and where it was raised."""
    assert without_installed(trace) == shown


def test_own_frames(lines: Lines) -> None:
    """frames="own" counts for the HTTPLog and for lines, of every logger."""
    lines.configure(frames="own")
    stack = Flask()
    stack.request("/crash")
    try:
        json.loads("{")
    except ValueError:
        logging.getLogger("legacy").exception("crash")
    traces = [line["exception"]["stackTrace"] for line in lines() if "exception" in line]
    assert len(traces) == 3
    assert ["  ... " in trace for trace in traces] == [True] * 3, traces
    with pytest.raises(ValueError, match="frames must be"):
        clew.JSONFormatter(frames="mine")  # type: ignore[arg-type]


def test_own_frames_at_a_terminal(lines: Lines) -> None:
    """frames="own" counts in the console format, too."""
    lines.configure(format="console", frames="own")
    try:
        json.loads("{")
    except ValueError:
        logging.getLogger("legacy").exception("crash")
    assert "  ... " in lines.raw()


@pytest.mark.parametrize("kind", [BareASGI, Flask, DjangoWSGI, DjangoASGI])
@pytest.mark.parametrize("twins", [True, False])
def test_a_crash_once(kind: type[Stack], twins: bool, lines: Lines) -> None:
    """twins=False leaves out the framework's and the server's line; other lines stay."""
    lines.configure(twins=twins)
    stack = kind()
    reply = stack.request("/crash")
    if reply.error is not None:  # as uvicorn does
        logging.getLogger("uvicorn.error").error("Exception in app", exc_info=reply.error)
    try:
        raise ValueError("another one")
    except ValueError:
        logging.getLogger("app").exception("kept")
    loggers = [line["logger"] for line in lines() if "exception" in line]
    assert loggers.count("clew.http") == loggers.count("app") == 1
    assert len(loggers) == (3 if twins else 2)


@pytest.mark.parametrize(("twins", "count"), [(True, 2), (False, 1)])
def test_a_404_of_djangos_once(twins: bool, count: int, lines: Any) -> None:
    """twins=False leaves out "Not Found", which the HTTPLog says; without one it stays."""
    lines.configure(twins=twins)
    DjangoWSGI().request("/nowhere")
    assert len(lines()) == count
    lines.clear()
    DjangoWSGI(log=False).request("/nowhere")
    assert [line["logger"] for line in lines()] == ["django.request"]
