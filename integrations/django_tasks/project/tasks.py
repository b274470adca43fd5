"""The tasks of a small shop."""

from __future__ import annotations

from django.tasks import task

import clew

log = clew.get_logger("shop")


@task
def send_mail(order: str, request_id: str | None = None) -> None:
    log.info("Sent mail", action="SENT_MAIL", value=order)


@task
def bill(order: str, request_id: str | None = None) -> None:
    log.info("Billed", action="BILLED", value=order)
    send_mail.enqueue(order, request_id=clew.request_id())


@task
def fail(request_id: object = None) -> None:
    raise ValueError("no paper")


@task
def quiet() -> None:
    pass


@task(backend="now")
async def at_once() -> None:
    log.info("At once")
