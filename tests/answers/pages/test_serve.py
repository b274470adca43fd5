"""The server of the live page: whom it answers, with which headers, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.pages.serve import Guard, listen
from tests.answers.shop_lines import shop, write
from tests.rows import each_row

from .served import served

SERVE = """
import sys
from functools import partial
from clew import answers
from clew.answers.pages.serve import listen, serve
with (
    listen(sys.argv[2], int(sys.argv[3])) as listener,
    answers.open(sys.argv[1], growing=True) as logs,
):
    warn = partial(print, file=sys.stderr)
    serve(logs, listener, host=sys.argv[2], announce=partial(print, flush=True), warn=warn)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of the small shop's log."""
    return write(tmp_path / "shop.ndjson", shop())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of the small shop's page."""
    log = write(tmp_path_factory.mktemp("shop") / "shop.ndjson", shop())
    with answers.open(log) as logs, served(logs) as client:
        yield client


@pytest.mark.parametrize("url", ["/", "/nothing", "/style.css", "/icon.svg", "/?since=x", "/q/x"])
def test_headers(client: httpx.Client, url: str) -> None:
    """Every answer forbids scripts, foreign content, frames, guessing, storing and referrers."""
    headers = client.get(url).headers
    policy = headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert not any("unsafe" in part or "script" in part for part in policy)
    assert {"base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= set(policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@each_row("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods(client: httpx.Client, method: str) -> None:
    """Only GET and HEAD are answered."""
    response = client.request(method, "/")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert "content-security-policy" in response.headers


def test_head(client: httpx.Client) -> None:
    """HEAD has the headers of GET."""
    assert client.head("/q/slowest").status_code == 200


@each_row("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "127.0.0.1:8321"])
def test_hosts_that_are_answered(client: httpx.Client, host: str) -> None:
    """127.0.0.1 and localhost are answered, on any port."""
    assert client.get("/", headers={"Host": host}).status_code == 200


@each_row(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80", ""]
    + ["127.0.0.1@evil.example", "0.0.0.0", "[::1]", "127.0.0.2", "localhost:x", "127.0.0.1:"],
)
def test_hosts_that_are_refused(client: httpx.Client, host: str) -> None:
    """Any other host is refused, so that no foreign name can be pointed at the page."""
    response = client.get("/", headers={"Host": host})
    assert response.status_code == 400 and "Requests" not in response.text


def test_two_hosts_are_refused() -> None:
    """A request with two hosts, or with none, is refused."""
    guard = Guard(lambda *_: None, "127.0.0.1")  # type: ignore[arg-type]
    assert not guard._admits([b"127.0.0.1", b"evil.example"])
    assert not guard._admits([])


@pytest.mark.parametrize(
    ("given", "host", "known"),
    [
        ("shop.internal", b"shop.internal:8321", True),
        ("shop.internal", b"localhost", True),
        ("shop.internal", b"10.0.0.7", False),
        ("0.0.0.0", b"10.0.0.7:8321", True),
        ("::", b"[2001:db8::7]:8321", True),
        ("0.0.0.0", b"evil.example", False),
        ("::1", b"[::1]:8321", True),
    ],
)
def test_the_host_that_was_asked_for(given: str, host: bytes, known: bool) -> None:
    """The given host is answered too; of all addresses each, but no further name."""
    guard = Guard(lambda *_: None, given)  # type: ignore[arg-type]
    assert guard._admits([host]) is known


@contextmanager
def command(path: Path, host: str = "127.0.0.1", port: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Serve a log from a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path), host, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
    finally:
        process.kill()


@pytest.mark.outside
@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_warns_of_others(path: Path, host: str, warned: bool) -> None:
    """Where other machines can open the pages, too, it says so before they can."""
    with command(path, host) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("http://")
        process.terminate()
        said = process.stderr.read()
    assert said.startswith("0.0.0.0 is not only this machine: whoever reaches port") is warned


@pytest.mark.outside
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_when_told(path: Path, number: signal.Signals) -> None:
    """It prints where it is, and ends with status 0 on a signal, whoever is still connected."""
    with command(path) as process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with httpx.Client(base_url=address) as client:  # keeps its connection
            assert client.get("/").status_code == 200
            process.send_signal(number)
            assert process.wait(10) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


@pytest.mark.outside
def test_stops_while_it_answers(path: Path) -> None:
    """A page that is being made when the server is stopped breaks nothing."""
    with command(path) as process, ThreadPoolExecutor(1) as thread:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().strip()

        def ask() -> None:
            while True:
                httpx.get(address)

        asking = thread.submit(ask)
        assert httpx.get(address).is_success
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        with pytest.raises(httpx.TransportError):
            asking.result(20)
        assert process.stderr.read() == ""


@pytest.mark.outside
def test_warns_when_others_can_read(path: Path) -> None:
    """At an address that others reach it warns, on stderr."""
    with command(path, host="0.0.0.0") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("http://0.0.0.0:")
        process.send_signal(signal.SIGTERM)
        assert "can read the logs" in process.stderr.read()
        assert process.wait(10) == 0


def test_a_port_in_use() -> None:
    """A port in use is one sentence that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AnswerError, match=f"Port {port} of 127.0.0.1 is in use; give another"):
            listen("127.0.0.1", port)


def test_no_such_address() -> None:
    """A host that is none is one sentence."""
    with pytest.raises(AnswerError, match="There is no address 'no host' to listen at"):
        listen("no host", 0)


def test_an_address_of_another_machine() -> None:
    """An address that this machine does not have is one sentence."""
    with pytest.raises(AnswerError, match=r"Port 0 of 192\.0\.2\.1 cannot be listened at"):
        listen("192.0.2.1", 0)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may listen anywhere")
def test_a_port_of_root() -> None:
    """A port that only root may take is one sentence."""
    with pytest.raises(AnswerError, match="Port 1 of 127.0.0.1 cannot be listened at"):
        listen("127.0.0.1", 1)
