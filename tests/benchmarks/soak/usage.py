"""What the processes of a server hold while they serve, and how fast: whether it stays the same."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .client import Load

_EVERY = 0.25  # seconds
_PAGE = 4_096


def processes(pid: int) -> list[int]:
    """Return *pid* and all processes below it, where Linux tells."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:  # it has ended meanwhile
                pass
    return found


@dataclass(frozen=True)
class Sample:
    """How much all processes hold, after so many requests."""

    done: int
    memory: float  # MiB
    descriptors: int


def sample(pid: int, done: int) -> Sample:
    """Return what *pid* and all below it hold now."""
    pages = descriptors = 0
    for each in processes(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
            descriptors += len(list(Path(f"/proc/{each}/fd").iterdir()))
        except (OSError, IndexError):
            pass
    return Sample(done, pages * _PAGE / 1_048_576, descriptors)


async def watch(pid: int, load: Load, samples: list[Sample]) -> None:
    """Add to *samples* until this is cancelled."""
    while True:
        samples.append(sample(pid, load.done))
        await asyncio.sleep(_EVERY)


@dataclass(frozen=True)
class Course:
    """One figure in each quarter of the run."""

    quarters: tuple[float, ...]

    def __str__(self) -> str:
        return " ".join(f"{each:,.0f}" for each in self.quarters)

    def grew(self, share: float, more: float) -> bool:
        """Tell whether the last quarter has more than the second: a share of it, and *more*."""
        return self.quarters[3] > self.quarters[1] * (1 + share) + more


def memory(samples: Sequence[Sample], requests: int) -> Course:
    """Return the memory in each quarter, in MiB."""
    return _course([(each.done, each.memory) for each in samples], requests)


def descriptors(samples: Sequence[Sample], requests: int) -> Course:
    """Return how many descriptors were open in each quarter."""
    return _course([(each.done, each.descriptors) for each in samples], requests)


def _course(values: Sequence[tuple[int, float]], requests: int) -> Course:
    quarters: list[list[float]] = [[], [], [], []]
    for done, value in values:
        quarters[min(3, done * 4 // requests)].append(value)
    return Course(tuple(statistics.median(each or [0.0]) for each in quarters))


def rates(begun: float, finish_times: Sequence[float]) -> Course:
    """Return how many requests were done in a second, in each quarter."""
    count = len(finish_times) // 4
    ends = [begun] + [finish_times[count * number - 1] for number in range(1, 5)]
    return Course(tuple(count / (ends[n + 1] - ends[n]) for n in range(4)))
