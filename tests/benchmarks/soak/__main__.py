"""A soak: many requests of all kinds on real servers, judged from the log alone.

python -m tests.benchmarks.soak                        # as make soak does: all servers
python -m tests.benchmarks.soak uvicorn granian        # some of them
python -m tests.benchmarks.soak --requests 2000 --connections 300
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measuring import table

from .judge import Verdict
from .run import Report, soak
from .servers import PROGRAMS


def show(name: str, verdict: Verdict) -> None:
    """Print what was wrong."""
    for problem, count in verdict.problems.most_common():
        print(f"  {name}: {count:,} x {problem}: {verdict.examples[problem]}")


_HEADER = (
    "", "requests", "answered", "records", "wrong", "p50, ms", "p99, ms",
    "requests/s by quarter", "MiB by quarter", "descriptors by quarter", "flat",
)  # fmt: skip


def row(report: Report) -> list[str]:
    """Return what the table says of one server."""
    verdict = report.verdict
    return [
        report.name,
        f"{report.requests:,}",
        f"{verdict.answered:,}",
        f"{verdict.records:,}",
        f"{verdict.wrong:,}",
        f"{report.p50:,.1f}",
        f"{report.p99:,.1f}",
        str(report.rate),
        str(report.memory),
        str(report.descriptors),
        "yes" if report.is_flat else "no",
    ]


def main() -> int:
    """Run what the command line asks for; return 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("servers", nargs="*", help=", ".join(PROGRAMS))
    parser.add_argument("--requests", type=int, default=100_000, help="of each server: 100000")
    parser.add_argument("--connections", type=int, default=300, help="at once: 300")
    parser.add_argument("--kinds", default="", help="of requests, with commas between: all")
    given = parser.parse_args()
    for name in given.servers:
        if name not in PROGRAMS:
            parser.error(f"there is no server {name!r}; there are {', '.join(PROGRAMS)}")
    rows, wrong = [], 0
    with tempfile.TemporaryDirectory(prefix="clew-soak-") as folder:
        for name in given.servers or PROGRAMS:
            program = PROGRAMS[name]
            if missing := program.missing():
                print(f"{name}: {missing} is not installed")
                continue
            kinds = [
                kind
                for kind in program.kinds
                if not given.kinds or kind.name in given.kinds.split(",")
            ]
            report = soak(
                program,
                Path(folder),
                kinds,
                requests=given.requests,
                connections=given.connections,
            )
            rows.append(row(report))
            wrong += report.verdict.wrong
            print("  ".join(rows[-1]), flush=True)
            show(name, report.verdict)
    print(table(f"{given.connections} connections", _HEADER, rows))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
