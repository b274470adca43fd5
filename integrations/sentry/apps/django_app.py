"""A Django project in one module, for WSGI and ASGI, whose events go to Sentry."""

from __future__ import annotations

import sentry_sdk
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from sentry_sdk.integrations.django import DjangoIntegration

import clew
import clew.sentry
from integrations.sentry.apps import sdk

sdk.init(DjangoIntegration())
clew.sentry.install()
settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    LOGGING=clew.logging_config(),
    MIDDLEWARE=["clew.django.RequestIDMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the test",
)


def hello(request: HttpRequest) -> HttpResponse:
    clew.bind(user_id="ada")
    return HttpResponse("hello")


def flush(request: HttpRequest) -> HttpResponse:
    sentry_sdk.flush()
    return HttpResponse("flushed")


def crash(request: HttpRequest) -> HttpResponse:
    clew.bind(user_id="ada")
    raise RuntimeError("the crash of the test")


urlpatterns = [path("", hello), path("flush", flush), path("crash", crash)]
wsgi = get_wsgi_application()
app = get_asgi_application()
