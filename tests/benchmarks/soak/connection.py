"""A client's connection: what HTTP/1.1 and WebSockets need of it here, and no more."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Sequence

TEXT, CLOSE = 0x1, 0x8


class Response:
    """The head of a response, and its body as it comes."""

    def __init__(self, reader: asyncio.StreamReader, head: bytes) -> None:
        self._reader = reader
        lines = head.split(b"\r\n")
        self.status = int(lines[0].split(b" ", 2)[1])
        fields: dict[bytes, bytes] = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        self.request_id = fields.get(b"x-request-id", b"").decode()
        self._is_chunked = fields.get(b"transfer-encoding") == b"chunked"
        length = fields.get(b"content-length")
        self._left = None if length is None else int(length)
        if self.status == 101:
            self._left = 0
        self.keeps_open = fields.get(b"connection", b"").lower() != b"close" and (
            self._is_chunked or self._left is not None
        )

    async def part(self) -> bytes:
        """Return a part of the body, nothing at its end."""
        reader = self._reader
        if self._is_chunked:
            size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
            return (await reader.readexactly(size + 2))[:-2]
        if self._left is None:
            return await reader.read(65_536)
        if not self._left:
            return b""
        part = await reader.read(min(self._left, 65_536))
        if not part:
            raise asyncio.IncompleteReadError(b"", self._left)
        self._left -= len(part)
        return part

    async def body(self) -> bytes:
        """Return the rest of the body."""
        parts = []
        while part := await self.part():
            parts.append(part)
        return b"".join(parts)


class Connection:
    """A connection to the server, open as soon as it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return both sides of the connection."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self._reader, self._writer

    def close(self) -> None:
        """Leave, whatever is on the way."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def send(
        self, method: str, path: str, fields: Sequence[str], body: bytes = b""
    ) -> asyncio.StreamReader:
        """Send a request, its body as far as it is given."""
        reader, writer = await self.open()
        lines = (f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", "")
        writer.write("\r\n".join(lines).encode() + body)
        if body:
            await writer.drain()
        return reader

    async def response(self) -> Response:
        """Return the next response, as soon as its head is there."""
        reader, _ = await self.open()
        return Response(reader, await reader.readuntil(b"\r\n\r\n"))

    def send_frame(self, kind: int, content: bytes) -> None:
        """Send a frame of a WebSocket, shorter than 126 bytes."""
        assert self._writer is not None
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
        self._writer.write(bytes((0x80 | kind, 0x80 | len(content))) + mask + masked)

    async def frame(self) -> tuple[int, bytes]:
        """Return the next frame of a WebSocket: its kind and its content."""
        reader, _ = await self.open()
        first, size = await reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        return first & 0xF, await reader.readexactly(size)

    async def close_code(self) -> int | None:
        """Read until the other side closes the WebSocket; return the code that it gives."""
        while True:
            kind, content = await self.frame()
            if kind == CLOSE:
                return int.from_bytes(content[:2], "big") if content else None
