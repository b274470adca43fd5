"""A reader that stops: what becomes of the requests meanwhile, with when_blocked="drop".

A server writes its lines into a pipe, whose reader stops for some seconds and reads again.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .measuring import table

_RATE = 200  # requests a second
_CLIENTS = 16
_PROGRAM = """
import clew, clew.asgi, uvicorn
clew.configure_logging(service="shop", when_blocked="drop")
log = clew.get_logger("shop")

async def app(scope, receive, send):
    log.info("Purchase completed", action="PURCHASE_COMPLETED", value="order-77", pad="x" * 1000)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})

if __name__ == "__main__":
    import sys
    uvicorn.run(clew.asgi.RequestIDMiddleware(app), port=int(sys.argv[1]), lifespan="off")
"""
_HEADER = ("", "requests", "served", "p50, ms", "p99, ms", "MiB")


def measured(folder: Path, seconds: float) -> str:
    """Return a table of the requests before, while and after the reader stops."""
    program = folder / "blocked_server.py"
    program.write_text(_PROGRAM)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    pieces: list[bytes] = []
    reads = threading.Event()
    reads.set()
    with subprocess.Popen(
        [sys.executable, str(program), str(port)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout.fileno(), reads, pieces))
        reader.start()
        try:
            _wait_for(port)
            rows = [_phase("somebody reads", process.pid, port, seconds)]
            reads.clear()
            rows.append(_phase("nobody reads", process.pid, port, seconds))
            reads.set()
            rows.append(_phase("somebody reads again", process.pid, port, min(seconds, 5)))
        finally:
            reads.set()
            process.terminate()
            process.wait(60)
            reader.join(60)
    lines = [json.loads(line) for line in b"".join(pieces).splitlines()]
    said = sum(line.get("dropped", 0) for line in lines)
    written = sum("request" in line or line["logger"] == "shop" for line in lines)
    sent = 2 * sum(int(row[1].replace(",", "")) for row in rows)
    note = f"Of {sent:,} lines {written:,} were written, {said:,} are said to be dropped, "
    note += f"{sent - written - said:,} are missing."
    return table(f"A reader that stops for {seconds:g} s", _HEADER, rows) + f"\n{note}\n"


def _read(descriptor: int, reads: threading.Event, pieces: list[bytes]) -> None:
    while True:
        reads.wait()
        piece = os.read(descriptor, 65_536)
        if not piece:
            return
        pieces.append(piece)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _phase(name: str, pid: int, port: int, seconds: float) -> list[str]:
    count = int(seconds * _RATE)
    began = time.monotonic() + 0.1
    local = threading.local()

    def ask(number: int) -> float | None:
        due = began + number / _RATE
        time.sleep(max(0.0, due - time.monotonic()))
        connection = getattr(local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            local.connection = connection
        sent = time.monotonic()
        try:
            connection.request("GET", "/")
            if connection.getresponse().read() != b"ok":
                return None
        except OSError:
            connection.close()
            return None
        return time.monotonic() - sent

    with ThreadPoolExecutor(_CLIENTS) as pool:
        times = [taken for taken in pool.map(ask, range(count)) if taken is not None]
    cuts = [value * 1e3 for value in statistics.quantiles(times, n=100)]
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    figures = (f"{cuts[49]:.2f}", f"{cuts[98]:.2f}", f"{resident:.0f}")
    return [name, f"{count:,}", f"{len(times):,}", *figures]
