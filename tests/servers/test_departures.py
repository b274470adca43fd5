"""What is recorded when a client leaves before it has its answer."""

from __future__ import annotations

import django
import pytest

from .server import Server, Stack, fresh_id, receive, stacks

pytestmark = pytest.mark.outside


@pytest.fixture(autouse=True)
def listens(stack: Stack) -> None:
    """Django listens for its client's leaving from 5.0 on."""
    if stack.app == "django_app:app" and django.VERSION < (5,):
        pytest.skip("this Django does not listen")


def waits_for(server: Server, request_id: str) -> None:
    """Return when the application has said that it is handling the request."""
    server.line(
        lambda line: line["message"] == "waiting" and line.get("requestId") == request_id,
        f"the request {request_id}",
    )


@stacks("-fastapi", "-django", without=["gunicorn-sync"])
def test_client_leaves_before_the_answer(server: Server) -> None:
    """A request whose client left before a response began has status 499 and is aborted."""
    with server.send("/wait", request_id := fresh_id()):
        waits_for(server, request_id)
    record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (499, "aborted")
    assert record.level == "warning"
    assert record.request.path == "/wait"


@stacks("-fastapi")
def test_client_leaves_while_sending(server: Server) -> None:
    """A request whose client left before it was sent whole has status 499 and is aborted."""
    server.asked.append(request_id := fresh_id())
    with server.connect() as connection:
        connection.sendall(
            "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            f"X-Request-ID: {request_id}\r\n\r\nonly this".encode()
        )
        waits_for(server, request_id)
    record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (499, "aborted")


@stacks("-fastapi")
def test_client_leaves_an_application_that_does_not_listen(server: Server) -> None:
    """A request that nobody told of its client's leaving makes one record all the same."""
    with server.send("/slow", request_id := fresh_id()):
        waits_for(server, request_id)
    record = server.record(request_id)
    assert (record.response.http_status, record.outcome) in {(200, None), (499, "aborted")}


@stacks("-django", without=["gunicorn-sync"])
def test_client_leaves_a_sync_view(server: Server) -> None:
    """Django drops the response of a sync view whose client left: one record, and aborted."""
    with server.send("/slow", request_id := fresh_id()):
        waits_for(server, request_id)
    record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (499, "aborted")


def test_client_leaves_a_stream(server: Server) -> None:
    """A stream whose client left half-way has its status and is aborted, in one record."""
    with server.send("/endless", request_id := fresh_id()) as connection:
        receive(connection, b"xxxx")
    record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (200, "aborted")
    assert record.response.body_size is not None
    assert record.exception is None
