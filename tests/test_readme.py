"""The README is true: its commands answer what it shows, and its Python runs."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import clew
import clew.httpx
from examples import visitors
from examples.shop import open_shop

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = "".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))
# Each command with what it shows.
COMMANDS = dict(re.findall(r"^\$ (clew .*)\n((?:(?!\$ ).*\n)*)", CONSOLE, re.MULTILINE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the demo's logs."""
    folder = tmp_path_factory.mktemp("shop")
    with open_shop(folder) as shop:
        visitors.visit(shop)
    return folder


def alike(output: str) -> list[str]:
    """Return the lines of *output* without what no two runs share: times, made ids, gaps."""
    lines = []
    for line in output.splitlines():
        if "┄" in line:
            continue
        line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", line)
        line = re.sub(r"\d+-\d\d-\d\d \d\d:\d\d:[\d.]+", "<time>", line)
        line = re.sub(r"\+?\d+\.\d+( ms)?|\+\d+|\d+ ms", "<length>", line)
        line = re.sub(r"[━─◆█▏▎▍▌▋▊▉]+", "", line)
        words = re.sub(r"\s+", " ", line).strip()
        # How much of a text is shown depends on the width of the times before it.
        lines.append(words.split("…")[0][:50])
    # Two events of one millisecond may stand in either order.
    return sorted(lines)


@pytest.mark.outside
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_what_is_shown(command: str, folder: Path) -> None:
    """Each command, in the folder of the demo's logs, writes what the README says it writes."""
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    shown = COMMANDS[command]
    if "json" in command:
        assert json.loads(done.stdout) == json.loads(shown)
    assert alike(done.stdout) == alike(shown.strip("\n"))


def test_the_commands_are_found() -> None:
    """No command of the README is left out above."""
    assert len(COMMANDS) == CONSOLE.count("$ clew ") == 5


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_the_python_runs(
    code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, restored_logging: None
) -> None:
    """Each block of Python runs, with the names that the text around it speaks of."""
    monkeypatch.chdir(folder)
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        names: dict[str, Any] = {
            "clew": clew,
            "httpx": httpx,
            "__name__": "shop",
            "executor": executor,
            "work": len,
            "item": "item",
        }
        exec(compile(code, "README.md", "exec"), names)  # noqa: S102
