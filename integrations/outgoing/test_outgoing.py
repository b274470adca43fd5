"""Two real services: one calls the other by each client, and their lines make one timeline."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from tests.servers.server import APPS, STACKS, Server, fresh_id

ROOT = Path(__file__).parents[2]
README = (Path(__file__).parent / "README.md").read_text("utf-8")
CLIENTS = ("httpx", "requests", "aiohttp", "urllib3")

for package in ("fastapi", "uvicorn", *CLIENTS):
    pytest.importorskip(package, reason=f"pip install {package}")
urllib3: Any = pytest.importorskip("urllib3")


@pytest.fixture(scope="module")
def sibling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service that is called."""
    with STACKS["gunicorn-gthread-flask"].serve(tmp_path_factory.mktemp("sibling")) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(sibling: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service that calls it."""
    environment = {
        "PYTHONPATH": f"{ROOT}:{APPS}",
        "SIBLING": f"http://{sibling.host}:{sibling.port}/",
    }
    command = ("uvicorn", "--host={host}", "--port={port}", "integrations.outgoing.gateway:app")
    with Server(command, tmp_path_factory.mktemp("gateway"), environment=environment) as server:
        yield server


def outgoing(server: Server, request_id: str) -> dict[str, Any]:
    """Return the one record of a request's call."""
    server.record(request_id)
    (line,) = (
        line
        for line in server.lines()
        if line["logger"] == "clew.http.client" and line["requestId"] == request_id
    )
    return line


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_is_one_step_of_its_requests_timeline(
    gateway: Server, sibling: Server, tmp_path: Path, client: str
) -> None:
    """The request, its call and the request that the sibling served, by one id, in order."""
    answer = gateway.ask(f"/{client}/items/lamp", request_id := fresh_id())
    assert answer.body == b'"item lamp"'
    call, served = outgoing(gateway, request_id), sibling.record(request_id)
    assert call["request"]["host"] == f"{sibling.host}:{sibling.port}"
    assert call["request"]["headers"] == {"requestId": request_id}
    assert call["response"]["bodySize"] == served.response.body_size == len("item lamp")
    assert served.request.rejected_request_id is None
    gateway.record(request_id)
    files = [str(server.directory / "stdout") for server in (gateway, sibling)]
    with answers.open(*files) as logs:
        rows = logs.ask("timeline", request=request_id).dicts()
    messages = [f"GET /{client}/items/lamp 200", "GET /items/lamp 200", "GET /items/lamp 200"]
    assert sorted(row["message"] for row in rows) == sorted(messages)
    # createdAt has whole milliseconds: what began first comes first, but for one of them.
    [request] = [row for row in rows if row["message"] == messages[0]]
    assert request["offset"] < 1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_that_failed_is_found(gateway: Server, sibling: Server, client: str) -> None:
    """A sibling that crashes is a 500 of the call's, in danger, while the request was answered."""
    gateway.ask(f"/{client}/crash", request_id := fresh_id())
    call = outgoing(gateway, request_id)
    assert (call["level"], call["response"]["httpStatus"]) == ("danger", 500)
    assert sibling.record(request_id).outcome == "error"
    assert gateway.record(request_id).response.http_status == 200


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_what_the_readme_says_runs(block: str) -> None:
    """Each block of the README runs, and wraps its clients."""
    names: dict[str, Any] = {}
    code = compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def run() -> None:
        running = eval(code, names)
        if inspect.isawaitable(running):
            await running
        clients = [value for value in names.values() if hasattr(value, "_clew")]
        assert clients
        for client in clients:
            close = getattr(client, "aclose", None) or getattr(client, "close", client)
            closing = client.clear() if isinstance(client, urllib3.PoolManager) else close()
            if inspect.isawaitable(closing):
                await closing

    asyncio.run(run())
