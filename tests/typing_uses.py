"""Uses of the public names that a type checker checks, and nothing runs."""

from __future__ import annotations

import logging
import logging.config
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, assert_type

import aiohttp
import httpx
import httpx2
import msgspec
import requests
import urllib3

import clew
import clew.aiohttp
import clew.asgi
import clew.graphql
import clew.httpx
import clew.records
import clew.requests
import clew.urllib3
import clew.wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def ids() -> None:
    assert_type(clew.new_id(), str)
    assert_type(clew.is_safe_id("a"), bool)
    assert_type(clew.request_id(), str | None)
    assert_type(clew.user_id(), str | None)
    clew.is_safe_id(7)  # type: ignore[arg-type]


def context(job_id: str) -> None:
    clew.bind(user_id="12345")
    clew.bind(user_id=uuid.uuid4(), tenant="acme", items=[1])
    with clew.context(request_id=job_id, user_id=None, queue="mail") as made:
        assert_type(made, str)
    with clew.context():
        pass
    clew.context(request_id=7)  # type: ignore[arg-type]
    clew.context(job_id)  # type: ignore[call-arg]
    clew.bind("12345")  # type: ignore[call-arg]


def work(item: int, *, fast: bool = False) -> str:
    return str(item)


async def work_async(item: int) -> str:
    return str(item)


def carrying(executor: ThreadPoolExecutor) -> None:
    assert_type(executor.submit(clew.carry(work), 1).result(), str)
    assert_type(clew.carry(work)(1, fast=True), str)
    carried: Callable[[int], Coroutine[Any, Any, str]] = clew.carry(work_async)
    clew.carry(work)("one")  # type: ignore[arg-type]
    clew.carry(work)()  # type: ignore[call-arg]
    clew.carry(carried)


def logs() -> None:
    log = clew.get_logger(__name__)
    assert_type(log, clew.Logger)
    assert_type(log.name, str)
    log.info("Read user journal", action="READ_JOURNAL", value="user:12345")
    log.info("Purchase completed", action="PURCHASE", value=77, monetary_value=100_000)
    log.danger("Payment failed for %s", "order-77", comment="card declined", exc_info=True)
    log.error("failed", exc_info=ValueError(), stack_info=True, stacklevel=2)
    log.exception("failed", extra={"action": "SELL"})
    log.log(logging.INFO, "message", message="a field of this name", name="another")
    log.warning({"a": "dictionary"})
    log.log("INFO", "message")  # type: ignore[arg-type]
    log.info()  # type: ignore[call-arg]


def setting_up() -> None:
    clew.configure_logging()
    clew.configure_logging("DEBUG", format="console", service="shop", redact=["tenant"])
    clew.configure_logging(level=logging.INFO, levels={"danger": "error"}, redact="strict")
    clew.configure_logging(format="xml")  # type: ignore[arg-type]
    clew.configure_logging(stream="app.log")  # type: ignore[arg-type]
    config = clew.logging_config(level="INFO", stream="stderr", service="shop")
    assert_type(config, dict[str, Any])
    logging.config.dictConfig(config)
    handler = logging.StreamHandler()
    handler.setFormatter(clew.JSONFormatter(service="shop", rename_fields={"message": "msg"}))
    handler.addFilter(clew.ContextFilter())


class Formatter(clew.JSONFormatter):
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {**log_data, "version": 1}


def records(line: bytes) -> None:
    http = msgspec.json.decode(line, type=clew.HTTPLog)
    assert_type(http.response.http_status, int | None)
    assert_type(http.response.response_time, float)
    assert_type(http.request.path, str)
    assert_type(http.request.headers, dict[str, str])
    application = msgspec.json.decode(line, type=clew.ApplicationLog)
    assert_type(application.created_at, int)
    assert_type(application.request_id, str | None)
    assert_type(clew.json_schema(), dict[str, Any])
    clew.json_schema(levels={"danger": "error"})


def parts(http: clew.HTTPLog, task: clew.TaskLog) -> None:
    assert_type(http.request, clew.records.Request)
    assert_type(http.response, clew.records.Response)
    assert_type(http.exception, clew.records.ExceptionInfo | None)
    assert_type(task.task, clew.records.Task)


def level(log: clew.HTTPLog) -> int:
    return logging.DEBUG if log.request.path == "/healthz" else logging.INFO


def enrich(log: clew.HTTPLog) -> Mapping[str, object]:
    return {"slow": log.response.response_time > 1000}


def settings(wsgi_app: WSGIApplication) -> None:
    clew.Settings(
        header="X-Trace",
        generate=clew.new_id,
        accept=clew.is_safe_id,
        trust=["10.0.0.0/8"],
        response_header=False,
        expose=True,
        user_id=lambda scope: scope["user"].id,
        exclude=["/healthz", "/static/*"],
        proxies=("10.0.0.0/8",),
        capture_headers={"User-Agent"},
        redact="strict",
        level=level,
        enrich=enrich,
        log=True,
    )
    clew.Settings(heder="X-Trace")  # type: ignore[call-arg]
    clew.Settings("X-Trace")  # type: ignore[call-arg]
    clew.Settings(level=20)  # type: ignore[arg-type]
    clew.Settings().header = "X-Trace"  # type: ignore[misc]
    clew.wsgi.RequestIDMiddleware(wsgi_app, header="X-Trace", exclude=["/healthz"])
    clew.wsgi.RequestIDMiddleware(wsgi_app, settings=clew.Settings())
    clew.wsgi.RequestIDMiddleware(wsgi_app, heder="X-Trace")  # type: ignore[call-arg]


def outgoing() -> None:
    assert_type(clew.httpx.wrap(httpx.Client()), httpx.Client)
    assert_type(
        clew.httpx.wrap(httpx.AsyncClient(), hosts=["*.internal"], header="X-Trace", log=False),
        httpx.AsyncClient,
    )
    assert_type(clew.httpx.wrap(httpx2.AsyncClient()), httpx2.AsyncClient)
    clew.httpx.wrap("client")  # type: ignore[type-var]
    clew.httpx.wrap(httpx.Client(), ["*.internal"])  # type: ignore[call-arg]


class OwnSession(requests.Session):
    pass


async def outgoing_by_others() -> None:
    assert_type(clew.requests.wrap(requests.Session(), hosts=["*.internal"]), requests.Session)
    assert_type(clew.requests.wrap(OwnSession(), header="X-Trace", log=False), OwnSession)
    assert_type(clew.aiohttp.wrap(aiohttp.ClientSession()), aiohttp.ClientSession)
    assert_type(clew.urllib3.wrap(urllib3.PoolManager()), urllib3.PoolManager)
    pool = urllib3.HTTPConnectionPool("localhost")
    assert_type(clew.urllib3.wrap(pool, hosts=None), urllib3.HTTPConnectionPool)
    clew.requests.wrap("session")  # type: ignore[type-var]
    clew.aiohttp.wrap(requests.Session())  # type: ignore[type-var]
    clew.urllib3.wrap(5)  # type: ignore[type-var]


def graphql(errors: list[Exception] | None) -> None:
    assert_type(clew.graphql.status_of(errors), int)
    clew.graphql.status_of([{"message": "no", "extensions": {"code": "FORBIDDEN"}}])
    clew.graphql.executed("query", "Orders", errors)
    clew.graphql.executed("query", None)
    clew.graphql.executed(5, None)  # type: ignore[arg-type]
