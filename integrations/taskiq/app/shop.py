"""The tasks of a small shop."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

from taskiq import Context, SimpleRetryMiddleware, TaskiqDepends, TaskiqScheduler
from taskiq.exceptions import NoResultError
from taskiq.schedule_sources import LabelScheduleSource
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

import clew
import clew.taskiq

clew.configure_logging(service=os.environ.get("SERVICE", "worker"))
log = clew.get_logger("shop")

broker = (
    ListQueueBroker(os.environ["REDIS"], queue_name=os.environ.get("QUEUE", "shop"))
    .with_result_backend(RedisAsyncResultBackend(os.environ["REDIS"]))
    .with_middlewares(SimpleRetryMiddleware(default_retry_count=3))
)
clew.taskiq.install(broker, fields=["tenant"], user_id=True, exclude=["shop.quiet"])
scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])


@broker.task("shop.send_mail")
def send_mail(order: str = "order-77") -> None:
    """Do it in a thread, as Taskiq runs plain functions."""
    log.info("Sent mail", action="SENT_MAIL", value=order)


@broker.task("shop.bill")
async def bill(order: str = "order-77") -> None:
    await asyncio.sleep(0.01)
    log.info("Billed", action="BILLED", value=order)
    await send_mail.kiq(order)


@broker.task("shop.fail")
async def fail() -> None:
    raise ValueError("no paper")


@broker.task("shop.retry", retry_on_error=True)
async def retry(context: Annotated[Context, TaskiqDepends()]) -> None:
    log.info("Trying", attempt=context.message.labels.get("_retries", 0))
    if context.message.labels.get("_retries", 0) < 2:
        raise ConnectionError("try again")


@broker.task("shop.ignore")
async def ignore() -> None:
    raise NoResultError


@broker.task("shop.quiet")
async def quiet(crash: bool = False) -> None:
    if crash:
        raise ValueError("not quiet")


@broker.task("shop.slow", timeout=0.1)
async def slow() -> None:
    await asyncio.sleep(600)


@broker.task("shop.tick", schedule=[{"interval": 1}])
async def tick() -> None:
    log.info("Tick")
