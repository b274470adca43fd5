"""The servers, each started once for all the tests that ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import STACKS, Server, Stack


@pytest.fixture(scope="session", params=STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """A server and the application in it."""
    return STACKS[request.param]


@pytest.fixture(scope="session")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The stack's server, running."""
    with stack.serve(tmp_path_factory.mktemp(stack.framework)) as server:
        yield server
    assert set(server.counts().values()) == {1}, "no record was lost or made twice until the end"
