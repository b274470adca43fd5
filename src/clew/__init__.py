"""One request id through every log line, every framework and every service.

An application adds one line, as ``clew.fastapi.install(app)``, and sets logging up by
`configure_logging`. Each framework, client and task system has a module of its name here; see the
README. This package itself has what all of them share: the context (`request_id`, `user_id`,
`bind`, `fields`, `context`, `carry`), the logger (`get_logger`), logging's set-up and the records.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._carry import carry
from ._context import bind, context, fields, request_id, user_id
from ._explanation import explain
from ._ids import is_safe_id, new_id
from ._lines.console import ConsoleFormatter
from ._lines.extract import ContextFilter
from ._lines.handler import LineHandler
from ._lines.json_formatter import JSONFormatter
from ._lines.logger import Logger, get_logger
from ._lines.servers import ServerFilter
from ._lines.setup import configure_logging, logging_config
from .records import ApplicationLog, HTTPLog, TaskLog, json_schema

if TYPE_CHECKING:
    from ._http.settings import Settings

__all__ = [
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

if not TYPE_CHECKING:
    # What configuration files name that an earlier version of `logging_config` wrote.
    _MOVED = {"_console": "console", "_handler": "handler", "_setup": "servers"}

    def __getattr__(name):
        from importlib import import_module
        from importlib.util import find_spec

        if name == "Settings":  # a seventh of the import, for which only adapters ask
            return import_module("clew._http.settings").Settings
        if name in _MOVED:
            return import_module(f"clew._lines.{_MOVED[name]}")
        error = f"module 'clew' has no attribute {name!r}"
        if not name.startswith("_") and find_spec(f"clew.{name}") is not None:
            error += f": it is a module of its own, import clew.{name}"
        raise AttributeError(error)

    def __dir__():
        return sorted({*globals(), *__all__})
