"""A Flask service whose events go to Sentry."""

from __future__ import annotations

import sentry_sdk
from flask import Flask
from sentry_sdk.integrations.flask import FlaskIntegration

import clew
import clew.flask
import clew.sentry
from integrations.sentry.apps import sdk

sdk.init(FlaskIntegration())
clew.configure_logging()
clew.sentry.install()

app = Flask(__name__)
clew.flask.install(app)


@app.get("/")
def hello() -> str:
    clew.bind(user_id="ada")
    return "hello"


@app.get("/flush")
def flush() -> str:
    sentry_sdk.flush()
    return "flushed"


@app.get("/crash")
def crash() -> str:
    clew.bind(user_id="ada")
    raise RuntimeError("the crash of the test")
