"""The benchmarks run, on few lines and without a look at the times."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def answers(folder: Path, path: str) -> list[str]:
    """Run the benchmark of the answers with *path* as PATH; return what it printed."""
    command = [sys.executable, "-m", "tests.benchmarks.answers", "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--lines", "4000", "--small", "2000", "--rounds", "1"],
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
        "clew report, 2,000 lines",
        "clew report, 1,000 lines",
        "clew ask slowest, 2,000 lines",
        "clew --help",
    ]
    for tool, row in (("jq", "jq, 4,000"), ("goaccess", "goaccess report, 4,000")):
        if tools and shutil.which(tool):
            rows.append(row)
        else:
            missing = f"{tool} is missing, its rows are left out: apt-get install {tool}"
            assert missing in printed
    for row in rows:
        assert sum(line.startswith(row) for line in printed) == 1, row
