"""A real uvicorn on loopback, driven by wrk: what is left of a plain endpoint's throughput."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .measuring import quartiles, table

PLAIN = "a plain endpoint"
AGAIN = "the same again"
ACCESS = "uvicorn's access line"
RIVAL = "asgi-correlation-id, a JSON line"
OURS = "clew: everything"
_UVICORN = (sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Server:
    """One of the servers, and the file that it logs into."""

    name: str
    arguments: tuple[str, ...]
    log: Path | None = None


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    requests: int


def run(folder: Path, *, rounds: int, seconds: int, connections: int = 16) -> str:
    """Return the table, or a sentence when wrk is not there."""
    if shutil.which("wrk") is None:
        return "### A real server\n\nwrk is not installed: apt-get install wrk\n"
    quiet = ("--no-access-log", "tests.benchmarks.served:plain")
    servers = [
        Server(PLAIN, quiet),
        Server(AGAIN, quiet),
        Server(ACCESS, ("tests.benchmarks.served:plain",), folder / "access.log"),
        Server(
            RIVAL,
            ("--no-access-log", "--factory", "tests.benchmarks.served:correlated"),
            folder / "rival.log",
        ),
        Server(OURS, ("--factory", "tests.benchmarks.served:clew_everything"), folder / "clew.log"),
    ]
    loads: dict[str, list[Load]] = {server.name: [] for server in servers}
    sent: dict[str, int] = dict.fromkeys(loads, 0)
    with ExitStack() as stack:
        ports = {server.name: stack.enter_context(_served(server)) for server in servers}
        for number in range(rounds + 1):
            order = list(servers)
            random.Random(number).shuffle(order)
            for server in order:
                load = _drive(ports[server.name], seconds if number else 1, connections)
                sent[server.name] += load.requests
                if number:  # the first warms up
                    loads[server.name].append(load)
    for server in servers:
        _check(server, sent[server.name])
    return _table(loads, rounds, seconds, connections)


@contextmanager
def _served(server: Server) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = subprocess.DEVNULL if server.log is None else server.log.open("wb")
    process = subprocess.Popen(
        [*_on_core(0), *_UVICORN, "--port", str(port), *server.arguments],
        stdout=out if server.name == ACCESS else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LOG": str(server.log)},
    )
    try:
        for _ in range(100):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _on_core(number: int) -> list[str]:
    """Return what keeps a command on one core, the server and its client on different ones."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2 or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(cores[number])]


def _drive(port: int, seconds: int, connections: int) -> Load:
    url = f"http://127.0.0.1:{port}/orders/42?page=2"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    out = subprocess.run(
        [*_on_core(1), *command], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "Non-2xx" not in out, out
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", out)[0]),
        p50=_milliseconds(_found(r"50%\s+([\d.]+)(\w+)", out)),
        p99=_milliseconds(_found(r"99%\s+([\d.]+)(\w+)", out)),
        requests=int(_found(r"(\d+) requests in", out)[0]),
    )


def _found(pattern: str, out: str) -> tuple[str, ...]:
    match = re.search(pattern, out)
    assert match is not None, out
    return match.groups()


def _milliseconds(found: Sequence[str]) -> float:
    return float(found[0]) * _UNITS[found[1]]


def _check(server: Server, sent: int) -> None:
    """Raise AssertionError unless there is a line for each request."""
    if server.log is None:
        return
    lines = server.log.read_bytes().splitlines()
    if server.name != ACCESS:
        written = [msgspec.json.decode(line) for line in lines]
        lines = [line for line in written if "/orders/42" in line["message"]]
    # wrk stops at its time, and does not count what is under way.
    assert sent <= len(lines) <= sent + 2_000, (server.name, sent, len(lines))


def _table(loads: dict[str, list[Load]], rounds: int, seconds: int, connections: int) -> str:
    rows = []
    plain = loads[PLAIN]
    for name, of in loads.items():
        low, middle, high = quartiles([load.rate for load in of])
        share = quartiles([a.rate / b.rate for a, b in zip(of, plain, strict=True)])
        beside = statistics.median(a.rate / b.rate for a, b in zip(of, loads[ACCESS], strict=True))
        p50, p99 = (
            statistics.median(
                getattr(a, key) / getattr(b, key) for a, b in zip(of, plain, strict=True)
            )
            for key in ("p50", "p99")
        )
        rows.append(
            (
                name,
                f"{middle:,.0f}",
                f"{low:,.0f} to {high:,.0f}",
                f"{share[1]:.2f} ({share[0]:.2f} to {share[2]:.2f})",
                f"{beside:.2f}",
                f"{statistics.median(load.p50 for load in of):.2f} ms, x {p50:.2f}",
                f"{statistics.median(load.p99 for load in of):.2f} ms, x {p99:.2f}",
            )
        )
    title = f"A real server: uvicorn, httptools, uvloop; wrk, {connections} connections, "
    title += f"{rounds} rounds of {seconds} s"
    header = ("", "requests/s", "quartiles", f"x {PLAIN}", f"x {ACCESS}", "p50", "p99")
    return table(title, header, rows)
