"""What a line costs with clew's renderer: ``python -m integrations.structlog.measure``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import structlog

import clew
import clew.structlog
from tests.benchmarks.measuring import Contender, costs, machine, measure, timed

ID, USER = "01a205d4-9482-729d-87ff-ef10180acba2", "12345"
OWN = "structlog, orjson"
WRAPPER = structlog.make_filtering_bound_logger(logging.INFO)
USUAL: list[Any] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.JSONRenderer(serializer=orjson.dumps),
]


def contender(folder: Path, name: str, processors: list[Any], **bound: str) -> Contender:
    """Return a logger with *processors*, writing to a file; *bound* are structlog's contextvars."""
    path = folder / f"{name}.log"
    log: Any = structlog.wrap_logger(
        structlog.BytesLogger(path.open("wb")), processors=processors, wrapper_class=WRAPPER
    ).bind(logger="shop.orders")

    def work() -> None:
        log.info("Purchase completed", action="PURCHASE_COMPLETED", value="order-77")

    def run(count: int) -> float:
        with (
            clew.context(request_id=ID, user_id=USER),
            structlog.contextvars.bound_contextvars(**bound),
        ):
            return timed(work, count)

    return Contender(name, run, file=path)


def main() -> None:
    """Print a table."""
    merge: Callable[..., Any] = structlog.contextvars.merge_contextvars
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        times = measure(
            [
                contender(folder, OWN, [merge, *USUAL], requestId=ID, userId=USER),
                contender(folder, "the same with add_ids", [merge, clew.structlog.add_ids, *USUAL]),
                contender(folder, "clew's processors", clew.structlog.processors(service="shop")),
            ],
            rounds=31,
            count=5_000,
        )
    print(machine())
    print(costs("One line", times, OWN))


if __name__ == "__main__":
    main()
