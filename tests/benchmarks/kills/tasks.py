"""What is killed: a task of Celery's, which says when it arrives."""

from __future__ import annotations

import os
import random
import time

import celery

import clew.celery

from .service import arrive

tasks = celery.Celery("kills", broker=os.environ["KILLS_BROKER"])
tasks.conf.update(worker_prefetch_multiplier=1, worker_hijack_root_logger=False)
clew.celery.install(tasks)


@tasks.task(name="kills.work")  # type: ignore[untyped-decorator]
def work() -> None:
    """Work for a moment."""
    arrive()
    time.sleep(random.random() * 0.02)  # noqa: S311
