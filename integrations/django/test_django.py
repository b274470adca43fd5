"""Django on gunicorn and uvicorn: a LOGGING that was there, REST framework, Ninja, sessions."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.applications import Shop, bearer, running
from tests.conftest import run_fresh
from tests.servers.server import PROGRAMS, Server, fresh_id

# Importing it asks for Django's settings.
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ninja") is None,
    reason="Ninja is not installed: pip install django-ninja",
)

HERE = Path(__file__).parent
SERVERS = {
    "wsgi": (*PROGRAMS["gunicorn-gthread"].command, "project.wsgi"),
    "asgi": (*PROGRAMS["uvicorn-h11"].command, "project.asgi:application"),
}


def migrated(directory: Path) -> dict[str, str]:
    """Make the project's database in *directory*, check the project; return its environment."""
    environment = {
        "PYTHONPATH": str(HERE),
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "LOG": str(directory / "shop.log"),
        "DB": str(directory / "db.sqlite3"),
    }
    run_fresh(
        f"import os, sys; os.environ.update({environment!r}); sys.path.insert(0, {str(HERE)!r})\n"
        "from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'migrate', '--verbosity=0'])\n"
        "run(['manage.py', 'check', '--fail-level=WARNING'])\n"
    )
    return environment


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The project of this folder, on each kind of server."""
    directory = tmp_path_factory.mktemp("django")
    with running(SERVERS[request.param], HERE, directory, **migrated(directory)) as server:
        yield server


class TestShop(Shop):
    """What holds of each shop with a configuration of its own."""

    order = "/rest/orders/7"
    refusing = ("/rest/orders/7", "/ninja/orders/7", "/orders/7")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/rest/orders/7", "/rest/orders/<int:order_id>"),
        ("/ninja/orders/7", "/ninja/orders/<order_id>"),
    ],
)
def test_the_user_of_a_token_is_on_all_that_the_request_leaves(
    path: str, route: str, server: Server
) -> None:
    """The user of REST framework's and of Ninja's authentication is on lines and record."""
    answer = server.ask(path, own := fresh_id(), headers=bearer())
    assert (answer.status, answer.body) == (200, b'"12345"')
    record = server.record(own)
    assert (record.user_id, record.request.route) == ("12345", route)
    line = server.line(lambda line: line.get("requestId") == own, "a line of the request")
    assert (line["action"], line["userId"]) == ("READ_ORDER", "12345")


def test_a_sessions_user_is_known_where_a_view_asks(server: Server) -> None:
    """Who is signed in is known as soon as a view or a middleware has asked for the user."""
    signed_in = server.ask("/sign-in", fresh_id())
    cookies = [("Cookie", cookie.partition(";")[0]) for cookie in signed_in.header("Set-Cookie")]
    for path, user_id in (("/orders/7", "12345"), ("/open", None)):
        answer = server.ask(path, own := fresh_id(), headers=cookies)
        assert (answer.status, server.record(own).user_id) == (200, user_id)


def test_runserver_writes_lines(tmp_path: Path) -> None:
    """By `runserver`, what stands behind its banner are lines, and there is no access line."""
    command = ("django", "runserver", "{host}:{port}", "--noreload", "--nothreading")
    with Server(command, tmp_path, environment=migrated(tmp_path)) as server:
        server.ask("/orders/7", own := fresh_id())
        assert server.record(own).response.http_status == 401
    assert "development server at" in "".join(server.strays)
    assert "HTTP/1.1" not in server.output() + server.errors()
