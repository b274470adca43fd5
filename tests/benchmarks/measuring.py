"""Timing contenders against each other: interleaved rounds, medians, quartiles, ratios."""

from __future__ import annotations

import gc
import math
import os
import platform
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import thread_time

import msgspec

Times = dict[str, list[float]]


@dataclass
class Contender:
    """One way of doing the work.

    *run* does it so many times and returns the seconds that this took. *file* is where it
    writes *lines* lines each time, as JSON unless *text*; *begin* and *end* put its logging in
    place and away again.
    """

    name: str
    run: Callable[[int], float]
    begin: Callable[[], object] = lambda: None
    end: Callable[[], object] = lambda: None
    file: Path | None = None
    lines: int = 1
    text: bool = False
    done: int = field(default=0, init=False)

    def time(self, count: int) -> float:
        """Return the microseconds that one piece of the work took, of *count*."""
        self.begin()
        try:
            gc.collect()
            gc.disable()
            seconds = self.run(count)
        finally:
            gc.enable()
            self.end()
        self.done += count
        return seconds / count * 1e6

    def check(self) -> None:
        """Raise AssertionError unless the file holds all lines, each of them whole."""
        if self.file is None:
            return
        written = self.file.read_bytes().splitlines()
        assert len(written) == self.done * self.lines, (self.name, len(written), self.done)
        if not self.text:
            for line in written[:: max(1, len(written) // 5_000)]:
                assert isinstance(msgspec.json.decode(line), dict), (self.name, line)


def measure(contenders: Sequence[Contender], *, rounds: int, count: int) -> Times:
    """Return microseconds for each contender and round; the order changes from round to round."""
    times: Times = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.time(count)  # what happens the first time only is not counted
    order = list(contenders)
    for number in range(rounds):
        random.Random(number).shuffle(order)
        for contender in order:
            times[contender.name].append(contender.time(count))
    for contender in contenders:
        contender.check()
    return times


def over(times: Times, bare: str) -> Times:
    """Return what each costs beyond *bare*, in the same round."""
    floor = times[bare]
    return {
        name: [own - below for own, below in zip(of, floor, strict=True)]
        for name, of in times.items()
        if name != bare
    }


def ratio(times: Times, name: str, beside: str) -> float:
    """Return how much *name* costs for each that *beside* costs: the median over the rounds.

    Not a number where *beside* cost nothing in any round, as noise may have it in a single one.
    """
    pairs = zip(times[name], times[beside], strict=True)
    ratios = [own / other for own, other in pairs if other > 0]
    return statistics.median(ratios) if ratios else math.nan


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *rest])} |"

    rule = (
        f"| {' | '.join(['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])])} |"
    )
    return "\n".join([f"### {title}", "", line(cells[0]), rule, *map(line, cells[1:]), ""])


def costs(title: str, times: Times, beside: str, unit: str = "µs") -> str:
    """Return a table of medians with quartiles, and the ratios to *beside*."""
    rows = []
    for name, values in times.items():
        low, middle, high = quartiles(values)
        spread = f"{low:.2f} to {high:.2f}"
        rows.append((name, f"{middle:.2f}", spread, f"{ratio(times, name, beside):.2f}"))
    return table(title, ("", unit, "quartiles", f"x {beside}"), rows)


def machine() -> str:
    """Return what this ran on, in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processor = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def timed(work: Callable[[], object], count: int) -> float:
    """Return the seconds that *count* calls of *work* take.

    Of this thread's own time, which others on a shared machine do not lengthen; what the kernel
    does for it is in it.
    """
    numbers = range(count)
    began = thread_time()
    for _ in numbers:
        work()
    return thread_time() - began
