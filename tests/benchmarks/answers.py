"""Measures the answers: whole commands, their time and memory, next to jq and GoAccess.

    python -m tests.benchmarks.answers --lines 5000000 --rounds 3

Each round runs every command once, in turn, and each output is checked. Ratios are taken within a
round, so that they hold on a machine whose speed changes. README.md says what the rows mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from clew.answers import QUESTIONS

from .generate import BROKEN_ONE_IN, write

CLEW = str(Path(sys.executable).with_name("clew"))
TOOLS = ("jq", "goaccess")
# What a person would type to begin with "slowest"; sorting and the 95th percentile would follow.
JQ = (
    'fromjson? | objects | select(.response and .direction != "outgoing")'
    " | [.request.method, .request.route // .request.path, .response.responseTime] | @tsv"
)
# Every field that GoAccess has a place for.
LOG_FORMAT = (
    '{"createdAt":"%x","service":"%v","userId":"%e",'
    '"request":{"method":"%m","path":"%U","query":"%q","ipAddress":"%h"},'
    '"response":{"httpStatus":"%s","responseTime":"%L","bodySize":"%b"}}'
)
MILLISECONDS = "%*"
# On the page is one section for each question, and for a timeline each request worth a look.
SECTIONS = {f'<section id="{name}">' for name in QUESTIONS if name != "timeline"}
TIMELINE = 'id="request-1"'


class WrongOutputError(Exception):
    """A command did not do what it is measured for."""


@dataclass(frozen=True)
class Log:
    """A generated file, and what is known of it."""

    path: Path
    lines: int
    requests: int

    @property
    def summary(self) -> str:
        """Return what clew says on stderr when it has read the file."""
        return f"clew: {self.lines:,} lines, {self.lines // BROKEN_ONE_IN:,} broken\n"


@dataclass
class Row:
    """One command, its check, which is given stdout and stderr, and what was measured."""

    name: str
    command: list[str]
    check: Callable[[Path, str], None]
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def run(self, folder: Path) -> None:
        """Run the command once: its time, and the memory of its largest process."""
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
    with path.open("rb") as lines:
        return Log(path, count, sum(b'"ipAddress"' in line for line in lines))


def require(row: str, found: object, expected: object) -> None:
    """Stop when the output of *row* is not what it must be."""
    if found != expected:
        raise WrongOutputError(f"{row}: {found!r} where there must be {expected!r}")


def report(log: Log, folder: Path) -> Row:
    """Return the row of ``clew report``."""
    name, html = f"clew report, {log.lines:,} lines", folder / "report.html"

    def check(_: Path, said: str) -> None:
        require(name, said, log.summary)
        page = html.read_text("utf-8")
        require(name, {section for section in SECTIONS if section in page}, SECTIONS)
        require(name, TIMELINE in page, True)

    return Row(name, [CLEW, "report", str(log.path), "--html", str(html)], check)


def jq(log: Log) -> Row:
    """Return the row of jq, which shall find every inbound request."""
    name = f"jq, {log.lines:,} lines"

    def check(output: Path, _: str) -> None:
        with output.open("rb") as lines:
            require(name, sum(1 for _ in lines), log.requests)

    return Row(name, ["jq", "-rR", JQ, str(log.path)], check)


def goaccess(log: Log, folder: Path) -> Row:
    """Return the row of GoAccess, which shall count every inbound request as valid."""
    name, html = f"goaccess report, {log.lines:,} lines", folder / "goaccess.html"

    def check(_: Path, said: str) -> None:
        valid = re.findall(r'"valid_requests": (\d+)', html.read_text("utf-8"))
        require(f"{name} {said}".strip(), valid, [str(log.requests)])

    options = [
        "--no-global-config",
        "--no-progress",
        f"--log-format={LOG_FORMAT}",
        f"--datetime-format={MILLISECONDS}",
        f"--date-format={MILLISECONDS}",
        f"--time-format={MILLISECONDS}",
    ]
    return Row(name, ["goaccess", str(log.path), *options, "-o", str(html)], check)


def ask(log: Log) -> Row:
    """Return the row of one question."""
    name = f"clew ask slowest, {log.lines:,} lines"

    def check(output: Path, said: str) -> None:
        require(name, said, log.summary)
        rows = output.read_text("utf-8").splitlines()
        require(name, any("/reports/" in row for row in rows), True)

    return Row(name, [CLEW, "ask", "slowest", str(log.path)], check)


def help_text() -> Row:
    """Return the row of the command line's start."""

    def check(output: Path, _: str) -> None:
        require("clew --help", "Usage: clew" in output.read_text("utf-8"), True)

    return Row("clew --help", [CLEW, "--help"], check)


def spread(numbers: list[float], unit: str, digits: int) -> str:
    """Return the median, and the least and the most."""
    low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f}–{high:,.{digits}f})"


def ratio(some: list[float], others: list[float]) -> float:
    """Return the median of the ratios within each round."""
    return statistics.median(a / b for a, b in zip(some, others, strict=True))


def print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print *rows* in columns."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    print()
    for row in (head, tuple("-" * width for width in widths), *rows):
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def target(what: str, measured: float, limit: float, unit: str = "") -> tuple[str, ...]:
    """Return the row of a target that is reached below *limit*."""
    reached = "yes" if measured <= limit else "no"
    return what, f"{measured:.2f}{unit}", f"at most {limit:g}{unit}", reached


def print_targets(reports: list[Row], others: dict[str, Row], asked: Row, helped: Row) -> None:
    """Print what was asked for, next to what was measured. The last report is the whole one."""
    small, whole = reports[0], reports[-1]
    rows = [
        target(f"report / {name}, time", ratio(whole.seconds, other.seconds), limit)
        for name, limit in (("jq", 1), ("goaccess", 0.25))
        if (other := others.get(name))
    ]
    rows += [
        target("report, memory", max(whole.megabytes) / 1000, 1, " GB"),
        target("one question, time", statistics.median(asked.seconds), 1, " s"),
        target("--help, time", statistics.median(helped.seconds), 0.2, " s"),
        target("four times the lines, time", ratio(whole.seconds, small.seconds), 4.4),
        target("four times the lines, memory", ratio(whole.megabytes, small.megabytes), 1.1),
    ]
    print_table(("target", "measured", "wanted", "reached"), rows)


def print_machine() -> None:
    """Print what the numbers depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    print(
        f"{os.cpu_count()} processors, {memory:.0f} GB of memory, {platform.system()},"
        f" Python {platform.python_version()}, DuckDB {version('duckdb')}"
    )
    for tool in TOOLS:
        if shutil.which(tool):
            done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
            print((done.stdout or done.stderr).splitlines()[0].rstrip("."))
        else:
            print(f"{tool} is missing, its rows are left out: apt-get install {tool}")


def run(lines: int, small: int, rounds: int, folder: Path) -> None:
    """Generate the logs, run all rows in turn, print the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    print_machine()
    logs = [generated(count, folder) for count in (lines // 4, lines // 2, lines)]
    whole = logs[-1]
    size, broken = whole.path.stat().st_size / 1e9, lines // BROKEN_ONE_IN
    print(f"{lines:,} lines, {size:.2f} GB, {whole.requests:,} of them requests, {broken:,} broken")
    reports = [report(log, folder) for log in logs]
    makers = {"jq": lambda: jq(whole), "goaccess": lambda: goaccess(whole, folder)}
    others = {tool: makers[tool]() for tool in TOOLS if shutil.which(tool)}
    asked, helped = ask(generated(small, folder)), help_text()
    rows = [reports[-1], *others.values(), asked, helped, *reports[:-1]]
    for number in range(rounds):
        for row in rows:
            row.run(folder)
        took = ", ".join(f"{row.seconds[-1]:.2f}" for row in rows)
        print(f"round {number + 1}: {took} s", flush=True)
    measured = [
        (row.name, spread(row.seconds, "s", 2), spread(row.megabytes, "MB", 0)) for row in rows
    ]
    print_table(("command", "time, median (least–most)", "memory"), measured)
    print_targets(reports, others, asked, helped)


def main() -> None:
    """Run the benchmark; a command that does something else than expected ends it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=5_000_000, help="of the large log")
    parser.add_argument("--small", type=int, default=100_000, help="of the log of one question")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    given = parser.parse_args()
    try:
        run(given.lines, given.small, given.rounds, given.folder)
    except WrongOutputError as error:
        sys.exit(f"This cannot be measured. {error}")


if __name__ == "__main__":
    main()
