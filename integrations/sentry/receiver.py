"""A local receiver of what sentry-sdk sends: it decodes envelopes, and keeps their events."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast


class Receiver(ThreadingHTTPServer):
    """Takes envelopes on 127.0.0.1, while the ``with`` block runs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server_port}/1"
        self.items: list[tuple[str, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def events(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """Return the error events, of one request where its id is given."""
        return self._of("event", request_id)

    def transactions(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """Return the transactions, of one request where its id is given."""
        return self._of("transaction", request_id)

    def _of(self, kind: str, request_id: str | None) -> list[dict[str, Any]]:
        return [
            event
            for found, event in self.items
            if found == kind
            and (request_id is None or event.get("tags", {}).get("requestId") == request_id)
        ]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # noqa: N802 - its name in http.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        cast("Receiver", self.server).items += parse(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def parse(envelope: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Return the items of an envelope that are JSON objects, each with its type.

    A line of JSON, then for each item a line with its type and length, and its bytes.
    """
    items = []
    _, _, rest = envelope.partition(b"\n")
    while rest:
        header, _, rest = rest.partition(b"\n")
        if not header:
            continue
        item = json.loads(header)
        length = item.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
        decoded = json.loads(payload)
        if isinstance(decoded, dict):
            items.append((item["type"], decoded))
    return items
