"""A Celery worker whose events go to Sentry. Its broker is the folder it is started in."""

from __future__ import annotations

from pathlib import Path

import sentry_sdk
from celery import Celery

import clew
import clew.celery
import clew.sentry

sentry_sdk.init(traces_sample_rate=1.0)
clew.configure_logging()
clew.sentry.install()

queue = Path.cwd() / "queue"
queue.mkdir(exist_ok=True)
app = Celery("celery_app", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(queue),
    "data_folder_out": str(queue),
    "control_folder": str(queue / "control"),
}
clew.celery.install(app, user_id=True)


@app.task  # type: ignore[untyped-decorator]
def work() -> None:
    raise RuntimeError("the crash of the test")
