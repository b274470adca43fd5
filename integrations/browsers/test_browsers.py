"""Pages in a real browser that call APIs of another origin; and clients in other languages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import clew
from tests.servers.server import PATIENCE, Server, fresh_id

pytest.importorskip("selenium", reason="selenium is not installed: pip install selenium")
pytest.importorskip("fastapi", reason="pip install fastapi")
pytest.importorskip(
    "corsheaders", reason="django-cors-headers is not installed: pip install django-cors-headers"
)

from tests.answers.pages.browser import Browser, browser  # noqa: E402

__all__ = ["browser"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
README = (HERE / "README.md").read_text()

APPS = "integrations.browsers.apps"
UVICORN = ("uvicorn", "--host={host}", "--port={port}")
GUNICORN = ("gunicorn", "--bind={host}:{port}", "--worker-class=gthread", "--threads=4")
FRAMEWORKS = pytest.mark.parametrize("framework", ["fastapi", "django"])

Serve = Callable[..., Server]

# What the page's own script does: it tells the status and the id, or that the browser refused.
ASK = """
const [url, options, done] = arguments;
fetch(url, options).then(
    response => done([response.status, response.headers.get("X-Request-ID")]),
    error => done(error.name));
"""
CALL = """
const [url, options, done] = arguments;
call(url, options).then(
    ({response, requestId}) => done([response.status, requestId]),
    error => done([error.name, error.requestId]));
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the pages, at an origin of their own."""
    directory = tmp_path_factory.mktemp("pages")
    for name in ("page.html", "call.js"):
        shutil.copy(HERE / name, directory)
    with Server(("http.server", "--bind={host}", "{port}"), directory) as server:
        yield server


@pytest.fixture(scope="module")
def serve(pages: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start an API, or what it lacks one thing of, once for all who ask it."""
    running: dict[tuple[str, str], Server] = {}

    def serve(framework: str, lacks: str = "") -> Server:
        if (framework, lacks) not in running:
            environment = {
                "PYTHONPATH": str(ROOT),
                "PAGES": f"http://127.0.0.1:{pages.port}",
                "LACKS": lacks,
            }
            command = [*GUNICORN, f"{APPS}.django_app:app"]
            if framework == "fastapi":
                name = {"": "app", "order": "inside"}.get(lacks, f"without_{lacks}")
                command = [*UVICORN, f"{APPS}.fastapi_app:{name}"]
            directory = tmp_path_factory.mktemp(framework)
            server = Server(command, directory, environment=environment)
            running[framework, lacks] = up.enter_context(server)
        return running[framework, lacks]

    with ExitStack() as up:
        yield serve


@pytest.fixture
def page(browser: Browser, pages: Server) -> Browser:
    """Give the browser with the page open, whose scripts have time."""
    browser.driver.set_script_timeout(PATIENCE)
    browser.open(f"http://127.0.0.1:{pages.port}/page.html")
    return browser


def fetched(page: Browser, api: Server, path: str, request_id: str | None, **options: Any) -> Any:
    """Return what the page sees of a call: the status and the id, or an error's name."""
    headers = {} if request_id is None else {"X-Request-ID": request_id}
    url = f"http://127.0.0.1:{api.port}{path}"
    return page.driver.execute_async_script(ASK, url, {"headers": headers, **options})


def of(api: Server, path: str) -> list[clew.HTTPLog]:
    """Return the HTTPLogs of a path, each path being asked in one test alone."""
    api.record(api.ask("/orders/last", fresh_id()).request_id)  # all before it is written
    lines = [line for line in api.lines() if line.get("request", {}).get("path") == path]
    return [record for line in lines for record in api.records(line["requestId"])]


# Pages.


@FRAMEWORKS
def test_a_page_sends_an_id_and_reads_it(page: Browser, serve: Serve, framework: str) -> None:
    """The page's id is that of the HTTPLog; the preflight has an HTTPLog, and an id, too."""
    api, path = serve(framework), f"/orders/{fresh_id()}"
    assert fetched(page, api, path, request_id := fresh_id()) == [200, request_id]
    preflight, record = of(api, path)
    assert (record.request.method, record.request_id) == ("GET", request_id)
    assert preflight.request.method == "OPTIONS"
    assert preflight.response.http_status == 200
    assert preflight.request_id not in {None, request_id}
    assert preflight.request.rejected_request_id is None


@FRAMEWORKS
def test_a_page_reads_an_id_that_was_made(page: Browser, serve: Serve, framework: str) -> None:
    """A page that sends no id, which needs no preflight, reads the one that was made."""
    api, path = serve(framework), f"/orders/{fresh_id()}"
    status, request_id = fetched(page, api, path, None)
    (record,) = of(api, path)
    assert (status, request_id) == (200, record.request_id)


@FRAMEWORKS
def test_a_refused_id(page: Browser, serve: Serve, framework: str) -> None:
    """A page whose id is no good one reads that by which it was replaced."""
    api, path = serve(framework), f"/orders/{fresh_id()}"
    status, request_id = fetched(page, api, path, '"}, not good')
    _, record = of(api, path)
    assert (status, request_id) == (200, record.request_id)
    assert record.request.rejected_request_id in {"charset", "duplicate"}


@FRAMEWORKS
def test_a_crash(page: Browser, serve: Serve, framework: str) -> None:
    """The id of a 500 can be read by the page."""
    api = serve(framework)
    assert fetched(page, api, "/crash", request_id := fresh_id()) == [500, request_id]
    record = api.record(request_id)
    assert (record.outcome, record.exception and record.exception.type) == ("error", "RuntimeError")


@FRAMEWORKS
def test_a_status_of_the_framework(page: Browser, serve: Serve, framework: str) -> None:
    """The id of a 404 can be read by the page."""
    api = serve(framework)
    assert fetched(page, api, "/nowhere", request_id := fresh_id()) == [404, request_id]
    assert api.record(request_id).response.http_status == 404


@FRAMEWORKS
def test_another_origin_is_not_allowed(
    page: Browser, serve: Serve, pages: Server, framework: str
) -> None:
    """A page of an origin that is not allowed gets nothing, its id is not in the log."""
    page.open(f"http://localhost:{pages.port}/page.html")
    api, path = serve(framework), f"/orders/{fresh_id()}"
    assert fetched(page, api, path, fresh_id()) == "TypeError"
    (preflight,) = of(api, path)
    assert preflight.request.method == "OPTIONS"


# What each part is for.


@FRAMEWORKS
def test_without_allow(page: Browser, serve: Serve, framework: str) -> None:
    """Where the header is not allowed, the browser does not send the request at all."""
    api, path = serve(framework, "allow"), f"/orders/{fresh_id()}"
    assert fetched(page, api, path, fresh_id()) == "TypeError"
    (preflight,) = of(api, path)
    assert preflight.request.method == "OPTIONS"
    # Starlette says so by the status; Django's middleware leaves it to the browser.
    assert preflight.response.http_status == {"fastapi": 400, "django": 200}[framework]
    assert any("preflight" in each for each in page.complaints())


@FRAMEWORKS
def test_without_expose(page: Browser, serve: Serve, framework: str) -> None:
    """Where the header is not exposed, the request has the id, and the page cannot read it."""
    api, path = serve(framework, "expose"), f"/orders/{fresh_id()}"
    assert fetched(page, api, path, request_id := fresh_id()) == [200, None]
    assert of(api, path)[-1].request_id == request_id


def test_cors_inside_the_framework(page: Browser, serve: Serve) -> None:
    """Added as FastAPI's middleware, CORS is not on the 500 of a crash: the page cannot read it.
    All else is as it is around the application."""
    api, path = serve("fastapi", "order"), f"/orders/{fresh_id()}"
    assert fetched(page, api, path, request_id := fresh_id()) == [200, request_id]
    assert [each.request.method for each in of(api, path)] == ["OPTIONS", "GET"]
    assert fetched(page, api, "/crash", request_id := fresh_id()) == "TypeError"
    record = api.record(request_id)
    assert (record.response.http_status, record.outcome) == (500, "error")


def test_the_route_is_known_through_cors(serve: Serve) -> None:
    """Middleware between clew and the framework does not hide its routes."""
    api = serve("fastapi")
    api.ask("/orders/7", request_id := fresh_id())
    assert api.record(request_id).request.route == "/orders/{order}"


def test_exposed_names_are_merged(pages: Server, tmp_path: Path) -> None:
    """What CORS exposes stays exposed."""
    origin = f"http://127.0.0.1:{pages.port}"
    command = [*UVICORN, f"{APPS}.fastapi_app:merged"]
    environment = {"PYTHONPATH": str(ROOT), "PAGES": origin}
    with Server(command, tmp_path, environment=environment) as api:
        answer = api.ask("/orders/7", headers=[("Origin", origin)])
    exposed = answer.header("Access-Control-Expose-Headers")
    assert exposed == ["X-Total, X-Request-ID"]
    assert answer.header("Access-Control-Allow-Credentials") == ["true"]


# The script of the README.


def test_the_readme_shows_the_script() -> None:
    """The README's JavaScript is that of the page."""
    (shown,) = re.findall(r"```javascript\n(.*?)```", README, re.DOTALL)
    assert shown.strip() in (HERE / "call.js").read_text()


@FRAMEWORKS
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_script(page: Browser, serve: Serve, framework: str, method: str) -> None:
    """It gives each call an id, beside the caller's own headers, and tells it."""
    api, path = serve(framework), f"/orders/{fresh_id()}"
    url = f"http://127.0.0.1:{api.port}{path}"
    options = {"method": method, "headers": {"Accept": "application/json"}}
    status, request_id = page.driver.execute_async_script(CALL, url, options)
    assert status == 200
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", request_id)
    assert of(api, path)[-1].request_id == request_id


def test_the_script_where_there_is_no_uuid(page: Browser, serve: Serve) -> None:
    """In a page that is not of https or localhost, it makes another id."""
    api, path = serve("fastapi"), f"/orders/{fresh_id()}"
    page.run("delete Crypto.prototype.randomUUID")
    url = f"http://127.0.0.1:{api.port}{path}"
    status, request_id = page.driver.execute_async_script(CALL, url, {})
    assert status == 200 and re.fullmatch(r"\d{1,20}", request_id)
    assert of(api, path)[-1].request_id == request_id


def test_the_script_tells_the_id_of_a_call_that_failed(page: Browser, serve: Serve) -> None:
    """The error has the id, under which the log has what the page could not read."""
    api = serve("fastapi", "order")
    url = f"http://127.0.0.1:{api.port}/crash"
    name, request_id = page.driver.execute_async_script(CALL, url, {})
    assert name == "TypeError"
    assert api.record(request_id).response.http_status == 500


# Other clients.


def test_curl(serve: Serve) -> None:
    """The README's command sends an id and shows the one that comes back."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    (command,) = re.findall(r"^\$ (curl .*)$", README, re.MULTILINE)
    api = serve("fastapi")
    command = command.replace("http://localhost:8000", f"http://127.0.0.1:{api.port}")
    shell = ["sh", "-c", command]
    done = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.lower().strip() == "x-request-id: curl-1"
    api.settled("curl-1")


SERVICES = {
    "service.mjs": ("node", "apt-get install nodejs"),
    "service.go": ("go", "apt-get install golang-go"),
    "Service.java": ("java", "apt-get install default-jdk-headless"),
    "service.rb": ("ruby", "apt-get install ruby"),
}


class Foreign(Server):
    """A service in another language, in front of *upstream*."""

    def __init__(self, source: str, upstream: Server, directory: Path) -> None:
        program, installed_by = SERVICES[source]
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: {installed_by}")
        environment = {"HOME": str(directory), "GOTOOLCHAIN": "local"}
        command = [program, str(HERE / "services" / source)]
        if program == "go":
            build, command = [program, "build", "-o", "service", command[1]], ["./service"]
            subprocess.run(
                build, cwd=directory, env={**os.environ, **environment}, check=True, timeout=300
            )
        super().__init__((), directory, environment=environment)
        self._command = [*command, str(self.port), f"http://127.0.0.1:{upstream.port}"]


@pytest.mark.parametrize("source", SERVICES)
def test_a_service_in_another_language(serve: Serve, tmp_path: Path, source: str) -> None:
    """It passes on the id that it got, else one of its own, and answers with it."""
    api = serve("fastapi")
    with Foreign(source, api, tmp_path) as service:
        answer = service.ask("/orders/7?page=2", request_id := fresh_id())
        assert (answer.request_id, answer.body) == (request_id, b'"7"')
        assert api.record(request_id).request.query == "page=2"
        made = service.ask("/orders/8").request_id
        assert api.record(made).request.path == "/orders/8"


@pytest.mark.parametrize("source", SERVICES)
def test_the_readme_shows_the_services(source: str) -> None:
    """The README's lines are those of the service that was run."""
    code = (HERE / "services" / source).read_text()
    kept = {line.strip() for line in code.splitlines()}
    (shown,) = re.findall(rf"\[{re.escape(source)}\].*?```\w+\n(.*?)```", README, re.DOTALL)
    assert [line for line in shown.splitlines() if line.strip() not in kept] == []


def test_traceparent_is_not_passed_on(serve: Serve) -> None:
    """W3C's header is not clew's: it makes no id."""
    api = serve("fastapi")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = api.ask("/orders/7", headers=[("traceparent", trace)])
    assert answer.request_id != trace
    assert api.record(answer.request_id).request.rejected_request_id is None
    assert trace not in api.output()
