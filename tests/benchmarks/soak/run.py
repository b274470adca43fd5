"""One run of a server: its load, what happens to it meanwhile, and what its log says."""

from __future__ import annotations

import asyncio
import importlib
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .client import Load
from .judge import Judge, Verdict
from .kinds import Kind
from .servers import Program, lines_of, reader, served
from .usage import Course, Sample, descriptors, memory, rates, watch

Happening = Callable[[Load], Awaitable[None]]
_QUIET = 0.5  # seconds in which no line comes
_MOST = 30.0


@dataclass
class Run:
    """What was measured while a load was on a server."""

    begun: float = 0.0
    samples: list[Sample] = field(default_factory=list)


def drive(load: Load, pid: int, happening: Happening | None = None) -> Run:
    """Send all requests of *load* to the server *pid*, while *happening* happens."""
    run = Run()

    async def all_of_it() -> None:
        run.begun = time.monotonic()
        watcher = asyncio.create_task(watch(pid, load, run.samples))
        try:
            sending = asyncio.create_task(load.run())
            if happening is not None:
                await happening(load)
            await sending
        finally:
            watcher.cancel()

    _run_fast(all_of_it())
    return run


def _run_fast(main: Coroutine[object, object, None]) -> None:
    """Run *main* with uvloop where it is installed."""
    try:
        run = importlib.import_module("uvloop").run
    except ImportError:
        run = asyncio.run
    run(main)


def settle(path: Path) -> None:
    """Return when *path* grows no more: background work has ended."""
    end = time.monotonic() + _MOST
    size, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET and time.monotonic() < end:
        if (now := path.stat().st_size) != size:
            size, since = now, time.monotonic()
        time.sleep(0.02)


@dataclass(frozen=True)
class Report:
    """What one server did."""

    name: str
    requests: int
    verdict: Verdict
    p50: float  # milliseconds
    p99: float
    rate: Course
    memory: Course
    descriptors: Course
    stderr: str

    @property
    def is_flat(self) -> bool:
        """Whether memory and descriptors did not grow, and the throughput did not sink."""
        return not (
            self.memory.grew(0.05, 4)
            or self.descriptors.grew(0.1, 10)
            or self.rate.quarters[3] < 0.8 * self.rate.quarters[1]
        )


def soak(
    program: Program,
    folder: Path,
    kinds: Sequence[Kind],
    *,
    requests: int,
    connections: int,
    bare: bool = False,
) -> Report:
    """Serve *requests* of *kinds*, through one pipe for all workers, and judge the log.

    A *bare* one has no clew, and there is nothing to be judged.
    """
    directory = folder / program.name
    directory.mkdir(parents=True)
    log = directory / "log"
    environment = {"SOAK_BARE": "1"} if bare else {}
    with reader(log) as (pipe, _), served(program, directory, pipe, environment) as server:
        load = Load(server.port, kinds, requests=requests, connections=connections)
        run = drive(load, server.process.pid)
        settle(log)
    verdict = Verdict() if bare else Judge(load.notes, kinds).verdict(lines_of([log]))
    errors = server.errors()
    if "clew" in errors or "Logging error" in errors:
        verdict.add("a complaint on stderr", errors[-600:])
    cuts = statistics.quantiles(load.latencies or (0.0, 0.0), n=100)
    return Report(
        name=program.name,
        requests=load.done,
        verdict=verdict,
        p50=cuts[49] * 1_000,
        p99=cuts[98] * 1_000,
        rate=rates(run.begun, load.finish_times),
        memory=memory(run.samples, requests),
        descriptors=descriptors(run.samples, requests),
        stderr=errors,
    )
