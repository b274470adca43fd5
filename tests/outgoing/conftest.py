"""A caller of each kind, and a server that is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .callers import CALLERS, ONES_OWN, Async, Caller, Server, caller_of


@pytest.fixture(params=ONES_OWN)
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Each kind of client for which clew has code of its own."""
    caller = caller_of(request.param)
    yield caller
    caller.end()


@pytest.fixture(params=[name for name in ONES_OWN if issubclass(CALLERS[name], Async)])
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
