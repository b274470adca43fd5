"""Run the suites, print a table; the exit status is 1 where clew is at fault.

python -m tests.suites                     # all, as make test-suites does
python -m tests.suites starlette flask     # some
python -m tests.suites --quick             # the quick ones, as .ci/run does
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .judging import Listed, judge_log, read_listed
from .running import Run, Runner
from .table import SUITES, Suite

_COLUMNS = ("suite", "tests", "passed plain", "passed with clew", "listed", "faults")

_SHOWN = 200


@dataclass
class Verdict:
    """What two runs of a suite say about clew.

    Attributes:
        suite: The suite.
        plain: The run without clew.
        mounted: The run with clew.
        listed: The tests that fail with clew as the list says.
        unsteady: The tests that failed with clew once, and passed when they ran again.
        faults: What is wrong, in sentences.
    """

    suite: Suite
    plain: Run
    mounted: Run
    listed: set[str] = field(default_factory=set)
    unsteady: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """Return the suite's row of the table."""
        passed = self.plain.passed
        counts = (len(self.plain.outcomes), len(passed), len(passed & self.mounted.passed))
        numbers = (*counts, len(self.listed), len(self.faults))
        return (self.suite.name, *(f"{number:,}" for number in numbers))


def judge(runner: Runner, listed: list[Listed]) -> Verdict:
    """Run a suite both ways, and what differs once more."""
    suite = runner.suite
    plain, mounted = runner.both()
    verdict = Verdict(suite, plain, mounted)
    for run, name in ((plain, "plain"), (mounted, "with clew")):
        if not run.ended or not run.passed:
            verdict.faults.append(f"the run {name} did not end well:\n{run.output[-2_000:]}")
    differing = plain.passed - mounted.passed
    mine = [each for each in listed if fnmatchcase(suite.name, each.suite)]
    verdict.listed = {test for test in differing if any(each.has(test) for each in mine)}
    differing -= verdict.listed
    if differing and not verdict.faults:
        again = runner.again(differing)
        verdict.unsteady = differing & again.passed
        differing -= verdict.unsteady
        verdict.faults += judge_log(again.log, mine)
    of_headers = [each for each in mine if each.is_of_headers]
    headers = {test for test in verdict.listed if any(each.has(test) for each in of_headers)}
    if headers:
        bare = runner.again(headers, header=False)
        wrong = sorted(headers - bare.passed)
        verdict.faults += [f"fails without clew's header, too: {test}" for test in wrong]
    verdict.faults += [f"fails with clew: {test}" for test in sorted(differing)]
    verdict.faults += judge_log(mounted.log, mine)
    for test, stderr in sorted(mounted.complaints.items()):
        if test not in plain.complaints:
            verdict.faults.append(f"stderr has a complaint: {test}\n{stderr}")
    return verdict


def main() -> int:
    """Run what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    names = [suite.name for suite in SUITES]
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="the quick ones, and of them what is")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(names)
    if unknown:
        parser.error(f"there is no suite {min(unknown)!r}, but {', '.join(names)}")
    listed = read_listed()
    rows: list[tuple[str, ...]] = [_COLUMNS]
    failed = False
    for suite in SUITES:
        chosen = suite.name in arguments.suites or not arguments.suites
        if not chosen or (arguments.quick and not suite.quick):
            continue
        begun = time.monotonic()
        verdict = judge(Runner(suite, quick=arguments.quick), listed)
        print(f"{suite.name}: {time.monotonic() - begun:.0f} s", flush=True)
        for fault in verdict.faults[:_SHOWN]:
            print(f"  {fault}", flush=True)
        if len(verdict.faults) > _SHOWN:
            print(f"  and {len(verdict.faults) - _SHOWN} more", flush=True)
        for test in sorted(verdict.unsteady):
            print(f"  passes now and then: {test}", flush=True)
        rows.append(verdict.row())
        failed = failed or bool(verdict.faults)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        print(first.ljust(widths[0]), *cells, sep="  ")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
