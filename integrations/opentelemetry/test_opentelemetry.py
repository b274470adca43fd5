"""The ids of traces on lines, and of requests on spans: on real servers with the real SDK, and
without it.
"""

from __future__ import annotations

import http.server
import json
import logging
import logging.config
import logging.handlers
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import clew
import clew.httpx
import clew.opentelemetry
from clew import _context, _current
from clew._lines.handler import LineHandler
from clew._tasks import TaskRun, TaskSettings
from clew.opentelemetry import TraceFilter, traceparent_ids
from tests.conftest import Lines, restored_logging, run_fresh, serve  # noqa: F401
from tests.rows import each_row
from tests.servers.server import PATIENCE, PROGRAMS, Server, fresh_id, until

ROOT = Path(__file__).parents[2]
APPS = "integrations.opentelemetry.apps"
INSTALL = "not installed: pip install opentelemetry-sdk opentelemetry-instrumentation-"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
HEADER = "http.request.header.x-request-id"

Line = dict[str, Any]

FASTAPI = "fastapi, clew first"
SERVED = {
    FASTAPI: ("uvicorn-h11", "fastapi_app:app", "clew first"),
    **{
        f"fastapi, {way}": ("uvicorn-h11", "fastapi_app:app", way)
        for way in ("clew last", "globally", "by itself")
    },
    "asgi, outside": ("uvicorn-h11", "asgi_app:app", "outside"),
    "asgi, inside": ("uvicorn-httptools", "asgi_app:app", "inside"),
    "flask, clew first": ("gunicorn-sync", "flask_app:app", "clew first"),
    "flask, clew last": ("gunicorn-gthread", "flask_app:app", "clew last"),
    "wsgi, outside": ("gunicorn-sync", "wsgi_app:app", "outside"),
    "wsgi, inside": ("gunicorn-gthread", "wsgi_app:app", "inside"),
    "django wsgi, outside": ("gunicorn-sync", "django_app:wsgi", "0"),
    "django wsgi, inside": ("gunicorn-sync", "django_app:wsgi", "1"),
    "django asgi, outside": ("uvicorn-h11", "django_app:app", "0"),
    "django asgi, inside": ("uvicorn-h11", "django_app:app", "1"),
}


class Traced(Server):
    """A service, which tells what spans it has made."""

    def spans(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("/spans").body)
        return found

    def entry(self, request_id: str) -> dict[str, Any]:
        """Return the span with which a request came in, as soon as it has ended."""

        def found() -> dict[str, Any] | None:
            spans = [
                span for span in self.spans() if span["attributes"].get(HEADER) == [request_id]
            ]
            assert len(spans) < 2
            return spans[0] if spans else None

        return until(found, f"the span of {request_id}")

    def of(self, request_id: str) -> list[Line]:
        """Return all lines of a request, its HTTPLog last, when that has been written."""
        self.record(request_id)
        lines = [line for line in self.lines() if line.get("requestId") == request_id]
        return sorted(lines, key=lambda line: line["logger"] == "clew.http")


def start(name: str, directory: Path) -> Traced:
    program, app, way = SERVED[name]
    module = app.partition("_")[0]
    for needed in ("sdk", f"instrumentation.{module}"):
        pytest.importorskip(f"opentelemetry.{needed}", reason=INSTALL + module)
    if way == "by itself":
        pytest.importorskip("fastapi.telemetry", reason="this FastAPI traces nothing by itself")
    environment = {"PYTHONPATH": str(ROOT), "WAY": way}
    if name == FASTAPI:  # set up in the order in which nothing is there yet
        environment["INSTALL_FIRST"] = "1"
    return Traced((*PROGRAMS[program].command, f"{APPS}.{app}"), directory, environment=environment)


@pytest.fixture(scope="module", params=SERVED)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    """Each of the services, running."""
    with start(request.param, tmp_path_factory.mktemp("served")) as server:
        yield server


in_fastapi = pytest.mark.parametrize("served", [FASTAPI], indirect=True)


# With the SDK.


def test_ids_on_every_line(served: Traced) -> None:
    """Every line of a request, of any logger and from a thread, and its HTTPLog has the ids of
    the span that was active; the trace is that of the caller, when there is one.
    """
    for parent in (None, PARENT):
        see_ids_on_every_line(served, parent)


def see_ids_on_every_line(served: Traced, parent: str | None) -> None:
    headers = [] if parent is None else [("traceparent", parent)]
    served.ask("/work", request_id := fresh_id(), headers=headers)
    entry = served.entry(request_id)
    assert (entry["traceId"] == TRACE) is (parent is not None)
    by_id = {span["spanId"]: span for span in served.spans()}
    *said, record = served.of(request_id)
    assert {line["message"] for line in said} == {
        "by clew",
        "by the standard library",
        "in a span",
        "in a thread",
    }
    for line in said:
        span = by_id[line["spanId"]]
        assert line["traceId"] == span["traceId"] == entry["traceId"]
        assert (span["name"] == "inner") is (line["message"] == "in a span")
    (thread,) = [line for line in said if line["message"] == "in a thread"]
    assert thread["spanId"] == entry["spanId"]
    assert (record["traceId"], record["spanId"]) == (entry["traceId"], entry["spanId"])


def test_request_id_on_the_span(served: Traced) -> None:
    """The server's span, and no other, has the request id, by clew's name and by the header's."""
    request_id = served.ask("/work").request_id
    entry = served.entry(request_id)
    assert entry["kind"] == "SERVER"
    assert entry["attributes"]["clew.request_id"] == request_id
    assert entry["attributes"][HEADER] == [request_id]
    others = [span for span in served.spans() if span["traceId"] == entry["traceId"]]
    assert [span["kind"] for span in others if "clew.request_id" in span["attributes"]] == [
        "SERVER"
    ]


def test_crash(served: Traced) -> None:
    """The HTTPLog of a crash is written when its span has ended, and has its ids; so has the
    server's own line about it, where it has the request's.
    """
    served.ask("/crash", request_id := fresh_id(), headers=[("traceparent", PARENT)])
    entry = served.entry(request_id)
    *others, record = served.of(request_id)
    assert (record["level"], record["response"]["httpStatus"]) == ("danger", 500)
    for line in (*others, record):
        assert (line["traceId"], line["spanId"]) == (TRACE, entry["spanId"])


@pytest.mark.parametrize(
    "served",
    [FASTAPI, "asgi, inside", "flask, clew first", "wsgi, inside"]
    + ["django wsgi, outside", "django asgi, inside"],
    indirect=True,
)
def test_trace_that_is_not_sampled(served: Traced) -> None:
    """A trace that the sampler leaves out is one trace on the lines all the same."""
    seen = set()
    for path in ("/work", "/crash"):
        served.ask(f"{path}?unsampled", request_id := fresh_id())
        lines = served.of(request_id)
        # Of the span of a crash that says nothing before it, nobody hears.
        (trace_id,) = {line.get("traceId") for line in lines}
        assert path == "/crash" or trace_id is not None
        seen.add(trace_id)
    parent = f"00-{(parents := fresh_id())}-{SPAN}-01"
    served.ask("/crash?unsampled", request_id := fresh_id(), headers=[("traceparent", parent)])
    assert {line["traceId"] for line in served.of(request_id)} == {parents}
    assert not (seen | {parents}) & {span["traceId"] for span in served.spans()}


@in_fastapi
def test_background_task(served: Traced) -> None:
    """A line of a background task has the ids of its request's trace."""
    served.ask("/later", request_id := fresh_id(), headers=[("traceparent", PARENT)])
    line = served.line(
        lambda line: line.get("requestId") == request_id and line["logger"] == "app", "the line"
    )
    assert (line["message"], line["traceId"]) == ("in the background", TRACE)


@in_fastapi
def test_span_without_lines(served: Traced) -> None:
    """The span of a request has its id, also when there is no line, no route, or a stream."""
    for path in ("/excluded", "/nowhere", "/stream"):
        served.ask(path, request_id := fresh_id())
        assert served.entry(request_id)["attributes"]["clew.request_id"] == request_id, path


@in_fastapi
def test_requests_at_once(served: Traced) -> None:
    """Under many requests at once, no line has another's trace, and no span another's id."""
    sent = {fresh_id(): f"{number + 1:032x}" for number in range(60)}
    with ThreadPoolExecutor(20) as pool:
        for request_id, trace_id in sent.items():
            headers = [("traceparent", f"00-{trace_id}-{SPAN}-01")]
            pool.submit(served.ask, "/work", request_id, headers=headers)
    for request_id, trace_id in sent.items():
        lines = served.of(request_id)
        assert {line["traceId"] for line in lines} == {trace_id}
        assert len(lines) == 5
    spans = [span for span in served.spans() if span["kind"] == "SERVER"]
    found = {span["attributes"]["clew.request_id"]: span["traceId"] for span in spans}
    assert sent.items() <= found.items()


@in_fastapi
def test_refused_id(served: Traced) -> None:
    """A refused id is on no span: what is there is the id that clew chose."""
    for hostile in ("a b", "x" * 500, "ümlaut"):
        answer = served.ask("/", headers=[("X-Request-ID", hostile)])
        assert served.entry(answer.request_id)
        assert hostile not in json.dumps(served.spans(), ensure_ascii=False)


# Without the SDK, and without any package.


WITHOUT = {"PYTHONPATH": f"{ROOT / APPS.replace('.', '/') / 'without'}:{ROOT}"}
BARE: dict[str, tuple[str, str, dict[str, str]]] = {
    "no package, starlette": ("uvicorn-h11", "bare_app:app", WITHOUT),
    "no package, wsgi": ("gunicorn-sync", "bare_app:wsgi", WITHOUT),
    "no SDK, fastapi": ("uvicorn-h11", "bare_app:app", {"PYTHONPATH": str(ROOT), "FASTAPI": "1"}),
}


@dataclass
class Sibling:
    """A service that is called, and the headers of the calls that it got."""

    address: str = ""
    received: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def sibling() -> Iterator[Sibling]:
    """A service to call, running."""
    found = Sibling()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.received.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        found.address = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield found
        finally:
            server.shutdown()
            thread.join(PATIENCE)


@pytest.fixture(scope="module", params=BARE)
def bare(
    request: pytest.FixtureRequest, sibling: Sibling, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Each of the services without the SDK, running."""
    program, app, further = BARE[request.param]
    with Server(
        (*PROGRAMS[program].command, f"{APPS}.{app}"),
        tmp_path_factory.mktemp("bare"),
        environment={**further, "SIBLING": sibling.address},
    ) as server:
        yield server


def lines_of(server: Server, request_id: str) -> list[Line]:
    server.record(request_id)
    return [line for line in server.lines() if line.get("requestId") == request_id]


def test_traceparent_alone(bare: Server) -> None:
    """The ids are those of the caller's traceparent, on each line and on the HTTPLog."""
    bare.ask("/", request_id := fresh_id(), headers=[("TraceParent", PARENT)])
    lines = lines_of(bare, request_id)
    assert [line["message"] for line in lines] == ["hello", "GET / 200"]
    assert {(line["traceId"], line["spanId"]) for line in lines} == {(TRACE, SPAN)}


# What is valid is told to traceparent_ids below.
def test_no_valid_traceparent(bare: Server) -> None:
    """Without a valid traceparent, or with several, no line has any id of a trace."""
    for values in ([], [""], [PARENT.upper()], [PARENT, PARENT], [f"{PARENT},{PARENT}"]):
        bare.ask("/", request_id := fresh_id(), headers=[("traceparent", each) for each in values])
        lines = lines_of(bare, request_id)
        assert len(lines) == 2
        for line in lines:
            assert not {"traceId", "spanId"} & line.keys()


@pytest.mark.parametrize("bare", ["no package, starlette", "no SDK, fastapi"], indirect=True)
def test_outgoing_calls_and_forgeries(bare: Server, sibling: Sibling) -> None:
    """An outgoing call carries the request id, and no traceparent: to forward that is
    OpenTelemetry's. Fields of a caller's by the ids' names get an underscore.
    """
    traced = [("traceparent", PARENT)]
    bare.ask("/call", called := fresh_id(), headers=traced)
    outgoing, record = lines_of(bare, called)
    (sent,) = [sent for sent in sibling.received if sent["x-request-id"] == called]
    assert not {"traceparent", "tracestate"} & sent.keys()
    assert (outgoing["logger"], outgoing["traceId"]) == ("clew.http.client", TRACE)
    assert record["traceId"] == TRACE
    for headers in ([], traced):
        bare.ask("/forge", forged := fresh_id(), headers=headers)
        said, of_it = lines_of(bare, forged)
        assert said["traceId_"] == "of a caller"
        assert (said["spanId_"], of_it["spanId_"]) == ("bound", "bound")
        expected = (TRACE, SPAN) if headers else (None, None)
        for line in (said, of_it):
            assert (line.get("traceId"), line.get("spanId")) == expected


VALID = (
    PARENT,
    f"00-{TRACE}-{SPAN}-00",
    f"00-{TRACE}-{SPAN}-ff",
    f" \t{PARENT}\t ",
    f"01-{TRACE}-{SPAN}-01",
    f"01-{TRACE}-{SPAN}-01-",
    f"cc-{TRACE}-{SPAN}-01-what-the-future-brings",
    f"fe-{TRACE}-{SPAN}-01-.",
    f"00-{'0' * 31}1-{SPAN}-01",
    f"00-{TRACE}-{'0' * 15}1-01",
)


@each_row("value", VALID)
def test_valid_traceparent(value: str) -> None:
    """These are valid, and tell their ids: of version 00 and, by their beginning, of later ones."""
    _, trace_id, span_id, *_ = value.split("-")
    assert traceparent_ids([value]) == {"traceId": trace_id, "spanId": span_id}, value


INVALID = (
    "",
    "-",
    "00",
    PARENT[:-1],
    PARENT[:-3],
    f"{PARENT}0",
    f"{PARENT}-",
    f"{PARENT}-more",
    f"{PARENT}\n",
    f"{PARENT}.",
    PARENT.upper(),
    PARENT.replace("4bf9", "4BF9"),
    PARENT.replace("4bf9", "4bg9"),
    PARENT.replace("4bf9", "４bf9"),
    PARENT.replace("-", "_"),
    f"0-{TRACE}-{SPAN}-01",
    f"000-{TRACE}-{SPAN}-01",
    f"0x-{TRACE}-{SPAN}-01",
    f"ff-{TRACE}-{SPAN}-01",
    f"ff-{TRACE}-{SPAN}-01-more",
    f"FE-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}0-{SPAN}-01",
    f"00-{TRACE[1:]}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}0-01",
    f"00-{TRACE}-{SPAN[1:]}-01",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-0g",
    f"00-{TRACE}-{SPAN}-FF",
    f"00-{TRACE}-{SPAN}-001",
    f"01-{TRACE}-{SPAN}-01more",
    f"01-{TRACE}-{SPAN}-01.more",
    f"01-{TRACE}-{SPAN}-0g-more",
    f"01-{TRACE}-{SPAN}-01-more,{PARENT}",
    f"01-{TRACE}-{SPAN}-01-more\nforged",
    f"{PARENT} {PARENT}",
    "é" * 55,
    "0" * 100_000,
    "-" * 100_000,
)


def test_invalid_traceparent() -> None:
    """These are invalid, and give no id at all."""
    assert [value for value in INVALID if traceparent_ids([value]) is not None] == []


def test_number_of_traceparents() -> None:
    """Only a single traceparent counts."""
    for values in ([], [PARENT, PARENT], [PARENT, ""], ["", PARENT]):
        assert traceparent_ids(values) is None, values


# In this process: handlers, filters and fields.


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """Lines in memory, with the integration installed, and everything undone afterwards."""
    request.getfixturevalue("restored_logging")
    begin, start = list(_context.begin_subscribers), list(_context.start_subscribers)
    lines = Lines()
    lines.configure()
    clew.opentelemetry.install()
    yield lines
    _context.begin_subscribers[:], _context.start_subscribers[:] = begin, start


def handler() -> LineHandler:
    """Return clew's own handler; pytest has others."""
    (found,) = [one for one in logging.root.handlers if isinstance(one, LineHandler)]
    return found


@pytest.fixture
def spans() -> Any:
    """A tracer of the SDK's whose spans are in memory."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason=INSTALL + "asgi")
    return sdk.TracerProvider()


def traced(work: Any, **options: Any) -> None:
    """Do *work* in a request with a traceparent."""
    import clew.wsgi

    def application(environ: Any, start_response: Any) -> list[bytes]:
        work()
        start_response("200 OK", [])
        return []

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_TRACEPARENT": PARENT}
    app: Any = clew.wsgi.RequestIDMiddleware(application, **options)
    list(app(environ, lambda *_: lambda _: None))


log = clew.get_logger("app")


def bound() -> None:
    clew.bind(traceId="x")
    log.info("forged")


FORGERIES: dict[str, Any] = {
    "a field": lambda: log.info("forged", traceId="x"),
    "extra": lambda: log.info("forged", extra={"traceId": "x"}),
    "extra of the standard library": lambda: logging.getLogger("legacy").info(
        "forged", extra={"traceId": "x"}
    ),
    "a message that is a dictionary": lambda: logging.getLogger("legacy").info(
        {"message": "forged", "traceId": "x"}
    ),
    "a bound field": bound,
    "with an exception": lambda: log.info("forged", traceId="x", exc_info=ValueError("x")),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("with_trace", [True, False])
def test_forged(installed: Lines, forge: Any, with_trace: bool) -> None:
    """No field of a caller's becomes the id of a trace, whether there is one or not."""
    if with_trace:
        traced(forge)
    else:
        serve(forge)
    line = installed()[0]
    assert line["message"] == "forged"
    assert line.get("traceId") == (TRACE if with_trace else None)
    assert line["traceId_"] == "x"


@pytest.mark.parametrize("with_trace", [True, False])
def test_forged_under_another_name(installed: Lines, with_trace: bool) -> None:
    """Where the key has another name, by rename_fields, that one cannot be forged."""
    formatter = clew.JSONFormatter(rename_fields={"traceId": "trace.id", "spanId": "span.id"})
    handler().setFormatter(formatter)
    forge = lambda: log.info("forged", **{"trace.id": "x"})  # noqa: E731
    traced(forge) if with_trace else serve(forge)
    said, record = installed()
    assert said.get("trace.id") == record.get("trace.id") == (TRACE if with_trace else None)
    assert said["trace.id_"] == "x"
    assert "traceId" not in said


def test_enriched_record(installed: Lines) -> None:
    """Nor does a field that the enrich option adds to an HTTPLog."""
    traced(lambda: None, enrich=lambda _: {"traceId": "x"})
    (record,) = installed()
    assert (record["traceId"], record["traceId_"]) == (TRACE, "x")


def test_attributes_of_records(installed: Lines) -> None:
    """``%(traceId)s`` works in any format, and is empty without a trace."""
    handler().setFormatter(logging.Formatter("%(message)s [%(traceId)s/%(spanId)s]"))
    log.info("outside")
    traced(lambda: log.info("inside"))
    assert installed.raw().splitlines() == [
        "outside [/]",
        f"inside [{TRACE}/{SPAN}]",
        f"GET / 200 [{TRACE}/{SPAN}]",
    ]


def test_console(installed: Lines) -> None:
    """The console's format shows them too."""
    installed.configure(format="console")
    clew.opentelemetry.install()
    traced(lambda: log.info("inside"))
    assert installed.raw().count(f"traceId={TRACE}") == 2


def test_dict_config(installed: Lines) -> None:
    """A dictConfig may name the filter, in the place of clew's own, and needs no install()."""
    _context.begin_subscribers.clear()
    config = clew.logging_config()
    config["filters"]["context"] = {"()": "clew.opentelemetry.TraceFilter"}
    config["handlers"]["clew"]["stream"] = installed.stream
    logging.config.dictConfig(config)
    traced(lambda: log.info("inside"))
    assert [line["traceId"] for line in installed()] == [TRACE, TRACE]


def test_configured_later(installed: Lines) -> None:
    """Logging that is set up after install() has the ids from the first request on."""
    installed.configure(service="shop")
    traced(lambda: log.info("inside"))
    assert [(line["service"], line["traceId"]) for line in installed()] == [("shop", TRACE)] * 2


def test_installed_twice(installed: Lines) -> None:
    """Installing again changes nothing: one filter a handler, one subscriber."""
    clew.opentelemetry.install()
    traced(lambda: log.info("inside"))
    clew.opentelemetry.install()
    assert [type(entry) for entry in handler().filters] == [TraceFilter]
    assert _context.begin_subscribers.count(clew.opentelemetry._on_begin) == 1
    assert len(installed()) == 2


def test_own_handlers(installed: Lines) -> None:
    """Handlers of your own with clew's formatter or filter get the filter; others stay alone."""
    mine, filtered, other = (logging.StreamHandler(installed.stream) for _ in range(3))
    mine.setFormatter(clew.JSONFormatter())
    filtered.addFilter(clew.ContextFilter())
    logger = logging.getLogger("mine")
    for each in (mine, filtered, other):
        logger.addHandler(each)
    clew.opentelemetry.install()
    assert [[type(entry) for entry in each.filters] for each in logger.handlers] == [
        [TraceFilter],
        [TraceFilter],
        [],
    ]


def test_queue(installed: Lines) -> None:
    """Through a queue, a line keeps the ids of the thread that logged it."""
    import queue
    from logging.handlers import QueueHandler, QueueListener

    target = handler()
    waiting: queue.Queue[Any] = queue.Queue()
    queued = QueueHandler(waiting)
    queued.addFilter(clew.ContextFilter())
    logging.root.removeHandler(target)
    logging.root.addHandler(queued)
    clew.opentelemetry.install()
    listener = QueueListener(waiting, target)
    traced(lambda: log.info("inside"))
    listener.start()
    listener.stop()
    assert [(line["traceId"], line["spanId"]) for line in installed()] == [(TRACE, SPAN)] * 2


def test_active_span_outside_of_a_request(installed: Lines, spans: Any) -> None:
    """Outside of any request, a line has the ids of the active span, and none without one."""
    with spans.get_tracer("job").start_as_current_span("job") as span:
        log.info("inside")
    log.info("outside")
    inside, outside = installed()
    assert inside["traceId"] == f"{span.get_span_context().trace_id:032x}"
    assert inside["spanId"] == f"{span.get_span_context().span_id:016x}"
    assert not {"traceId", "spanId"} & outside.keys()


@pytest.mark.parametrize("span_first", [True, False])
def test_job(installed: Lines, spans: Any, span_first: bool) -> None:
    """A consumer's span has the id of the job's clew.context, whichever begins first; a context
    within that changes nothing.
    """
    from opentelemetry.trace import SpanKind

    clew.opentelemetry.install(tracer_provider=spans)
    span = lambda: spans.get_tracer("job").start_as_current_span("job", kind=SpanKind.CONSUMER)  # noqa: E731
    context = lambda: clew.context(request_id="job-1")  # noqa: E731
    first, second = (span, context) if span_first else (context, span)
    with first() as one, second() as two:
        with clew.context(request_id="inner"):
            log.info("inside")
        made: Any = one if span_first else two
    assert dict(made.attributes) == {"clew.request_id": "job-1"}
    (line,) = installed()
    assert (line["requestId"], line["traceId"]) == ("inner", f"{made.context.trace_id:032x}")


def test_outgoing_call_that_another_job_ends(installed: Lines, spans: Any) -> None:
    """A call's record has the trace of its own job, also where another job closes the response."""
    from opentelemetry.trace import SpanKind

    clew.opentelemetry.install(tracer_provider=spans)
    client = clew.httpx.wrap(
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=[b"a"])))
    )
    start = partial(spans.get_tracer("job").start_as_current_span, kind=SpanKind.CONSUMER)
    with start("first") as first, clew.context(request_id="first"):
        response = client.send(client.build_request("GET", "http://shop/"), stream=True)
    with start("second"), clew.context(request_id="second"):
        response.close()
    (record,) = installed()
    assert record["requestId"] == "first"
    assert record["traceId"] == f"{first.get_span_context().trace_id:032x}"


def test_other_spans_are_not_marked(installed: Lines, spans: Any) -> None:
    """Spans that are no server's and no consumer's keep their attributes."""
    clew.opentelemetry.install(tracer_provider=spans)
    span = spans.get_tracer("app").start_as_current_span
    with span("a") as outer, clew.context(), span("b") as inner:
        log.info("inside")
    assert (dict(outer.attributes), dict(inner.attributes)) == ({}, {})


def test_what_the_lines_mask_is_masked_in_spans(installed: Lines, spans: Any) -> None:  # noqa: ARG001
    """Attributes, events and the status of a span show nothing that the lines mask."""
    from opentelemetry.trace import Status, StatusCode

    clew.opentelemetry.install(tracer_provider=spans)
    url = "https://bob:in-clear@db/?token=in-clear"
    attributes = {
        "url.full": url,
        "url.query": "code=in-clear&page=2",
        "url.path": "/a;jsessionid=in-clear",
        "http.request.header.authorization": ["in-clear"],
        "urls": [url],
        "page": 2,
    }
    tracer = spans.get_tracer("app")
    span = tracer.start_span("a", attributes=attributes)
    span.add_event("sent", {"password": "in-clear", "size": 7})
    span.record_exception(RuntimeError(f"cannot reach {url}"))
    span.set_status(Status(StatusCode.ERROR, f"cannot reach {url}"))
    span.end()
    said = span.to_json()
    assert "in-clear" not in said
    assert span.attributes["url.query"] == "code=***&page=2"
    assert (span.attributes["page"], span.events[0].attributes["size"]) == (2, 7)
    assert "cannot reach https://***@db/?token=***" in said


def test_spans_are_in_clear_with_masking_off(installed: Lines, spans: Any) -> None:
    """With redact="off" spans keep what they say."""
    installed.configure(redact="off")
    clew.opentelemetry.install(tracer_provider=spans)
    with spans.get_tracer("app").start_as_current_span("a") as span:
        span.set_attribute("password", "in-clear")
    assert span.attributes["password"] == "in-clear"


def test_wrong_provider() -> None:
    """A provider that can take no processor is refused, in one sentence."""
    with pytest.raises(TypeError, match=r"^tracer_provider must be .* or None, not 'x'$"):
        clew.opentelemetry.install(tracer_provider="x")  # type: ignore[arg-type]


def test_broken_span_breaks_no_request(
    installed: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When OpenTelemetry itself raises, requests are served and logged, without these ids."""
    pytest.importorskip("opentelemetry.trace", reason=INSTALL + "asgi")

    def broken() -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr("opentelemetry.trace.get_current_span", broken)
    traced(lambda: log.info("inside"))
    said, record = installed()
    assert (said["message"], record["response"]["httpStatus"]) == ("inside", 200)
    assert "RuntimeError: broken" in capsys.readouterr().err


def test_a_line_that_was_kept_has_no_ids_of_another_request(installed: Lines) -> None:
    """What a MemoryHandler kept from before a request, and hands on in its midst, is not its."""
    memory = logging.handlers.MemoryHandler(1_000, target=handler())
    legacy = logging.getLogger("legacy")
    legacy.addHandler(memory)
    legacy.propagate = False
    legacy.warning("before")
    traced(memory.flush)
    before, record = installed()
    assert (before["message"], record["traceId"]) == ("before", TRACE)
    assert not {"traceId", "spanId", "requestId"} & before.keys()


def remote_span() -> Any:
    """Return the caller's span, as it is the active one where there is no SDK."""
    trace = pytest.importorskip("opentelemetry.trace", reason=INSTALL + "asgi")
    context = trace.SpanContext(trace_id=0xA, span_id=0xB, is_remote=True)
    return trace.use_span(trace.NonRecordingSpan(context))


def test_the_callers_span_is_read_from_the_header(installed: Lines) -> None:
    """A request's traceparent counts where a propagator has made an active span of it."""
    with remote_span():
        traced(lambda: log.info("inside"))
    inside, record = installed()
    assert inside["traceId"] == record["traceId"] == TRACE


def test_a_job_has_the_callers_span(installed: Lines) -> None:
    """Outside of requests there is no header, and the active span in name is what is known."""
    with remote_span(), clew.context():
        log.info("inside")
        ids = dict(_current.current().ids)  # type: ignore[union-attr]
    (inside,) = installed()
    assert (inside["traceId"], inside["spanId"]) == (f"{0xA:032x}", f"{0xB:016x}")
    assert ids == {"traceId": inside["traceId"], "spanId": inside["spanId"]}


def test_a_span_that_cannot_be_masked_says_nothing(
    installed: Lines,
    spans: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Masking fails closed: a span goes without its attributes."""
    clew.opentelemetry.install(tracer_provider=spans)
    monkeypatch.setattr("clew.opentelemetry.mask_span", None)
    span = spans.get_tracer("app").start_span("a", attributes={"password": "in-clear"})
    span.end()
    assert "in-clear" not in span.to_json()
    assert "TypeError" in capsys.readouterr().err


def test_a_span_that_cannot_be_remembered_begins_all_the_same(
    installed: Lines,
    spans: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A fault of clew's own where a span begins costs neither the span nor the request."""
    from opentelemetry.trace import SpanKind

    clew.opentelemetry.install(tracer_provider=spans)
    monkeypatch.setattr("clew.opentelemetry._remember", None)

    def work() -> None:
        with spans.get_tracer("app").start_as_current_span("b", kind=SpanKind.SERVER) as span:
            span.set_attribute("page", 2)
        assert dict(span.attributes) == {"page": 2}

    traced(work)
    (record,) = installed()
    assert record["response"]["httpStatus"] == 200
    assert "TypeError" in capsys.readouterr().err


def test_opentelemetrys_own_log_handler(installed: Lines) -> None:
    """Its handler beside clew's gets the same records: the fields, the ids and the HTTPLog as
    attributes, and nothing that it cannot write and would report_failure of.
    """
    export = pytest.importorskip("opentelemetry.sdk._logs.export", reason=INSTALL + "logging")
    handlers = pytest.importorskip(
        "opentelemetry.instrumentation.logging.handler", reason=INSTALL + "logging"
    )
    from opentelemetry.sdk._logs import LoggerProvider

    exporter = export.InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
    logging.root.handlers.insert(0, handlers.LoggingHandler(logger_provider=provider))
    logging.root.addHandler(handlers.LoggingHandler(logger_provider=provider))
    clew.opentelemetry.install()
    clew.opentelemetry.install()
    traced(lambda: log.info("inside", action="WORK"))
    logs = [entry.log_record for entry in exporter.get_finished_logs()]
    assert [entry.body for entry in logs] == ["inside", "inside", "GET / 200", "GET / 200"]
    assert logs[1].attributes == {
        "action": "WORK",
        "requestId": installed()[0]["requestId"],
        "userId": "",
        "traceId": TRACE,
        "spanId": SPAN,
    }
    assert logs[3].attributes["http"]["request"]["method"] == "GET"
    run = TaskRun(TaskSettings(), None, name="shop.mail", id="1")
    run.begin()
    run.end("succeeded")
    task = exporter.get_finished_logs()[-1].log_record
    assert task.attributes["task"]["name"] == "shop.mail"
    assert len(installed()) == 3


@pytest.mark.parametrize("redact", [["tenant"], "strict"], ids=str)
def test_opentelemetrys_own_log_handler_exports_what_the_line_shows(
    installed: Lines, redact: Any
) -> None:
    """What clew's line masks is masked in the attributes, the body and the HTTPLog."""
    export = pytest.importorskip("opentelemetry.sdk._logs.export", reason=INSTALL + "logging")
    handlers = pytest.importorskip(
        "opentelemetry.instrumentation.logging.handler", reason=INSTALL + "logging"
    )
    from opentelemetry.sdk._logs import LoggerProvider

    exporter = export.InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
    logging.root.addHandler(handlers.LoggingHandler(logger_provider=provider))
    installed.configure(redact=redact)
    clew.opentelemetry.install()
    secret = "in-clear@example.org"
    fields = {"email": secret, "basket": {"password": secret}}

    def work() -> None:
        log.info("by clew", **fields)
        logging.getLogger("shop").info("by logging", extra=fields)
        logging.getLogger("shop").info({"message": "a mapping", "password": secret})
        if redact == "strict":
            logging.getLogger("shop").info("to %s", secret)
            try:
                raise ValueError(secret)
            except ValueError:
                log.exception("failed")
        else:
            log.info("more", tenant=secret)

    serve(work, environ={"QUERY_STRING": f"email={secret}&page=2"})
    logs = [entry.log_record for entry in exporter.get_finished_logs()]
    assert len(logs) == len(installed())
    assert logs[0].attributes["email"] == logs[0].attributes["basket"]["password"] == "***"
    assert "in-clear" not in str([(one.body, one.attributes) for one in logs])
    assert logs[-1].attributes["http"]["request"]["query"].endswith("page=2")
    assert fields["email"] == secret


def test_core_does_not_load_opentelemetry() -> None:
    """Nothing of clew's loads OpenTelemetry but clew.opentelemetry, and that one not the SDK."""
    printed = run_fresh(
        """
import sys
import clew, clew.asgi, clew.wsgi
print("opentelemetry" in sys.modules)
import clew.opentelemetry
print("opentelemetry.sdk" in sys.modules)
"""
    )
    assert printed.split() == ["False", "False"]
