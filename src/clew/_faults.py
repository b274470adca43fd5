"""What is said when logging itself fails. Nothing here raises."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any


def report_failure() -> None:
    """Write the exception that is being handled to stderr, as the standard library does."""
    if logging.raiseExceptions:
        try:
            sys.stderr.write("--- Logging error ---\n" + traceback.format_exc())
        except Exception:  # there may be no stderr, or a closed one
            pass


def warn(
    message: str, *args: object, logger: str = "clew", error: BaseException | None = None
) -> None:
    """Log a warning of clew's own on *logger*, with the traceback of *error*."""
    try:
        options: dict[str, Any] = {} if error is None else {"exc_info": error}
        logging.getLogger(logger).warning(message, *args, **options)
    except Exception:
        report_failure()
