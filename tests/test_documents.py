"""The documents are true: links lead somewhere, lines fit the schema, Python runs, and the README's
commands answer what it shows.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew.answers.check import check
from docs.links import file_of, is_outside, links
from examples import visitors
from examples.shop import open_shop
from tests.conftest import parse_line, run_fresh
from tests.rows import each_row

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", ".github/*.md", "*/*.md", "*/*/*.md")
    for path in ROOT.glob(pattern)
    if path.relative_to(ROOT).parts[0] not in ("build", "dist")
)
README = (ROOT / "README.md").read_text("utf-8")
# Their blocks speak of what the text around them tells of: the tests beside them run these,
# or it is Django's newest.
RUN_BESIDE = (
    "integrations/django_tasks/README.md",
    "integrations/graphql/README.md",
    "integrations/outgoing/README.md",
    "integrations/pytest/README.md",
)


def blocks(document: str, language: str) -> list[str]:
    """Return the blocks of a document that are in a language."""
    text = (ROOT / document).read_text("utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, block in found]


def places(document: Path) -> set[str]:
    """Return the places in a document that a link can name: its headings, as both GitHub and the
    site write them.
    """
    text = re.sub(
        r"^ *```.*?^ *```", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.skipif(not (ROOT / "src").exists(), reason="the wheel is tested, without src/")
@each_row("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Each link within the repository leads to a file that is there, and to a heading of it."""
    wrong = []
    for target in links((ROOT / document).read_text("utf-8")):
        if is_outside(target) and not target.startswith("#"):
            continue
        path, anchor = file_of(document, target)
        file = ROOT / document if target.startswith("#") else ROOT / path
        if not file.exists() or (anchor and anchor not in places(file)):
            wrong.append(target)
    assert not wrong


@each_row("document", DOCUMENTS)
def test_lines_that_are_shown_fit_the_schema(document: str, tmp_path: Path) -> None:
    """Each whole line of clew's that a document shows is one, by `clew check`."""
    lines = [
        line
        for block in blocks(document, "json")
        for line in block.splitlines()
        if '"createdAt"' in line and "..." not in line.replace('"..."', "")
    ]
    file = tmp_path / "shown.ndjson"
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    assert [why for _, _, why in check([str(file)]) if why] == []


def runs() -> Iterator[Any]:
    """Give the documents whose Python is run here."""
    for document in DOCUMENTS:
        if document in RUN_BESIDE or not blocks(document, "python"):
            continue
        # What stands around an application takes its packages a second to load.
        marks = pytest.mark.outside if document.startswith("integrations/") else ()
        yield pytest.param(document, marks=marks)


# A dialogue with the interpreter is a test of its own, with the names that are there.
_DIALOGUE = """
import doctest
_test = doctest.DocTestParser().get_doctest({block!r}, globals(), "a dialogue", None, 0)
assert not doctest.DocTestRunner().run(_test).failed
"""


def script_of(document: str) -> str:
    """Return the Python of a document, one block after another; clew is there."""
    parts = [
        _DIALOGUE.format(block=block) if block.startswith(">>>") else block
        for block in blocks(document, "python")
    ]
    return "\n".join(["import clew", *parts])


@each_row("document", RUN_BESIDE)
def test_python_is_python(document: str) -> None:
    """What is run elsewhere, or wants a project around it, is Python at least."""
    for block in blocks(document, "python"):
        compile(block, document, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("document", list(runs()))
def test_python_runs(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of a document runs, one block after another; what it writes are lines."""
    monkeypatch.setenv("CLEW_REDACT_KEY", "ab" * 32)
    script = script_of(document)
    for module in sorted(imported(script)):
        if module.startswith("clew."):
            pytest.importorskip(module, exc_type=ImportError)
        elif importlib.util.find_spec(module.partition(".")[0]) is None:
            pytest.skip(f"{module} is not installed")
    written = run_fresh(f"import os, sys\nos.chdir(sys.argv[1])\n{script}", str(tmp_path))
    for line in written.splitlines():
        if line.startswith("{"):
            parse_line(line)


def imported(script: str) -> set[str]:
    """Return the modules that a script imports."""
    names = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


# The commands of the README.

CONSOLE = "".join(blocks("README.md", "console"))
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
    assert len(COMMANDS) == CONSOLE.count("$ clew ") >= 2


def test_the_readme_is_short() -> None:
    """The README fits into 150 lines: what is more belongs to a page of docs/."""
    assert README.count("\n") <= 150
