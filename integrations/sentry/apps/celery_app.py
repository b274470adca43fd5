"""A Celery worker whose events go to Sentry. Its broker is the folder it is started in."""

from __future__ import annotations

from pathlib import Path

from celery import Celery
from sentry_sdk.integrations.celery import CeleryIntegration

import clew
import clew.celery
import clew.sentry
from integrations.sentry.apps import sdk

sdk.init(CeleryIntegration())
clew.configure_logging()
clew.sentry.install()

queue = Path.cwd() / "queue"
queue.mkdir(exist_ok=True)
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(queue),
    "data_folder_out": str(queue),
    "control_folder": str(queue / "control"),
}
clew.celery.install(app, user_id=True)


@app.task(name="shop.work")  # type: ignore[untyped-decorator]
def work() -> None:
    raise RuntimeError("the crash of the test")
