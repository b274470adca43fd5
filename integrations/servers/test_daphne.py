"""daphne by ``python -m clew.daphne``, and as Django's runserver."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from tests.conftest import run_fresh
from tests.servers.server import Server, fresh_id, until

from .test_servers import HERE, decoded, is_installed

if not is_installed("daphne"):
    pytest.skip("daphne is not installed: pip install daphne", allow_module_level=True)


def serve(directory: Path, *options: str) -> Server:
    (directory / "shop.py").write_text((HERE / "shop.py").read_text())
    command = ("clew.daphne", "--bind={host}", "--port={port}", *options, "shop:app")
    return Server(command, directory, environment={"PYTHONPATH": str(directory)})


@pytest.mark.parametrize(
    ("verbosity", "said", "unsaid", "where", "count"),
    [
        (0, "GET / 200", "Starting server at", "-", 0),
        (2, "Starting factory", "HTTP GET", "access.log", 1),
    ],
)
def test_verbosity_and_access_log(
    verbosity: int, said: str, unsaid: str, where: str, count: int, tmp_path: Path
) -> None:
    """The verbosity counts for daphne's lines, Twisted's among them from 2 on, and not for the
    HTTPLog. Access lines never come between the others; a file of their own gets them.
    """
    (tmp_path / "access.log").touch()
    with serve(tmp_path, f"--verbosity={verbosity}", f"--access-log={where}") as server:
        server.ask("/", request_id := fresh_id())
        server.settled(request_id)
    messages = [line.message for line in decoded(server.output())]
    assert [message for message in messages if message.startswith(said)]
    assert not [message for message in messages if message.startswith(unsaid)]
    assert server.errors() == ""
    assert len((tmp_path / "access.log").read_text().splitlines()) == count


HANDSHAKES = """
import asyncio
import clew.asgi

answer = asyncio.Event()

async def serve(scope, receive, send):
    if scope["type"] == "websocket":
        await answer.wait()
        await send({"type": "websocket.accept"})
        return
    answer.set()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

app = clew.asgi.RequestIDMiddleware(serve)
"""


def test_an_overdue_handshake_is_aborted(tmp_path: Path) -> None:
    """A WebSocket whose handshake took daphne too long is none that was accepted."""
    (tmp_path / "handshakes.py").write_text(HANDSHAKES)
    command = ("clew.daphne", "--bind={host}", "--port={port}", "--websocket_connect_timeout=1")
    with Server(
        (*command, "handshakes:app"), tmp_path, environment={"PYTHONPATH": str(tmp_path)}
    ) as server:
        headers = {"X-Request-ID": (request_id := fresh_id())}
        with pytest.raises(InvalidHandshake):
            connect(f"ws://{server.host}:{server.port}/ws", additional_headers=headers).close()
        server.ask("/answer")
        record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (499, "aborted")


SETTINGS = """
import clew

DEBUG = True
ROOT_URLCONF = "site_of_the_test"
ASGI_APPLICATION = "site_of_the_test.application"
INSTALLED_APPS = ["daphne"]
MIDDLEWARE = ["clew.django.RequestIDMiddleware"]
LOGGING = clew.logging_config()
"""
SITE = """
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

application = get_asgi_application()
urlpatterns = [path("items/<name>", lambda request, name: HttpResponse("hello"))]
"""


def test_runserver(tmp_path: Path) -> None:
    """A request to Django's runserver, which daphne replaces, is in one line."""
    pytest.importorskip("django", reason="Django is not installed: pip install django")
    (tmp_path / "settings_of_the_test.py").write_text(SETTINGS)
    (tmp_path / "site_of_the_test.py").write_text(SITE)
    command = ("django", "runserver", "--noreload", "{host}:{port}")
    environment = {
        "PYTHONPATH": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "settings_of_the_test",
    }
    with Server(command, tmp_path, environment=environment) as server:
        server.ask(f"/items/{(name := fresh_id())}", fresh_id())
        line = until(
            lambda: next((line for line in server.output().splitlines() if name in line), None),
            "the HTTPLog",
        )
        server.ask("/items/later", later := fresh_id())
        until(lambda: later in server.output() or None, "a later line")
    assert '"logger":"clew.http"' in line
    assert (server.output() + server.errors()).count(f"/items/{name} 200") == 1


QUICK = """
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path


async def quick(request):
    return HttpResponse("quick")


application = get_asgi_application()
urlpatterns = [path("", quick)]
"""


CHECKS = """
import asyncio
import clew
import clew.daphne
from daphne import server

clew.configure_logging()
server.reactor.callLater = lambda *_: None


async def crash():
    with clew.context(request_id="crashed"):
        raise RuntimeError


async def check():
    task = asyncio.ensure_future(crash())
    await asyncio.wait([task])
    checks = clew.daphne.Server(application=None, endpoints=["tcp:0"])
    checks.connections = {"a connection": {"application_instance": task, "disconnected": 1.0}}
    with clew.context(request_id="another"):
        checks.application_checker()


asyncio.run(check())
"""


def test_a_crash_is_its_own_requests(tmp_path: Path) -> None:
    """Daphne's line about it has its id, though a timer of another request's has started it."""
    (line,) = decoded(run_fresh(CHECKS))
    assert line.request_id == "crashed"


STOPS = """
import asyncio
import clew.daphne


async def wait():
    try:
        await asyncio.Event().wait()
    finally:
        print("killed")


async def stop():
    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    stops = clew.daphne.Server(application=None, endpoints=["tcp:0"])
    stops.connections = {"none": {"connected": 1.0}, "one": {"application_instance": task}}
    await stops.kill_all_applications().asFuture(asyncio.get_running_loop())


asyncio.run(stop())
"""


def test_a_stop_kills_what_runs_beside_a_connection_without_one() -> None:
    """A connection that has no application is no reason to leave the others without their end."""
    assert run_fresh(STOPS) == "killed\n"


def test_a_stop_waits_for_what_has_answered(tmp_path: Path) -> None:
    """Django closes a response after its last byte: each that was whole has its record."""
    pytest.importorskip("django", reason="Django is not installed: pip install django")
    settings = SETTINGS.replace('INSTALLED_APPS = ["daphne"]', "ALLOWED_HOSTS = ['*']")
    (tmp_path / "settings_of_the_test.py").write_text(settings.replace("DEBUG = True", ""))
    (tmp_path / "site_of_the_test.py").write_text(QUICK)
    command = ("clew.daphne", "--bind={host}", "--port={port}", "site_of_the_test:application")
    environment = {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "settings_of_the_test"}
    answered: list[str] = []

    def keep_asking(server: Server) -> None:
        with suppress(OSError, IndexError, ValueError):
            while server.ask("/", request_id := fresh_id()).body == b"quick":
                answered.append(request_id)

    server = Server(command, tmp_path, environment=environment)
    with server, ThreadPoolExecutor(30) as pool:
        for _ in range(30):
            pool.submit(keep_asking, server)
        until(lambda: len(answered) > 200, "some answers")
        server.stop()
    counts = server.counts()
    assert [request_id for request_id in answered if counts[request_id] != 1] == []
