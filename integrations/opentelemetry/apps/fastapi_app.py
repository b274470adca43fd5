"""A FastAPI service, instrumented in one of the ways there are."""

from __future__ import annotations

import os

import fastapi
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

import clew
import clew.fastapi
from integrations.opentelemetry.apps import telemetry

telemetry.set_up()
way = os.environ.get("WAY", "clew first")
if way == "globally":
    FastAPIInstrumentor().instrument()
app = fastapi.FastAPI()
if way == "clew last":
    FastAPIInstrumentor.instrument_app(app)
clew.fastapi.install(app, exclude=["/excluded"])
if way == "clew first":
    FastAPIInstrumentor.instrument_app(app)


@app.get("/")
@app.get("/excluded")
def hello() -> str:
    return "hello"


@app.get("/work")
def work() -> str:
    telemetry.work()
    return "done"


@app.get("/later")
def later(tasks: fastapi.BackgroundTasks) -> str:
    tasks.add_task(lambda: telemetry.log.info("in the background"))
    return "later"


@app.get("/crash")
def crash() -> None:
    raise RuntimeError("the crash of the test")


@app.get("/stream")
def stream() -> fastapi.responses.StreamingResponse:
    return fastapi.responses.StreamingResponse(iter(["one", "two"]))


@app.get("/spans")
def spans() -> fastapi.Response:
    return fastapi.Response(telemetry.spans())
