"""A crash in the log: once or twice, with all of its frames or those of the application."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import clew
import clew.starlette
from clew._exceptions import without_installed

from .adapters.stacks import BareASGI, DjangoASGI, DjangoWSGI, Flask, Stack
from .adapters.test_asgi import serve
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


def test_a_group_is_folded_within_its_margin() -> None:
    """The frames of an exception group, and of what is in it, are folded as any other."""
    margin = "".join(f"  | {line}\n" for line in (INSTALLED + OWN).splitlines())
    folded = "  |   ... 2 frames of starlette, anyio\n"
    kept = "".join(f"  | {line}\n" for line in OWN.splitlines())
    assert without_installed(margin + "  | ExceptionGroup: x\n") == (
        folded + kept + "  | ExceptionGroup: x\n"
    )


def in_background() -> None:
    raise ValueError("in the background")


def test_what_no_http_log_says_is_no_twin(lines: Lines) -> None:
    """A crash after the answer, or of a request whose record is off, keeps the server's line."""
    lines.configure(twins=False)
    app = Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("x", background=BackgroundTask(in_background)))
        ]
    )
    clew.starlette.install(app)
    server = logging.getLogger("uvicorn.error")
    reply = serve(app, target="/")
    server.error("Exception in ASGI application", exc_info=reply.error)
    assert [line["logger"] for line in lines()] == ["clew.http", "uvicorn.error"]
    lines.clear()
    logging.getLogger("clew.http").setLevel(logging.CRITICAL)
    reply = BareASGI().request("/crash")
    server.error("Exception in ASGI application", exc_info=reply.error)
    assert [line["logger"] for line in lines()] == ["uvicorn.error"]


def test_the_applications_own_lines_are_no_twins(lines: Lines) -> None:
    """What a handler of the application's logs about the exception that it answers stays."""
    lines.configure(twins=False)

    def answer(_request: Request, error: Exception) -> PlainTextResponse:
        logging.getLogger("shop").error("order 77 is lost", exc_info=error)
        return PlainTextResponse("sorry", 503)

    def crash(_request: Request) -> PlainTextResponse:
        raise LookupError("boom")

    app = Starlette(routes=[Route("/", crash)], exception_handlers={LookupError: answer})
    clew.starlette.install(app)
    serve(app, target="/")
    assert [line["logger"] for line in lines()] == ["shop", "clew.http"]


def test_an_odd_record_is_no_twin(lines: Lines) -> None:
    """A record that somebody made without its attributes is written, not raised."""
    lines.configure(twins=False)
    attributes = {"name": "django.request", "levelno": 30, "msg": "odd", "status_code": 404}
    record = logging.makeLogRecord(attributes)
    del record.created
    logging.getLogger("django.request").handle(record)
    assert [line["message"] for line in lines()] == ["odd"]
