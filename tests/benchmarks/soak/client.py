"""The clients: many connections at once, each of which notes what it saw of every request."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Sequence

from .connection import CLOSE, TEXT, Connection
from .kinds import UPLOAD, Kind, Note, mixture, request_id

PATIENCE = 60.0  # seconds after which nothing more of a response is expected
_LEAVE_AFTER = 0.03  # seconds in which a client waits in vain
_BREAK = 2.0  # seconds after which the rest of a response that breaks off is given up
_LOST = (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError, ValueError)


class Load:
    """Requests of many kinds, and the notes of those who sent them."""

    def __init__(
        self, port: int, kinds: Sequence[Kind], *, requests: int, connections: int
    ) -> None:
        self.notes: dict[str, Note] = {}
        self.latencies = array("d")  # of those that were read whole
        self.finish_times = array("d")  # of all, by time.monotonic
        self.requests = requests
        self._port = port
        self._mixture = mixture(kinds)
        self._connections = connections
        self._next = 0
        self._is_over = False

    @property
    def done(self) -> int:
        """How many requests have been sent and are over."""
        return len(self.finish_times)

    def stop(self) -> None:
        """Begin no further request."""
        self._is_over = True

    async def until(self, share: float) -> None:
        """Return when *share* of all requests is done, or the load is over."""
        while self.done < share * self.requests and not self._is_over:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def run(self) -> None:
        """Send all requests."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._connections):
                group.create_task(self._client())
        self._is_over = True

    async def _client(self) -> None:
        connection = Connection(self._port)
        while not self._is_over and self._next < self.requests:
            number = self._next
            self._next += 1
            kind = self._mixture[number % len(self._mixture)]
            if not await self._connect(connection):
                break
            note = self.notes[request_id(kind.name, number)] = Note()
            try:
                async with asyncio.timeout(PATIENCE):
                    stays = await self._act(connection, kind, number, note)
            except _LOST:
                stays = False
            if not stays:
                connection.close()
            self.finish_times.append(time.monotonic())
        connection.close()

    async def _connect(self, connection: Connection) -> bool:
        """Connect, with patience while the load is not over; tell whether that was possible."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_over and time.monotonic() < deadline:
            try:
                await connection.open()
                return True
            except OSError:
                await asyncio.sleep(0.02)
        return False

    async def _act(self, connection: Connection, kind: Kind, number: int, note: Note) -> bool:
        """Do what clients of this *kind* do; tell whether the connection can be used again."""
        sent, action, name = time.perf_counter(), kind.action, request_id(kind.name, number)
        path, fields = f"/{kind.name}/{number}", [f"X-Request-ID: {name}"]
        if action.startswith("ws"):
            fields += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            fields += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        if action.startswith("upload"):
            fields += [f"Content-Length: {len(UPLOAD)}"]
            size = len(UPLOAD) // 2 if action == "upload-half" else len(UPLOAD)
            await connection.send("POST", path, fields, UPLOAD[:size])
        else:
            await connection.send("GET", path, fields)
        if action in ("give-up", "upload-half"):
            await asyncio.sleep(_LEAVE_AFTER)
            note.end = "left"
            return False
        response = await connection.response()
        note.echoed = response.request_id == name
        note.status = response.status
        if action == "leave" and response.status == 200:
            await response.part()
            note.end = "left"
            return False
        if response.status == 101:
            await _talk(connection, action, note)
            return False
        # Daphne keeps the connection of a response that its application has broken off.
        async with asyncio.timeout(_BREAK if kind.breaks else PATIENCE):
            await response.body()
        if action == "close":
            connection.close()
        note.end = "whole"
        self.latencies.append(time.perf_counter() - sent)
        # After a crash uvicorn closes the connection, without a word of it before.
        return response.keeps_open and action in ("read", "upload") and response.status < 500


async def _talk(connection: Connection, action: str, note: Note) -> None:
    connection.send_frame(TEXT, b"hello")
    if action == "ws-close":
        await connection.frame()
        note.code = 1000
        connection.send_frame(CLOSE, note.code.to_bytes(2, "big"))
        await connection.close_code()
    else:
        note.code = await connection.close_code()
        connection.send_frame(CLOSE, b"" if note.code is None else note.code.to_bytes(2, "big"))
        await asyncio.sleep(0.01)
    note.end = "whole"
