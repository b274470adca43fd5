"""The jobs of a small shop, and the settings of its worker."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from redis import Redis
from rq import Queue, Retry, get_current_job

import clew
import clew.rq

clew.configure_logging(service=os.environ.get("SERVICE", "worker"))
clew.rq.install(fields=["tenant"], user_id=True, exclude=[f"{__name__}.quiet"])
log = clew.get_logger("shop")

REDIS_URL = os.environ["REDIS"]


def queue() -> Queue:
    return Queue("shop", connection=Redis.from_url(REDIS_URL))


def send_mail(order: str = "order-77") -> None:
    log.info("Sent mail", action="SENT_MAIL", value=order)


def bill(order: str = "order-77") -> str:
    log.info("Billed", action="BILLED", value=order)
    with Redis.from_url(REDIS_URL) as connection:
        return Queue("shop", connection=connection).enqueue(send_mail, order).id


async def wait() -> None:
    log.info("Waiting")


def fail(*_: Any, **__: Any) -> None:
    raise ValueError("no paper")


def again() -> Retry | None:
    job = get_current_job()
    log.info("Trying")
    return None if job is None or job.number_of_retries else Retry(max=1)


def give_up() -> Retry:
    return Retry(max=1)


def quiet(crash: bool = False) -> None:
    if crash:
        raise ValueError("not quiet")


def succeeded(*_: Any) -> None:
    log.info("In a callback")


def crash(*_: Any) -> None:
    raise ValueError("the callback")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    sys.exit(3)


def slow() -> None:
    log.info("Slow")
    time.sleep(600)
