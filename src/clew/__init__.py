"""One request id through every log line, every framework and every service.

PYTEST_DONT_REWRITE: pytest, to which clew is a plugin, would warn where it was imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._capture import ContextFilter
from ._context import bind, carry, context, request_id, user_id
from ._formatters import JSONFormatter
from ._ids import is_safe_id, new_id
from ._logging import Logger, get_logger
from ._records import ApplicationLog, HTTPLog, TaskLog, json_schema
from ._setup import configure_logging, logging_config

if TYPE_CHECKING:
    from ._settings import Settings

__all__ = [
    "ApplicationLog",
    "ContextFilter",
    "HTTPLog",
    "JSONFormatter",
    "Logger",
    "Settings",
    "TaskLog",
    "bind",
    "carry",
    "configure_logging",
    "context",
    "get_logger",
    "is_safe_id",
    "json_schema",
    "logging_config",
    "new_id",
    "request_id",
    "user_id",
]

if not TYPE_CHECKING:

    def __getattr__(name):
        # Settings and what they need are a seventh of the import; only adapters ask for them.
        if name != "Settings":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from ._settings import Settings

        return Settings

    def __dir__():
        return sorted({*globals(), *__all__})
