"""The contract of every adapter: written once, shown on each."""

from __future__ import annotations

import gc
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import django
import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured

import clew
from clew._http.exchange import Exchange
from tests.conftest import without_capture
from tests.rows import each_row

from .drive import Reply
from .stacks import CHUNKS, STACKS, USER, Stack

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(params=STACKS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Stack]:
    """Each of the stacks."""
    made: type[Stack] = request.param
    return made


@pytest.fixture
def stack(kind: type[Stack], lines: Any) -> Stack:
    """Each of the stacks, with clew's defaults."""
    return kind()


def only(records: list[dict[str, Any]]) -> dict[str, Any]:
    (record,) = records
    return record


# The id.


def test_generates_an_id(stack: Stack, lines: Any) -> None:
    """A request without an id gets a UUIDv7, on the response, on each line and on the record."""
    reply = stack.request("/ok")
    assert UUID7.fullmatch(reply.request_id)
    assert [line["requestId"] for line in lines()] == [reply.request_id] * 2
    record = only(lines.http())
    assert record["request"]["headers"] == {"requestId": reply.request_id}
    assert "rejectedRequestId" not in record["request"]


def test_keeps_a_good_id(stack: Stack, lines: Any) -> None:
    """A good inbound id is the request's id."""
    reply = stack.request("/ok", headers=[("x-request-ID", "abc-123_.~+/=:@")])
    assert reply.request_id == "abc-123_.~+/=:@"
    assert {line["requestId"] for line in lines()} == {"abc-123_.~+/=:@"}


def test_replaces_a_refused_id(stack: Stack, lines: Any) -> None:
    """An id that may not be taken over is replaced, never repaired, and never written."""
    for value, reason in (("-" * 8000 + "0" * 32, "length"), ('"}{"', "charset")):
        reply = stack.request("/ok", headers=[("X-Request-ID", value)])
        assert UUID7.fullmatch(reply.request_id)
        assert lines.http()[-1]["request"]["rejectedRequestId"] == reason
        assert json.dumps(value)[1:-1] not in lines.raw()


def test_refuses_two_ids(stack: Stack, lines: Any) -> None:
    """Two inbound ids are none."""
    reply = stack.request("/ok", headers=[("X-Request-ID", "one"), ("X-Request-ID", "two")])
    assert UUID7.fullmatch(reply.request_id)
    assert only(lines.http())["request"]["rejectedRequestId"] == "duplicate"


def test_takes_an_empty_header_for_none(stack: Stack, lines: Any) -> None:
    """An empty header counts as absent."""
    for value in ("", " "):
        reply = stack.request("/ok", headers=[("X-Request-ID", value)])
        assert UUID7.fullmatch(reply.request_id)
        assert "rejectedRequestId" not in lines.http()[-1]["request"]


def test_shows_the_application_the_effective_id(stack: Stack) -> None:
    """What the application reads from the request's own header is the effective id."""
    for headers in ([], [("X-Request-ID", "good")], [("X-Request-ID", "b ad")]):
        reply = stack.request("/seen", headers=headers)
        assert reply.body.decode().split() == [reply.request_id] * 2


def test_leaves_the_requests_headers_as_they_came(kind: type[Stack], lines: Any) -> None:
    """With inject=False no id is put into the request; a refused one is taken out all the same."""
    stack = kind(inject=False)
    for value, shown in ((None, "None"), ("good", "good"), ("b ad", "None")):
        headers = [] if value is None else [("X-Request-ID", value)]
        reply = stack.request("/seen", headers=headers)
        assert reply.body.decode().split() == [shown, reply.request_id]
        assert lines.http()[-1]["requestId"] == reply.request_id
    assert "b ad" not in lines.raw()


def test_trust_never(kind: type[Stack], lines: Any) -> None:
    """With trust="never" every inbound id is replaced."""
    reply = kind(trust="never").request("/ok", headers=[("X-Request-ID", "good")])
    assert UUID7.fullmatch(reply.request_id)
    assert only(lines.http())["request"]["rejectedRequestId"] == "untrusted"


PEERS = (
    ("10.1.2.3", True, "10.1.2.3"),
    ("203.0.113.7", False, "203.0.113.7"),
    ("10.1.2.3:1024", True, "10.1.2.3"),
    ("[2001:db8::1]:443", True, "2001:db8::1"),
    ("", True, None),
    ("unknown", False, None),
)


def test_trusts_a_peer_as_servers_write_it(kind: type[Stack], lines: Any) -> None:
    """Only the peers of trusted networks may set an id; without a port, and what is no address is
    nobody, never a Unix socket.
    """
    stack = kind(trust=["10.0.0.0/8", "2001:db8::/32", "unix"])
    for peer, kept, address in PEERS:
        reply = stack.request("/ok", headers=[("X-Request-ID", "good")], peer=(peer, 0))
        assert (reply.request_id == "good") is kept, peer
        assert lines.http()[-1]["request"].get("ipAddress") == address


def test_accept_and_generate(kind: type[Stack], lines: Any) -> None:
    """The options accept and generate choose the id."""
    stack = kind(accept=lambda value: value.startswith("ok"), generate=lambda: "made")
    assert stack.request("/ok", headers=[("X-Request-ID", "ok-1")]).request_id == "ok-1"
    assert stack.request("/ok", headers=[("X-Request-ID", "no-1")]).request_id == "made"
    assert lines.http()[-1]["request"]["rejectedRequestId"] == "custom"


# The response header.


def test_replaces_the_applications_header(stack: Stack) -> None:
    """An application's own header gives way; its others stay."""
    reply = stack.request("/own", headers=[("X-Request-ID", "mine")])
    assert reply.all("X-Request-ID") == ["mine"]
    assert reply.all("X-Other") == ["1"]


def test_names_the_headers(kind: type[Stack]) -> None:
    """The options header and response_header name what is read and written."""
    stack = kind(header="X-Correlation-ID", response_header="X-Trace")
    reply = stack.request("/ok", headers=[("X-Correlation-ID", "c-1"), ("X-Request-ID", "r-1")])
    assert reply.all("X-Trace") == ["c-1"]
    assert not reply.all("X-Request-ID") and not reply.all("X-Correlation-ID")


def test_leaves_out_the_header(kind: type[Stack], lines: Any) -> None:
    """With response_header=False the response has none, and the lines have their id."""
    reply = kind(response_header=False).request("/ok")
    assert not reply.all("X-Request-ID")
    assert only(lines.http())["requestId"]


def test_exposes_the_header(kind: type[Stack]) -> None:
    """With expose=True browsers may read the header."""
    reply = kind(expose=True).request("/ok")
    assert reply.all("Access-Control-Expose-Headers") == ["X-Request-ID"]


def test_sets_the_header_on_errors(stack: Stack) -> None:
    """Every response carries the header once, the 404s and the 500s too."""
    for path in ("/nowhere", "/status/404", "/status/503", "/crash"):
        reply = stack.request(path, headers=[("X-Request-ID", "mine")])
        assert reply.status and reply.status >= 400
        assert reply.request_id == "mine"


# The record.


def test_leaves_one_record(stack: Stack, lines: Any) -> None:
    """A request ends in exactly one HTTPLog, which tells what happened."""
    reply = stack.request("/ok?page=2", headers=[("X-Request-ID", "mine")])
    record = only(lines.http())
    assert record["logger"] == "clew.http"
    assert record["level"] == "info"
    assert record["message"] == "GET /ok 200"
    assert record["requestId"] == "mine"
    request = record["request"]
    request.pop("route", None)
    assert request == {
        "method": "GET",
        "path": "/ok",
        "query": "page=2",
        "ipAddress": "203.0.113.7",
        "headers": {"requestId": "mine"},
    }
    response = record["response"]
    assert response["httpStatus"] == reply.status == 200
    assert response["bodySize"] == len(reply.body) == 2
    assert 0 < response["responseTime"] < 10_000
    assert "outcome" not in record and "exception" not in record and "direction" not in record
    decoded = msgspec.json.decode(lines.raw().splitlines()[-1], type=clew.HTTPLog)
    assert decoded.response.http_status == 200


def test_keeps_the_applications_lines(stack: Stack, lines: Any) -> None:
    """A line of the application comes before the record, with its own fields."""
    stack.request("/ok")
    first, second = lines()
    assert (first["message"], first["action"], first["logger"]) == ("inside", "READ", "app")
    assert second["logger"] == "clew.http"


def test_levels_by_status(stack: Stack, lines: Any) -> None:
    """The level of a record goes by its status."""
    for status, level in ((302, "info"), (404, "warning"), (500, "danger")):
        stack.request(f"/status/{status}")
        record = lines.http()[-1]
        assert (record["level"], record["response"]["httpStatus"]) == (level, status)


def test_records_a_404(stack: Stack, lines: Any) -> None:
    """A request that nothing matched has a record without a route."""
    stack.request("/nowhere")
    record = only(lines.http())
    assert record["message"] == "GET /nowhere 404"
    assert "route" not in record["request"]


def test_records_the_route(stack: Stack, lines: Any) -> None:
    """The record holds the framework's template, with the templates of the prefixes around it."""
    stack.request("/items/5")
    stack.request("/tenants/acme/users/7")
    routes = [record["request"].get("route") for record in lines.http()]
    assert routes == [stack.item_route, stack.tenant_route]


def test_leaves_out_the_servers_root_path(stack: Stack, lines: Any) -> None:
    """The path has the server's root path once, the route has it not."""
    stack.request("/items/5", root="/api")
    record = only(lines.http())
    assert record["request"]["path"] == "/api/items/5"
    assert record["request"].get("route") in (stack.item_route, None)
    if stack.authenticates and stack.item_route:
        assert record["request"]["route"] == stack.item_route


@each_row("raw", [True, False])
def test_writes_the_path_as_on_the_wire(stack: Stack, lines: Any, raw: bool) -> None:
    """A path is written percent-encoded, so that it forges nothing."""
    for path in ("/a%0AGET%20/forged", "/%FF%FE"):
        stack.request(path, raw=raw)
        written = lines.http()[-1]["request"]["path"]
        if raw:
            assert written == path
        else:
            assert written.isascii() and written.isprintable() and " " not in written
            assert written.startswith("/a") or "%" in written
    assert len(lines.raw().splitlines()) == len(lines())


@each_row("raw", [True, False])
def test_writes_the_path_of_an_absolute_target(kind: type[Stack], lines: Any, raw: bool) -> None:
    """A whole URL for a target (RFC 9112, 3.2.2) is its path: no credentials, and excluded so."""
    target = "http://anna:hunter2@shop/items/42"
    call: dict[str, Any] = {"raw": raw}
    if raw:  # as servers do that take it apart
        asgi = {"path": "/items/42", "raw_path": target.encode()}
        call = {"extra": asgi if kind.asgi else {"PATH_INFO": "/items/42", "RAW_URI": target}}
    reply = kind().request(target, **call)
    record = only(lines.http())
    assert record["request"]["path"] == "/items/42"
    assert "hunter2" not in json.dumps(record)
    if raw:
        assert reply.status == 200
        assert record["request"].get("route") == kind.item_route
        lines.clear()
        kind(exclude=["/items/*"]).request(target, **call)
        assert lines.http() == []


def test_cuts_a_long_path(stack: Stack, lines: Any) -> None:
    """The path and the query are cut at 2,048 characters."""
    stack.request("/" + "p" * 5000 + "?" + "q" * 5000)
    request = only(lines.http())["request"]
    assert (len(request["path"]), len(request["query"])) == (2048, 2048)


@each_row(
    ("sent", "request_id"),
    [
        ([("X-Correlation-ID", "theirs")], "theirs"),
        ([("X-Correlation-ID", "theirs"), ("X-Request-ID", "first")], "first"),
        ([("X-Correlation-ID", "theirs"), ("X-Request-ID", "")], "theirs"),
        ([("X-Correlation-ID", "no good")], None),
    ],
)
def test_reads_the_first_of_several_headers(
    kind: type[Stack], lines: Any, sent: list[tuple[str, str]], request_id: str | None
) -> None:
    """The first that is there is read; the first of all is written, and the application's."""
    stack = kind(header=["X-Request-ID", "X-Correlation-ID"])
    reply = stack.request("/seen", headers=sent)
    record = only(lines.http())
    assert reply.body == f"{reply.request_id} {reply.request_id}".encode()
    if request_id is None:
        assert record["request"]["rejectedRequestId"] == "charset"
    else:
        assert reply.request_id == record["requestId"] == request_id


def test_masks_the_query(stack: Stack, lines: Any) -> None:
    """The values of sensitive names in the query are masked."""
    stack.request("/ok?a=1&access_token=s3cret&user[Password]=s3cret;x=1&%74oken=s3cret")
    assert "s3cret" not in lines.raw()
    assert only(lines.http())["request"]["query"].startswith("a=1&access_token=***&")


def test_survives_a_hostile_query(stack: Stack, lines: Any) -> None:
    """A query that is no UTF-8 harms neither the response nor the record."""
    for query in ("%FF%FE=1", "\xff\xfe", "a=%0A", "a=\x7f"):
        reply = stack.request(f"/ok?{query}")
        refuses = type(stack).__name__ == "DjangoASGI" and not query.isascii()
        assert reply.status == (400 if refuses else 200)
        assert lines.http()[-1]["request"]["query"].isascii()


def test_survives_hostile_headers(stack: Stack, lines: Any) -> None:
    """Header values outside ASCII, and captured ones at that, harm nothing."""
    reply = stack.request("/ok", headers=[("X-Odd", "\xff\xfe\x01"), ("User-Agent", "\xe9")])
    assert reply.status == 200
    assert only(lines.http())


def test_masks_strictly(kind: type[Stack], lines: Any) -> None:
    """With redact="strict" addresses are masked in the path, the query and the message."""
    kind(redact="strict").request("/nowhere/bob%40example.com?q=bob@example.com")
    assert "example.com" not in lines.raw().replace("Not Found: /nowhere/bob@example.com", "")
    assert only(lines.http())["message"] == "GET /nowhere/*** 404"


def test_captures_headers(kind: type[Stack], lines: Any) -> None:
    """Only headers of the allow-list are logged, cut, and masked when their names are sensitive."""
    stack = kind(capture_headers=["User-Agent", "Authorization", "X-Long"])
    stack.request(
        "/ok",
        headers=[
            ("User-Agent", "curl/8"),
            ("Authorization", "Bearer s3cret"),
            ("X-Long", "x" * 5000),
            ("X-Other", "no"),
        ],
    )
    headers = only(lines.http())["request"]["headers"]
    headers.pop("requestId")
    assert headers == {"userAgent": "curl/8", "authorization": "***", "xLong": "x" * 1024}


# tests/test_addresses.py has what such a header may look like.
def test_finds_the_client_behind_proxies(kind: type[Stack], lines: Any) -> None:
    """Behind trusted proxies the address is the rightmost one that is not theirs."""
    stack = kind(proxies=["10.0.0.0/8"])
    for forwarded, expected in (
        ("evil, 198.51.100.1:4711, 10.0.0.9", "198.51.100.1"),
        ("", "10.0.0.1"),
    ):
        stack.request("/ok", headers=[("X-Forwarded-For", forwarded)], peer=("10.0.0.1", 1))
        assert lines.http()[-1]["request"]["ipAddress"] == expected


def test_believes_no_stranger(kind: type[Stack], lines: Any) -> None:
    """X-Forwarded-For counts for nothing from a peer that is no trusted proxy."""
    kind(proxies=["10.0.0.0/8"]).request("/ok", headers=[("X-Forwarded-For", "1.2.3.4")])
    assert only(lines.http())["request"]["ipAddress"] == "203.0.113.7"


def test_survives_an_absent_peer(stack: Stack, lines: Any) -> None:
    """Without a peer's address, as on a Unix socket, there is no ipAddress."""
    for peer in (None, ("", 0), ("/run/app.sock", 0)):
        assert stack.request("/ok", peer=peer).status == 200
        assert "ipAddress" not in lines.http()[-1]["request"]


def test_excludes_paths(kind: type[Stack], lines: Any) -> None:
    """Excluded paths make no record, unless they fail; they have an id all the same."""
    stack = kind(exclude=["/ok", "/status/*", "/nowhere*"])
    assert stack.request("/ok?x=1").request_id
    stack.request("/status/200")
    assert lines.http() == []
    stack.request("/status/500")
    stack.request("/nowhere")
    stack.request("/items/1")
    assert [record["response"]["httpStatus"] for record in lines.http()] == [500, 404, 200]


def test_excludes_paths_below_the_root_path(kind: type[Stack], lines: Any) -> None:
    """A path is excluded with the server's root path and without."""
    without, within, other = (
        kind(exclude=paths) for paths in (["/ok"], ["/api/ok", "/a b/*"], ["/api", "/o"])
    )
    for root, raw in (("/api", True), ("/api", False), ("/a b", False)):
        lines.clear()
        for stack in (without, within, other):
            stack.request("/ok", root=root, raw=raw)
        assert only(lines.http())["request"]["path"] == quote(root) + "/ok"


def test_logs_nothing_when_told(kind: type[Stack], lines: Any) -> None:
    """With log=False there are ids, context and header, and no HTTPLog."""
    reply = kind(log=False).request("/ok")
    assert only(lines())["requestId"] == reply.request_id


def test_asks_for_the_level(kind: type[Stack], lines: Any) -> None:
    """The level option decides, by what it reads in the record; changing it has no effect."""

    def level(record: clew.HTTPLog) -> int:
        status = record.response.http_status
        record.response.http_status = 1
        record.message = "changed"
        return logging.DEBUG if status == 200 else logging.CRITICAL

    stack = kind(level=level)
    stack.request("/status/404")
    stack.request("/ok")  # DEBUG is off
    record = only(lines.http())
    assert (record["level"], record["message"]) == ("critical", "GET /status/404 404")


def test_enriches_the_record(kind: type[Stack], lines: Any) -> None:
    """The enrich option adds fields, masked as any, and forges none of clew's."""

    def enrich(record: clew.HTTPLog) -> dict[str, object]:
        return {"region": "eu", "password": "s3cret", "requestId": "forged", 1: record.message}  # type: ignore[dict-item]

    reply = kind(enrich=enrich).request("/ok")
    record = only(lines.http())
    assert (record["region"], record["password"]) == ("eu", "***")
    assert (record["requestId"], record["requestId_"]) == (reply.request_id, "forged")
    assert record["1"] == "GET /ok 200"


def faulty(*_: object) -> Any:
    raise RuntimeError("faulty option")


FAULTY: tuple[tuple[str, Callable[..., Any]], ...] = (
    *(("generate", faulty), ("generate", lambda: "not safe"), ("generate", lambda: None)),
    ("accept", faulty),
    *(("user_id", faulty), ("user_id", lambda _: object())),
    *(("level", faulty), ("level", lambda _: "high")),
    *(("enrich", faulty), ("enrich", lambda _: 5)),
)


def test_survives_faulty_options(kind: type[Stack], lines: Any) -> None:
    """A user's callable that fails harms no request, and is told of once."""
    for option, wrong in FAULTY:
        lines.clear()
        stack = kind(**{option: wrong})
        for _ in range(2):
            reply = stack.request(
                "/status/200", headers=[("X-Request-ID", "ab")][option == "generate" :]
            )
            assert reply.status == 200 and reply.request_id
        assert len(lines.http()) == 2
        told = [line for line in lines() if line["logger"] == "clew"]
        assert only(told)["level"] == "warning"
        assert option in only(told)["message"]


# The user.


def test_carries_what_was_bound(stack: Stack, lines: Any) -> None:
    """What an endpoint binds, in a thread or not, is on every later line and on the record."""
    stack.request("/bind")
    assert [(line["userId"], line["tenant"]) for line in lines()] == [("77", "acme")] * 2


def test_finds_the_authenticated_user(stack: Stack, lines: Any) -> None:
    """The user that the framework authenticated is on the lines and the record, as a string."""
    if not stack.authenticates:
        pytest.skip("plain WSGI knows no users")
    stack.request("/user")
    assert [line.get("userId") for line in lines()] == [USER, USER]


def test_asks_for_the_user(kind: type[Stack], lines: Any) -> None:
    """The user_id option covers every other scheme; bind wins over it."""
    stack = kind(user_id=lambda _: "from-option")
    stack.request("/ok")
    assert {line["userId"] for line in lines()} == {"from-option"}
    lines.clear()
    stack.request("/bind")
    assert lines.http()[0]["userId"] == "77"


# The ends.


def test_records_a_crash(stack: Stack, lines: Any) -> None:
    """A crash is a 500 with its exception, once among clew's own lines, and raised again."""
    reply = stack.request("/crash", headers=[("X-Request-ID", "mine")])
    assert (reply.status, reply.request_id) == (500, "mine")
    record = only(lines.http())
    assert (record["level"], record["outcome"]) == ("danger", "error")
    assert record["response"]["httpStatus"] == 500
    assert record["response"]["bodySize"] == len(reply.body)
    assert record["exception"]["type"].endswith("stacks.CrashError")
    assert record["exception"]["message"] == "boom"
    assert 'CrashError("boom")' in record["exception"]["stackTrace"]
    assert {line["requestId"] for line in lines()} == {"mine"}


def test_writes_what_it_kept_of_a_failure(stack: Stack, lines: Any) -> None:
    """Lines below the level are written when a request crashes, or its body half-way, and else
    are not.
    """
    lines.configure(keep="DEBUG")
    for path in ("/crash", "/stream-crash"):
        reply = stack.request(path)
        found = [line for line in lines() if "kept" in line or "outcome" in line]
        assert [line.get("step") for line in found] == [1, None]
        assert [line["requestId"] for line in found] == [reply.request_id] * 2
        lines.clear()
    stack.request("/stream")
    assert not any("kept" in line for line in lines())


def test_takes_the_context_along_with_an_exception(stack: Stack, lines: Any) -> None:
    """The server's own line about a crash, logged after the context is gone, carries the id."""
    reply = stack.request("/crash", headers=[("X-Request-ID", "mine")])
    if reply.error is None:
        pytest.skip("the framework answers, and the server hears of nothing")
    assert clew.request_id() is None
    logging.getLogger("uvicorn.error").error("Exception in application", exc_info=reply.error)
    assert lines()[-1]["requestId"] == "mine"


def test_streams_in_the_context(stack: Stack, lines: Any) -> None:
    """Each chunk is made in the request's context, and all are counted."""
    reply = stack.request("/stream")
    assert [chunk for chunk in reply.chunks if chunk] == CHUNKS
    record = only(lines.http())
    assert {line["requestId"] for line in lines()} == {reply.request_id}
    assert len(lines()) == 4
    assert record["response"]["bodySize"] == len(b"".join(CHUNKS))
    assert "outcome" not in record


def test_shows_the_id_to_a_streamed_body(stack: Stack) -> None:
    """A generator of the body sees the request's id."""
    reply = stack.request("/streamed-id")
    assert reply.body.decode().split() == [reply.request_id] * 2


def test_records_a_crash_half_way(stack: Stack, lines: Any) -> None:
    """A body that raises half-way is an error with the status that the client got."""
    reply = stack.request("/stream-crash")
    assert reply.status == 200 and not reply.complete
    record = only(lines.http())
    assert (record["outcome"], record["level"]) == ("error", "danger")
    assert record["response"]["httpStatus"] == 200
    # Older Starlettes raise it in an ExceptionGroup.
    assert "half-way" in record["exception"]["stackTrace"]


def test_records_a_client_that_left(stack: Stack, lines: Any) -> None:
    """A client that leaves half-way is no success, also where the server tells only who asks."""
    if type(stack).__name__ == "DjangoASGI" and django.VERSION < (5,):
        pytest.skip("this Django does not listen for departures")
    stack.request("/stream", leave_after=1)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 200)


def test_head_has_no_body(stack: Stack, lines: Any) -> None:
    """The answer to HEAD has bodySize 0, and is complete."""
    reply = stack.request("/ok", method="HEAD")
    assert reply.request_id
    record = only(lines.http())
    assert record["response"]["bodySize"] == 0
    assert "outcome" not in record


def test_method_not_allowed(stack: Stack, lines: Any) -> None:
    """A 405 has a record with the matched template or none."""
    stack.request("/items/5", method="DELETE")
    record = only(lines.http())
    assert record["request"].get("route") in (stack.item_route, None)


# What surrounds it.


def test_leaks_nothing(stack: Stack) -> None:
    """After a request, also a crashed one, the caller's context is as it was."""
    with clew.context(request_id="outer"):
        stack.request("/ok")
        assert clew.request_id() == "outer"
        stack.request("/crash")
        assert clew.request_id() == "outer"
    assert clew.request_id() is None


def exchanges() -> list[Exchange]:
    """Return all that are in memory, whoever holds them."""
    gc.collect()
    return [kept for kept in gc.get_objects() if issubclass(type(kept), Exchange)]


@pytest.mark.usefixtures("few_objects")
def test_frees_what_it_held(stack: Stack) -> None:
    """Requests leave nothing behind once the garbage is collected."""
    without_capture()  # which keeps all records
    for path in ("/ok", "/crash", "/stream", "/nowhere"):
        stack.request(path)
    deadline = time.monotonic() + 10
    while exchanges():
        assert time.monotonic() < deadline  # a worker thread may just be ending


def test_costs_no_record_when_the_level_is_off(stack: Stack, lines: Any) -> None:
    """Records below the level of their logger are not made."""
    logging.getLogger("clew.http").setLevel(logging.WARNING)
    stack.request("/ok")
    assert lines.http() == []
    stack.request("/nowhere")
    assert len(lines.http()) == 1


def test_survives_handlers_that_raise(stack: Stack, lines: Any) -> None:
    """A handler that raises keeps neither the response nor the line from the others."""

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            if record.name.startswith("clew"):
                raise RuntimeError("broken handler")
            return True

    broken = Broken()
    logging.getLogger().handlers.insert(0, broken)
    try:
        reply = stack.request("/items/1")
    finally:
        logging.getLogger().removeHandler(broken)
    assert reply.status == 200
    assert len(lines.http()) == 1


def test_refuses_wrong_options(kind: type[Stack]) -> None:
    """A wrong option is refused where it is given, by its name and value."""
    for name, value in (("hedaer", "X"), ("header", "a b"), ("trust", "maybe")):
        with pytest.raises((TypeError, ValueError, ImproperlyConfigured)) as caught:
            kind(**{name: value})
        assert name in str(caught.value) and repr(value) in str(caught.value)


def summary(reply: Reply) -> tuple[int | None, bytes]:
    return reply.status, reply.body


def test_changes_nothing_else(kind: type[Stack]) -> None:
    """With and without the HTTPLog, the client gets the same."""
    logging_, silent = kind(), kind(log=False)
    for path in ("/ok", "/own", "/stream", "/status/304", "/nowhere"):
        assert summary(logging_.request(path)) == summary(silent.request(path))
