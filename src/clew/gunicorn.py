"""For gunicorn: ``gunicorn --logger-class clew.gunicorn.Logger``, or in its configuration file."""

from __future__ import annotations

import logging
from typing import Any

from ._lines.extract import ContextFilter
from ._lines.handler import own_handlers
from ._lines.json_formatter import JSONFormatter
from ._lines.setup import configure_logging
from ._options import needed

with needed("clew.gunicorn is for gunicorn: pip install gunicorn"):
    from gunicorn import glogging
    from gunicorn.config import Config

# gunicorn logs this at DEBUG when the application cannot be found, and stops.
_NOT_FOUND = "Exception while loading the application"


class Logger(glogging.Logger):  # type: ignore[misc]
    """Write gunicorn's lines as ApplicationLogs on stdout, from the first one on.

    The HTTPLog replaces its access lines, which cost nothing then. Logging is set up by gunicorn's
    ``logconfig_dict`` or ``logconfig_json``, as `clew.logging_config` gives them, and without one
    as by `clew.configure_logging` with gunicorn's ``loglevel``. An ``errorlog`` gets the lines of
    gunicorn as well, as JSON; with ``capture_output`` it gets all of stdout.
    """

    def setup(self, cfg: Config) -> None:
        """Set up logging, at the start and at each reload."""
        super().setup(cfg)
        if not (cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig):
            configure_logging(level=cfg.loglevel.upper())
        for handler in self.error_log.handlers[:]:
            if not isinstance(handler, logging.FileHandler):
                continue
            if cfg.capture_output:  # stdout goes there already
                self.error_log.removeHandler(handler)
                handler.close()
            else:
                formatters = [own.formatter for own in own_handlers()]
                handler.setFormatter(next(filter(None, formatters), None) or JSONFormatter())
                handler.addFilter(ContextFilter())
        self.error_log.propagate = True

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log a line at DEBUG; the reason why there is no application as an error."""
        if msg == _NOT_FOUND:
            self.error(msg, *args, **kwargs)
        else:
            super().debug(msg, *args, **kwargs)

    @property
    def access_log_enabled(self) -> bool:
        """Tell gunicorn not to gather what an access line would say."""
        return False

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write nothing: the HTTPLog says it."""
