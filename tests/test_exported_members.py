"""The public names, and what importing them does and does not do."""

from __future__ import annotations

import importlib
import importlib.resources
import inspect
import itertools
import pydoc

import pytest

import clew
import clew.records
from tests.conftest import run_fresh
from tests.rows import each_row


def test_help_begins_with_what_it_is() -> None:
    """``help(clew)`` says first what the package is, then the one line that sets it up."""
    lines = pydoc.plain(pydoc.render_doc(clew)).split("\n\n")
    name, description = next(
        (one, two) for one, two in itertools.pairwise(lines) if one.startswith("NAME")
    )
    what = "One request id through every log line, every framework and every service."
    assert name == f"NAME\n    clew - {what}"
    first, second = description.splitlines()[:2]
    assert first == "DESCRIPTION"
    assert "adds one line, as ``clew.fastapi.install(app)``" in second


def test_the_public_names_are_the_documented_ones() -> None:
    """The package has these names, sorted, and no others."""
    assert clew.__all__ == [
        "ApplicationLog",
        "ConsoleFormatter",
        "ContextFilter",
        "HTTPLog",
        "JSONFormatter",
        "LineHandler",
        "Logger",
        "ServerFilter",
        "Settings",
        "TaskLog",
        "bind",
        "carry",
        "configure_logging",
        "context",
        "explain",
        "fields",
        "get_logger",
        "is_safe_id",
        "json_schema",
        "logging_config",
        "new_id",
        "request_id",
        "user_id",
    ]


def test_the_records_are_public() -> None:
    """The types that a record holds can be named."""
    assert clew.records.__all__ == [
        *("ApplicationLog", "ExceptionInfo", "FieldError", "HTTPLog", "Request", "Response"),
        *("Task", "TaskLog", "json_schema"),
    ]


def test_a_module_that_is_not_imported_is_named() -> None:
    """A module of the package that nobody imported is an AttributeError with the remedy."""
    said = run_fresh(
        """
import clew
for name in ("fastapi", "nonsense", "_tasks"):
    try:
        getattr(clew, name)
    except AttributeError as error:
        print(error)
"""
    )
    assert said.splitlines() == [
        "module 'clew' has no attribute 'fastapi': it is a module of its own, import clew.fastapi",
        "module 'clew' has no attribute 'nonsense'",
        "module 'clew' has no attribute '_tasks'",
    ]


@each_row("name", clew.__all__)
def test_public_names_are_documented(name: str) -> None:
    """Every public name exists and says what it does."""
    assert inspect.getdoc(getattr(clew, name))


# Those of the frameworks that every test environment has, and those that need no package.
ALWAYS = frozenset(
    f"clew.{name}"
    for name in ("asgi", "wsgi", "django", "starlette", "fastapi", "flask", "httpx", "graphql")
)


@each_row(
    ("module", "names"),
    [
        ("clew.asgi", ["RequestIDMiddleware"]),
        ("clew.wsgi", ["RequestIDMiddleware"]),
        ("clew.django", ["RequestIDMiddleware"]),
        ("clew.starlette", ["install"]),
        ("clew.fastapi", ["install"]),
        ("clew.flask", ["install"]),
        ("clew.httpx", ["wrap"]),
        ("clew.requests", ["wrap"]),
        ("clew.aiohttp", ["wrap"]),
        ("clew.urllib3", ["wrap"]),
        ("clew.graphql", ["status_of", "executed"]),
        ("clew.strawberry", ["HTTPLogExtension"]),
        ("clew.litestar", ["install"]),
        ("clew.quart", ["install"]),
        ("clew.gunicorn", ["Logger"]),
        ("clew.celery", ["install"]),
        ("clew.rq", ["install"]),
        ("clew.taskiq", ["install"]),
        ("clew.sentry", ["install"]),
        ("clew.opentelemetry", ["install", "TraceFilter"]),
        ("clew.structlog", ["processors", "Renderer", "add_ids"]),
        ("clew.loguru", ["handler", "patcher", "InterceptHandler"]),
    ],
)
def test_every_stack_has_its_module(module: str, names: list[str]) -> None:
    """Each framework's module has its documented verbs, with documentation."""
    if module not in ALWAYS:
        package = module.removeprefix("clew.")
        package = {"sentry": "sentry_sdk"}.get(package, package)
        pytest.importorskip(package, reason=f"pip install {package}")
    loaded = importlib.import_module(module)
    for name in names:
        assert inspect.getdoc(getattr(loaded, name))


def test_the_package_is_typed() -> None:
    """The package says that it is typed."""
    assert importlib.resources.files(clew).joinpath("py.typed").is_file()


FRAMEWORKS = ["starlette", "fastapi", "flask", "django", "httpx", "werkzeug", "anyio", "uvicorn"]
FRAMEWORKS += ["requests", "aiohttp", "urllib3", "idna", "strawberry", "graphql"]

IMPORT = """
import sys
before = set(sys.modules)
import {module}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def test_importing_the_package_loads_no_framework() -> None:
    """In a fresh interpreter, importing the package loads none of the frameworks."""
    loaded = run_fresh(IMPORT.format(module="clew")).split()
    assert "clew" in loaded
    assert not set(FRAMEWORKS) & set(loaded)


@pytest.mark.parametrize("module", ["clew.asgi", "clew.wsgi", "clew.graphql"])
def test_the_bare_adapters_load_no_framework(module: str) -> None:
    """The adapters for any ASGI and any WSGI application load no framework either."""
    loaded = run_fresh(IMPORT.format(module=module)).split()
    assert not set(FRAMEWORKS) & set(loaded)


ON_DEMAND = """
import sys, clew
print("Settings" in dir(clew), "clew._http.settings" in sys.modules)
print(clew.Settings.__name__, "clew._http.settings" in sys.modules)
"""


def test_the_options_are_loaded_on_demand() -> None:
    """Importing the package lists Settings, and loads them when they are asked for."""
    assert run_fresh(ON_DEMAND) == "True False\nSettings True\n"


def test_an_unknown_name_is_an_error() -> None:
    """A name that the package does not have is an AttributeError."""
    with pytest.raises(AttributeError, match="module 'clew' has no attribute 'Setting'"):
        clew.Setting  # type: ignore[attr-defined]  # noqa: B018


UNCHANGED = """
import logging, sys, signal, warnings
def state():
    return (
        logging.root.handlers[:], logging.root.level, logging.root.filters[:],
        logging.getLogRecordFactory(), logging.getLoggerClass(), sys.excepthook,
        sys.stdout, sys.stderr, logging.Logger.callHandlers, warnings.showwarning,
        [(one.handlers, one.level, one.filters, one.propagate)
         for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)
         and (one.handlers or one.level or one.filters or not one.propagate)],
    )
before = state()
import clew
print(state() == before)
"""


def test_importing_changes_nothing() -> None:
    """Importing the package sets up nothing: no handler, no level, no factory, no hook."""
    assert run_fresh(UNCHANGED) == "True\n"
