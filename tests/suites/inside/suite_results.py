"""A plugin of pytest's: writes what became of each test, and what clew complained of meanwhile."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest


class Results:
    """Write each test's outcome at once: a run that is ended half-way has the others."""

    def __init__(self) -> None:
        self._stream = open(os.environ["SUITE_RESULTS"], "a", encoding="utf-8")

    def add(self, test: str, outcome: str, stderr: str = "") -> None:
        """Add one phase of *test*, and what stood on stderr then."""
        entry = {"test": test, "outcome": outcome}
        if complains(stderr):
            entry["stderr"] = stderr
        self._stream.write(json.dumps(entry) + "\n")
        self._stream.flush()


def complains(stderr: str) -> bool:
    """Tell whether logging, or clew itself, says in *stderr* that it could not do something."""
    lines = stderr.splitlines()
    return any(line.startswith(("--- Logging error ---", "clew: ")) for line in lines)


results = Results()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Mount clew once pytest's plugins are loaded, and before the tests load anything."""
    if os.environ.get("SUITE_MOUNTS"):
        importlib.import_module("clew_mounts").mount()


def pytest_runtest_logreport(report: Any) -> None:
    """Take the outcome: failing in any phase is failing."""
    stderr = "".join(text for title, text in report.sections if "stderr" in title)
    outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    if outcome == "rerun":  # by pytest-rerunfailures
        return
    if report.when == "call" or outcome != "passed":
        results.add(report.nodeid, outcome, stderr)
    elif stderr:
        results.add(report.nodeid, "", stderr)


def pytest_collectreport(report: Any) -> None:
    """Take a file that cannot be collected as one test that fails."""
    if report.failed:
        results.add(report.nodeid, "failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Run each test in a context, where the clients have an id to send."""
    context: Any = nullcontext()
    if os.environ.get("SUITE_CONTEXT"):
        import clew

        context = clew.context()
    with context:
        return (yield)
