"""A FastAPI service whose events go to Sentry."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

import sentry_sdk
from fastapi import BackgroundTasks, FastAPI
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration

import clew
import clew.fastapi
import clew.sentry
from integrations.sentry.apps import sdk

FIRST = "INSTALL_FIRST" in os.environ
if FIRST:
    clew.sentry.install()
options = {"trace_lifecycle": "stream"} if "STREAM" in os.environ else {}
sdk.init(StarletteIntegration(), FastApiIntegration(), **options)
clew.configure_logging()
if not FIRST:
    clew.sentry.install()
    clew.sentry.install()

app = FastAPI()
clew.fastapi.install(app, exclude=["/excluded"])
log = clew.get_logger("app")


@app.get("/")
async def hello() -> str:
    clew.bind(user_id="ada")
    return "hello"


@app.get("/excluded")
def excluded() -> str:
    return "without an HTTPLog"


@app.get("/flush")
def flush() -> str:
    sentry_sdk.flush()
    return "flushed"


@app.get("/crash")
async def crash() -> None:
    clew.bind(user_id="ada")
    raise RuntimeError("the crash of the test")


@app.get("/danger")
def danger() -> str:
    clew.bind(user_id="ada")
    log.danger("Payment of %s failed", "order-77", comment="card declined", password="hunter2")
    logging.getLogger("legacy").error("old code")
    return "logged"


@app.get("/own-user")
async def own_user() -> str:
    clew.bind(user_id="ada")
    sentry_sdk.set_user({"id": "of the application", "username": "ada"})
    sentry_sdk.capture_message("a message")
    return "sent"


@app.get("/later")
async def later(tasks: BackgroundTasks) -> str:
    clew.bind(user_id="ada")
    tasks.add_task(fail, "in a background task")
    thread = threading.Thread(target=clew.carry(fail), args=("in a thread",))
    thread.start()
    await asyncio.to_thread(thread.join)
    await asyncio.create_task(fail_async("in a task"))
    return "later"


@app.get("/job")
async def job() -> str:
    with clew.context(request_id="job-of-" + (clew.request_id() or "")):
        sentry_sdk.capture_message("in a job")
    return "done"


@app.get("/wait/{user}")
async def wait(user: str) -> str:
    clew.bind(user_id=user)
    await asyncio.sleep(0.05)
    sentry_sdk.capture_message(user)
    return user


def fail(where: str) -> None:
    try:
        raise LookupError(where)
    except LookupError as error:
        sentry_sdk.capture_exception(error)


async def fail_async(where: str) -> None:
    await asyncio.sleep(0)
    fail(where)
