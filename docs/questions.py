"""The questions with the answers that they really get, of the logs of the examples' shop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from clew.answers import QUESTIONS
from examples import visitors
from examples.shop import open_shop

# What is asked about, where a question has to be told.
_ABOUT = {
    "action": "PURCHASED_ITEM",
    "value": "user:12345",
    "request": "phone-7f3a",
    "status": "404",
    "slower_than": "p95",
}
_OTHERS = {"access": {"action": "READ_JOURNAL"}, "revenue": {"action": "PURCHASE_COMPLETED"}}


def answered(folder: Path) -> str:
    """Return a section for each question: what it is for, the command, and its answer.

    *folder* gets the logs: an ordinary day of the shop, and a bad one.
    """
    with open_shop(folder) as shop:
        visitors.visit(shop)
    return "\n".join(_section(name, folder) for name in QUESTIONS)


def _section(name: str, folder: Path) -> str:
    question = QUESTIONS[name]
    command = " ".join(["clew", "ask", name, ".", *_options(name)])
    return "\n".join(
        [
            f"## {name}",
            "",
            f"{question.title}. {question.purpose}",
            "",
            "```console",
            f"$ {command}",
            _run(command, folder),
            "```",
            "",
            f"Narrowed by {', '.join(f'`--{_flag(each)}`' for each in question.parameters)}.",
            "",
        ]
    )


def _options(name: str) -> Iterator[str]:
    about = _ABOUT | _OTHERS.get(name, {})
    for parameter in QUESTIONS[name].requires or (("slower_than",) if name == "why" else ()):
        yield f"--{_flag(parameter)} {about[parameter]}"


def _flag(parameter: str) -> str:
    return parameter.replace("_", "-")


def _run(command: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())
