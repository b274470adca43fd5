"""A small shop: a service that takes orders, and the tasks that it starts."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from celery import Celery, chord, group
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

import clew
import clew.celery

clew.configure_logging(
    service=os.environ.get("SERVICE", "worker"), unfinished=os.environ.get("UNFINISHED")
)
log = clew.get_logger("shop")

app = Celery(
    "shop", broker=os.environ["REDIS"], backend=os.environ.get("BACKEND") or os.environ["REDIS"]
)
app.conf.update(
    task_always_eager=bool(os.environ.get("EAGER")),
    worker_hijack_root_logger=True,
    broker_connection_retry_on_startup=True,
    beat_schedule={"tick": {"task": "shop.tick", "schedule": 0.2}},
    beat_schedule_filename=os.environ.get("SCHEDULE", "schedule"),
)
clew.celery.install(app, fields=["tenant", "attempt"], user_id=True, exclude=["shop.quiet*"])


def task(name: str, **options: Any) -> Callable[[Callable[..., object]], Any]:
    """Same as `app.task`, which has no types."""
    made: Callable[[Callable[..., object]], Any] = app.task(name=name, **options)
    return made


@task("shop.send_mail")
def send_mail(order: str = "order-77") -> str:
    log.info("Sent mail", action="SENT_MAIL", value=order)
    return f"the secret of {order}"


@task("shop.bill")
def bill(order: str = "order-77") -> None:
    log.info("Billed", action="BILLED", value=order)
    send_mail.delay(order)


@task("shop.fail")
def fail(*_: Any) -> None:
    log.info("Failing")
    raise ValueError("no paper")


@task("shop.retry", bind=True, max_retries=2, default_retry_delay=0)
def retry(self: Any) -> Any:
    log.info("Trying", attempt=self.request.retries)
    clew.bind(attempt=self.request.retries)
    try:
        if self.request.retries < 2:
            raise ConnectionError("try again")
    except ConnectionError as error:
        raise self.retry(exc=error) from error
    return self.request.retries


@task(
    "shop.auto",
    autoretry_for=(ConnectionError,),
    max_retries=1,
    retry_backoff=False,
    default_retry_delay=0,
)
def auto() -> None:
    raise ConnectionError("down")


@task("shop.add")
def add(left: int = 0, right: int = 0) -> int:
    log.info("Adding")
    return left + right


@task("shop.total")
def total(numbers: list[int]) -> int:
    log.info("Totalling")
    return sum(numbers)


@task("shop.fan_out", bind=True)
def fan_out(self: Any) -> Any:
    raise self.replace(chord(group(add.s(1, 1), add.s(2, 2)), total.s()))


@task("shop.reject", bind=True, acks_late=True)
def reject(self: Any) -> None:
    raise Reject("no", requeue=False)


@task("shop.ignore", bind=True)
def ignore(self: Any) -> None:
    raise Ignore


@task("shop.quiet")
def quiet(crash: bool = False) -> None:
    if crash:
        raise ValueError("not quiet")


@task("shop.leave")
def leave() -> None:
    sys.exit(3)


@task("shop.die")
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task("shop.slow", time_limit=1)
def slow() -> None:
    log.info("Slow")
    time.sleep(600)


@task("shop.endless")
def endless() -> None:
    log.info("Endless")
    time.sleep(600)


@task("shop.slowish", soft_time_limit=1)
def slowish() -> None:
    try:
        time.sleep(600)
    except SoftTimeLimitExceeded:
        log.info("Too slow")
        raise


@task("shop.late", acks_late=True)
def late() -> None:
    log.info("Late")


@task("shop.bound")
def bound() -> None:
    clew.bind(user_id="88", tenant="mine", task="dishes")
    log.info("Bound", task={"own": 1})


@task("shop.tick")
def tick() -> None:
    log.info("Tick")


@task("shop.print")
def say() -> None:
    print("printed")
