"""ClickHouse's HTTP interface on a port of this machine, its queries run by chDB.

It takes the requests that clickhouse-connect sends to a server: a query in the body or in
``query``, ``param_*``, settings, Basic authentication, inserts, answers in chunks. It can be told
to fail, as servers and what lies before them do.

chDB takes one folder in a process, so the server is a process of its own:

    python -m tests.answers.clickhouse_server FOLDER
"""

from __future__ import annotations

import email
import json
import re
import select
import subprocess
import sys
import tempfile
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

PASSWORD = "p@ss/wörd?#%:&"
# The password of each user. The reader's profile has readonly = 1.
_USERS = {"default": "", "clew": PASSWORD, "reader": ""}
# Two clusters of this server alone: in that of two shards each has the same tables.
_REPLICA = "<replica><host>127.0.0.1</host><port>9000</port></replica>"
_SHARD = f"<shard><internal_replication>true</internal_replication>{_REPLICA}</shard>"
_CONFIGURATION = f"""
    <clickhouse><tcp_port>9000</tcp_port><remote_servers>
        <one>{_SHARD}</one><two>{_SHARD}{_SHARD}</two>
    </remote_servers></clickhouse>
"""
_OF_TRANSPORT = {
    "buffer_size",
    "client_protocol_version",
    "database",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "query",
    "query_id",
    "send_progress_in_http_headers",
    "wait_end_of_query",
}
_STATUS = {60: 404, 81: 404, 516: 403}
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, as a test sees it."""

    port: int

    def url(
        self, table: str, *, user: str = "clew", password: str = PASSWORD, database: str = "default"
    ) -> str:
        """Return the URL of a table."""
        secret = quote(password, safe="")
        return f"clickhouse://{user}:{secret}@127.0.0.1:{self.port}/{database}?table={table}"

    def fail(self, how: str, *, on: str, after: int = 0) -> None:
        """Fail at the next query that has *on* in it, after so many of them were answered.

        *how* is ``hang-up`` (before an answer), ``cut`` (in its middle), ``forget`` (it is done,
        and the answer lost), ``garbage``, ``error`` (status 500 of another program's), or what
        ClickHouse says: ``Code: 497. DB::Exception: ...``.
        """
        httpx.put(
            f"http://127.0.0.1:{self.port}/", json={"how": how, "on": on, "after": after}
        ).raise_for_status()

    def run(self, sql: str, *, database: str = "default") -> str:
        """Run *sql*; return its rows, tabs between the values."""
        url = f"http://127.0.0.1:{self.port}/?database={database}"
        answer = httpx.post(url, content=sql)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server whose tables are in *folder*."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready, "the server has not started"
        yield Server(int(process.stdout.readline()))
    finally:
        # Its tables are nobody's any more, and chDB has been seen to take a minute over its end.
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


class _Refused(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        self.server.failure = json.loads(self._body())
        self._answer(200, b"")

    def do_POST(self) -> None:
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        form = self.headers.get("Content-Type", "")
        if form.startswith("multipart/form-data"):  # which takes long parameters
            parameters |= _fields(form, body)
            body = b""
        sql = parameters.get("query", "")
        how = self.server.failing(sql or body.decode(errors="replace"))
        if how == "hang-up":
            self.close_connection = True
        elif how == "garbage":
            self._answer(200, b"<html><h1>Welcome</h1>\n\n</html>")
        elif how == "error":
            self._answer(500, b"<html>Internal Server Error</html>")
        elif how and how.startswith("Code: "):
            self._refuse(how)
        else:
            self._run(sql, body, parameters, how)

    do_GET = do_POST

    def _run(self, sql: str, body: bytes, parameters: dict[str, str], how: str | None) -> None:
        try:
            answer = self.server.answer(self._user(), sql, body, parameters)
        except _Refused as error:
            self._refuse(str(error))
            return
        if how == "forget":
            self.close_connection = True
            return
        self._answer(200, answer, cut=how == "cut")

    def _user(self) -> str:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        pair = b64decode(token).decode() if scheme == "Basic" else "default:"
        user, _, password = pair.partition(":")
        if _USERS.get(user) != password:
            raise _Refused(
                f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED) (version 26.9.2.1)"
            )
        return user

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _refuse(self, said: str) -> None:
        found = re.search(r"Code: (\d+)", said)
        code = int(found[1]) if found else 1002
        self._answer(_STATUS.get(code, 500), said.encode(), code=code)

    def _answer(self, status: int, body: bytes, *, cut: bool = False, code: int = 0) -> None:
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        pieces = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
        if cut:
            pieces[-1:] = [pieces[-1][: len(pieces[-1]) // 2]]
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")


def _fields(form: str, body: bytes) -> dict[str, str]:
    message: Any = email.message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (form.encode(), body))
    return {
        str(part.get_param("name", header="Content-Disposition")): part.get_payload(decode=True)
        .decode()
        .removesuffix("\r\n")
        for part in message.get_payload()
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: str) -> None:
        import chdb

        configuration = Path(folder) / "configuration.xml"
        configuration.write_text(_CONFIGURATION)
        self._connect: Callable[[], Any] = partial(
            chdb.connect, f"{folder}?config-file={configuration}"
        )
        self.engine = self._connect()  # it ends with its last connection
        self._idle: dict[object, list[Any]] = {}
        self.failure: dict[str, Any] | None = None
        self._deciding = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def failing(self, sql: str) -> str | None:
        """Return how this query fails, if it does."""
        with self._deciding:
            failure = self.failure
            if failure is None or failure["on"] not in sql:
                return None
            if failure["after"]:
                failure["after"] -= 1
                return None
            self.failure = None
            return str(failure["how"])

    def answer(self, user: str, sql: str, body: bytes, parameters: dict[str, str]) -> bytes:
        """Return what ClickHouse answers."""
        import chdb

        first = [f"USE `{parameters['database']}`"] if parameters.get("database") else []
        first += ["SET readonly = 1"] * (user == "reader")
        values: dict[str, Any] = {}
        for name, value in parameters.items():
            if name.startswith("param_"):
                values[name.removeprefix("param_")] = value
            elif name not in _OF_TRANSPORT:
                first.append(f"SET {name} = '{value}'")
        try:
            with self._connected(first) as connection:
                if not sql.startswith("INSERT"):
                    sql += body.decode()
                    answer = connection.query(sql, "TabSeparated", params=values)
                    return bytes(answer.bytes() or b"")
                with tempfile.NamedTemporaryFile() as rows:
                    rows.write(body)
                    rows.flush()
                    begin, form, end = sql.rpartition(" FORMAT ")
                    connection.query(f"{begin} FROM INFILE '{rows.name}'{form}{end}")
                    return b""
        except (RuntimeError, chdb.ChdbError) as error:
            raise _Refused(str(error)) from error

    @contextmanager
    def _connected(self, first: list[str]) -> Iterator[Any]:
        """Give a connection that has run the statements *first*."""
        idle = self._idle.setdefault(tuple(first), [])
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect()
            for statement in first:
                connection.query(statement)
        yield connection
        idle.append(connection)


def main(folder: str) -> None:
    """Serve until the standard input ends."""
    with _Server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()
        server.engine.close()


if __name__ == "__main__":
    main(sys.argv[1])
