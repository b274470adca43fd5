"""Runs a suite, plain and with clew, and gives back what became of each test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .sources import CACHE, environment, unpack
from .table import Suite

INSIDE = Path(__file__).parent / "inside"
# What a test goes by when it has several: its phases, its parts.
_WORST = ("failed", "skipped", "xfailed", "passed", "")


@dataclass
class Run:
    """What one run of a suite left.

    Attributes:
        outcomes: What became of each test, by its id.
        complaints: What logging or clew said on stderr, by the test.
        log: The folder of what clew wrote.
        ended: Whether the run came to its end in time.
        output: What the run printed.
    """

    outcomes: dict[str, str]
    complaints: dict[str, str]
    log: Path
    ended: bool
    output: str

    @property
    def passed(self) -> set[str]:
        """The ids of what passed."""
        return {test for test, outcome in self.outcomes.items() if outcome == "passed"}


@dataclass
class Runner:
    """Run one suite, in its environment and in folders of its own."""

    suite: Suite
    quick: bool
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = CACHE / "runs" / self.suite.name

    def both(self) -> tuple[Run, Run]:
        """Run the suite plain and with clew, at once where it can be; return both."""
        environment(self.suite)
        with ThreadPoolExecutor(1 if self.suite.in_turn else 2) as threads:
            plain = threads.submit(self.run, "plain")
            mounted = threads.submit(self.run, "clew")
            return plain.result(), mounted.result()

    def again(self, tests: Iterable[str], *, header: bool = True) -> Run:
        """Run *tests* once more with clew; without *header*, it adds none to any message."""
        return self.run("again" if header else "without-header", tuple(sorted(tests)))

    def run(self, kind: str, only: tuple[str, ...] = ()) -> Run:
        """Run the suite, or of it *only* some tests; *kind* "plain" is without clew."""
        suite, place = self.suite, self.folder / kind
        top = unpack(suite, place / "source")
        log = place / "log"
        shutil.rmtree(log, ignore_errors=True)
        log.mkdir()
        results = place / "results.ndjson"
        results.unlink(missing_ok=True)
        surroundings = {
            **{key: value for key, value in os.environ.items() if not _is_ours(key)},
            "PYTHONPATH": str(INSIDE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "SUITE_RESULTS": str(results),
            "SUITE_LOG": str(log),
        }
        if kind != "plain":
            surroundings["SUITE_MOUNTS"] = ",".join(suite.mounts)
        if kind == "without-header":
            surroundings["SUITE_WITHOUT_HEADER"] = "1"
        if not suite.is_django:
            surroundings["SUITE_PYTEST"] = "1"
        if suite.in_context:
            surroundings["SUITE_CONTEXT"] = "1"
        output = place / "output.txt"
        with output.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                self._command(only),
                cwd=top / "tests" if suite.is_django else top,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            ended = _await(process, suite.minutes * 60)
        return _read(place, ended=ended)

    def _command(self, only: tuple[str, ...]) -> list[str | Path]:
        suite = self.suite
        python = environment(suite)
        tests = only or suite.tests
        if self.quick and isinstance(suite.quick, tuple):
            tests = only or suite.quick
        if suite.is_django:
            options = ("--settings=django_suite", "--parallel=1", "--verbosity=0")
            return [python, "runtests.py", *options, *suite.options, *tests]
        plugins = (f"-p{name}" for name in ("no:cacheprovider", *suite.plugins, "suite_results"))
        # Else pytest takes the configuration of this repository, in which they lie.
        config = (
            *("--continue-on-collection-errors", "--rootdir=.", f"--config-file={suite.config}"),
        )
        # As "python -m pytest" it would import the packages of this folder.
        return [python.with_name("pytest"), "-q", *plugins, *config, *suite.options, *tests]


def _is_ours(name: str) -> bool:
    """Tell whether a variable is of the machine's, which the suites do not expect."""
    return name.lower().endswith("_proxy") or name.startswith(("PYTEST_", "PYTHON", "SUITE_"))


def _await(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until *process* has ended; end it, and what it started, where it takes too long."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        # Its session is its own: what its tests left behind is in it too.
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()


def _read(place: Path, *, ended: bool) -> Run:
    """Return what the run in *place* left."""
    outcomes: dict[str, str] = {}
    complaints: dict[str, str] = {}
    results = place / "results.ndjson"
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    for line in lines:
        entry = json.loads(line)
        # The ids have addresses and paths in them, which are of one run.
        test = re.sub(r"0x[0-9a-f]{6,}", "0x", entry["test"].replace(f"{place}/", ""))
        known = outcomes.get(test, "")
        outcomes[test] = min(known, entry["outcome"], key=_WORST.index)
        if "stderr" in entry:
            complaints[test] = entry["stderr"]
    text = (place / "output.txt").read_text(encoding="utf-8", errors="replace")
    return Run(outcomes, complaints, place / "log", ended, text)
