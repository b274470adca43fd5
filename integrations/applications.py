"""What the tests share whose folder has an application: a server that runs it, and its README."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from clew.answers.check import check
from tests.conftest import parse_line, run_fresh
from tests.servers.server import PROGRAMS, Server

COMMANDS = {
    "uvicorn": ("uvicorn", "--host={host}", "--port={port}"),
    "hypercorn": PROGRAMS["hypercorn"].command,
}


@contextmanager
def running(command: Sequence[str], folder: Path, directory: Path) -> Iterator[Server]:
    """Run an application of *folder*; all that was asked has one record, all lines are JSON."""
    with Server(command, directory, environment={"PYTHONPATH": str(folder)}) as server:
        yield server
    assert set(server.counts().values()) == {1}
    assert not server.strays


def checked(server: Server) -> list[str | None]:
    """Return what `clew check` has against each line that the server has written, if anything."""
    return [why for _, _, why in check([str(server.directory / "stdout")])]


def messages_of_readme(folder: Path, directory: Path) -> list[str]:
    """Run the Python of a folder's README, one block after another; return its lines' messages."""
    readme = (folder / "README.md").read_text("utf-8")
    blocks = re.findall(r"^ *```python\n(.*?)```", readme, re.DOTALL | re.MULTILINE)
    script = "\n".join(["import os, sys", "os.chdir(sys.argv[1])", *map(textwrap.dedent, blocks)])
    written = run_fresh(script, str(directory)).splitlines()
    return [parse_line(line)["message"] for line in written]
