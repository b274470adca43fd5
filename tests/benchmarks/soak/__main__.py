"""A soak: many requests of all kinds on real servers, judged from the log alone.

python -m tests.benchmarks.soak                        # as make soak does: servers, then faults
python -m tests.benchmarks.soak uvicorn granian        # some of the servers
python -m tests.benchmarks.soak full-disk SIGHUP       # some of the faults
python -m tests.benchmarks.soak --requests 2000 --connections 300
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measuring import machine, table

from .faults import SCENARIOS
from .judge import Verdict
from .run import Report, soak
from .servers import PROGRAMS

_SERVERS = (
    "", "requests", "answered", "records", "wrong", "p50, ms", "p99, ms",
    "requests/s by quarter", "MiB by quarter", "descriptors by quarter", "flat",
)  # fmt: skip
_FAULTS = ("", "server", "requests", "answered", "unanswered", "records", "wrong", "seen")


class Soak:
    """One run: where it writes, what it sends, and how much was wrong."""

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self.folder = folder
        self.given = given
        self.wrong = 0

    def servers(self, names: Sequence[str]) -> list[list[str]]:
        """Serve many requests on each server; return the rows of a table."""
        rows = []
        for name in self._there(names):
            wanted = self.given.kinds and self.given.kinds.split(",")
            kinds = [k for k in PROGRAMS[name].kinds if not wanted or k.name in wanted]
            report = soak(
                PROGRAMS[name],
                self.folder,
                kinds,
                requests=self.given.requests,
                connections=self.given.connections,
                bare=self.given.bare,
            )
            rows.append(_row(report))
            self._show(rows[-1], report.verdict)
        return rows

    def faults(self, names: Sequence[str], servers: Sequence[str]) -> list[list[str]]:
        """Let each fault happen to its servers; return the rows of a table."""
        rows = []
        for scenario in (SCENARIOS[name] for name in names):
            for name in self._there([each for each in scenario.servers if each in servers]):
                stage, verdict = scenario.play(
                    PROGRAMS[name],
                    self.folder,
                    requests=self.given.fault_requests,
                    connections=self.given.connections,
                )
                counts = (
                    stage.load.done, verdict.answered, verdict.unanswered, verdict.records,
                    verdict.wrong,
                )  # fmt: skip
                figures = [f"{count:,}" for count in counts]
                rows.append([scenario.name, name, *figures, ", ".join(stage.notes)])
                self._show(rows[-1], verdict)
        return rows

    def _there(self, names: Sequence[str]) -> list[str]:
        """Return the servers that are installed."""
        found = []
        for name in names:
            if missing := PROGRAMS[name].missing():
                print(f"{name}: {missing} is not installed", flush=True)
            else:
                found.append(name)
        return found

    def _show(self, row: Sequence[str], verdict: Verdict) -> None:
        self.wrong += verdict.wrong
        print("  ".join(row))
        for problem, count in verdict.problems.most_common():
            print(f"  {count:,} x {problem}: {verdict.examples[problem]}")
        sys.stdout.flush()


def _row(report: Report) -> list[str]:
    verdict = report.verdict
    return [
        report.name,
        *(f"{n:,}" for n in (report.requests, verdict.answered, verdict.records, verdict.wrong)),
        f"{report.p50:,.1f}",
        f"{report.p99:,.1f}",
        *(str(course) for course in (report.rate, report.memory, report.descriptors)),
        "yes" if report.is_flat else "no",
    ]


def main() -> int:
    """Run what the command line asks for; return 1 when something was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join((*PROGRAMS, *SCENARIOS))
    parser.add_argument("what", nargs="*", help=f"{names}; without a fault, all of them")
    parser.add_argument("--requests", type=int, default=100_000, help="of each server: 100000")
    parser.add_argument("--fault-requests", type=int, default=5_000, help="of each fault: 5000")
    parser.add_argument("--connections", type=int, default=300, help="at once: 300")
    parser.add_argument("--kinds", default="", help="of requests, with commas between: all")
    parser.add_argument("--bare", action="store_true", help="without clew, to compare memory")
    given = parser.parse_args()
    for name in given.what:
        if name not in PROGRAMS and name not in SCENARIOS:
            parser.error(f"there is no {name!r}; there are {names}")
    servers = [name for name in given.what if name in PROGRAMS]
    faults = [name for name in given.what if name in SCENARIOS]
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="clew-soak-") as folder:
        run = Soak(Path(folder), given)
        if not faults:
            rows = run.servers(servers or tuple(PROGRAMS))
            print(table(f"{given.connections} connections", _SERVERS, rows), flush=True)
        if not servers or faults:
            rows = run.faults(faults or tuple(SCENARIOS), servers or tuple(PROGRAMS))
            print(table("Faults", _FAULTS, rows))
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
