"""What other tools make of the same file: each is given what it is good at."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from .rows import Log, Row, require

# What a person would type to begin with "slowest"; sorting and the 95th percentile would follow.
JQ = (
    'fromjson? | objects | select(.response and .direction != "outgoing")'
    " | [.request.method, .request.route // .request.path, .response.responseTime] | @tsv"
)
# Every field that GoAccess has a place for.
LOG_FORMAT = (
    '{"createdAt":"%x","service":"%v","userId":"%e",'
    '"request":{"method":"%m","path":"%U","query":"%q","ipAddress":"%h"},'
    '"response":{"httpStatus":"%s","responseTime":"%L","bodySize":"%b"}}'
)
MILLISECONDS = "%*"
# What somebody with DuckDB alone would write; it samples the file to find the types.
DUCKDB = """
import sys, duckdb
duckdb.sql("SET enable_progress_bar = false")
rows = duckdb.sql(f'''
    SELECT request.method, coalesce(request.route, request.path) AS endpoint, count(*),
        quantile_cont(response.responseTime, 0.5), quantile_cont(response.responseTime, 0.95) AS p95
    FROM read_json($path, ignore_errors = true, union_by_name = true)
    WHERE request IS NOT NULL AND direction IS NULL GROUP BY ALL ORDER BY p95 DESC
''', params={"path": sys.argv[1]}).fetchall()
print(sum(row[2] for row in rows))
"""


def jq(log: Log, folder: Path) -> Row:  # noqa: ARG001 - all are made alike
    """Return the row of jq, which shall find every inbound request."""
    name = f"jq, {log.lines:,} lines"

    def check(output: Path, _: str) -> None:
        with output.open("rb") as lines:
            require(name, sum(1 for _ in lines), log.requests)

    return Row(name, ["jq", "-rR", JQ, str(log.path)], check)


def goaccess(log: Log, folder: Path) -> Row:
    """Return the row of GoAccess, which shall count every inbound request as valid."""
    name, html = f"goaccess report, {log.lines:,} lines", folder / "goaccess.html"

    def check(_: Path, said: str) -> None:
        valid = re.findall(r'"valid_requests": (\d+)', html.read_text("utf-8"))
        require(f"{name} {said}".strip(), valid, [str(log.requests)])

    options = [
        "--no-global-config",
        "--no-progress",
        f"--log-format={LOG_FORMAT}",
        f"--datetime-format={MILLISECONDS}",
        f"--date-format={MILLISECONDS}",
        f"--time-format={MILLISECONDS}",
    ]
    return Row(name, ["goaccess", str(log.path), *options, "-o", str(html)], check)


def ripgrep(log: Log, folder: Path) -> Row:  # noqa: ARG001 - all are made alike
    """Return the row of ripgrep, which shall find the lines of one request."""
    return _search("rg one id", ["rg", "-N", "-F", log.request], log)


def lnav(log: Log, folder: Path) -> Row:  # noqa: ARG001 - all are made alike
    """Return the row of lnav without its screen, which shall show the lines of one request."""
    return _search("lnav one id", ["lnav", "-n", "-c", f":filter-in {log.request}"], log)


def _search(name: str, command: list[str], log: Log) -> Row:
    name = f"{name}, {log.lines:,} lines"

    def check(output: Path, _: str) -> None:
        found = sum(log.request in line for line in output.read_text().splitlines())
        require(name, found, log.request_lines)

    return Row(name, [*command, str(log.path)], check)


def duckdb(log: Log, folder: Path) -> Row:  # noqa: ARG001 - all are made alike
    """Return the row of DuckDB's own module, which shall count every inbound request."""
    name = f"duckdb, {log.lines:,} lines"

    def check(output: Path, _: str) -> None:
        require(name, output.read_text(), f"{log.requests}\n")

    return Row(name, [sys.executable, "-c", DUCKDB, str(log.path)], check)


# By the name of their command; DuckDB's is Python's.
OTHERS: dict[str, Callable[[Log, Path], Row]] = {
    "jq": jq,
    "goaccess": goaccess,
    "rg": ripgrep,
    "lnav": lnav,
}
PACKAGES = {"rg": "ripgrep"}
