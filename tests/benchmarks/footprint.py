"""What clew takes besides time: its import, and memory for each request in flight and for good."""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import statistics
import subprocess
import sys
import tracemalloc
from typing import Any

import clew
import clew.asgi

from .asgi import receive, scope_of, send
from .measuring import table

_IMPORT = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def imports(times: int) -> str:
    """Return the table of what importing takes."""
    loaded = {name: [_import(name) for _ in range(times)] for name in ("logging", "clew")}
    extra = statistics.median(
        ours - theirs for ours, theirs in zip(loaded["clew"], loaded["logging"], strict=True)
    )
    rows = [
        ("import logging", f"{statistics.median(loaded['logging']):.1f} ms"),
        ("import clew, beyond it", f"{extra:.1f} ms"),
    ]
    return table("Imports", ("", ""), rows)


def memory(requests: int, in_flight: int) -> str:
    """Return the table of what requests hold."""
    grown = _growth(requests)
    rows = [
        (f"a request in flight, of {in_flight:,}", f"{_in_flight(in_flight):,.0f} bytes"),
        (f"memory added by {requests:,} requests", f"{grown / 1024:,.0f} KiB"),
    ]
    return table("Memory", ("", ""), rows)


def _import(name: str) -> float:
    """Return the milliseconds that importing *name* takes in a fresh interpreter."""
    command = [sys.executable, "-I", "-c", _IMPORT.format(name)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(out) * 1000


def _in_flight(count: int) -> float:
    """Return the bytes that a request takes with clew, beyond the same request without."""

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def hold(app: Any) -> float:
        scopes = [scope_of(None) for _ in range(count)]
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.create_task(app(scope, receive, send)) for scope in scopes]
        await asyncio.sleep(0)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        go.set()
        await asyncio.gather(*tasks)
        go.clear()
        return held / count

    async def both() -> float:
        return await hold(clew.asgi.RequestIDMiddleware(waiting, log=False)) - await hold(waiting)

    go = asyncio.Event()
    return asyncio.run(both())


def _growth(requests: int) -> int:
    """Return the bytes by which the process grew over *requests* requests, each different."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def serve(count: int) -> None:
        for _ in range(count):
            scope = scope_of(f"id-{chance.getrandbits(64):x}")
            number = chance.getrandbits(48)
            scope["client"] = (f"2001:db8::{number & 0xFFFF:x}:{number >> 32:x}", 1)
            scope["raw_path"] = b"/orders/%d" % number
            scope["query_string"] = b"page=%d&p%d=1" % (number, number)
            await middleware(scope, receive, send)

    chance = random.Random(1)
    middleware = clew.asgi.RequestIDMiddleware(app)
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        clew.configure_logging(stream=nowhere)
        asyncio.run(serve(requests // 10))  # caches are full from here on
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        asyncio.run(serve(requests))
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
