"""A Flask service, instrumented before or after clew is installed."""

from __future__ import annotations

import os

from flask import Flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor

import clew
import clew.flask
from integrations.opentelemetry.apps import telemetry

telemetry.set_up()
app = Flask(__name__)
if os.environ["WAY"] == "clew first":
    clew.flask.install(app)
FlaskInstrumentor().instrument_app(app)  # type: ignore[no-untyped-call]
if os.environ["WAY"] != "clew first":
    clew.flask.install(app)


@app.get("/")
def hello() -> str:
    return "hello"


@app.get("/work")
def work() -> str:
    telemetry.work()
    return "done"


@app.get("/crash")
def crash() -> str:
    raise RuntimeError("the crash of the test")


@app.get("/spans")
def spans() -> str:
    return telemetry.spans()
