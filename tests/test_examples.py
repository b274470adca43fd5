"""The examples run: the demo with its three services, and each of the shortest files."""

from __future__ import annotations

import ast
import copy
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

import clew
from examples import checks, demo, visitors
from examples.shop import ROOT, StartError, listen, serve

pytestmark = pytest.mark.outside

SHORTEST = sorted((ROOT / "examples/shortest").glob("*.py"))
HELLO = {"X-Request-ID": "hello-1"}


# The demo, as a command.


@contextmanager
def started(
    folder: Path, *command: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run Python with *command*, its temporary files in *folder*; end it at the latest here."""
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()  # it stops its services, which a kill would not let it
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()


def processes_left(folder: Path) -> list[int]:
    """Return the ids of the servers that wrote their logs below *folder* and still run."""
    text = "".join(path.read_text() for path in folder.glob("*/*.ndjson"))
    pids = {int(pid) for pid in re.findall(r"(?:server process \[|with pid: )(\d+)", text)}
    assert len(pids) >= 3, text
    return [pid for pid in sorted(pids) if is_running(pid)]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# What the demo checks is kept, for the tests of these checks.
KEEPING = """
import pickle, sys
from pathlib import Path
from types import SimpleNamespace
from examples import checks, demo

def kept(log, seen, shop):
    for service in shop.services:
        service.process = SimpleNamespace(pid=service.process.pid)  # all that can be kept of it
    Path(sys.argv[1]).write_bytes(pickle.dumps((shop, seen, checks.read_lines(shop))))
    return checks.checks(log, seen, shop)

demo.checks = kept
sys.exit(demo.main())
"""


class Demo(NamedTuple):
    """A demo that has ended by itself."""

    folder: Path
    status: int
    output: str
    errors: str


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo to its end."""
    folder = tmp_path_factory.mktemp("demo")
    command = ("-c", KEEPING, str(folder / "kept"))
    with started(folder, *command, environment={"COLUMNS": "100"}) as process:
        output, errors = process.communicate(timeout=120)
    return Demo(folder, process.returncode, output, errors)


def test_the_demo_shows_and_checks(demonstrated: Demo) -> None:
    """The demo ends by itself with status 0, asks its logs, and leaves no process."""
    folder, status, output, errors = demonstrated
    assert (status, errors) == (0, ""), output + errors
    assert output.count("\n  ok  ") == 14, output
    for shown in (
        r"POST /orders +phone-7f3a +201 +phone-7f3a\n",
        r"GET /items/lamp +x+\.\.\. +200 +[0-9a-f-]{36}\n",
        r"GET /vouchers/SUMMER +- +500 +[0-9a-f-]{36}\n",
        r"GET /statement.csv +- +200 left +[0-9a-f-]{36}\n",
        r"\+\d+\.\d +catalogue +◆ +Read price  READ_PRICE l",
        r"\+\d+\.\d +\d[.\d]+ ms +accounts +━+ +POST /users/12345/journal 201\n",
        r"\+\d+\.\d +gateway +◆ +Purchase completed  PURCH",
        r"\+0\.0 +\d[.\d]+ ms  gateway +━+ +POST /orders 201\n",
        r"gateway +◆ +Vouchers of today: WELCOME  SUMMER kept until",
        r"catalogue +GET +/items/lamp/draw",
        r"12345 +WRITE_JOURNAL +127\.0\.0\.1 +phone-7f3a",
    ):
        assert re.search(shown, output), f"{shown}\n{output}"
    assert max(map(len, output.replace(str(folder), "").splitlines())) <= 100
    assert processes_left(folder) == []


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_demo_leaves_no_process(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """The demo stops its services also when it is interrupted."""
    with started(tmp_path, "-m", "examples.demo") as process:
        assert process.stdout is not None
        assert "three services" in process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    assert processes_left(tmp_path) == []


def test_a_service_that_does_not_start_is_shown(tmp_path: Path) -> None:
    """When a server does not start, the demo ends with status 1 and what the server wrote."""
    broken = {"GUNICORN_CMD_ARGS": "--no-such-option"}
    with started(tmp_path, "-m", "examples.demo", environment=broken) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "MISSING: accounts does not answer" in errors
    assert "unrecognized arguments: --no-such-option" in errors


# The demo's checks.


@pytest.fixture(scope="module")
def visited(demonstrated: Demo) -> Any:
    """Return a shop that was visited and has closed, what its clients saw, and its lines."""
    return pickle.loads((demonstrated.folder / "kept").read_bytes())


def test_the_demo_fails_loudly(
    visited: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line that is missing ends the demo with status 1 and a sentence that names it."""
    shop, seen, lines = visited
    record = {"service": "accounts", "logger": "clew.http", "requestId": visitors.PHONE_ID}
    kept = [line for line in lines if not checks.has(line, **record)]
    assert len(kept) == len(lines) - 1
    monkeypatch.setattr(demo, "open_shop", lambda folder: nullcontext(shop))
    monkeypatch.setattr(demo, "visit", lambda shop: seen)
    monkeypatch.setattr(demo, "read_lines", lambda shop: kept)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert demo.main() == 1
    assert capsys.readouterr().err == (
        "\nMISSING: accounts.ndjson should have one HTTPLog of POST /orders "
        "with requestId phone-7f3a, and has 0\n"
    )


Change = Callable[[Any, list[dict[str, Any]]], list[dict[str, Any]]]


def reply_of(seen: visitors.Replies, name: str) -> visitors.Reply:
    return seen.hostile["length"] if name == "hostile" else getattr(seen, name)


def without(reply: str, **wanted: object) -> Change:
    """Return a change that takes away the lines of *reply* that have the values *wanted*."""

    def change(seen: visitors.Replies, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = checks.Log(lines).of(reply_of(seen, reply))
        return [line for line in lines if line not in mine or not checks.has(line, **wanted)]

    return change


def doubled(reply: str, **wanted: object) -> Change:
    """Return a change that writes those lines twice."""

    def change(seen: visitors.Replies, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = checks.Log(lines).of(reply_of(seen, reply))
        return [*lines, *(line for line in mine if checks.has(line, **wanted))]

    return change


def lacking(reply: str, *names: str) -> Change:
    """Return a change that takes the keys *names* from the HTTPLogs of *reply*."""

    def change(seen: visitors.Replies, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines = copy.deepcopy(lines)
        for line in checks.Log(lines).of(reply_of(seen, reply)):
            if "request" in line:
                for part in (line, line["request"], line["response"]):
                    for name in names:
                        part.pop(name, None)
        return lines

    return change


def more(**line: object) -> Change:
    """Return a change that adds *line*."""
    return lambda _seen, lines: [*lines, {"logger": "app", "message": "", **line}]


CHANGES: dict[str, tuple[Change, str]] = {
    "no record": (without("slow", logger="clew.http"), "one HTTPLog of GET /report"),
    "two records": (doubled("journal", logger="clew.http", service="gateway"), "and has 2"),
    "other status": (lacking("order", "httpStatus"), "should have status 201"),
    "no line of a sibling": (
        without("order", logger="shop.catalogue"),
        "catalogue.ndjson has no application line",
    ),
    "no user": (lacking("order", "userId"), "has no userId 12345"),
    "no warning": (lacking("unauthorized", "level"), "should be a warning"),
    "no reason of refusal": (lacking("hostile", "rejectedRequestId"), "rejectedRequestId length"),
    "no outgoing record": (without("order", direction="outgoing"), "two outgoing calls"),
    "no inbound record": (
        without("deletion", service="accounts", logger="clew.http"),
        "left 0 HTTPLogs there",
    ),
    "no purchase": (without("order", action="PURCHASE_COMPLETED"), "PURCHASE_COMPLETED"),
    "no reading": (without("journal", action="READ_JOURNAL"), "READ_JOURNAL"),
    "no deletion": (without("deletion", action="DELETE"), "action = 'DELETE'"),
    "no kept line": (without("crash", kept=True), "should have kept = True"),
    "a kept line too many": (
        more(kept=True),
        "wrote what they kept",
    ),
    "no lost request": (without("killed", outcome="lost"), "0 have"),
    "no thread": (without("receipt", logger="clew.uncaught"), "clew.uncaught"),
    "no exception": (lacking("crash", "exception"), "with its KeyError"),
    "no line of the server": (without("crash", logger="uvicorn.error"), "uvicorn.error"),
    "no failed call": (without("dead_sibling", direction="outgoing"), "GET /deliveries/order-77"),
    "no abortion": (lacking("download", "outcome"), "should be aborted"),
    "an access line": (more(logger="uvicorn.access"), "access line came through"),
    "a forged line": (more(message=visitors.FORGED), "a client's newline wrote into the log"),
    "a secret": (
        lambda seen, lines: [*lines, {"logger": "app", "message": seen.secrets[0]}],
        "a password or a token stands in a line",
    ),
}


def test_the_demos_checks_hold(visited: Any) -> None:
    """What the shop logs is what the demo says it logs."""
    shop, seen, lines = visited
    assert len(list(checks.checks(checks.Log(lines), seen, shop))) == 14


def test_the_demos_checks_can_fail(visited: Any) -> None:
    """Each check finds what it is for: with a line less, or another, the demo says which."""
    shop, seen, lines = visited
    for name, (change, missing) in CHANGES.items():
        changed = change(seen, lines)
        assert changed != lines, name
        with pytest.raises(visitors.Missing) as said:
            list(checks.checks(checks.Log(changed), seen, shop))
        assert missing in str(said.value), name


# The shortest.


def command_of(file: Path) -> str:
    """Return how *file* is served: its docstring."""
    return ast.get_docstring(ast.parse(file.read_text())) or ""


@pytest.mark.parametrize("file", SHORTEST, ids=[file.stem for file in SHORTEST])
def test_the_shortest_applications_run(file: Path, tmp_path: Path) -> None:
    """Each of them, served as its docstring says, answers with the id and writes two lines."""
    command = command_of(file).split()
    with serve("app", command, tmp_path, listen(), {"HOME": str(tmp_path)}) as service:
        response = httpx.get(f"{service.url}/hello/ada", headers=HELLO, timeout=60, trust_env=False)
    assert response.text.strip('"') == "hello", service.output()
    assert response.headers.get_list("X-Request-ID") == ["hello-1"]
    lines = service.log.read_bytes().splitlines()
    mine = [line for line in lines if json.loads(line).get("requestId") == "hello-1"]
    said, record = mine
    event = msgspec.json.decode(said, type=clew.ApplicationLog)
    http = msgspec.json.decode(record, type=clew.HTTPLog)
    assert (event.message, event.action) == ("Said hello", "HELLO")
    assert http.message == "GET /hello/ada 200"
    assert "HTTP/1." not in service.output()
    assert service.is_gone()


def test_the_readme_lists_the_shortest_applications() -> None:
    """The table of the shortest files is whole, and says what their docstrings say."""
    text = (ROOT / "examples/README.md").read_text()
    assert len(SHORTEST) == 6
    for file in SHORTEST:
        assert f"(shortest/{file.name}) | `{command_of(file)}` |" in text


def test_a_server_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    """Waiting for a server that has ended ends too, and says what it wrote."""
    command = ("uvicorn", "examples.shortest.no_such_file:app")
    with (
        serve("app", command, tmp_path, listen()) as service,
        pytest.raises(StartError, match="no_such_file"),
    ):
        service.wait_until_ready()
    assert service.is_gone()
