"""Measures the answers: whole commands, their time and memory, next to what else is at hand.

    python -m tests.benchmarks.answers --lines 5000000 --rounds 3

Each round runs every command once, in turn, and each output is checked. Ratios are taken within a
round, so that they hold on a machine whose speed changes. README.md says what the rows mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from clew.answers.pages.sections import GROUPS

from .beside import OTHERS, PACKAGES, duckdb
from .rows import Log, Row, WrongOutputError, generated, require

CLEW = str(Path(sys.executable).with_name("clew"))
# On the page is one section for each question, and for a timeline each request worth a look.
SECTIONS = {f'<section id="{name}">' for names in GROUPS.values() for name in names}
TIMELINE = 'id="request-1"'


def report(log: Log, folder: Path, source: Path | None = None) -> Row:
    """Return the row of ``clew report``, of the log or of the file that it was loaded into."""
    name = f"clew report{' loaded' * (source is not None)}, {log.lines:,} lines"
    html = folder / "report.html"

    def check(_: Path, said: str) -> None:
        if source is None:
            require(name, said, log.summary)
        page = html.read_text("utf-8")
        require(name, {section for section in SECTIONS if section in page}, SECTIONS)
        require(name, TIMELINE in page, True)

    return Row(name, [CLEW, "report", str(source or log.path), "--html", str(html)], check)


def ask(log: Log, source: Path | None = None) -> Row:
    """Return the row of one question, to the log or to the file that it was loaded into."""
    name = f"clew ask slowest{' loaded' * (source is not None)}, {log.lines:,} lines"
    said_of_loaded = f"clew: {log.lines - log.broken:,} lines, 0 broken\n"

    def check(output: Path, said: str) -> None:
        require(name, said, log.summary if source is None else said_of_loaded)
        rows = output.read_text("utf-8").splitlines()
        require(name, any("/reports/" in row for row in rows), True)

    return Row(name, [CLEW, "ask", "slowest", str(source or log.path)], check)


def timeline(log: Log) -> Row:
    """Return the row of one request."""
    name = f"clew timeline, {log.lines:,} lines"

    def check(output: Path, said: str) -> None:
        require(name, said, f"clew: {log.request_lines} lines have the id\n")
        require(name, log.request in output.read_text("utf-8"), True)

    return Row(name, [CLEW, "timeline", log.request, str(log.path)], check)


def load(log: Log, store: Path) -> Row:
    """Return the row of loading all lines into a new file."""
    name = f"clew load, {log.lines:,} lines"

    def check(output: Path, said: str) -> None:
        require(name, said, log.summary)
        require(name, output.read_text(), f"{log.lines - log.broken:,} events added\n")

    return Row(name, [CLEW, "load", str(log.path), str(store)], check, lambda: store.unlink(True))


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


def print_targets(rows: dict[str, Row]) -> None:
    """Print what was asked for, next to what was measured."""
    ratios = (
        ("one question / jq", "ask", "jq", 0.25),
        ("report / jq", "report", "jq", 1),
        ("report / goaccess", "report", "goaccess", 0.25),
        ("load / report", "load", "report", 1.5),
        ("four times the lines", "report", "small report", 4.4),
    )
    seconds = (
        ("timeline", "timeline", 2),
        ("one question, loaded", "ask loaded", 0.5),
        ("report, loaded", "report loaded", 4),
        ("--help", "help", 0.2),
    )
    targets = [
        target(f"{what}, time", ratio(rows[one].seconds, rows[other].seconds), limit)
        for what, one, other, limit in ratios
        if other in rows
    ]
    targets += [
        target(f"{what}, time", statistics.median(rows[name].seconds), limit, " s")
        for what, name, limit in seconds
    ]
    most = max(max(row.megabytes) for row in rows.values() if row.command[0] == CLEW)
    targets.append(target("memory of any command", most / 1000, 1, " GB"))
    print_table(("target", "measured", "wanted", "reached"), targets)


def print_machine() -> None:
    """Print what the numbers depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    print(
        f"{os.cpu_count()} processors, {memory:.0f} GB of memory, {platform.system()},"
        f" Python {platform.python_version()}, DuckDB {version('duckdb')}"
    )
    for tool in OTHERS:
        if shutil.which(tool):
            done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
            print((done.stdout or done.stderr).splitlines()[0].rstrip("."))
        else:
            package = PACKAGES.get(tool, tool)
            print(f"{tool} is missing, its rows are left out: apt-get install {package}")


def run(lines: int, rounds: int, folder: Path) -> None:
    """Generate the logs, run all rows in turn, print the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    print_machine()
    small, whole = (generated(count, folder) for count in (lines // 4, lines))
    size = whole.path.stat().st_size / 1e9
    print(
        f"{lines:,} lines, {size:.2f} GB, {whole.requests:,} of them requests,"
        f" {whole.broken:,} broken"
    )
    store = folder / "logs.duckdb"
    rows = {
        "ask": ask(whole),
        "timeline": timeline(whole),
        "report": report(whole, folder),
        "load": load(whole, store),
        "ask loaded": ask(whole, store),
        "report loaded": report(whole, folder, store),
        "small report": report(small, folder),
        "help": help_text(),
        **{tool: make(whole, folder) for tool, make in OTHERS.items() if shutil.which(tool)},
        "duckdb": duckdb(whole, folder),
    }
    for number in range(rounds):
        for row in rows.values():
            row.run(folder)
        took = ", ".join(f"{row.seconds[-1]:.2f}" for row in rows.values())
        print(f"round {number + 1}: {took} s", flush=True)
    measured = [
        (row.name, spread(row.seconds, "s", 2), spread(row.megabytes, "MB", 0))
        for row in rows.values()
    ]
    print_table(("command", "time, median (least–most)", "memory"), measured)
    print_targets(rows)


def main() -> None:
    """Run the benchmark; a command that does something else than expected ends it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=5_000_000, help="of the large log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    given = parser.parse_args()
    try:
        run(given.lines, given.rounds, given.folder)
    except WrongOutputError as error:
        sys.exit(f"This cannot be measured. {error}")


if __name__ == "__main__":
    main()
