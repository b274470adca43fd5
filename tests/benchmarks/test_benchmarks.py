"""The benchmarks run, on few lines and without a look at the times."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.outside

ROOT = Path(__file__).parents[2]


def answers(folder: Path, path: str) -> list[str]:
    """Run the benchmark of the answers with *path* as PATH; return what it printed."""
    command = [sys.executable, "-m", "tests.benchmarks.answers", "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--lines", "4000", "--rounds", "1"],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("tools", [True, False], ids=["with the tools", "without"])
def test_answers_are_measured(tmp_path: Path, tools: bool) -> None:
    """Each command has its row, and a tool that is missing its line to install it."""
    printed = answers(tmp_path, os.environ["PATH"] if tools else "")
    rows = [
        "clew report, 4,000 lines",
        "clew report loaded, 4,000 lines",
        "clew report, 1,000 lines",
        "clew ask slowest, 4,000 lines",
        "clew ask slowest loaded, 4,000 lines",
        "clew timeline, 4,000 lines",
        "clew load, 4,000 lines",
        "clew --help",
        "duckdb, 4,000 lines",
    ]
    others = {"jq": "jq, ", "goaccess": "goaccess report, ", "rg": "rg one", "lnav": "lnav one"}
    for tool, row in others.items():
        if tools and shutil.which(tool):
            rows.append(row)
        else:
            package = {"rg": "ripgrep"}.get(tool, tool)
            missing = f"{tool} is missing, its rows are left out: apt-get install {package}"
            assert missing in printed
    for row in rows:
        assert sum(line.startswith(row) for line in printed) == 1, row


BENCH = ("asgi_correlation_id", "starlette_context", "structlog", "loguru", "orjson")
ROWS = {
    "asgi": (
        "clew: the id alone",
        "clew: everything, a FileHandler, uuid6",
        "uvicorn's access line",
    ),
    "wsgi": ("One Flask request, its id made", "django-structlog, two lines"),
    "lines": ("clew's Logger, configure_logging", "structlog, BytesLogger and orjson"),
    "masking": ("bearers and spaces",),
    "outgoing": ("clew: the id and a record, configure_logging",),
    "imports": ("import clew, beyond it",),
    "memory": ("a request in flight",),
}


@pytest.mark.parametrize("part", ROWS)
def test_costs_are_measured(part: str, tmp_path: Path) -> None:
    """Each part prints its rows, after it has checked the lines that each of them wrote."""
    for package in (*BENCH, "django_guid", "log_request_id", "django_structlog"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make bench installs it")
    plot = tmp_path / "plot.svg"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.benchmarks",
            "--rounds",
            "1",
            "--share",
            "0.1",
            "--plot",
            str(plot),
            part,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for row in ROWS[part]:
        assert row in done.stdout
    assert plot.exists() == (part == "asgi")
