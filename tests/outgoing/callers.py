"""The clients behind one face: the tests say what is called, not how; and whom they call."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast

import pytest

T = TypeVar("T")

HEADER = "X-Request-ID"
CERTIFICATES = ssl.create_default_context()  # which takes a client a while to read
PATIENCE = 10.0


class Seen(NamedTuple):
    """What the server has seen of a request."""

    method: str
    target: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """Return the one value of a header."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) < 2, f"{name} was sent twice"
        return values[0] if values else None


class Server(ThreadingHTTPServer):
    """A server on this machine, and what it was asked. Its answers go by the path."""

    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.seen: list[Seen] = []
        self.go_on = threading.Event()
        self.asked = threading.Semaphore(0)  # one for each request that waits for go_on

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def ids(self, header: str = HEADER) -> list[str | None]:
        """Return the id that each request carried."""
        return [seen.header(header) for seen in self.seen]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that leave."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.go_on.set()
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def respond(self) -> None:
        self.server.seen.append(Seen(self.command, self.path, self.headers.items()))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        kind, _, rest = path.removeprefix("/").partition("/")
        answer: Callable[[str], None] = getattr(self, f"answer_{kind}", self.answer_hello)
        answer(rest)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = respond

    def begin(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def whole(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        """Send headers and body in one piece."""
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        buffered = cast("list[bytes]", self._headers_buffer)  # type: ignore[attr-defined]
        buffered.extend([b"\r\n", b"" if self.command == "HEAD" else body])
        self.flush_headers()

    def chunk(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def wait(self) -> None:
        self.server.asked.release()
        self.server.go_on.wait(PATIENCE)

    def answer_hello(self, _: str) -> None:
        self.whole(200, b"hello")

    def answer_status(self, status: str) -> None:
        body = b"" if status in ("204", "304") else b"ok"
        self.whole(int(status), body)

    def answer_chunked(self, _: str) -> None:
        self.begin(200, ("Transfer-Encoding", "chunked"))
        if self.command != "HEAD":
            for part in (b"abc", b"de", b""):
                self.chunk(part)

    def answer_packed(self, how: str) -> None:
        packed = gzip.compress(b"a" * 1000, mtime=0)
        if how == "chunked":
            headers = ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")
            self.begin(200, *headers)
            for part in (packed[:10], packed[10:], b""):
                self.chunk(part)
        else:
            self.whole(200, packed, ("Content-Encoding", "gzip"))

    def answer_to(self, target: str) -> None:
        """Redirect: /to/HOST/PATH, on this server's port."""
        host, _, path = target.partition("/")
        self.whole(302, b"ok", ("Location", self.server.url(f"/{path}", host=host)))

    def answer_broken(self, _: str) -> None:
        self.begin(200, ("Content-Length", "100"))
        self.wfile.write(b"abc")
        self.close_connection = True

    def answer_never(self, _: str) -> None:
        self.wait()
        self.close_connection = True

    def answer_dripping(self, _: str) -> None:
        """Send the first part of a body, and the rest when told to go on."""
        self.begin(200, ("Transfer-Encoding", "chunked"))
        self.chunk(b"abc")
        self.wait()
        self.chunk(b"de")
        self.chunk(b"")

    def answer_long(self, _: str) -> None:
        """Send a body that is longer than what a client takes before it is asked to."""
        self.begin(200, ("Content-Length", str(1 << 26)))
        for _part in range(1 << 10):
            self.wfile.write(bytes(1 << 16))

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


class Answer(NamedTuple):
    """A response whose body has been read, decoded."""

    status: int
    body: bytes


class Streamed:
    """A response whose body has not been read."""

    def __init__(self, status: int, first: Callable[[], bytes], rest: Callable[[], bytes]) -> None:
        self.status = status
        self.first = first
        self.rest = rest


class Caller:
    """One kind of client."""

    name: ClassVar[str]
    package: ClassVar[str]
    wrapper: ClassVar[str]  # the module that wraps it
    refused: ClassVar[str]  # the exception for a refused connection, in the record
    timed_out: ClassVar[str]  # and that for a timeout

    def __init__(self) -> None:
        self.module = importlib.import_module(self.package)
        self.clew = importlib.import_module(self.wrapper)
        self.clients: list[Any] = []

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What the client raises when a call fails."""
        return (self.module.HTTPError,)

    # A client.

    def bare(self, headers: dict[str, str] | None = None) -> Any:
        """Return a client as it is made, which will be closed."""
        client = self.make(headers or {})
        self.clients.append(client)
        return client

    def client(self, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """Return a wrapped client."""
        return self.clew.wrap(self.bare(headers), **options)

    def make(self, headers: dict[str, str]) -> Any:
        raise NotImplementedError

    def close_clients(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def end(self) -> None:
        self.close_clients()

    # Calls.

    def call(
        self,
        client: Any,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """Send a request, follow its redirects, and read the body."""
        raise NotImplementedError

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        """Send a request, and close the response at the block's end."""
        raise NotImplementedError
        yield

    def drop(self, client: Any, url: str) -> None:
        """Send a request, and forget the response without reading or closing it."""
        raise NotImplementedError

    def at_once(self, client: Any, count: int, call: Callable[[int], tuple[str, str]]) -> None:
        """Send *count* requests at once: *call* gives a request's URL and the id of its context."""
        raise NotImplementedError


class Sync(Caller):
    """A client that waits."""

    def at_once(self, client: Any, count: int, call: Callable[[int], tuple[str, str]]) -> None:
        import clew

        together = threading.Barrier(count)

        def run(number: int) -> None:
            url, request_id = call(number)
            with clew.context(request_id=request_id):
                together.wait(PATIENCE)
                self.call(client, url)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)


class Async(Caller):
    """A client that is awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()

    def run(self, work: Awaitable[T]) -> T:
        async def waited() -> T:
            return await work

        return self.runner.run(waited(), context=copy_context())

    def close_clients(self) -> None:
        while self.clients:
            self.run(self.close(self.clients.pop()))

    def end(self) -> None:
        super().end()
        self.runner.close()

    async def close(self, client: Any) -> None:
        await client.close()

    def at_once(self, client: Any, count: int, call: Callable[[int], tuple[str, str]]) -> None:
        import clew

        async def one(number: int) -> None:
            url, request_id = call(number)
            with clew.context(request_id=request_id):
                await self.acall(client, url)

        async def run() -> None:
            await asyncio.gather(*(one(number) for number in range(count)))

        self.run(run())

    async def acall(self, client: Any, url: str, **options: Any) -> Answer:
        raise NotImplementedError

    def call(self, client: Any, url: str, **options: Any) -> Answer:
        return self.run(self.acall(client, url, **options))

    async def open(self, client: Any, url: str) -> Any:
        """Send a request whose response's body is not read."""
        raise NotImplementedError

    async def read(self, response: Any) -> bytes:
        """Read the rest of a body."""
        raise NotImplementedError


class Httpx(Sync):
    name, package, wrapper = "httpx", "httpx", "clew.httpx"
    refused, timed_out = "httpx.ConnectError", "httpx.ReadTimeout"

    def make(self, headers: dict[str, str]) -> Any:
        return self.module.Client(
            headers=headers, trust_env=False, follow_redirects=True, verify=CERTIFICATES
        )

    def call(self, client: Any, url: str, **options: Any) -> Answer:
        return _httpx_answer(client.request(**_httpx_options(url, **options)))

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        with client.stream("GET", url) as response:
            parts = response.iter_raw()
            yield Streamed(response.status_code, lambda: next(parts), lambda: b"".join(parts))

    def drop(self, client: Any, url: str) -> None:
        client.send(client.build_request("GET", url), stream=True)


class AsyncHttpx(Async):
    name, package, wrapper = "httpx-async", "httpx", "clew.httpx"
    refused, timed_out = Httpx.refused, Httpx.timed_out

    def make(self, headers: dict[str, str]) -> Any:
        return self.module.AsyncClient(
            headers=headers, trust_env=False, follow_redirects=True, verify=CERTIFICATES
        )

    async def close(self, client: Any) -> None:
        await client.aclose()

    async def acall(self, client: Any, url: str, **options: Any) -> Answer:
        return _httpx_answer(await client.request(**_httpx_options(url, **options)))

    async def open(self, client: Any, url: str) -> Any:
        return await client.send(client.build_request("GET", url), stream=True)

    async def read(self, response: Any) -> bytes:
        return cast("bytes", await response.aread())

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        response = self.run(self.open(client, url))
        parts = response.aiter_raw()

        async def rest() -> bytes:
            return b"".join([part async for part in parts])

        try:
            yield Streamed(
                response.status_code,
                lambda: self.run(anext(parts)),
                lambda: self.run(rest()),
            )
        finally:
            self.run(response.aclose())

    def drop(self, client: Any, url: str) -> None:
        self.run(self.open(client, url))


class Httpx2(Httpx):
    name, package = "httpx2", "httpx2"
    refused, timed_out = "httpx2.ConnectError", "httpx2.ReadTimeout"


class AsyncHttpx2(AsyncHttpx):
    name, package = "httpx2-async", "httpx2"
    refused, timed_out = Httpx2.refused, Httpx2.timed_out


def _httpx_options(
    url: str, *, method: str = "GET", body: bytes | None = None, **options: Any
) -> dict[str, Any]:
    return {"method": method, "url": url, "content": body, **options}


def _httpx_answer(response: Any) -> Answer:
    return Answer(response.status_code, response.content)


class Requests(Sync):
    name, package, wrapper = "requests", "requests", "clew.requests"
    refused, timed_out = "requests.exceptions.ConnectionError", "requests.exceptions.ReadTimeout"

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        return (self.module.RequestException,)

    def make(self, headers: dict[str, str]) -> Any:
        session = self.module.Session()
        session.trust_env = False
        session.headers.update(headers)
        return session

    def call(
        self,
        client: Any,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        response = client.request(method, url, headers=headers, data=body, timeout=timeout)
        return Answer(response.status_code, response.content)

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        with client.get(url, stream=True, timeout=PATIENCE) as response:
            parts = response.iter_content(None)
            yield Streamed(response.status_code, lambda: next(parts), lambda: b"".join(parts))

    def drop(self, client: Any, url: str) -> None:
        client.get(url, stream=True, timeout=PATIENCE)


class Aiohttp(Async):
    name, package, wrapper = "aiohttp", "aiohttp", "clew.aiohttp"
    refused, timed_out = "aiohttp.client_exceptions.ClientConnectorError", "TimeoutError"

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        return (self.module.ClientError, TimeoutError)

    def make(self, headers: dict[str, str]) -> Any:
        async def made() -> Any:
            return self.module.ClientSession(headers=headers)

        return self.run(made())

    async def acall(self, client: Any, url: str, *, method: str = "GET", **options: Any) -> Answer:
        limit = self.module.ClientTimeout(total=options.pop("timeout", PATIENCE))
        if "body" in options:
            options["data"] = options.pop("body")
        async with client.request(method, url, timeout=limit, **options) as response:
            return Answer(response.status, await response.read())

    async def open(self, client: Any, url: str) -> Any:
        return await client.get(url)

    async def read(self, response: Any) -> bytes:
        return cast("bytes", await response.read())

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        response = self.run(self.open(client, url))
        try:
            yield Streamed(
                response.status,
                lambda: self.run(response.content.readany()),
                lambda: self.run(response.content.read()),
            )
        finally:
            response.release()

    def drop(self, client: Any, url: str) -> None:
        self.run(self.open(client, url))


class Urllib3(Sync):
    name, package, wrapper = "urllib3", "urllib3", "clew.urllib3"
    refused = "urllib3.exceptions.NewConnectionError"
    timed_out = "urllib3.exceptions.ReadTimeoutError"

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        return (self.module.exceptions.HTTPError,)

    def make(self, headers: dict[str, str]) -> Any:
        # Connections are refused once here, not four times.
        retries = self.module.Retry(connect=0, read=0, redirect=5)
        return self.module.PoolManager(headers=headers, retries=retries)

    def close_clients(self) -> None:
        while self.clients:
            self.clients.pop().clear()

    def call(
        self,
        client: Any,
        url: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        options: dict[str, Any] = {} if headers is None else {"headers": headers}
        response = client.request(method, url, body=body, timeout=timeout, **options)
        return Answer(response.status, response.data)

    @contextmanager
    def stream(self, client: Any, url: str) -> Iterator[Streamed]:
        response = client.request("GET", url, preload_content=False, timeout=PATIENCE)
        parts = response.stream(None)
        try:
            yield Streamed(response.status, lambda: next(parts), lambda: b"".join(parts))
        finally:
            response.close()

    def drop(self, client: Any, url: str) -> None:
        client.request("GET", url, preload_content=False, timeout=PATIENCE)


KINDS = (Httpx, AsyncHttpx, Httpx2, AsyncHttpx2, Requests, Aiohttp, Urllib3)
CALLERS: dict[str, type[Caller]] = {kind.name: kind for kind in KINDS}
# Clew sees httpx2 as it sees httpx, which is shown where a client's own classes come in.
ONES_OWN = [kind.name for kind in KINDS if not issubclass(kind, Httpx2 | AsyncHttpx2)]
every_caller = pytest.mark.parametrize("caller", CALLERS, indirect=True)


def caller_of(name: str) -> Caller:
    """Return a caller, or skip the test where its package is not installed."""
    kind = CALLERS[name]
    pytest.importorskip(kind.package, reason=f"pip install {kind.package}")
    return kind()
