"""What sentry-sdk sends to a receiver, from real servers, threads, tasks and a Celery worker."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import clew
from tests.conftest import restored_logging, run_fresh, run_without, serve  # noqa: F401
from tests.servers.server import PROGRAMS, Server, fresh_id, until

from .receiver import Receiver, parse

pytest.importorskip("sentry_sdk", reason='not installed: pip install "sentry-sdk>=2.8"')
clew_sentry = pytest.importorskip("clew.sentry")

ROOT = Path(__file__).parents[2]
APPS = "integrations.sentry.apps"
CRASH = "RuntimeError: the crash of the test"

SERVED = {
    "fastapi": ("uvicorn-h11", "fastapi_app:app", {"ALL_INTEGRATIONS": "1"}),
    "fastapi, installed before init": ("uvicorn-h11", "fastapi_app:app", {"INSTALL_FIRST": "1"}),
    "flask": ("gunicorn-sync", "flask_app:app", {}),
    "flask in threads": ("gunicorn-gthread", "flask_app:app", {}),
    "django wsgi": ("gunicorn-sync", "django_app:wsgi", {}),
    "django asgi": ("uvicorn-h11", "django_app:app", {}),
    "asgi": ("uvicorn-httptools", "asgi_app:app", {}),
    "asgi, sentry inside": ("uvicorn-h11", "asgi_app:app", {"SENTRY_INSIDE": "1"}),
    "wsgi": ("gunicorn-sync", "wsgi_app:app", {}),
    "wsgi, sentry inside": ("gunicorn-sync", "wsgi_app:app", {"SENTRY_INSIDE": "1"}),
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver, running."""
    with Receiver() as receiver:
        yield receiver


def start(name: str, directory: Path, receiver: Receiver, **environment: str) -> Server:
    program, app, further = SERVED[name]
    return Server(
        (*PROGRAMS[program].command, f"{APPS}.{app}"),
        directory,
        environment={
            "PYTHONPATH": str(ROOT),
            "SENTRY_DSN": receiver.dsn,
            **further,
            **environment,
        },
    )


@pytest.fixture(scope="module", params=SERVED)
def server(
    request: pytest.FixtureRequest,
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Each of the services, running."""
    with start(request.param, tmp_path_factory.mktemp("served"), receiver) as server:
        yield server
        assert server.errors() == "" or "gunicorn" not in request.param


in_fastapi = pytest.mark.parametrize("server", ["fastapi"], indirect=True)


def sent(
    server: Server, find: Callable[[], list[dict[str, Any]]], count: int = 1
) -> list[dict[str, Any]]:
    """Return what *find* finds when all has been sent, which is *count* of it."""
    until(lambda: len(find()) >= count or None, f"{count} from Sentry")
    server.ask("/flush")
    assert len(found := find()) == count
    return found


def message(event: dict[str, Any]) -> str:
    """Return what an error event is about."""
    if "exception" in event:
        (error,) = event["exception"]["values"]
        return f"{error['type']}: {error['value']}"
    if "message" in event:
        return str(event["message"])
    entry = event["logentry"]  # older versions send only its parts
    return str(entry.get("formatted") or entry["message"] % tuple(entry["params"]))


def crashes(receiver: Receiver) -> int:
    """Return how many events tell of a crash, in whatever words."""
    return sum("the crash of the test" in str(event) for event in receiver.events())


def test_crash_is_one_event(server: Server, receiver: Receiver) -> None:
    """A crash is one event, of Sentry's own integration, with the request's id and its user's;
    neither the HTTPLog nor the server's line becomes a second one.
    """
    before = crashes(receiver)
    server.ask("/crash", request_id := fresh_id())
    (event,) = sent(server, lambda: receiver.events(request_id))
    assert message(event) == CRASH
    assert event["user"]["id"] == "ada"
    assert event.get("logger") is None, "no line made it"
    assert crashes(receiver) == before + 1, "nor one without an id"


def test_transaction(server: Server, receiver: Receiver) -> None:
    """The transaction of a request has its id and its user's, though it is sent when clew's
    context has ended; so has that of a crash.
    """
    for path in ("/", "/crash"):
        server.ask(path, request_id := fresh_id())
        (transaction,) = sent(server, lambda: receiver.transactions(request_id))  # noqa: B023
        assert transaction["user"]["id"] == "ada"
        assert "clew" not in transaction["contexts"]


def test_every_transaction_has_an_id(server: Server, receiver: Receiver) -> None:
    """No transaction of a request goes without its id, whoever made it."""
    generated = server.ask("/").request_id
    sent(server, lambda: receiver.transactions(generated))
    assert all("requestId" in sent["tags"] for sent in receiver.transactions())


def test_lines_are_as_ever(server: Server) -> None:
    """Sentry sees the records, and the lines have their ids: the HTTPLog with the exception, and
    the server's own line about it.
    """
    server.ask("/crash", request_id := fresh_id())
    record = server.record(request_id)
    assert (record.user_id, record.outcome) == ("ada", "error")
    assert record.exception is not None
    assert record.exception.message == "the crash of the test"
    assert server.strays == []


@in_fastapi
def test_lines_of_application(server: Server, receiver: Receiver) -> None:
    """A line of level danger is an event of its own, with the ids; its fields are on the line and
    a secret is on neither.
    """
    server.ask("/danger", request_id := fresh_id())
    events = sent(server, lambda: receiver.events(request_id), 2)
    assert {message(event) for event in events} == {"Payment of order-77 failed", "old code"}
    assert [event["user"]["id"] for event in events] == ["ada", "ada"]
    (event,) = [event for event in events if event["logger"] == "app"]
    assert event["extra"]["comment"] == "card declined"
    assert "hunter2" not in str(event)
    line = server.line(
        lambda line: line.get("requestId") == request_id and line["logger"] == "app", "the line"
    )
    assert (line["message"], line["comment"], line["password"], line["userId"]) == (
        "Payment of order-77 failed",
        "card declined",
        "***",
        "ada",
    )


@in_fastapi
def test_no_breadcrumb(server: Server, receiver: Receiver) -> None:
    """The lines of the application are breadcrumbs of a later event; the HTTPLog never is one."""
    server.ask("/danger", request_id := fresh_id())
    events = sent(server, lambda: receiver.events(request_id), 2)
    crumbs = [crumb["category"] for crumb in events[-1]["breadcrumbs"]["values"]]
    assert "app" in crumbs
    for event in receiver.events():
        for crumb in event.get("breadcrumbs", {}).get("values", []):
            assert not crumb["category"].startswith("clew.http")


@in_fastapi
def test_own_user_stays(server: Server, receiver: Receiver) -> None:
    """A user's id that the application gave to Sentry stays, and so does what else it gave."""
    server.ask("/own-user", request_id := fresh_id())
    (event,) = sent(server, lambda: receiver.events(request_id))
    assert event["user"] == {"id": "of the application", "username": "ada"}


@in_fastapi
def test_tasks_and_threads(server: Server, receiver: Receiver) -> None:
    """Events from a background task, a carried thread and an asyncio task have the ids."""
    server.ask("/later", request_id := fresh_id())
    events = sent(server, lambda: receiver.events(request_id), 3)
    assert {message(event) for event in events} == {
        "LookupError: in a background task",
        "LookupError: in a thread",
        "LookupError: in a task",
    }
    assert {event["user"]["id"] for event in events} == {"ada"}


@in_fastapi
def test_job_in_a_request(server: Server, receiver: Receiver) -> None:
    """An event inside of a clew.context has that one's id; the transaction keeps the request's."""
    server.ask("/job", request_id := fresh_id())
    (event,) = sent(server, lambda: receiver.events(f"job-of-{request_id}"))
    assert message(event) == "in a job"
    assert "user" not in event or "id" not in event["user"]
    sent(server, lambda: receiver.transactions(request_id))
    assert receiver.transactions(f"job-of-{request_id}") == []


@in_fastapi
def test_without_record(server: Server, receiver: Receiver) -> None:
    """A request whose HTTPLog is excluded has its id on its transaction all the same."""
    server.ask("/excluded", request_id := fresh_id())
    (transaction,) = sent(server, lambda: receiver.transactions(request_id))
    assert transaction["transaction"] == "/excluded"


@in_fastapi
def test_requests_at_once(server: Server, receiver: Receiver) -> None:
    """Under many requests at once, no event and no transaction gets another's ids."""
    users = {fresh_id(): f"user-{number}" for number in range(40)}
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda item: server.ask(f"/wait/{item[1]}", item[0]), users.items()))
    for request_id, user in users.items():
        (event,) = sent(server, lambda: receiver.events(request_id))  # noqa: B023
        assert (message(event), event["user"]["id"]) == (user, user)
        (transaction,) = sent(server, lambda: receiver.transactions(request_id))  # noqa: B023
        assert transaction["user"]["id"] == user


@in_fastapi
def test_refused_id(server: Server, receiver: Receiver) -> None:
    """A tag is the id that clew chose: a hostile header never becomes one."""
    for hostile in ("", "a b", "x" * 500, "ümlaut", "<script>", "${jndi:x}"):
        answer = server.ask("/crash", headers=[("X-Request-ID", hostile)])
        assert answer.request_id != hostile
        sent(server, lambda: receiver.events(answer.request_id))  # noqa: B023
        assert receiver.events(hostile) == []


def test_streamed_spans(receiver: Receiver, tmp_path: Path) -> None:
    """Where Sentry streams spans in place of transactions, the request's span has the id."""
    consts = pytest.importorskip("sentry_sdk.consts")
    if "trace_lifecycle" not in consts.DEFAULT_OPTIONS:
        pytest.skip("this sentry-sdk streams no spans: pip install --upgrade sentry-sdk")
    name = "fastapi, installed before init"
    with start(name, tmp_path, receiver, STREAM="1") as server:
        server.ask("/crash", request_id := fresh_id())
        sent(server, lambda: receiver.events(request_id))

        def ids() -> list[Any]:
            spans = [
                span for kind, items in receiver.items if kind == "span" for span in items["items"]
            ]
            found = [span["attributes"].get("requestId", {}).get("value") for span in spans]
            return [found_id for found_id in found if found_id == request_id]

        until(lambda: ids() or None, "the span")
        assert len(ids()) == 1


SEND = """
import sys, clew
from integrations.sentry.apps import celery_app
with clew.context(request_id=sys.argv[1], user_id="ada"):
    celery_app.work.delay()
"""


def test_celery(receiver: Receiver, tmp_path: Path) -> None:
    """The event and the transaction of a Celery task have the id and the user of where it was
    sent, though Sentry, who is there as well, sends headers within the headers.
    """
    pytest.importorskip("celery", reason="not installed: pip install celery")
    before = crashes(receiver)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SENTRY_DSN": receiver.dsn}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # Celery would load that project
    celery = [sys.executable, "-m", "celery", "-A", f"{APPS}.celery_app"]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [*celery, "worker", "--pool=solo", "--without-heartbeat"],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        request_id = fresh_id()
        subprocess.run(
            [sys.executable, "-c", SEND, request_id],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        (event,) = until(lambda: receiver.events(request_id) or None, "the event")
        (transaction,) = until(lambda: receiver.transactions(request_id) or None, "the transaction")
    finally:
        process.terminate()
        process.wait(60)
    assert (message(event), event["user"]["id"]) == (CRASH, "ada")
    assert transaction["transaction"] == "shop.work"
    assert transaction["user"]["id"] == "ada"
    assert crashes(receiver) == before + 1


SCRIPT = """
import sentry_sdk
from sentry_sdk.transport import Transport
import clew, clew.sentry

class Keep(Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event() or envelope.get_transaction_event()
        print(event.get("message"), event.get("tags", {}).get("requestId"), event.get("user"))

# Of all packages that are installed, it would import each that it knows.
sentry_sdk.init(
    "http://key@127.0.0.1:9/1", transport=Keep, traces_sample_rate=1.0,
    auto_enabling_integrations=False,
)
clew.sentry.install()
"""


def test_outside_of_any_context() -> None:
    """An event outside of any context gets no id, also after a context in the same thread."""
    printed = run_fresh(
        SCRIPT
        + """
with clew.context(request_id="job-1", user_id="ada"):
    sentry_sdk.capture_message("inside")
sentry_sdk.capture_message("outside")
"""
    )
    assert printed.splitlines() == ["inside job-1 {'id': 'ada'}", "outside None None"]


MASKED = """
import json, logging, sys
import sentry_sdk
from sentry_sdk.transport import Transport
import clew, clew.sentry

class Keep(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            print(item.get_bytes().decode())

redact = json.loads(sys.argv[1])
sentry_sdk.init(
    "http://key@127.0.0.1:9/1", transport=Keep, enable_logs=True, auto_enabling_integrations=False
)
clew.configure_logging(redact=redact)
clew.sentry.install()
clew.sentry.install()
fields = {"email": "in-clear", "basket": {"password": "in-clear"}, "tenant": "in-clear"}
data = {"token": "in-clear", "http.query": "token=in-clear"}
sentry_sdk.add_breadcrumb(message="crumb", data=data)
logging.getLogger("shop").info("by logging", extra=fields)
clew.get_logger("shop").info("by clew", **fields)
logging.getLogger("shop").info({"message": "a mapping", "password": "in-clear"})
sentry_sdk.set_extra("password", "in-clear")
sentry_sdk.add_breadcrumb(message="GET https://bob:in-clear@db/?token=in-clear")

def sign_in(password):
    raise RuntimeError(f"cannot reach https://bob:{password}@db/")

try:
    sign_in("in-clear")
except RuntimeError:
    sentry_sdk.capture_exception()
sentry_sdk.capture_event({
    "message": "cannot reach https://bob:in-clear@db/",
    "logentry": {"message": "%s", "params": ["https://db/?token=in-clear"]},
    "request": {
        "url": "https://shop/?token=in-clear", "headers": {"Authorization": "Digest in-clear"},
        "cookies": {"a": "in-clear"}, "data": {"password": "in-clear"},
        "query_string": "code=in-clear",
    },
    "contexts": {"shop": {"api_key": "in-clear"}},
    "exception": {"values": [{"stacktrace": {"frames": [{
        "pre_context": ["x = 'bob password=in-clear'"],
        "context_line": "raise E('in token=in-clear')",
        "post_context": ["    connect(token='in-clear')", "lines around"],
    }]}}]},
    "spans": [{"description": "GET /?token=in-clear", "data": {"token": "in-clear"}}],
})
if redact == "strict":
    logging.getLogger("shop").info("to %s", "in-clear@example.org")
    try:
        raise ValueError("in-clear@example.org")
    except ValueError:
        clew.get_logger("shop").exception("failed")
else:
    logging.getLogger("shop").error("failed", extra={**fields, "harmless": "seen"})
sentry_sdk.flush()
"""


@pytest.mark.parametrize("redact", [["tenant"], "strict"], ids=str)
def test_what_the_line_masks_is_masked_in_sentry(redact: object) -> None:
    """Extra, breadcrumbs, requests, exceptions, their variables and lines of code, contexts, spans
    and logs' attributes hold what the lines hold, nothing in clear.
    """
    script = MASKED if redact != "strict" else MASKED.replace('"tenant": "in-clear"', '"a": "b"')
    printed = run_fresh(script, json.dumps(redact))
    assert "failed" in printed and "***" in printed
    assert '"data":{"email"' in printed.replace(" ", ""), "a breadcrumb"
    assert "in-clear" not in printed
    assert "lines around" in printed
    assert redact == "strict" or '"seen"' in printed


def test_masking_off_is_off_in_sentry() -> None:
    """With redact="off" Sentry gets all."""
    printed = run_fresh(MASKED, '"off"')
    assert '"email":"in-clear"' in printed.replace(" ", "")


def test_exception_that_left() -> None:
    """An exception that is captured outside of the context it left has the ids of that."""
    printed = run_fresh(
        SCRIPT
        + """
try:
    with clew.context(request_id="job-1", user_id="ada"):
        raise LookupError
except LookupError as error:
    sentry_sdk.capture_exception(error)
"""
    )
    assert printed.splitlines() == ["None job-1 {'id': 'ada'}"]


def test_scope_is_left_alone() -> None:
    """Neither the user nor the tag stays on Sentry's scope, where the next event would find it."""
    printed = run_fresh(
        SCRIPT
        + """
sentry_sdk.set_user({"email": "ada@example.org"})
sentry_sdk.set_tag("tenant", "acme")
with clew.context(request_id="job-1", user_id="ada"):
    sentry_sdk.capture_message("inside")
sentry_sdk.capture_message("outside")
scope = sentry_sdk.Scope.get_isolation_scope()
print(scope._user, scope._tags)
"""
    )
    assert printed.splitlines() == [
        "inside job-1 {'email': 'ada@example.org', 'id': 'ada'}",
        "outside None {'email': 'ada@example.org'}",
        "{'email': 'ada@example.org'} {'tenant': 'acme'}",
    ]


def test_jobs_do_not_pile_up() -> None:
    """Hundreds of jobs under one scope leave nothing behind on it."""
    printed = run_fresh(
        SCRIPT
        + """
import gc, weakref
from clew._current import current
gone = []
for number in range(300):
    with sentry_sdk.start_transaction(name="job"), clew.context(request_id=f"job-{number}"):
        gone.append(weakref.ref(current()))
gc.collect()
scope = sentry_sdk.Scope.get_isolation_scope()
print(len(scope._event_processors), sum(1 for one in gone if one() is not None) <= 1)
"""
    )
    assert printed.splitlines()[-1] == "0 True"
    assert printed.splitlines()[:-1] == [f"None job-{number} None" for number in range(300)]


def test_context_of_the_applications_own() -> None:
    """What an application itself calls "clew" in Sentry stays."""
    printed = run_fresh(
        SCRIPT.replace("print(", "print(event['contexts'].get('clew'), ")
        + """
sentry_sdk.set_context("clew", {"thread": "red"})
with clew.context(request_id="job-1"):
    sentry_sdk.capture_message("inside")
"""
    )
    assert printed.splitlines() == ["{'thread': 'red'} inside job-1 None"]


def test_without_transactions() -> None:
    """Where Sentry sends no transactions, events have their ids all the same."""
    printed = run_fresh(
        SCRIPT.replace("traces_sample_rate=1.0", "traces_sample_rate=0")
        + """
def work():
    with sentry_sdk.start_transaction(name="job"), clew.context(request_id="job-1", user_id="ada"):
        sentry_sdk.capture_message("inside")

work()
for options in ({}, {"instrumenter": "otel"}):
    dsn = "http://key@127.0.0.1:9/1"
    sentry_sdk.init(dsn, transport=Keep, auto_enabling_integrations=False, **options)
    work()
"""
    )
    assert printed.splitlines() == ["inside job-1 {'id': 'ada'}"] * 3


def test_without_sentry() -> None:
    """Without sentry-sdk, the import says in one sentence what to install."""
    expected = "clew.sentry gives the events of sentry-sdk their ids: pip install sentry-sdk\n"
    assert run_without("sentry_sdk", "clew.sentry") == expected


def test_core_does_not_load_sentry() -> None:
    """Nothing of clew's loads sentry-sdk, but clew.sentry."""
    printed = run_fresh(
        """
import sys
import clew, clew.asgi, clew.wsgi
print("sentry_sdk" in sys.modules)
import clew.sentry
print("sentry_sdk" in sys.modules)
"""
    )
    assert printed.split() == ["False", "True"]


def test_receiver_reads_envelopes() -> None:
    """The receiver of these tests reads items with and without a length, and skips others."""
    envelope = (
        b'{"event_id":"1"}\n'
        b'{"type":"event","length":14}\n{"a":"b\\nc{}"}\n'
        b'{"type":"list"}\n[]\n'
        b'{"type":"session"}\n{"d":1}'
    )
    assert parse(envelope) == [("event", {"a": "b\nc{}"}), ("session", {"d": 1})]


# In this process.


def test_a_record_that_cannot_be_masked_is_not_handed_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Masking fails closed: Sentry's handler hears nothing of a record that clew fails at."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise AssertionError("it was handed on")

    monkeypatch.setattr("clew.sentry.masked_record", None)
    clew_sentry._patch_emit(Handler)
    Handler().emit(logging.LogRecord("shop", logging.INFO, "", 0, "line", (), None))
    assert "TypeError" in capsys.readouterr().err


def test_an_event_that_cannot_be_masked_loses_what_may_be_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So an event goes without its extra, its breadcrumbs and its request."""
    monkeypatch.setattr("clew.sentry.masked", None)
    event = {"extra": {"password": "hunter2"}, "breadcrumbs": {}, "request": {}, "level": "error"}
    assert clew_sentry._identify(event, {}) == {"level": "error"}
    assert "TypeError" in capsys.readouterr().err


def test_an_event_in_clear_stays_as_it_is(restored_logging: None) -> None:  # noqa: F811
    """With masking off for lines and for requests, nothing of an event is touched."""
    extra = {"password": "in-clear"}
    events: list[Any] = []
    clew.configure_logging(stream=io.StringIO(), redact="off")
    serve(lambda: events.append(clew_sentry._identify({"extra": extra}, {})), redact="off")
    [event] = events
    assert event["extra"] is extra
    assert set(event["tags"]) == {"requestId"}


def test_an_odd_event_is_handed_on() -> None:
    """Parts that another processor has made something else of stay what they are."""
    event: Any = {
        "request": "odd",
        "logentry": None,
        "exception": {"values": [None, {"value": "https://bob:in-clear@db/", "stacktrace": 5}]},
        "threads": [{"value": 7, "stacktrace": {"frames": [{"vars": "odd"}]}}],
    }
    shown: Any = clew_sentry._identify(event, {})
    assert (shown["request"], shown["logentry"]) == ("odd", None)
    none, error = shown["exception"]["values"]
    assert (none, error) == (None, {"value": "https://***@db/", "stacktrace": 5})
    assert shown["threads"] == [{"value": 7, "stacktrace": {"frames": [{"vars": "odd"}]}}]
