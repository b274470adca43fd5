"""nginx in front of uvicorn and gunicorn: one id, and one valid line a request."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

import clew
from clew import answers
from clew.answers.check import check
from clew.answers.lookups import REQUEST_EVENTS
from clew.answers.query import Query
from clew.answers.timeline import timeline_of
from integrations.nginx.edge import BINARIES, HERE, Edge, binary
from tests.rows import each_row
from tests.servers.server import PATIENCE, Server, fresh_id, receive, until

pytest.importorskip("fastapi", reason="pip install fastapi")
pytest.importorskip("flask", reason="pip install flask")

SECRET = "s3cr3t"
HEADERS = HERE / "clew-headers.conf"
HALF = b"\r\nHo"  # the client leaves in the middle of a header
FOUR_KIB = "x" * 4096


@dataclass(frozen=True)
class Services:
    """The applications, each on its server, and an address on which nobody listens."""

    gateway: Server
    stock: Server
    old: Server
    nobody: int

    def servers(self, directory: Path) -> str:
        """Return the server block in front of them."""
        return f"""
    upstream pair {{
        server 127.0.0.1:{self.nobody} weight=1000 max_fails=0;
        server 127.0.0.1:{self.gateway.port} max_fails=0;
    }}
    server {{
        listen LISTEN;
        listen unix:{directory}/edge.sock;
        include {HEADERS};
        client_max_body_size 8m;
        gzip on;
        gzip_min_length 1;
        gzip_types *;
        proxy_http_version 1.1;
        location / {{ proxy_pass http://127.0.0.1:{self.gateway.port}; }}
        location /items/ {{ proxy_pass http://127.0.0.1:{self.stock.port}; }}
        location /old {{ proxy_pass http://unix:{self.old.unix_socket}; }}
        location /dead {{ proxy_pass http://127.0.0.1:{self.nobody}; }}
        location = /tried {{ proxy_pass http://pair; }}
        location /small {{
            client_max_body_size 1k;
            proxy_pass http://127.0.0.1:{self.gateway.port};
        }}
        location /files/ {{ root {directory}; }}
        location /moved {{ return 302 /; }}
        location /silent {{ return 444; }}
        location ~ ^/captured/(.+)$ {{
            proxy_set_header X-Captured $1;
            include {HEADERS};
            proxy_pass http://127.0.0.1:{self.gateway.port};
        }}
        location /socket {{
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            include {HEADERS};
            proxy_pass http://127.0.0.1:{self.gateway.port};
        }}
    }}
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Start the applications."""

    def serve(*command: str, unix_socket: str | None = None) -> Server:
        where = tmp_path_factory.mktemp("s")
        server = Server(command, where, unix_socket=unix_socket, environment=environment)
        return up.enter_context(server)

    environment = {"PYTHONPATH": str(HERE.parent.parent)}
    gunicorn = ("gunicorn", "--worker-class=gthread", "--threads=4")
    apps = "integrations.nginx.apps"
    with ExitStack() as up, closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        stock = serve(*gunicorn, "--bind={host}:{port}", f"{apps}.stock:app")
        at = "old.sock"
        old = serve(*gunicorn, f"--bind=unix:{at}", f"{apps}.without_clew:app", unix_socket=at)
        environment["STOCK_URL"] = f"http://127.0.0.1:{stock.port}"
        gateway = serve("uvicorn", "--host={host}", "--port={port}", f"{apps}.gateway:app")
        yield Services(gateway, stock, old, nobody.getsockname()[1])


@pytest.fixture(scope="module", params=BINARIES)
def edge(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    """Start nginx in front of them; at its end, see that all its lines were good."""
    found = binary(request.param)
    directory = tmp_path_factory.mktemp("e")
    (directory / "files").mkdir()
    (directory / "files" / "a.txt").write_text("a file")
    with Edge(found, directory, services.servers(directory)) as edge:
        yield edge
        edge.lines()
    assert edge.strays == []
    assert [why for _, _, why in check([str(edge.log)]) if why] == []
    assert SECRET not in edge.log.read_text()


def line_of(edge: Edge, sent: bytes) -> dict[str, object]:
    """Send bytes to nginx, read until it closes, and return the one line that it wrote."""
    edge.record(fresh_id_of_nothing(edge))
    before = len(edge.lines())
    with edge.connect() as connection:
        connection.sendall(sent)
        if sent.endswith(HALF):  # nginx takes a closed half for a client that has left
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    edge.settled(barrier := fresh_id_of_nothing(edge))
    added = [line for line in edge.lines()[before:] if line["requestId"] != barrier]
    assert len(added) == 1, added
    return added[0]


def fresh_id_of_nothing(edge: Edge) -> str:
    """Ask for a file that nginx serves itself, and return the request's id."""
    edge.ask("/files/a.txt", request_id := fresh_id())
    return request_id


def get(path: str = "/", *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: shop.test", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# The configuration.


def test_nginx_accepts_the_configuration(edge: Edge) -> None:
    """nginx -t finds no error in the files, and nothing to warn of."""
    command = [edge.binary, *edge.options(), "-t"]
    tested = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert tested.returncode == 0, tested.stderr
    assert "[" not in tested.stderr  # [warn], [alert]


@pytest.mark.parametrize(
    ("option", "reason"), [("--no-proxy-headers", None), ("--proxy-headers", "untrusted")]
)
def test_the_readme(edge: Edge, tmp_path: Path, option: str, reason: str | None) -> None:
    """The README's server block and options are complete: the application believes nginx, which
    uvicorn must not have replaced as the peer by what X-Forwarded-For says."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (HERE / "README.md").read_text(), re.DOTALL)
    block = block.replace("listen 80;", "listen LISTEN;").replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "snippets").symlink_to(HERE)
    (tmp_path / "behind").mkdir()
    command = ("uvicorn", "--port={port}", option, "integrations.nginx.apps.behind:app")
    environment = {"PYTHONPATH": str(HERE.parent.parent)}
    with Server(command, tmp_path / "behind", environment=environment) as behind:
        block = block.replace("127.0.0.1:8000", f"127.0.0.1:{behind.port}")
        with Edge(edge.binary, tmp_path, block) as documented:
            forwarded = [("X-Forwarded-For", "203.0.113.9")]
            answer = documented.ask("/there", "readme-1", headers=forwarded)
            assert answer.request_id == "readme-1"
            line = until(lambda: (tmp_path / "clew.log").read_text() or None, "the line")
            assert json.loads(line)["requestId"] == "readme-1"
        record = behind.line(lambda line: line.get("request", {}).get("path") == "/there", "it")
    assert record["request"].get("rejectedRequestId") == reason
    assert (record["requestId"] == "readme-1") is (reason is None)
    assert record["request"]["ipAddress"] == "203.0.113.9"


# The id.


def test_an_inbound_id_is_taken_over_by_clews_rule(edge: Edge) -> None:
    """What clew would take over is taken over by nginx, and nothing else."""
    for value in (
        *("a", "a" * 200, "9fk3/+=.~_:@-Z", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba9-01"),
        *("a" * 201, "a b", "a\tb", 'a"b', "a\\b", "{}", "<script>", "a;b", "ä", "%0a", "a,b"),
        *("$1", "\u00ff" * 300, "a" * 200 + "!", "é" * 150),
    ):  # fmt: skip
        line = line_of(edge, get("/files/a.txt", f"X-Request-ID: {value}"))
        request = line["request"]
        assert isinstance(request, dict)
        if clew.is_safe_id(value):
            assert line["requestId"] == request["headers"]["requestId"] == value
            assert request["requestIdFrom"] == "client"
            assert "rejectedRequestId" not in request
        else:
            reason = "duplicate" if "," in value else "length" if len(value) > 200 else "charset"
            assert (value, request["rejectedRequestId"]) == (value, reason)
            assert re.fullmatch("[0-9a-f]{32}", str(line["requestId"]))
            assert "requestIdFrom" not in request


def test_an_id_is_made(edge: Edge) -> None:
    """A request without an id, or with an empty one, gets one of nginx's."""
    for headers in [(), ("X-Request-ID:",), ("X-Request-ID:   ",)]:
        line = line_of(edge, get("/files/a.txt", *headers))
        assert re.fullmatch("[0-9a-f]{32}", str(line["requestId"]))
        assert line["request"]["requestIdFrom"] == "nginx"  # type: ignore[index]


def test_several_ids(edge: Edge, services: Services) -> None:
    """Of several ids none is taken over, as far as nginx knows them; the application gets one."""
    line = line_of(edge, get("/", "X-Request-ID: one-1", "X-Request-ID: two-2"))
    request = line["request"]
    assert isinstance(request, dict)
    if edge.joins_headers:
        assert request["rejectedRequestId"] == "duplicate"
    else:
        assert line["requestId"] == "one-1"
    record = services.gateway.record(str(line["requestId"]))
    assert record.request.rejected_request_id is None


ANSWERED = ("/", "/own", "/items/lamp", "/old", "/old/broken", "/crash", "/nowhere", "/files/none")


def test_the_client_gets_the_id_once(edge: Edge) -> None:
    """Exactly one header comes back, with the id of the line, whatever the application set."""
    for path, request_id in product(ANSWERED, (fresh_id(), None)):
        answer = edge.ask(path, request_id and f"{request_id}{path}")
        assert edge.record(answer.request_id).response.http_status == answer.status
        assert request_id is None or answer.request_id == f"{request_id}{path}"


def test_the_client_gets_the_id_with_what_nginx_answers(edge: Edge) -> None:
    """nginx's own redirects and errors carry the header, too."""
    for path in ["/dead", "/moved", "/small"]:
        headers = [("Content-Length", "2000")] if path == "/small" else []
        answer = edge.ask(path, request_id := fresh_id(), headers=headers)
        assert answer.request_id == request_id
        assert answer.status in {302, 413, 502}


def test_the_application_gets_the_id(edge: Edge, services: Services) -> None:
    """What nginx chose is what clew takes over, and what an application without it can read."""
    answer = edge.ask("/items/lamp", headers=[("X-Request-ID", "not good")])
    assert services.stock.record(answer.request_id).request.rejected_request_id is None
    answer = edge.ask("/old", headers=[("X-Request-ID", "not good")])
    assert answer.body.decode() == answer.request_id


def test_captures_of_a_location_survive(edge: Edge) -> None:
    """$1 of a location's expression can be used beside the header."""
    for inbound in ["X-Request-ID: abc", "X-Other: a"]:
        name, _, value = inbound.partition(": ")
        answer = edge.ask("/captured/one-two-three", headers=[(name, value)])
        assert answer.status == 200
        assert answer.body.decode() == f"one-two-three ['{answer.request_id}']"


# The line.


def test_a_line(edge: Edge, services: Services) -> None:
    """A line has all that an HTTPLog has, and the upstream's times."""
    began = time.time() * 1000
    edge.ask(f"/slow?page=2&token={SECRET}#{SECRET}", request_id := fresh_id())
    record = edge.record(request_id)
    (line,) = edge.of(request_id)
    assert began - 10 <= line["createdAt"] <= time.time() * 1000 + 10
    times = [line["response"].pop("responseTime"), line["upstream"].pop("responseTime")]
    times += [line["upstream"].pop("headerTime")]
    assert all(100 <= each <= PATIENCE * 1000 for each in times)
    line["upstream"].pop("connectTime")
    seconds = float(line["upstream"].pop("seconds"))
    assert seconds * 1000 == pytest.approx(times[1])
    assert line == {
        "level": "info",
        "message": "GET /slow 200",
        "createdAt": record.created_at,
        "logger": "nginx.access",
        "service": "nginx",
        "requestId": request_id,
        "request": {
            "method": "GET",
            "path": "/slow",
            "ipAddress": "127.0.0.1",
            "headers": {"requestId": request_id},
            "requestIdFrom": "client",
        },
        "response": {"httpStatus": 200, "bodySize": len("slow")},
        "completion": "OK",
        "upstream": {"address": f"127.0.0.1:{services.gateway.port}", "status": "200"},
    }


def test_seconds_become_milliseconds(edge: Edge) -> None:
    """More than a second is more than a thousand milliseconds, with three decimals."""
    edge.ask("/last?seconds=1.03", request_id := fresh_id())
    record = edge.record(request_id)
    assert 1000 <= record.response.response_time <= PATIENCE * 1000
    (text,) = [each for each in edge.log.read_text().splitlines() if request_id in each]
    assert len(re.findall(r'"responseTime":1\d{3,4}\.000\b', text)) == 2
    assert len(re.findall(r'"headerTime":1\d{3,4}\.000\b', text)) == 1


LEVELS = (
    ("/", 200, "info"),
    ("/moved", 302, "info"),
    ("/files/none", 404, "warning"),
    ("/nowhere", 404, "warning"),
    ("/old/broken", 500, "danger"),
    ("/crash", 500, "danger"),
    ("/dead", 502, "danger"),
)


@each_row(("path", "status", "level"), LEVELS)
def test_the_level_is_by_status(edge: Edge, path: str, status: int, level: str) -> None:
    """A 4xx is a warning and a 5xx danger, whoever answered."""
    edge.ask(path, request_id := fresh_id())
    record = edge.record(request_id)
    assert (record.response.http_status, record.level) == (status, level)
    assert record.message == f"GET {path} {status}"


def test_a_dead_upstream(edge: Edge, services: Services) -> None:
    """A 502 names the address that could not be reached."""
    edge.ask("/dead", request_id := fresh_id())
    edge.settled(request_id)
    (line,) = edge.of(request_id)
    upstream = line["upstream"]
    assert upstream["address"] == f"127.0.0.1:{services.nobody}"
    assert (upstream["status"], upstream["headerTime"]) == ("502", None)
    assert line["response"]["httpStatus"] == 502


def test_a_second_try(edge: Edge, services: Services) -> None:
    """Both tries are told; the times are those of the second."""
    answer = edge.ask("/tried", request_id := fresh_id())
    assert answer.status == 200
    edge.settled(request_id)
    (line,) = edge.of(request_id)
    upstream = line["upstream"]
    assert upstream["address"] == f"127.0.0.1:{services.nobody}, 127.0.0.1:{services.gateway.port}"
    assert upstream["status"] == "502, 200"
    assert upstream["responseTime"] == pytest.approx(
        float(upstream["seconds"].rpartition(", ")[2]) * 1000
    )
    assert upstream["headerTime"] is not None


def test_nginx_answered_itself(edge: Edge) -> None:
    """Without an upstream, its times are null."""
    edge.ask("/files/a.txt", request_id := fresh_id())
    edge.settled(request_id)
    (line,) = edge.of(request_id)
    assert set(line["upstream"].values()) == {"", None}


SENT = (
    (get("/files/a.txt", method="HEAD"), "HEAD /files/a.txt 200"),
    (get("/", method="HEAD"), "HEAD / 200"),
    (get("/", version="1.0"), "GET / 200"),
    (b"GET /files/a.txt\r\n", "GET /files/a.txt 200"),
    (get("/", "Accept-Encoding: gzip"), "GET / 200"),
    (get("/large"), "GET /large 200"),
    (get("/large", "Accept-Encoding: gzip"), "GET /large 200"),
    (get("/upload", "Content-Length: 2000000", method="POST") + b"x" * 2_000_000,
     "POST /upload 200"),
    (get("/small", "Content-Length: 2000", method="POST") + b"x" * 2000, "POST /small 413"),
    (get("/files/", method="DELETE"), "DELETE /files/ 405"),
    (get("/", "Expect: 100-continue"), "GET / 200"),
    (get("/stream"), "GET /stream 200"),
    (get("/unchanged"), "GET /unchanged 304"),
    (get("/silent"), "GET /silent 444"),
    (get(f"/{FOUR_KIB}"), f"GET /{FOUR_KIB[:2047]} 404"),
    (get(f"/{'x' * 2047}?a"), f"GET /{'x' * 2047} 404"),
    (get(f"/{FOUR_KIB * 3}"), "- - 414"),
    (get("/", f"X-Other: {FOUR_KIB * 3}"), "GET / 400"),
    (get("/", version="9.9"), "- - 505"),
    (get("/", "X-Other: \x00"), "GET / 400"),
    (b"GET / HTTP/1.1\r\n\r\n", "GET / 400"),
    (b"nonsense\r\n\r\n", "- - 400"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "- - 400"),
    (b"GET /half HTTP/1.1" + HALF, "GET /half 400"),
    (get("/a b"), None),
    (get("/", method="<script>"), "- - 400"),
    (get("/files/a.txt", method="A" * 40), f"{'A' * 32} /files/a.txt 405"),
)  # fmt: skip


@each_row(("sent", "message"), SENT)
def test_every_request_leaves_one_line(edge: Edge, sent: bytes, message: str) -> None:
    """Whatever a client sends, and whoever answers, one line is written, and it is valid."""
    line = line_of(edge, sent)
    assert message in (line["message"], None)
    response, request = line["response"], line["request"]
    assert isinstance(response, dict) and isinstance(request, dict)
    shown = f"{request['method']} {request['path']} {response['httpStatus']}"
    assert line["message"] == shown
    if request["method"] == "HEAD":
        assert response["bodySize"] == 0
    if request["path"] == "/large":
        compressed = b"gzip" in sent
        assert (response["bodySize"] < 100_000) is compressed


HOSTILE = (
    (f"/files/?token={SECRET}", "/files/"),
    (f"/files/#{SECRET}", "/files/"),
    (f"/files/?{SECRET}?{SECRET}", "/files/"),
    (f"http://shop.test/files/?token={SECRET}", "/files/"),
    (f"http://shop.test?token={SECRET}", "/"),
    (f"http://user:{SECRET}@shop.test/", "-"),
    ("/files/%0a%0d%ff%22", "/files/%0a%0d%ff%22"),
    ("/files/%00", "-"),
    ("/files/..%2f..%2f..", "-"),
    ("/files//a/../b", "/files//a/../b"),
    ('/files/"},"level":"info"', '/files/"},"level":"info"'),
    ("/files/\\n\\u0000\\", "/files/\\n\\u0000\\"),
    ("/files/{}$1${clew_path}", "/files/{}$1${clew_path}"),
    ("/files/caf\xc3\xa9/more", "/files/caf..."),
    (f"/files/\xff\xfe?{SECRET}", "/files/..."),
    ("/files/\xe2\x80\xa8forged", "/files/..."),
    ("/files/\x01\x7f", None),
    (f"/files/\t{SECRET}", None),
    (f"/files/a {SECRET}", None),
)


def test_hostile_paths(edge: Edge) -> None:
    """The path stands as on the wire, without what follows it, in a line that stays valid."""
    for target, path in HOSTILE:
        line = line_of(edge, get(target))
        assert path in (line["request"]["path"], None)  # type: ignore[index]
    text = edge.log.read_bytes()
    assert SECRET.encode() not in text
    assert all(json.loads(each.decode()) for each in text.splitlines())


def test_keepalive(edge: Edge) -> None:
    """Each request of one connection has an id and a line of its own."""
    sent = get("/files/a.txt").replace(b"Connection: close\r\n", b"")
    before = len(edge.lines())
    with edge.connect() as connection:
        connection.sendall(sent * 4 + get("/files/a.txt"))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    edge.settled(barrier := fresh_id_of_nothing(edge))
    lines = [line for line in edge.lines()[before:] if line["requestId"] != barrier]
    ids = [each.decode() for each in re.findall(rb"X-Request-ID: (\w+)", received)]
    assert [line["requestId"] for line in lines] == ids
    assert len(set(ids)) == 5


def test_a_unix_socket(edge: Edge) -> None:
    """A peer without an address has none in the line."""
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(edge.directory / "edge.sock"))
        connection.sendall(get("/files/a.txt", f"X-Request-ID: {(request_id := fresh_id())}"))
        receive(connection, b"a file")
    edge.settled(request_id)
    (line,) = edge.of(request_id)
    assert line["request"]["peer"] == "unix"
    assert "ipAddress" not in line["request"]


# How a request ended.


def wait_for(services: Services, request_id: str) -> None:
    """Return when the gateway has said that it is handling the request."""
    services.gateway.line(
        lambda line: line["message"] == "waiting" and line.get("requestId") == request_id,
        f"the request {request_id}",
    )


def test_the_client_leaves_before_the_answer(edge: Edge, services: Services) -> None:
    """A client that does not wait leaves a 499 in nginx's line, and in the application's."""
    with edge.send("/wait", request_id := fresh_id()):
        wait_for(services, request_id)
    record = edge.record(request_id)
    assert (record.response.http_status, record.outcome, record.level) == (
        499,
        "aborted",
        "warning",
    )
    (inner,) = services.gateway.settled(request_id)
    assert (inner.response.http_status, inner.outcome) == (499, "aborted")


def test_the_client_leaves_a_stream(edge: Edge) -> None:
    """A client that leaves half-way has the status that it got, and is told from others."""
    for path in ["/endless", "/huge"]:
        with edge.send(path, request_id := fresh_id()) as connection:
            receive(connection, b"xxxx")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        record = edge.record(request_id)
        assert (record.response.http_status, record.outcome) == (200, "aborted")


def test_the_application_breaks_off(edge: Edge, services: Services) -> None:
    """That a response was not completed is told by the application's own record alone."""
    with edge.send("/crash-late", request_id := fresh_id(), close=True) as connection:
        while connection.recv(65536):
            pass
    record = edge.record(request_id)
    assert (record.response.http_status, record.outcome) == (200, None)
    (inner,) = services.gateway.settled(request_id)
    assert (inner.response.http_status, inner.outcome) == (200, "error")


def test_a_websocket(edge: Edge, services: Services) -> None:
    """A WebSocket leaves one record at its end, which is no slow request."""
    upgrade = get(
        "/socket",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"X-Request-ID: {(request_id := fresh_id())}",
    ).replace(b"Connection: close", b"Connection: Upgrade")
    with edge.connect() as connection:
        connection.sendall(upgrade)
        head = connection.recv(4096)
        assert head.startswith(b"HTTP/1.1 101")
        assert head.lower().count(b"x-request-id: " + request_id.encode()) == 1
    record = edge.record(request_id)
    assert (record.response.http_status, record.outcome) == (101, "websocket")
    (inner,) = services.gateway.settled(request_id)
    assert (inner.response.http_status, inner.request.path) == (101, "/socket")


# Whose ids are taken over.


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("default 1;", None),
        ("default 0;", "untrusted"),
        ("default 0;\n    10.0.0.0/8 1;", "untrusted"),
        ("default 0;\n    127.0.0.0/8 1;", None),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1:PORT", "[::]:PORT ipv6only=off"])
def test_trust(edge: Edge, tmp_path: Path, rule: str, reason: str | None, address: str) -> None:
    """Only a network that is named may choose ids, on a socket for both families, too."""
    if "::" in address and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    rules = (HERE / "clew.conf").read_text()
    assert rules.count("default 1;") == 1
    (tmp_path / "clew.conf").write_text(rules.replace("default 1;", rule))
    block = f"server {{ listen {address}; include {HEADERS}; location / {{ return 204; }} }}"
    with Edge(edge.binary, tmp_path, block, rules=tmp_path / "clew.conf") as strict:
        answer = strict.ask("/", headers=[("X-Request-ID", "theirs")])
        (record,) = strict.settled(answer.request_id)
        assert record.request.rejected_request_id == reason
        assert (answer.request_id == "theirs") is (reason is None)
        assert record.request.ip_address == "127.0.0.1"
        # An id that was not sent cannot be refused.
        (record,) = strict.settled(strict.ask("/").request_id)
        assert record.request.rejected_request_id is None


# The answers.


def tree(services: Services, edge: Edge, request_id: str) -> list[str]:
    """Return a request's timeline as indented texts, as soon as all have written of it."""
    logs = [edge.log, *(each.directory / "stdout" for each in (services.gateway, services.stock))]

    def read() -> list[str] | None:
        with answers.open(*map(str, logs)) as opened:
            timeline = timeline_of(opened, Query.of(REQUEST_EVENTS, {"request": request_id}))
        spans = [(depth, span) for depth, span in timeline.walk() if span.event]
        shown = [f"{'  ' * depth}{span.service} {span.label}" for depth, span in spans]
        return shown if len(shown) == 6 else None

    return until(read, "six lines")


def test_a_timeline(edge: Edge, services: Services) -> None:
    """One timeline holds nginx, the gateway and the service that it calls, each in the other."""
    seen = []
    for _ in range(5):
        answer = edge.ask("/orders", method="POST")
        assert answer.status == 200
        seen.append(tree(services, edge, answer.request_id))
        assert seen[-1][:2] == ["nginx POST /orders 200", "  gateway POST /orders 200"]
    # A service that waits for its turn on the processor can end its request after the call to it.
    assert [
        "nginx POST /orders 200",
        "  gateway POST /orders 200",
        "    gateway GET /stock/lamp 200",
        "      stock GET /stock/lamp 200",
        "        stock Read stock",
        "    gateway Ordered",
    ] in seen


def test_an_application_without_clew_can_be_asked_about(edge: Edge) -> None:
    """Its failures are in the answers, by what nginx wrote."""
    for path in ("/old", "/old/broken"):
        edge.settled(edge.ask(path).request_id)
    with answers.open(str(edge.log)) as logs:
        failures = {row["endpoint"]: row for row in logs.ask("errors", service="nginx").dicts()}
    assert failures["/old/broken"]["share"] == 1
    assert "/old" not in failures
