"""Faults in the midst of a soak, each as a scenario of its own."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .judge import Verdict
from .servers import PROGRAMS
from .stage import Scenario, Stage, stopped

_MEBIBYTE = 1 << 20
_ROOM = 64 * _MEBIBYTE
_LEFT = _MEBIBYTE // 2  # what is left of it until there is room again
_SAID = re.compile(r"can be written again; ([\d,]+) lost")
_END = 60.0  # seconds in which a server that was told to ends


async def stop_workers(stage: Stage) -> None:
    """Stop one worker after the other; the others go on."""
    await stage.load.until(0.1)
    workers = stage.workers()
    for turn in range(12):
        if stage.load.done >= 0.8 * stage.load.requests:
            break
        with stopped(workers[turn % len(workers)]):
            await asyncio.sleep(0.6)  # more than a lock is waited for
            before = stage.load.done
            await asyncio.sleep(0.4)
            stage.notes.append(f"{stage.load.done - before:,}")
            stage.expect(stage.load.done > before, f"the others went on, stop {turn}")
        await asyncio.sleep(0.1)


async def stop_reader(stage: Stage) -> None:
    """Stop who reads the pipe, for a while."""
    await stage.load.until(0.3)
    assert stage.reader is not None
    with stopped(stage.reader):
        await asyncio.sleep(2)
    before = stage.load.done
    await stage.load.until(0.9)
    stage.expect(stage.load.done > before, "the service went on")


async def fill_disk(stage: Stage) -> None:
    """Fill the disk until lines are lost, and make room again."""
    await stage.load.until(0.2)
    with _full(stage):
        await stage.load.until(0.5)
        before = stage.load.done
        await stage.load.until(0.6)
        stage.expect(stage.load.done > before, "requests were answered without room")


@contextmanager
def _full(stage: Stage) -> Iterator[None]:
    """Leave no room for lines: by a file in their file system, or by a limit of the processes."""
    if _is_small(stage.log.parent):
        ballast = stage.log.with_name("ballast")
        with ballast.open("wb") as file:
            try:
                while file.write(bytes(65_536)):
                    file.flush()
            except OSError:
                pass
        try:
            yield
        finally:
            ballast.unlink()
        return
    processes = [stage.pid, *stage.workers()]
    size = stage.log.stat().st_size + 1_000
    for pid in processes:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in processes:
            resource.prlimit(
                pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )


def small_disk(folder: Path) -> Path:
    """Return a small file system of its own in *folder*, where one may be mounted; else itself."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(disk)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return folder
    return folder if done.returncode else disk


def _is_small(folder: Path) -> bool:
    return shutil.disk_usage(folder).total == _ROOM


def count_losses(stage: Stage, verdict: Verdict) -> None:
    """Hold what is missing against what clew has said, and give the disk back."""
    said = sum(int(each.replace(",", "")) for each in _SAID.findall(stage.server.errors()))
    kind = "tmpfs" if _is_small(stage.log.parent) else "RLIMIT_FSIZE"
    stage.notes.append(f"{kind}: {verdict.missing:,} lost, {said:,} said")
    stage.expect(verdict.missing > 0, "the disk was full")
    stage.expect(verdict.missing == said, f"{verdict.missing:,} are lost, {said:,} are said")
    if kind == "tmpfs":
        subprocess.run(["umount", str(stage.log.parent)], check=True)


async def rotate(stage: Stage, *, reopens: bool) -> None:
    """Rename the file, and tell each worker to open it anew, unless it looks itself."""
    for turn in range(1, 6):
        await stage.load.until(turn * 0.15)
        stage.log.rename(stage.log.with_name(f"log.{turn}"))
        if reopens:
            for pid in stage.workers():
                os.kill(pid, signal.SIGUSR1)
    stage.notes.append("5 files")


async def copy_and_truncate(stage: Stage) -> None:
    """Copy the file and make it empty, while nobody writes: what comes between would be lost."""
    for turn in range(1, 6):
        await stage.load.until(turn * 0.15)
        with stopped(*stage.workers()):
            shutil.copyfile(stage.log, stage.log.with_name(f"log.{turn}"))
            os.truncate(stage.log, 0)
    stage.notes.append("5 files")


async def end(stage: Stage, *, by: signal.Signals) -> None:
    """Tell the server to end while clients go on sending."""
    await stage.load.until(0.4)
    os.kill(stage.pid, by)
    begun = time.monotonic()
    while stage.server.process.poll() is None and time.monotonic() < begun + _END:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    stage.expect(stage.server.process.poll() is not None, "it ended")
    stage.notes.append(f"{time.monotonic() - begun:.1f} s, exit {stage.server.process.poll()}")
    stage.load.stop()


async def reload(stage: Stage) -> None:
    """Let the server take new workers, twice."""
    for share in (0.3, 0.6):
        await stage.load.until(share)
        os.kill(stage.pid, signal.SIGHUP)
    await stage.load.until(0.99)
    stage.expect(stage.load.done >= 0.99 * stage.load.requests, "the service went on")


async def kill_worker(stage: Stage) -> None:
    """Kill a worker."""
    await stage.load.until(0.3)
    os.kill(stage.workers()[-1], signal.SIGKILL)
    await stage.load.until(0.99)
    stage.expect(stage.load.done >= 0.99 * stage.load.requests, "the service went on")


def count_killed(stage: Stage, verdict: Verdict) -> None:
    """See that no more is missing than what the killed worker was at."""
    stage.notes.append(f"{verdict.missing:,} lines missing")
    stage.expect(verdict.missing <= 2 * verdict.unanswered + 20, f"{verdict.missing:,} are missing")


_GUNICORN = ("gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "gunicorn-uvicorn")
_SEVERAL = (*_GUNICORN, "uvicorn-4", "granian")
_ALL = tuple(PROGRAMS)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        # Each of granian's workers has a queue of its own for connections: the stopped one's takes
        # in all clients after a while.
        Scenario(
            "stopped-worker", stop_workers, ("uvicorn-4", "gunicorn-sync", "gunicorn-uvicorn")
        ),
        Scenario("stopped-reader", stop_reader, ("uvicorn", "uvicorn-4", "gunicorn-gthread")),
        Scenario(
            "full-disk",
            fill_disk,
            ("uvicorn", "uvicorn-4", "gunicorn-sync", "gunicorn-gthread"),
            loses=True,
            counted=True,
            to_file=True,
            place=small_disk,
            check=count_losses,
        ),
        Scenario(
            "rename-and-reopen",
            partial(rotate, reopens=True),
            ("uvicorn", "uvicorn-4"),
            rotation="reopen",
        ),
        Scenario(
            "rename-watched",
            partial(rotate, reopens=False),
            ("uvicorn", "gunicorn-gthread"),
            rotation="watched",
        ),
        Scenario(
            "copytruncate", copy_and_truncate, ("uvicorn-4", "gunicorn-gthread"), to_file=True
        ),
        Scenario("SIGTERM", partial(end, by=signal.SIGTERM), _ALL, interrupts=True),
        Scenario("SIGINT", partial(end, by=signal.SIGINT), _ALL, interrupts=True),
        Scenario("SIGHUP", reload, _SEVERAL, interrupts=True),
        Scenario("SIGKILL", kill_worker, _SEVERAL, interrupts=True, loses=True, check=count_killed),
    )
}
