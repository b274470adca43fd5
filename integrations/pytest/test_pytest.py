"""The fixture ``clew_logs``, in test files that a pytest of their own runs."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import clew
import clew.pytest
from tests.conftest import restored_logging, serve
from tests.test_formatters import HANDFUL

__all__ = ["restored_logging"]

pytest_plugins = ["pytester"]


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run test files in a process of its own: warnings are errors, the plugins those given."""

    def run(
        source: str, *options: str, plugins: tuple[str, ...] = ("_clew_pytest",)
    ) -> pytest.RunResult:
        if plugins:
            monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makepyfile(test_shop=textwrap.dedent(source))
        loaded = [word for plugin in plugins for word in ("-p", plugin)]
        # What Starlette says of the client that its own test client has.
        strict = ["-W", "error", "-W", "ignore:Using `httpx` with"]
        return pytester.runpytest_subprocess(*strict, *loaded, *options, timeout=120)

    return run


FRAMEWORKS = {
    "fastapi": """
        from fastapi import FastAPI
        from fastapi.testclient import TestClient
        import clew.fastapi

        app = FastAPI()
        clew.fastapi.install(app)

        @app.post("/signup")
        def signup(): return view()

        @app.get("/crash")
        async def crash(): raise ValueError("no such lamp")

        client = TestClient(app, raise_server_exceptions=False)
    """,
    "flask": """
        from flask import Flask
        import clew.flask

        app = Flask("shop")
        clew.flask.install(app)

        @app.post("/signup")
        def signup(): return view()

        @app.get("/crash")
        def crash(): raise ValueError("no such lamp")

        client = app.test_client()
    """,
    "django": """
        import django
        from django.conf import settings
        from django.http import HttpResponse
        from django.test import Client
        from django.urls import path
        import clew.django

        def crash(request): raise ValueError("no such lamp")

        settings.configure(
            ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None,
            MIDDLEWARE=["clew.django.RequestIDMiddleware"], SECRET_KEY="only a test",
        )
        django.setup()
        urlpatterns = [
            path("signup", lambda request: HttpResponse(view())), path("crash", crash)
        ]
        client = Client(raise_request_exception=False)
    """,
}

TESTS = """
import logging, sys
import clew
{set_up}

log = clew.get_logger("shop")

def view():
    clew.bind(user_id=7)
    log.info("Signed up", action="SIGNUP", value="user:7", password="hunter2")
    logging.getLogger("legacy").warning("old code")
    return "welcome"

{framework}

def test_signup(clew_logs):
    response = client.post("/signup?token=abc")
    [event] = clew_logs.by_action("SIGNUP")
    [http] = clew_logs.http
    assert event["requestId"] == http["requestId"] == response.headers["X-Request-ID"]
    assert (event["userId"], http["userId"], event["password"]) == ("7", "7", "***")
    assert http["request"]["route"] == "/signup"
    assert http["request"]["query"] == "token=***"
    lines = clew_logs.of(response.headers["X-Request-ID"])
    assert [line["logger"] for line in lines] == ["shop", "legacy", "clew.http"]
    assert lines.http == [http]
    assert len(clew_logs) == len(list(clew_logs)) >= 3  # others log too, as asyncio does
    assert all(line.get("service") == {service!r} for line in clew_logs)
    clew_logs.clear()
    assert not clew_logs
    client.post("/signup")
    assert len(clew_logs.http) == 1

def test_crash(clew_logs):
    assert client.get("/crash").status_code == 500
    [http] = clew_logs.http
    assert (http["outcome"], http["exception"]["message"]) == ("error", "no such lamp")

def test_nothing_is_left_of_another_test(clew_logs):
    assert clew_logs == []
    assert clew_logs.http == clew_logs.by_action("SIGNUP") == clew_logs.of("x") == []
"""

OWN_HANDLER = """
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(clew.JSONFormatter(service="own"))
logging.root.addHandler(handler)
"""

SET_UPS = {
    "without logging": ("", None),
    "json": ("clew.configure_logging(service='shop')", "shop"),
    "console": ("clew.configure_logging(service='shop', format='console')", "shop"),
    "a handler of one's own": (OWN_HANDLER, "own"),
}


@pytest.mark.parametrize(
    ("framework", "set_up"),
    [
        *((framework, "json") for framework in FRAMEWORKS),
        *(("flask", set_up) for set_up in SET_UPS if set_up != "json"),
    ],
)
def test_with_each_frameworks_test_client(framework: str, set_up: str, run: Run) -> None:
    """However logging is set up, or not at all, a test asks for the lines of its requests."""
    code, service = SET_UPS[set_up]
    source = TESTS.format(
        set_up=code, service=service, framework=textwrap.dedent(FRAMEWORKS[framework])
    )
    run(source).assert_outcomes(passed=3)


def test_logging_that_is_set_up_in_the_test(run: Run) -> None:
    """What an application sets up while the test runs counts, and stays; its level too."""
    run(
        """
        import logging, clew

        def test_one(clew_logs):
            clew.configure_logging(service="late", redact=["tenant"])
            clew.get_logger("shop").info("line", tenant="acme")
            [line] = clew_logs
            assert (line["service"], line["tenant"]) == ("late", "***")

        def test_two(clew_logs, capsys):
            logging.getLogger("shop").info("line")
            assert clew_logs[0]["service"] == "late"

        def test_three():
            assert logging.root.level == logging.INFO
        """
    ).assert_outcomes(passed=3)


def test_everything_is_as_before_afterwards(run: Run) -> None:
    """Handlers and level of the root logger are as before; a level below INFO stays in a test."""
    run(
        """
        import logging

        logger = logging.getLogger("shop")

        def test_one(clew_logs):
            logger.debug("no")
            logger.info("yes")
            assert [line["message"] for line in clew_logs] == ["yes"]

        def test_two():
            assert logging.root.level == logging.WARNING
            assert not [h for h in logging.root.handlers if "clew" in type(h).__module__]

        def test_three(caplog, clew_logs):
            caplog.set_level("DEBUG")
            logger.debug("yes")
            assert len(clew_logs) == 1

        def test_four(caplog, clew_logs):
            caplog.set_level("ERROR")
            logger.info("no")
            assert len(clew_logs) == 0
        """
    ).assert_outcomes(passed=4)


def test_other_captures_stay(run: Run) -> None:
    """caplog, capsys and the handlers of the application have their lines as well."""
    run(
        """
        import json, logging, clew

        def test_all(caplog, clew_logs, capsys):
            clew.configure_logging()
            logging.getLogger("shop").warning("line", extra={"action": "SELL"})
            [line] = clew_logs
            [record] = caplog.records
            assert record.getMessage() == line["message"] == "line"
            assert json.loads(capsys.readouterr().out) == line
        """
    ).assert_outcomes(passed=1)


def test_coroutines_and_threads(run: Run) -> None:
    """Asynchronous tests have lines, and what threads log is there too, with its ids."""
    run(
        """
        import asyncio, threading
        import pytest, clew

        log = clew.get_logger("shop")

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_tasks(clew_logs):
            async def work(own):
                with clew.context(request_id=own):
                    await asyncio.sleep(0)
                    log.info("line", own=own)
            await asyncio.gather(*(work(f"r-{n}") for n in range(10)))
            assert [line["own"] for line in clew_logs.of("r-3")] == ["r-3"]
            assert len(clew_logs) == 10

        def test_threads(clew_logs):
            def work(own):
                with clew.context(request_id=own):
                    for _ in range(50):
                        log.info("line")
            threads = [threading.Thread(target=work, args=(f"r-{n}",)) for n in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert [len(clew_logs.of(f"r-{n}")) for n in range(8)] == [50] * 8
        """,
        plugins=("_clew_pytest", "anyio"),
    ).assert_outcomes(passed=2)


def test_outgoing_calls_are_apart(run: Run) -> None:
    """HTTPLogs of outgoing calls are no requests that were served."""
    run(
        """
        import httpx, clew, clew.httpx

        def test_call(clew_logs):
            transport = httpx.MockTransport(lambda request: httpx.Response(200))
            with clew.httpx.wrap(httpx.Client(transport=transport)) as client:
                client.get("http://sibling.test/")
            assert clew_logs.http == []
            [call] = clew_logs.outgoing
            assert call["request"]["host"] == "sibling.test"
        """
    ).assert_outcomes(passed=1)


def test_a_test_clients_own_lines_are_left_out(run: Run) -> None:
    """What a client says of its calls is no line of the application, unless somebody wants it."""
    packages = [name for name in ("httpx", "httpx2") if find_spec(name)]
    assert packages
    run(
        f"""
        import logging
        import pytest

        @pytest.mark.parametrize("package", {packages})
        def test_quiet(clew_logs, monkeypatch, package):
            httpx = pytest.importorskip(package)
            transport = httpx.MockTransport(lambda request: httpx.Response(200))
            with httpx.Client(transport=transport) as client:
                client.get("http://sibling.test/?token=hunter2")
                assert clew_logs == []
                logging.getLogger(package).warning("loud")
                monkeypatch.setattr(logging.getLogger(package), "level", logging.INFO)
                client.get("http://sibling.test/")
            assert [line["level"] for line in clew_logs] == ["warning", "info"]
        """
    ).assert_outcomes(passed=len(packages))


FAILING = """
import clew

def test_failing(clew_logs):
    with clew.context(request_id="r-1"):
        clew.get_logger("shop").info("Signed up", action="SIGNUP", password="hunter2")
        try:
            raise ValueError("no such lamp")
        except ValueError:
            clew.get_logger("shop").danger("Failed", exc_info=True)
    assert len(clew_logs.by_action("LOGIN")) == 1

def test_another():
    assert False
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_test_shows_its_lines(workers: int, run: Run) -> None:
    """A failure's report has the lines as people read them, once, also from pytest-xdist."""
    result = run(FAILING, f"-n{workers}", plugins=("_clew_pytest", "xdist"))
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*- clew_logs -*",
            "*info      shop  *Signed up  *requestId=r-1  *action=SIGNUP  *password=[*][*][*]",
            "*danger    shop  *Failed  *requestId=r-1*",
            "*ValueError: no such lamp",
        ]
    )
    assert result.stdout.str().count("- clew_logs -") == 1
    assert "hunter2" not in result.stdout.str().partition("- clew_logs -")[2]


def test_many_workers(run: Run) -> None:
    """With pytest-xdist each test has its own lines."""
    run(
        """
        import pytest, clew

        @pytest.mark.parametrize("number", range(20))
        def test_one(number, clew_logs):
            clew.get_logger("shop").info("line", number=number)
            assert [line["number"] for line in clew_logs] == [number]
        """,
        "-n2",
        plugins=("_clew_pytest", "xdist"),
    ).assert_outcomes(passed=20)


# How pytest finds it.


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution as clew's is, with its files and its entry point."""
    folder = pytester.mkdir("site") / "clew_entry-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: clew-entry\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[pytest11]\nclew = _clew_pytest\n")
    (folder / "RECORD").write_text("_clew_pytest.py,,\nclew/__init__.py,,\nclew/pytest.py,,\n")
    source = Path(clew.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{folder.parent}:{source}")


@pytest.mark.usefixtures("installed")
def test_an_installed_clew_is_imported_when_it_is_used(run: Run) -> None:
    """Pytest knows the fixture, and imports clew no sooner than a test asks for it."""
    source = """
        import sys

        def test_before():
            assert "clew" not in sys.modules

        def test_with(clew_logs):
            import logging
            logging.getLogger("shop").info("line")
            assert [line["message"] for line in clew_logs] == ["line"]
            assert "clew" in sys.modules
        """
    run(source, plugins=()).assert_outcomes(passed=2)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("options", "plugins"), [((), ("clew",)), (("-p", "clew"), ())])
def test_an_installed_clew_is_asked_for(
    options: tuple[str, ...], plugins: tuple[str, ...], run: Run
) -> None:
    """Where pytest loads no plugins, -p clew brings the fixture; where it does, it is no matter."""
    source = "def test_with(clew_logs): assert clew_logs == []"
    run(source, *options, plugins=plugins).assert_outcomes(passed=1)


@pytest.mark.usefixtures("installed")
def test_coverage_sees_clew_being_imported(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where clew is installed, coverage misses no line that runs when it is imported."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # that of this suite
    source = """
        def test_import(clew_logs):
            import clew
        """
    (pytester.path / ".coveragerc").write_text("[report]\ninclude = */clew/__init__.py\n")
    options = ("--cov=clew", "--cov-report=json:coverage.json")
    run(source, *options, plugins=()).assert_outcomes(passed=1)
    files = json.loads((pytester.path / "coverage.json").read_text())["files"]
    (name,) = [name for name in files if name.endswith("clew/__init__.py")]
    lines = enumerate(Path(name).read_text().splitlines(), 1)
    imports = {number for number, line in lines if line.startswith("from ._")}
    assert imports
    assert imports <= set(files[name]["executed_lines"])


@pytest.mark.usefixtures("installed")
def test_a_clew_that_is_imported_already_is_no_matter(pytester: pytest.Pytester) -> None:
    """Pytest warns of nothing where clew was imported before it, by whatever started it."""
    pytester.makepyfile(test_shop="def test_one(clew_logs): assert not clew_logs")
    script = "import sys, clew.pytest, pytest; sys.exit(pytest.main(['-W', 'error']))"
    result = pytester.run(sys.executable, "-c", script, timeout=120)
    result.assert_outcomes(passed=1)


# In process.


def test_lines_are_what_the_formatter_writes(restored_logging: None) -> None:
    """Each line is exactly what JSONFormatter writes of its record."""
    written: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(clew.JSONFormatter().format(record))

    logging.root.addHandler(Keeping())
    with clew.pytest.gathered() as logs:
        serve(lambda: logging.getLogger("shop").info("é", extra={"token": "x", "value": [1]}))
    assert [json.loads(line) for line in written] == logs
    assert len(logs) == 2


def test_lines_that_were_kept_are_gathered_when_they_are_written(restored_logging: None) -> None:
    """What a request keeps is a line of the test's as soon as the request fails, and none before;
    what the user's own formatter makes of it that is no JSON is left out."""

    def fail() -> None:
        logging.getLogger("shop").debug("in detail")
        raise ValueError("no such lamp")

    def gather() -> list[object]:
        with clew.pytest.gathered() as logs:
            serve(lambda: logging.getLogger("shop").debug("never"))
            with pytest.raises(ValueError, match="no such lamp"):
                serve(fail)
        return [line["message"] for line in logs]

    clew.configure_logging(stream=io.StringIO(), keep="debug")
    assert gather() == ["GET / 200", "in detail", "GET / 500"]
    assert gather() == ["GET / 200", "in detail", "GET / 500"]


def test_lines_on_a_terminal_are_gathered_as_dictionaries(restored_logging: None) -> None:
    """Where the application's formatter writes for people, a line has the same keys, masked as
    that one does it."""
    clew.configure_logging(stream=io.StringIO(), format="console", redact=["tenant"])
    with clew.pytest.gathered() as logs:
        logging.getLogger("shop").info("line", extra={"tenant": "acme", "colour": "red"})
    [line] = logs
    assert (line["message"], line["tenant"], line["colour"]) == ("line", "***", "red")


def test_the_level_of_the_root_logger_comes_back(restored_logging: None) -> None:
    """It is INFO at most meanwhile; who chose one in the test has chosen."""
    logging.root.setLevel(logging.ERROR)
    with clew.pytest.gathered() as logs:
        logging.getLogger("shop").info("line")
        logging.getLogger("httpx").info("a test client's")
        logging.getLogger("httpx").warning("a test client's")
    assert [line["level"] for line in logs] == ["info", "warning"]
    assert logging.root.level == logging.ERROR
    with clew.pytest.gathered():
        clew.configure_logging(stream=io.StringIO(), level="warning")
    assert logging.root.level == logging.WARNING


class Odd(clew.JSONFormatter):
    """A formatter that writes no JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return "5" if record.levelno == logging.INFO else "no JSON"


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_a_formatter_of_ones_own_that_writes_no_json(level: int, restored_logging: None) -> None:
    """Where the application's formatter writes something else, a line is clew's."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Odd())
    logging.root.addHandler(handler)
    with clew.pytest.gathered() as logs:
        logging.getLogger("shop").log(level, "line")
    assert [line["message"] for line in logs] == ["line"]


@pytest.mark.parametrize("make", HANDFUL)
def test_a_line_never_fails(make: Callable[[], object], restored_logging: None) -> None:
    """Whatever is logged, there is a line, and it can be shown in a report."""
    logging.root.handlers.clear()  # pytest's own fail at some
    with clew.pytest.gathered() as logs:
        logging.getLogger("shop").info("line", extra={"field": make(), "action": "SELL"})
        logging.getLogger("shop").info(make(), extra={"action": "SELL"})
    assert len(logs.by_action("SELL")) == 2
    repr(logs).encode()
    str(logs).encode()


def test_lines_are_shown_to_people() -> None:
    """A list says in short what is in it, and in full as the console format does."""
    line = {"level": "info", "message": "a\nb", "createdAt": 0, "logger": "shop", "action": "SELL"}
    logs = clew.pytest.Logs([line, {**line, "message": "c"}])
    assert repr(logs) == "<2 lines: a\\nb | c>"
    assert (repr(logs.by_action("BUY")), repr(logs.http)) == ("<0 lines>", "<0 lines>")
    first, second = str(logs).splitlines()
    assert first.split() == [first.split()[0], "info", "shop", "a\\nb", "action=SELL"]
    assert second.split()[3] == "c"
    assert logs == [line, {**line, "message": "c"}]


def test_lines_without_keys_are_shown_too() -> None:
    """A line of a formatter that leaves keys out is shown as it is."""
    assert str(clew.pytest.Logs([{"a": 1}])) == "{'a': 1}"


def test_the_readme_is_true(run: Run) -> None:
    """The test file of the README passes."""
    readme = (Path(__file__).parent / "README.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 2
    source = "\n".join((*blocks, "def test_two(module_logs): assert module_logs == []"))
    run(source).assert_outcomes(passed=2)
