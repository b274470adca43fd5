"""What clew costs, next to what is used in its place today: prints tables.

python -m tests.benchmarks            # as make bench does
python -m tests.benchmarks lines      # one part of: imports, asgi, wsgi, lines, unseen, masking,
                                      # fuzz, outgoing, server, blocked, memory
python -m tests.benchmarks --rounds 5 asgi
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import asgi, blocked, footprint, fuzz, lines, masking, outgoing, server, unseen, wsgi
from .logs import Logs
from .measuring import Contender, Times, costs, machine, measure, over, ratio, table
from .plot import write_plot

PLOT = Path(__file__).with_name("requests.svg")


class Benchmark:
    """One run: its rounds, and the folder that it writes lines into."""

    def __init__(self, folder: Path, rounds: int, share: float, plot: Path | None) -> None:
        self.folder = folder
        self.logs = Logs(folder)
        self.rounds = rounds
        self.share = share
        self.plot = plot

    def some(self, count: int) -> int:
        """Return how many of *count* are made: all, but for a trial of the benchmark itself."""
        return max(1, int(count * self.share))

    def asgi(self) -> str:
        """Measure a request in ASGI."""
        text = []
        for kind, inbound in (("made", False), ("the client's", True)):
            loop = asyncio.new_event_loop()
            try:
                rows = asgi.contenders(self.logs, loop, inbound=inbound)
                times = measure(rows, rounds=self.rounds, count=self.some(400))
            finally:
                loop.close()
            beyond = over(times, asgi.BARE)
            text.append(costs(f"One ASGI request, its id {kind}", beyond, asgi.RIVAL))
            if not inbound:
                text.append(targets(beyond))
                if self.plot is not None:
                    write_plot(beyond, self.plot)
        return "\n".join(text)

    def wsgi(self) -> str:
        """Measure a request in WSGI, Flask and Django."""
        text = []
        parts: tuple[tuple[str, Callable[..., list[Contender]]], ...] = (
            ("WSGI", wsgi.wsgi),
            ("Flask", wsgi.flask),
            ("Django", wsgi.django),
        )
        for name, rows in parts:
            for kind, inbound in (("made", False), ("the client's", True)):
                contenders = rows(self.logs, inbound=inbound)
                times = measure(contenders, rounds=self.rounds, count=self.some(200))
                title = f"One {name} request, its id {kind}"
                text.append(costs(title, over(times, wsgi.BARE), wsgi.ID))
                if not inbound:
                    beyond = over(times, wsgi.BARE)
                    row = _reached(beyond, wsgi.CONFIGURED, wsgi.ID, 1.8, 1.5)
                    text.append(_targets([row]))
        return "\n".join(text)

    def lines(self) -> str:
        """Measure a line of the application."""
        times = measure(lines.contenders(self.logs), rounds=self.rounds, count=self.some(500))
        rows = [
            _reached(times, "clew's Logger, configure_logging", lines.STRUCTLOG, 0.65, 0.5),
            _reached(times, "clew's Logger, a FileHandler", lines.STRUCTLOG, 1.6, 1.3),
            _reached(times, "logging and extra, configure_logging", lines.STRUCTLOG, 1.2, 1.0),
        ]
        return costs("One line of the application", times, lines.STRUCTLOG) + "\n" + _targets(rows)

    def masking(self) -> str:
        """Measure what masking takes at the most."""
        return masking.run(self.share)

    def fuzz(self) -> str:
        """Count the secrets that come through."""
        return fuzz.run(self.some(fuzz.MANY))

    def unseen(self) -> str:
        """Measure what it costs that nothing dies unseen."""
        return unseen.measured(self.folder, self.rounds, self.some(200))

    def blocked(self) -> str:
        """Measure requests while nobody reads the lines."""
        return blocked.measured(self.folder, 60 * self.share)

    def outgoing(self) -> str:
        """Measure an outgoing call."""
        times = measure(outgoing.contenders(self.logs), rounds=self.rounds, count=self.some(100))
        return costs("One outgoing httpx call", over(times, outgoing.BARE), outgoing.ID)

    def server(self) -> str:
        """Measure a real server."""
        return server.run(self.folder, rounds=max(1, self.rounds // 5), seconds=2)

    def imports(self) -> str:
        """Measure what importing takes."""
        return footprint.imports(self.some(15))

    def memory(self) -> str:
        """Measure what requests hold."""
        return footprint.memory(self.rounds * self.some(25_000), self.some(10_000))


def targets(beyond: Times) -> str:
    """Return the ratios to reach for one request, and those reached."""
    everything, to_file = asgi.CONFIGURED, asgi.TO_FILE
    rows = [
        _reached(beyond, everything, asgi.RIVAL, 1.25, 1.0),
        _reached(beyond, everything, asgi.STRAIGHT, 1.35, 1.1),
        _reached(beyond, to_file, asgi.THROUGH, 1.25, 1.1),
        _reached(beyond, f"{everything}, and a NullHandler", everything, 1.3, 1.15),
        _reached(beyond, asgi.ALONE, asgi.RIVAL, 0.5, 0.35),
    ]
    return _targets(rows)


def _reached(times: Times, name: str, beside: str, at_most: float, hoped: float) -> list[str]:
    found = ratio(times, name, beside)
    return [name, beside, f"{found:.2f}", f"{at_most:.2f}", f"{hoped:.2f}"]


def _targets(rows: list[list[str]]) -> str:
    return table("Targets", ("", "beside", "ratio", "at most", "hoped for"), rows)


# Each disturbs those behind it: a run's log files the start of processes, a heap that was full the
# times.
PARTS = (
    *("imports", "asgi", "wsgi", "lines", "unseen", "masking", "fuzz", "outgoing", "server"),
    *("blocked", "memory"),
)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=40, help="40 when not given")
    parser.add_argument("--share", type=float, default=1, help="of each round, to try it out: 1")
    parser.add_argument("--plot", type=Path, default=None, help="where to draw the ASGI table")
    given = parser.parse_args()
    for part in given.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    print(f"{machine()}; {given.rounds} interleaved rounds; medians, in µs of CPU time\n")
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        benchmark = Benchmark(Path(folder), given.rounds, given.share, given.plot)
        for part in given.parts or PARTS:
            print(getattr(benchmark, part)(), flush=True)
        benchmark.logs.close()


if __name__ == "__main__":
    main()
