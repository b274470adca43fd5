"""Run daphne: ``python -m clew.daphne`` in the place of ``daphne``, with the same arguments.

Daphne's own command sets up logging before it loads the application, as text, and writes its access
lines past logging. Here its lines are ApplicationLogs on stdout from the first one on, an
application that cannot be loaded among them, and the HTTPLog replaces its access lines.
``--log-config FILE`` takes `clew.logging_config` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import logging.config
import sys
import time
from collections.abc import Sequence
from contextvars import Context
from pathlib import Path
from typing import Any

from ._current import current
from ._http.exchange import Exchange
from ._lines.logger import get_logger
from ._lines.setup import configure_logging
from ._options import needed

with needed("clew.daphne is for daphne: pip install daphne"):
    from daphne import cli, server
    from daphne.http_protocol import WebRequest
    from twisted.internet.defer import Deferred

# What --verbosity means for daphne's own lines; the root logger's level is another matter.
_LEVELS = {0: logging.WARNING, 1: logging.INFO}


class Server(server.Server):  # type: ignore[misc]
    """Serve as daphne does, without access lines on stdout. A file of their own stays.

    A stop waits for the requests that are being served, at most ``--application-close-timeout``:
    daphne cancels them, answered ones too, whose record would then be missing.
    """

    def __init__(self, *args: Any, action_logger: Any = None, **options: Any) -> None:
        if getattr(action_logger, "stream", None) is sys.stdout:
            action_logger = None
        super().__init__(*args, action_logger=action_logger, **options)
        self._ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        """Remember *port*, so that a stop may close it."""
        self._ports.append(port)
        super().listen_success(port)

    def application_checker(self) -> None:
        """Look after the applications in no context: Twisted's timer runs in any request's."""
        Context().run(super().application_checker)

    async def handle_reply(self, protocol: Any, message: Any) -> None:
        """Hand *message* on; who accepts a WebSocket that daphne has refused has lost its client.

        Daphne refuses a handshake that takes longer than ``--websocket_connect_timeout``, and
        then takes what the application says without a word.
        """
        if message.get("type") == "websocket.accept" and not self._is_there(protocol):
            exchange = current()
            if isinstance(exchange, Exchange):
                exchange.disconnected()
        await super().handle_reply(protocol, message)

    def _is_there(self, protocol: Any) -> bool:
        return not self.connections.get(protocol, {"disconnected": True}).get("disconnected")

    def kill_all_applications(self) -> Any:
        """Take no further connections, wait for HTTP's applications, and kill what is left."""
        for port in self._ports:
            port.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(self._end_applications()))

    async def _end_applications(self) -> None:
        deadline = time.monotonic() + self.application_close_timeout
        while (running := self._running(WebRequest)) and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(running, timeout=left)
        # Open connections may begin others meanwhile; and daphne would kill none of them where it
        # has one without an application.
        killed: set[Any] = set()
        while running := [each for each in self._running() if each not in killed]:
            killed.update(running)
            for application in running:
                application.cancel()
            await asyncio.wait(running, timeout=1)
        server.logger.info("Killed %i pending application instances", len(killed))

    def _running(self, of_kind: type = object) -> list[Any]:
        return [
            details["application_instance"]
            for protocol, details in self.connections.items()
            if isinstance(protocol, of_kind)
            and "application_instance" in details
            and not details["application_instance"].done()
        ]


class CommandLineInterface(cli.CommandLineInterface):  # type: ignore[misc]
    """Parse daphne's command line, and set up clew's logging."""

    server_class = Server

    def __init__(self) -> None:
        super().__init__()
        self.parser.add_argument(
            "--log-config", help="A JSON file for logging.config.dictConfig", default=None
        )

    def run(self, args: Sequence[str]) -> None:
        """Set up logging, load the application and serve it."""
        options = self.parser.parse_args(args)
        if options.log_config is None:
            configure_logging()
        else:
            logging.config.dictConfig(json.loads(Path(options.log_config).read_text("utf-8")))
        logging.getLogger("daphne").setLevel(_LEVELS.get(options.verbosity, logging.DEBUG))
        try:
            super().run(args)
        except Exception:
            get_logger("daphne.cli").critical("Daphne could not start", exc_info=True)
            sys.exit(1)


if __name__ == "__main__":
    CommandLineInterface.entrypoint()
