"""The live page: the same answers as the report's, for a browser on this machine."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

from clew.answers.errors import AnswerError, require
from clew.answers.logs import Logs

with require("uvicorn"):
    import uvicorn
with require("starlette"):
    from starlette.datastructures import MutableHeaders
    from starlette.responses import PlainTextResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .live import site

_LOOPBACK = frozenset(("127.0.0.1", "localhost"))

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(
    logs: Logs,
    listener: socket.socket,
    *,
    host: str,
    announce: Callable[[str], object],
    warn: Callable[[str], object],
) -> None:
    """Show *logs* as pages at a socket of `listen`, until SIGINT or SIGTERM.

    Announces the address as soon as it can be opened, and warns when others can open it, too.
    """
    address, port = listener.getsockname()[:2]
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        warn(f"{host} is not only this machine: whoever reaches port {port} can read the logs")
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{port}/"
    server = _Server(config_of(logs, host=host), partial(announce, url))
    asyncio.run(server.serve(sockets=[listener]))


def config_of(logs: Logs, *, host: str = "127.0.0.1") -> uvicorn.Config:
    """Return how uvicorn serves the pages: quietly, and without waiting for open connections."""
    return uvicorn.Config(
        Guard(site(logs), host),
        access_log=False,
        lifespan="on",
        log_config=None,
        log_level="critical",  # what fails is logged where it is caught
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ws="none",
    )


class Guard:
    """Answers GET and HEAD to known hosts, with headers that let nothing in.

    A name that another site points at 127.0.0.1 (DNS rebinding) is refused. Where it listens to
    all addresses of the machine, each of them is known, and no further name.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {host.lower()}
        self._all = host in {"0.0.0.0", "::", ""}  # noqa: S104 - only when asked for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._app
        if not self._admits([value for name, value in scope["headers"] if name == b"host"]):
            app = PlainTextResponse("This page answers to 127.0.0.1 and localhost only.\n", 400)
        elif scope["method"] not in {"GET", "HEAD"}:
            allowed = {"Allow": "GET, HEAD"}
            app = PlainTextResponse("Only GET and HEAD are answered.\n", 405, allowed)
        await app(scope, receive, send_guarded)

    def _admits(self, hosts: list[bytes]) -> bool:
        if len(hosts) != 1:
            return False
        text = hosts[0].decode("latin-1").lower()
        name, _, port = text.rpartition(":")
        if not port.isdigit():
            name = text
        name = name.removeprefix("[").removesuffix("]")
        with suppress(ValueError):
            return name in self._hosts or (self._all and bool(ipaddress.ip_address(name)))
        return False


class _Server(uvicorn.Server):
    """Announces when it can be reached, and returns on a signal to stop."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], object]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # uvicorn's own would raise the signal once more in the end.
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port*; port 0 takes a free one.

    A port in use is an `AnswerError`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise AnswerError(f"There is no address {host!r} to listen at: {error}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # where it would share the port with whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        why = f"cannot be listened at: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            why = "is in use; give another, or 0 for a free one: --port 0"
        raise AnswerError(f"Port {port} of {host} {why}") from error
    return listener
