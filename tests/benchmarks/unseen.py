"""What it costs that nothing dies unseen: lines kept, requests noted and watched."""

from __future__ import annotations

import asyncio
import io
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import clew
import clew.asgi
from clew._unfinished import unfinished

from . import floor
from .asgi import bare, receive, scope_of, send
from .measuring import table, timed

_HEADER = ("", "without, µs", "with, µs", "more, µs", "ratio")


def measured(folder: Path, rounds: int, count: int) -> str:
    """Return a table of pairs, each measured in turns."""
    stream = (folder / "unseen.log").open("w")
    rows = [
        _row("a clew line: written, kept", *_lines(stream, rounds, count)),
        _row("a request: without, with keep", *_requests(stream, rounds, count, _keep(stream))),
        _row("a request: without, with unfinished", *_requests(stream, rounds, count, _note())),
        _row("a request: without, with slow", *_requests(stream, rounds, count, None, slow=5.0)),
        _row("a request: bare, through the floor", *_floor(folder, rounds, count)),
    ]
    unfinished.stop()
    clew.configure_logging(stream=io.StringIO())
    stream.close()
    return table("What one wants most", _HEADER, rows)


def _row(name: str, without: float, with_it: float) -> list[str]:
    more = with_it - without
    return [name, f"{without:.2f}", f"{with_it:.2f}", f"{more:.2f}", f"{with_it / without:.2f}"]


def _decile(times: list[float]) -> float:
    """Return the lower decile: what is above it, the machine's other work took."""
    return statistics.quantiles(times, n=10)[0] * 1e6 if len(times) > 1 else times[0] * 1e6


def _lines(stream: Any, rounds: int, count: int) -> tuple[float, float]:
    """Return what a line costs that is written, and one that is kept and forgotten."""
    log = clew.get_logger("shop.orders")
    clew.configure_logging(stream=stream, keep="DEBUG")
    count = min(count, 150)  # fewer than a request keeps
    times: dict[str, list[float]] = {"info": [], "debug": []}
    for _ in range(rounds * 10):
        for level, found in times.items():
            fields = {"action": "PURCHASE_COMPLETED", "value": "order-77"}
            work = partial(getattr(log, level), "Purchase completed", **fields)
            with clew.context():
                found.append(timed(work, count) / count)
    return _decile(times["info"]), _decile(times["debug"])


def _keep(stream: Any) -> Callable[[bool], None]:
    return lambda on: clew.configure_logging(stream=stream, keep="DEBUG" if on else None)


def _note() -> Callable[[bool], None]:
    folder = Path(tempfile.mkdtemp(prefix="clew-unseen-"))

    def switch(on: bool) -> None:
        if unfinished.table is None:
            unfinished.start(folder, None)
        unfinished.is_on = on

    return switch


def _requests(
    stream: Any, rounds: int, count: int, switch: Callable[[bool], None] | None, **options: Any
) -> tuple[float, float]:
    """Return what a request costs with what *switch* turns on or the *options*, and without."""
    clew.configure_logging(stream=stream)
    plain = clew.asgi.RequestIDMiddleware(bare)
    other = clew.asgi.RequestIDMiddleware(bare, **options) if options else plain
    return _served(plain, other, rounds, count, switch)


def _floor(folder: Path, rounds: int, count: int) -> tuple[float, float]:
    """Return what a request costs without anything, and with the floor's record of it."""
    with (folder / "floor.log").open("wb", buffering=0) as raw:
        return _served(bare, floor.ASGI(bare, floor.straight(raw)), rounds, count)


def _served(
    plain: Any,
    other: Any,
    rounds: int,
    count: int,
    switch: Callable[[bool], None] | None = None,
) -> tuple[float, float]:
    """Return what a request costs that *plain* serves, and one that *other* does, in turns."""
    loop = asyncio.new_event_loop()
    times: dict[bool, list[float]] = {False: [], True: []}

    async def serve(app: Any, scopes: list[Any]) -> None:
        for scope in scopes:
            await app(scope, receive, send)

    try:
        for _ in range(rounds * 10):
            for on, found in times.items():
                if switch is not None:
                    switch(on)
                app = other if on else plain
                scopes = [scope_of(None) for _ in range(count)]
                found.append(
                    timed(lambda: loop.run_until_complete(serve(app, scopes)), 1) / count  # noqa: B023
                )
    finally:
        loop.close()
    return _decile(times[False]), _decile(times[True])
