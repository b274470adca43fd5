"""The servers, each started once for all the tests that ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import STACKS, Server, Stack, fresh_id


@pytest.fixture(scope="session", params=STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """A server and the application in it."""
    return STACKS[request.param]


@pytest.fixture(scope="session")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The stack's server, running."""
    with stack.serve(tmp_path_factory.mktemp(stack.framework)) as server:
        yield server
        if stack.program.command[0] != "daphne":  # which waits for nobody
            stops_gracefully(server)
    assert set(server.counts().values()) == {1}, "no record was lost or made twice until the end"


def stops_gracefully(server: Server) -> None:
    """See that a server told to stop finishes what it serves, which has its record."""
    with server.send("/slow", request_id := fresh_id(), close=True) as connection:
        server.line(
            lambda line: line["message"] == "waiting" and line.get("requestId") == request_id,
            "the slow request",
        )
        server.process.terminate()
        received = connection.makefile("rb").read()
    assert received.startswith(b"HTTP/1.1 200 ")
    (record,) = server.settled(request_id)
    assert (record.response.http_status, record.outcome) == (200, None)
