"""What a server loads, as ``entry:app``. Why an application cannot be loaded is a line, too."""

import clew

clew.configure_logging(service="shop")
try:
    from shop import app, wsgi
except Exception:
    clew.get_logger("entry").critical("The application cannot be loaded", exc_info=True)
    # 3 is a start that failed, for gunicorn and uvicorn, which then do not start another worker.
    raise SystemExit(3) from None

__all__ = ["app", "wsgi"]
