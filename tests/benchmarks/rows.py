"""A command as it is measured: its time, its memory, and whether it did what it should."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .generate import BROKEN_ONE_IN, request_of, write


class WrongOutputError(Exception):
    """A command did not do what it is measured for."""


@dataclass(frozen=True)
class Log:
    """A generated file, and what is known of it."""

    path: Path
    lines: int
    requests: int
    request: str
    request_lines: int

    @property
    def summary(self) -> str:
        """Return what clew says on stderr when it has read the file."""
        return f"clew: {self.lines:,} lines, {self.broken:,} broken\n"

    @property
    def broken(self) -> int:
        """Return how many lines are broken."""
        return self.lines // BROKEN_ONE_IN


@dataclass
class Row:
    """One command, its check, which is given stdout and stderr, and what was measured.

    *prepare* is called before, and is not measured.
    """

    name: str
    command: list[str]
    check: Callable[[Path, str], None]
    prepare: Callable[[], object] = lambda: None
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def run(self, folder: Path) -> None:
        """Run the command once: its time, and the memory of its largest process."""
        self.prepare()
        output, errors = folder / "stdout", folder / "stderr"
        with output.open("wb") as out, errors.open("wb") as err:
            began = time.perf_counter()
            process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
            # What it and the processes that it waited for have used.
            _, status, used = os.wait4(process.pid, 0)
            self.seconds.append(time.perf_counter() - began)
        process.returncode = os.waitstatus_to_exitcode(status)
        said = errors.read_text(errors="replace")
        if process.returncode != 0:
            raise WrongOutputError(f"{self.name}: exit status {process.returncode}: {said}")
        self.megabytes.append(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))
        self.check(output, said)


def generated(count: int, folder: Path) -> Log:
    """Return a file of *count* lines, made unless it is there."""
    path = folder / f"shop-{count}.ndjson"
    write(count, path)
    request = request_of(count // 6 * 3)  # in the middle
    found = 0
    with path.open("rb") as lines:
        requests = 0
        for line in lines:
            requests += b'"ipAddress"' in line
            found += request.encode() in line
    return Log(path, count, requests, request, found)


def require(row: str, found: object, expected: object) -> None:
    """Stop when the output of *row* is not what it must be."""
    if found != expected:
        raise WrongOutputError(f"{row}: {found!r} where there must be {expected!r}")
