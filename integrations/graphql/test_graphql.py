"""GraphQL on real servers: each operation by its name, and the status that its errors mean."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

import clew
from clew import answers
from tests.conftest import run_fresh
from tests.rows import each_row
from tests.servers.server import PATIENCE, PROGRAMS, Answer, Server, fresh_id

subscriptions = pytest.importorskip(
    "strawberry.subscriptions", reason="pip install strawberry-graphql"
)

ROOT = Path(__file__).parents[2]


class Endpoint(NamedTuple):
    """A server, the path that it answers GraphQL at, and the route of that."""

    server: Server
    path: str

    def post(self, body: object, *, path: str = "", **headers: str) -> tuple[str, Answer]:
        """Send a JSON body; return the request's id, and what was answered."""
        return self._ask("POST", self.path + path, json.dumps(body).encode(), headers)

    def get(self, query: str) -> tuple[str, Answer]:
        """Ask by GET."""
        return self._ask("GET", f"{self.path}?query={quote(query)}", None, {})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[str, Answer]:
        request_id = fresh_id()
        connection = http.client.HTTPConnection(self.server.host, self.server.port)
        connection.sock = self.server.connect()
        sent = {"Content-Type": "application/json", "X-Request-ID": request_id, **headers}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return request_id, Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def record(self, request_id: str) -> clew.HTTPLog:
        return self.server.record(request_id)

    def execute(
        self, query: str, *, operation_name: str | None = None, **variables: object
    ) -> tuple[clew.HTTPLog, Answer]:
        """Execute an operation; return its record and what was answered."""
        body = {"query": query, "variables": variables, "operationName": operation_name}
        request_id, answer = self.post(body)
        return self.record(request_id), answer


def serve(directory: Path, program: str, app: str) -> Server:
    command = (*PROGRAMS[program].command, f"integrations.graphql.{app}")
    return Server(command, directory, environment={"PYTHONPATH": str(ROOT)})


STACKS = {
    "fastapi-uvicorn": ("uvicorn-h11", "fastapi_app:app", "/graphql"),
    "flask-gunicorn": ("gunicorn-gthread", "flask_app:app", "/graphql"),
    "django-gunicorn": ("gunicorn-sync", "django_app:wsgi", "/graphql"),
    "django-uvicorn": ("uvicorn-h11", "django_app:asgi", "/async/graphql"),
}


@pytest.fixture(scope="module", params=STACKS)
def endpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoint]:
    """The schema on each framework, behind a real server."""
    program, app, path = STACKS[request.param]
    with serve(tmp_path_factory.mktemp("graphql"), program, app) as server:
        yield Endpoint(server, path)


in_fastapi = pytest.mark.parametrize("endpoint", ["fastapi-uvicorn"], indirect=True)


OPERATIONS = [
    ("query Orders { orders }", "query Orders", 200),
    ("{ orders }", "query", 200),
    ("query { orders }", "query", 200),
    ('mutation Buy { buy(order: "order-77") }', "mutation Buy", 200),
    ('mutation { buy(order: "order-77") }', "mutation", 200),
    ("fragment F on Query { orders } query Orders { ...F }", "query Orders", 200),
    ("query Mine { mine }", "query Mine", 401),
    ("query Secret { secret }", "query Secret", 403),
    ("query Order { order(id: 7) }", "query Order", 404),
    ("query Crash { crash }", "query Crash", 500),
    ("query Always { always }", "query Always", 500),
    ("query Some { orders mine }", "query Some", 401),
    ("query Both { mine secret order(id: 7) }", "query Both", 404),
    ("query Worst { crash mine }", "query Worst", 500),
    ("query Typo { ordes }", "query Typo", 400),
    ("query Missing { order }", "query Missing", 400),
    ('query Kind { order(id: "x") }', "query Kind", 400),
    ("query Broken { orders", None, 400),
    ("query Ordérs { orders }", None, 400),
    ("}", None, 400),
    (f"query {'a' * 500} {{ orders }}", f"query {'a' * 128}", 200),
]


def test_an_operation_has_its_name_and_status(endpoint: Endpoint) -> None:
    """The record of a 200 names the operation, and says what its errors mean."""
    found = []
    for query, _, status in OPERATIONS:
        record, answer = endpoint.execute(query)
        assert answer.status == record.response.http_status == 200
        assert ("errors" in json.loads(answer.body)) == (status != 200)
        assert record.request.route == endpoint.path
        assert record.message == f"POST {endpoint.path} 200"
        found.append((query, record.request.operation, record.response.graphql_status))
    assert found == OPERATIONS


def test_a_wrong_variable_is_bad_input(endpoint: Endpoint) -> None:
    """A variable that does not fit its type is a 400."""
    for given in ("x", None, 7.5):
        record, _ = endpoint.execute("query Order($id: Int!) { order(id: $id) }", id=given)
        assert (record.request.operation, record.response.graphql_status) == ("query Order", 400)


def test_of_several_operations_the_executed_one_is_named(endpoint: Endpoint) -> None:
    """Of a document with several operations, the one that the client chose is named."""
    document = "query First { orders } query Second { crash }"
    record, _ = endpoint.execute(document, operation_name="Second")
    assert (record.request.operation, record.response.graphql_status) == ("query Second", 500)


REFUSED: list[object] = [
    {"query": "query Orders { orders }", "operationName": "Nobody\n{}"},
    {"query": "fragment F on Query { orders }"},
    {"query": ""},
    {"query": None},
    {"query": 5},
    {},
    5,
    {"query": "{ orders }", "variables": 5},
]


@each_row("body", REFUSED)
def test_what_is_refused_over_http_has_that_status(endpoint: Endpoint, body: object) -> None:
    """What is no operation is refused by HTTP's status, and names nothing."""
    request_id, answer = endpoint.post(body)
    record = endpoint.record(request_id)
    assert answer.status == record.response.http_status
    assert answer.status >= 400, body
    assert record.request.operation is None
    assert record.response.graphql_status in (None, answer.status)


def test_a_query_may_be_a_get(endpoint: Endpoint) -> None:
    """An operation that is asked by GET is recorded as well."""
    request_id, answer = endpoint.get("query Crash { crash }")
    record = endpoint.record(request_id)
    assert answer.status == 200
    assert (record.request.method, record.request.operation) == ("GET", "query Crash")
    assert record.response.graphql_status == 500


def test_a_mutation_by_get_is_refused(endpoint: Endpoint) -> None:
    """A mutation by GET is refused over HTTP, by its name."""
    request_id, answer = endpoint.get('mutation Buy { buy(order: "order-77") }')
    record = endpoint.record(request_id)
    assert (answer.status, record.response.http_status) == (400, 400)
    assert (record.request.operation, record.response.graphql_status) == ("mutation Buy", None)


BATCHES: list[tuple[list[str], str | None, int]] = [
    (["query A { orders }", "query B { orders }"], "query A", 200),
    (["query A { orders }", "query B { mine }", "query C { crash }"], "query C", 500),
    (["query A { crash }", "query B { always }"], "query A", 500),
    (["query A { orders }", "query B {"], None, 400),
]


@each_row(("queries", "operation", "status"), BATCHES)
def test_of_a_batch_the_worst_operation_counts(
    endpoint: Endpoint, queries: list[str], operation: str | None, status: int
) -> None:
    """A batch is one request: its worst operation is named, of equally bad ones the first."""
    request_id, answer = endpoint.post([{"query": query} for query in queries])
    assert len(json.loads(answer.body)) == len(queries)
    record = endpoint.record(request_id)
    assert (record.request.operation, record.response.graphql_status) == (operation, status)


def test_a_failure_behind_a_200_is_never_excluded(endpoint: Endpoint) -> None:
    """Of a path that is excluded, the operations that fail are logged all the same."""
    quiet = endpoint._replace(path=endpoint.path.replace("graphql", "quiet"))
    left_out, _ = quiet.post({"query": "{ orders }"})
    record, _ = quiet.execute("query Crash { crash }")
    assert record.response.graphql_status == 500
    assert endpoint.server.records(left_out) == []


def test_other_requests_are_as_they_were(endpoint: Endpoint) -> None:
    """A request that is no GraphQL has neither key."""
    endpoint.server.ask("/nowhere", request_id := fresh_id())
    record = endpoint.record(request_id)
    assert (record.request.operation, record.response.graphql_status) == (None, None)
    (line,) = (
        line
        for line in endpoint.server.lines()
        if line["logger"] == "clew.http" and line["requestId"] == request_id
    )
    assert "operation" not in line["request"]
    assert "graphqlStatus" not in line["response"]


def test_lines_of_a_resolver_belong_to_the_request(endpoint: Endpoint) -> None:
    """What a resolver logs carries the request's id, as does Strawberry's line of its crash."""
    bought, _ = endpoint.execute('mutation Buy { buy(order: "order-77") }')
    crashed, _ = endpoint.execute("query Crash { crash }")
    by_id = {
        record.request_id: [
            line["logger"]
            for line in endpoint.server.lines()
            if line.get("requestId") == record.request_id
        ]
        for record in (bought, crashed)
    }
    assert by_id[bought.request_id] == ["shop", "clew.http"]
    assert by_id[crashed.request_id] == ["strawberry.execution", "clew.http"]


def test_the_answers_count_failures_where_they_belong(endpoint: Endpoint, tmp_path: Path) -> None:
    """`errors` and `statuses` count what failed behind a 200, by route and operation."""
    records = [
        endpoint.execute(query)[0]
        for query in (
            *("query Orders { orders }", "query Crash { crash }", "query Crash { crash }"),
            *("query Mine { mine }", "query Broken {"),
        )
    ]
    ids = {record.request_id for record in records}
    file = tmp_path / "shop.ndjson"
    file.write_text(
        "".join(
            json.dumps(line) + "\n"
            for line in endpoint.server.lines()
            if line.get("requestId") in ids
        )
    )
    with answers.open(str(file)) as logs:
        [errors] = logs.ask("errors").dicts()
        assert errors.pop("requestId") in ids
        assert [errors] == [
            {
                "service": "shop",
                "method": "POST",
                "endpoint": f"{endpoint.path} query Crash",
                "requests": 2,
                "errors": 2,
                "share": 1.0,
            }
        ]
        for status, requests in ((200, 1), (400, 1), (401, 1), (500, 2)):
            rows = logs.ask("statuses", status=status).dicts()
            assert sum(row["requests"] for row in rows) == requests, status
        slowest = {row["endpoint"] for row in logs.ask("slowest").dicts()}
    assert slowest == {
        endpoint.path,
        *(f"{endpoint.path} query {name}" for name in ("Orders", "Crash", "Mine")),
    }


# Subscriptions.


async def converse(endpoint: Endpoint, request_id: str, *queries: str) -> list[str]:
    """Execute operations over one WebSocket, one after the other; return what was told."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed
    from websockets.typing import Subprotocol

    told = []
    async with (
        asyncio.timeout(PATIENCE),
        connect(
            f"ws://{endpoint.server.host}:{endpoint.server.port}{endpoint.path}",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            additional_headers={"X-Request-ID": request_id},
        ) as connection,
    ):
        await connection.send(json.dumps({"type": "connection_init"}))
        await connection.recv()
        for number, query in enumerate(queries):
            message = {"id": str(number), "type": "subscribe", "payload": {"query": query}}
            await connection.send(json.dumps(message))
            try:
                while (kind := json.loads(await connection.recv())["type"]) == "next":
                    told.append(kind)
                told.append(kind)
            except ConnectionClosed as closed:
                told.append(str(closed))
    return told


CONVERSATIONS = [
    (["subscription Prices { prices }"], "subscription Prices", 200),
    (["subscription Prices { prices(fails: true) }"], "subscription Prices", 500),
    (["subscription Typo { price }"], "subscription Typo", 400),
    (["query Orders { orders }", "query Mine { mine }"], "query Mine", 401),
    (["subscription A { prices }", "query B { orders }"], "subscription A", 200),
]


@in_fastapi
def test_a_websocket_is_one_record_of_its_worst_operation(endpoint: Endpoint) -> None:
    """A connection has one record, at its end, which names the worst operation."""
    pytest.importorskip("websockets.asyncio.client", reason="pip install websockets")
    for queries, operation, status in CONVERSATIONS:
        request_id = fresh_id()
        assert asyncio.run(converse(endpoint, request_id, *queries))
        record = endpoint.record(request_id)
        assert (record.outcome, record.response.http_status) == ("websocket", 101)
        assert (record.request.operation, record.response.graphql_status) == (operation, status)


@in_fastapi
def test_a_broken_document_names_no_operation(endpoint: Endpoint) -> None:
    """A connection over which nothing but a broken document came names no operation."""
    pytest.importorskip("websockets.asyncio.client", reason="pip install websockets")
    request_id = fresh_id()
    assert asyncio.run(converse(endpoint, request_id, "subscription Broken {"))
    record = endpoint.record(request_id)
    assert record.outcome == "websocket"
    assert record.request.operation is None
    assert record.response.graphql_status in (None, 400)  # some versions look at it before


MULTIPART = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'


@in_fastapi
@pytest.mark.parametrize("accept", ["text/event-stream", MULTIPART])
def test_a_subscription_over_http_is_one_record(endpoint: Endpoint, accept: str) -> None:
    """A subscription that is streamed over HTTP is recorded with its last part."""
    if accept == "text/event-stream" and not hasattr(subscriptions, "GRAPHQL_SSE_PROTOCOL"):
        pytest.skip("pip install -U strawberry-graphql")
    for argument, status in (("", 200), ("(fails: true)", 500)):
        body = {"query": f"subscription Prices {{ prices{argument} }}"}
        request_id, answer = endpoint.post(body, Accept=accept)
        assert b'"prices": 1' in answer.body or b'"prices":1' in answer.body
        record = endpoint.record(request_id)
        assert record.request.operation == "subscription Prices"
        assert record.response.graphql_status == status


@in_fastapi
def test_a_client_that_leaves_counts_as_one(endpoint: Endpoint) -> None:
    """An operation whose client left has its name, and counts by the status of HTTP."""
    path = f"{endpoint.path}?query={quote('query Slow { slow }')}"
    connection = endpoint.server.send(path, request_id := fresh_id())
    endpoint.server.line(
        lambda line: (line["message"], line.get("requestId")) == ("Waiting", request_id),
        "the resolver's line",
    )
    connection.close()
    (endpoint.server.directory / "go-on").touch()
    (record,) = endpoint.server.settled(request_id)
    assert (record.outcome, record.response.http_status) == ("aborted", 499)
    assert (record.request.operation, record.response.graphql_status) == ("query Slow", None)


# What the README says.

README = (Path(__file__).parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_what_the_readme_says_runs(code: str) -> None:
    """Each block of the README runs, with the names that the text around it speaks of."""
    from fastapi import FastAPI

    import clew.fastapi
    from integrations.graphql import shop

    result = shop.schema.execute_sync("{ orders }")
    names = {"Query": shop.Query, "app": FastAPI(), "result": result, "clew": clew}
    exec(compile(code, "README.md", "exec"), {**names, "logging": logging})


def test_a_document_in_a_query_string_can_be_masked(lines_of_masked: str) -> None:
    """By its options, clew leaves neither the document of a GET in the log nor its variables."""
    assert "query=***&variables=***" in lines_of_masked
    assert "hunter2" not in lines_of_masked


@pytest.fixture
def lines_of_masked() -> str:
    """What a service logs that is asked by GET, and masks what it was asked."""
    return run_fresh(
        """
import asyncio, clew, clew.asgi, httpx

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})

clew.configure_logging()
transport = httpx.ASGITransport(clew.asgi.RequestIDMiddleware(app, redact=["query", "variables"]))

async def run():
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        await client.get("/graphql?query=hunter2&variables=%7B%22pin%22%3A%22hunter2%22%7D")

asyncio.run(run())
"""
    )


# Another server.


@pytest.fixture(scope="module")
def ariadne(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Ariadne, which tells clew by its public functions."""
    pytest.importorskip("ariadne", reason="pip install ariadne")
    with serve(tmp_path_factory.mktemp("ariadne"), "uvicorn-h11", "ariadne_app:app") as server:
        yield Endpoint(server, "/graphql/")


ASKED = [
    ("query Orders { orders }", "query Orders", 200),
    ("{ orders }", "query", 200),
    ("query Crash { crash }", "query Crash", 500),
    ("query Order { order(id: 7) }", "query Order", 404),
    ("query Broken {", None, 400),
    ("query Typo { ordes }", "query Typo", 400),
]


@each_row(("query", "operation", "status"), ASKED)
def test_other_servers_tell_by_a_function(
    ariadne: Endpoint, query: str, operation: str | None, status: int
) -> None:
    """A server without an extension of clew's tells of its operations by itself."""
    record, _ = ariadne.execute(query)
    assert record.request.operation == operation
    assert (record.response.graphql_status or record.response.http_status) == status, query
