"""An API on Django for pages of another origin. The environment says what it lacks."""

from __future__ import annotations

import os

import django
from corsheaders.defaults import default_headers
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

import clew

lacks = os.environ.get("LACKS", "")

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["clew.django", "corsheaders"],
    MIDDLEWARE=[
        "clew.django.RequestIDMiddleware",
        "corsheaders.middleware.CorsMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    CORS_ALLOWED_ORIGINS=[os.environ["PAGES"]],
    CORS_ALLOW_HEADERS=default_headers if lacks == "allow" else (*default_headers, "x-request-id"),
    CLEW={} if lacks == "expose" else {"expose": True},
    LOGGING=clew.logging_config(service="api"),
)
django.setup()


def orders(_request: HttpRequest, order: str) -> HttpResponse:
    return HttpResponse(f'"{order}"')


def crash(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the crash of the test")


urlpatterns = [path("orders/<order>", orders), path("crash", crash)]
app = get_wsgi_application()
