"""What is made when the site is built: what commands say of themselves, and the real answers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from clew.answers import QUESTIONS
from clew.answers.cli.commands import cli
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


def answers() -> str:
    """Return a section for each question: the command, and its answer, which says what it is for,
    of the logs of the examples' shop, which has an ordinary day, and a bad one.
    """
    with tempfile.TemporaryDirectory() as folder:
        with open_shop(Path(folder)) as shop:
            visitors.visit(shop)
        return "\n".join(_section(name, Path(folder)) for name in QUESTIONS)


def commands() -> str:
    """Return what each command says of itself."""
    helps = ["clew --help", *(f"clew {name} --help" for name in cli.commands)]
    return "\n".join(
        f"## {command.removesuffix(' --help')}\n\n```text\n{_run(command, Path())}\n```\n"
        for command in helps
    )


# What stands in a page in their place.
MARKS: dict[str, Callable[[], str]] = {
    "<!-- answers -->": answers,
    "<!-- commands -->": commands,
}


def _section(name: str, folder: Path) -> str:
    command = " ".join(["clew", "ask", name, ".", *_options(name)])
    narrowed = ", ".join(f"`--{_flag(each)}`{{.option}}" for each in QUESTIONS[name].parameters)
    shown = _run(command, folder)
    return f"## {name}\n\n```console\n$ {command}\n{shown}\n```\n\nNarrowed by {narrowed}.\n"


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
