"""The live page on a real server, in a thread of the test."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from clew.answers import Logs
from clew.answers.pages.serve import config_of

_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class _Announcing(uvicorn.Server):
    """A server that can be waited for."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self.port = 0

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self.up.set()


@contextmanager
def served(logs: Logs) -> Iterator[httpx.Client]:
    """Serve *logs*, and give a client of the page."""
    levels = {name: logging.getLogger(name).level for name in _UVICORN}
    config = config_of(logs)  # it sets the levels of uvicorn's loggers
    config.port = 0
    server = _Announcing(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(60)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert not thread.is_alive()
