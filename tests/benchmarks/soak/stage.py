"""Where faults are played: a server under load, its log, and who reads it."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.server import Server, until

from .client import Load
from .judge import Judge, Verdict
from .run import drive, settle
from .servers import Program, lines_of, reader, served


@dataclass
class Stage:
    """A server under load, and what can be done to it."""

    server: Server
    load: Load
    log: Path
    reader: int | None = None  # the process that reads the lines, where it is a pipe
    notes: list[str] = field(default_factory=list)  # what the scenario has seen
    failures: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The server's own process."""
        return self.server.process.pid

    def workers(self) -> list[int]:
        """Return the processes that serve: the server's children, or itself."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        found = [int(child) for child in children]
        return [pid for pid in found if not _helps(pid)] or [self.pid]

    def expect(self, is_so: bool, what: str) -> None:
        """Note a failure unless it *is_so*."""
        if not is_so:
            self.failures.append(what)


def _helps(pid: int) -> bool:
    """Tell whether a child only helps multiprocessing."""
    return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Stop processes for a while."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all(map(_is_stopped, pids)) or None, "all threads to stop")
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    """Tell whether each thread of a process has stopped: what each was writing is written."""
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(state.rpartition(") ")[2].startswith("T") for state in states)


Happening = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """What happens to which servers, and what it may cost."""

    name: str
    happening: Happening
    servers: tuple[str, ...]
    # Whether responses may end early.
    interrupts: bool = False
    # Whether lines may be lost; *check* then says how many.
    loses: bool = False
    # Whether only requests whose lines can be counted are sent.
    counted: bool = False
    # Whether the lines go to a file, not into a pipe.
    to_file: bool = False
    # Where the file is: by default in the server's own folder.
    place: Callable[[Path], Path] = lambda folder: folder
    # How the application logs, if not to stdout.
    rotation: str | None = None
    check: Callable[[Stage, Verdict], None] = lambda stage, verdict: None

    def play(
        self, program: Program, folder: Path, *, requests: int, connections: int
    ) -> tuple[Stage, Verdict]:
        """Let it happen to one server, and judge."""
        directory = folder / f"{self.name}-{program.name}"
        directory.mkdir(parents=True)
        log = self.place(directory) / "log"
        kinds = [kind for kind in program.kinds if kind.plain or not self.counted]
        environment: Mapping[str, str] = {}
        if self.rotation is not None:
            environment = {"SOAK_LOG": str(log), "SOAK_ROTATION": self.rotation}
        with (
            self._written(log) as (stdout, reads),
            served(program, directory, stdout, environment) as server,
        ):
            load = Load(server.port, kinds, requests=requests, connections=connections)
            stage = Stage(server, load, log, reads)
            drive(load, stage.pid, lambda _: self.happening(stage))
            settle(log)
        judge = Judge(
            load.notes,
            kinds,
            interrupted=self.interrupts,
            drops=self.name in program.drops,
            may_lose=self.loses,
        )
        verdict = judge.verdict(lines_of([log, *log.parent.glob("log.[0-9]")]))
        self.check(stage, verdict)
        if verdict.unfinished:
            stage.notes.append(f"{verdict.unfinished:,} begun and left without a record")
        for failure in stage.failures:
            verdict.add("not as it must be", failure)
        return stage, verdict

    @contextmanager
    def _written(self, log: Path) -> Iterator[tuple[int, int | None]]:
        """Give where the server's stdout goes, and who reads it."""
        if self.rotation is None and not self.to_file:
            with reader(log) as (pipe, pid):
                yield pipe, pid
        else:
            path = log if self.rotation is None else log.with_name("stdout")
            with path.open("ab") as file:
                yield file.fileno(), None
