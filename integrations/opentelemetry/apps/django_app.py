"""A Django project in one module, for WSGI and ASGI."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from opentelemetry.instrumentation.django import DjangoInstrumentor

import clew
import clew.opentelemetry
from integrations.opentelemetry.apps import telemetry

telemetry.provide()
clew.opentelemetry.install()  # before Django sets up its logging
settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    LOGGING=clew.logging_config(),
    MIDDLEWARE=["clew.django.RequestIDMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the test",
)
# By default it puts its middleware before all others; 1 is behind clew's.
DjangoInstrumentor().instrument(middleware_position=int(os.environ["WAY"]))


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def work(request: HttpRequest) -> HttpResponse:
    telemetry.work()
    return HttpResponse("done")


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the crash of the test")


def spans(request: HttpRequest) -> HttpResponse:
    return HttpResponse(telemetry.spans())


urlpatterns = [path("", hello), path("work", work), path("crash", crash), path("spans", spans)]
wsgi = get_wsgi_application()
app = get_asgi_application()
