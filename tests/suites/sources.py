"""What a suite needs: its source distribution, and an environment to run in."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from .table import PYTEST, SUITES, Suite

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "suites"
_CONSTRAINTS = ROOT / "tests" / "constraints.txt"


def constraint(project: str) -> str:
    """Return *project* with the version that the constraints file has for this Python."""
    if "==" in project:
        return project
    wanted = _canonical(project)
    for line in _CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        requirement, _, marker = line.partition(";")
        name, _, version = requirement.strip().partition("==")
        if _canonical(name) == wanted and _applies(marker):
            return f"{project}=={version}"
    raise SystemExit(f"{project} has no version in {_CONSTRAINTS}")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _applies(marker: str) -> bool:
    found = re.search(r'python_version (<|>=) "3\.(\d+)"', marker)
    if found is None:
        return True
    is_older = sys.version_info[1] < int(found[2])
    return is_older == (found[1] == "<")


def unpack(suite: Suite, folder: Path) -> Path:
    """Unpack the tests of *suite* into *folder*, anew; return where they are."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(_sdist(suite)) as archive:
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    for left in suite.without:
        shutil.rmtree(top / left, ignore_errors=True)
    return top


def _sdist(suite: Suite) -> Path:
    """Return the source distribution of *suite*; it is downloaded once."""
    pinned = constraint(suite.project)
    folder = CACHE / "sdists" / pinned.replace("==", "-")
    if not list(folder.glob("*.tar.gz")):
        name = pinned.partition("==")[0]
        _pip(sys.executable, "download", "--no-deps", "--no-binary", name, "--dest", folder, pinned)
    (archive,) = folder.glob("*.tar.gz")
    return archive


def environment(suite: Suite) -> Path:
    """Return the Python of the environment of *suite*; it is made once, and when needs change."""
    folder = CACHE / "environments" / suite.environment
    python = folder / "bin" / "python"
    sharing = [each for each in SUITES if each.environment == suite.environment]
    requires = sorted({PYTEST, "uuid-utils"}.union(*(each.requires for each in sharing)))
    constraints = CACHE / "constraints.txt"
    constraints.parent.mkdir(parents=True, exist_ok=True)
    pins = _CONSTRAINTS.read_text(encoding="utf-8")
    constraints.write_text(re.sub(r"(?m)^pytest==.*\n", "", pins), encoding="utf-8")
    wanted = hashlib.sha256("\n".join((*requires, pins)).encode()).hexdigest()
    stamp = folder / "requirements.sha256"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Installing the environment {suite.environment} (once) ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    limits = ("--constraint", constraints) if suite.constrained else ()
    _pip(python, "install", *limits, "--editable", ROOT, *requires)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _pip(python: str | Path, command: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"pip {command} failed:\n{done.stderr[-4_000:]}")
