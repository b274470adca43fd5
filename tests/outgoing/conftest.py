"""A caller of each kind, and a server that is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .callers import CALLERS, Async, Caller, Server, caller_of


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Each kind of client."""
    caller = caller_of(request.param)
    yield caller
    caller.end()


@pytest.fixture(params=[name for name, kind in CALLERS.items() if issubclass(kind, Async)])
def awaited(request: pytest.FixtureRequest) -> Iterator[Async]:
    """Each kind of client that is awaited."""
    caller = caller_of(request.param)
    assert isinstance(caller, Async)
    yield caller
    caller.end()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server, running."""
    with Server() as server:
        yield server
