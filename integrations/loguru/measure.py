"""What a line costs with clew's handler: ``python -m integrations.loguru.measure``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from loguru import logger

import clew
import clew.loguru
from tests.benchmarks.measuring import Contender, costs, machine, measure, timed

ID, USER = "01a205d4-9482-729d-87ff-ef10180acba2", "12345"
OWN = "loguru, serialize=True"
TEXT = "{time} {level} {name} {extra[requestId]} {message}"


def contender(path: Path, name: str, options: Any, patcher: Any = None, *, bind: bool) -> Contender:
    """Return loguru with one handler; with *bind* its user binds the ids, as people do."""
    own = logger.bind(requestId=ID, userId=USER) if bind else logger

    def work() -> None:
        own.info("Purchase completed", action="PURCHASE_COMPLETED", value="order-77")

    def begin() -> None:
        logger.configure(handlers=[options], patcher=patcher or (lambda _: None))

    def run(count: int) -> float:
        with clew.context(request_id=ID, user_id=USER):
            return timed(work, count)

    return Contender(name, run, begin, logger.remove, path, text=options.get("format") == TEXT)


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / f"{number}.log" for number in range(4)]
        streams = [path.open("w", encoding="utf-8") for path in paths]
        texts = [{"sink": stream, "format": TEXT} for stream in streams[1:3]]
        serialized = {"sink": streams[0], "format": "{message}", "serialize": True}
        ours = clew.loguru.handler(streams[3], service="shop")
        times = measure(
            [
                contender(paths[0], OWN, serialized, bind=True),
                contender(paths[1], "loguru, text", texts[0], bind=True),
                contender(
                    paths[2],
                    "the same with clew's patcher",
                    texts[1],
                    clew.loguru.patcher,
                    bind=False,
                ),
                contender(paths[3], "clew's handler", ours, bind=False),
            ],
            rounds=31,
            count=2_000,
        )
    print(machine())
    print(costs("One line", times, OWN))


if __name__ == "__main__":
    main()
