"""The endpoints as a Django project in one module, for WSGI and ASGI, with sync and async views."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.urls import include, path

import clew

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    LOGGING={} if "LOGGING_BY_SERVER" in os.environ else clew.logging_config(),
    MIDDLEWARE=["clew.django.RequestIDMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the test",
)
log = clew.get_logger("app")


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def item(request: HttpRequest, item: str) -> HttpResponse:
    return HttpResponse(f"item {item}")


def own(request: HttpRequest) -> HttpResponse:
    return HttpResponse("own", headers={"x-request-id": "of-the-application"})


def unchanged(request: HttpRequest) -> HttpResponse:
    return HttpResponseNotModified()


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the crash of the test")


async def crash_async(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the crash of the test")


def crash_late(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks_async() -> AsyncIterator[bytes]:
        yield b"hello"
        raise RuntimeError("the crash of the test")

    def chunks() -> Iterator[bytes]:
        yield b"hello"
        raise RuntimeError("the crash of the test")

    return StreamingHttpResponse(chunks_async() if isinstance(request, ASGIRequest) else chunks())


def crash_early(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        raise RuntimeError("the crash of the test")
        yield b"hello"

    headers = {"Content-Length": "5", "Set-Cookie": "basket=lamp"}
    return StreamingHttpResponse(chunks(), headers=headers)


def slow(request: HttpRequest) -> HttpResponse:
    log.info("waiting")
    time.sleep(0.15)
    return HttpResponse("slow")


async def wait(request: HttpRequest) -> HttpResponse:
    """Wait until the client leaves: Django cancels this view then."""
    log.info("waiting")
    await asyncio.sleep(20)
    return HttpResponse("nobody reads this")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(b"x" * 1000 for _ in range(3))


def endless(request: HttpRequest) -> StreamingHttpResponse:
    """Send until the client leaves, or a test's patience is over."""

    async def chunks_async() -> AsyncIterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65536
            await asyncio.sleep(0.005)

    def chunks() -> Iterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65536
            time.sleep(0.005)

    return StreamingHttpResponse(chunks_async() if isinstance(request, ASGIRequest) else chunks())


def work(request: HttpRequest, own: str) -> HttpResponse:
    clew.bind(user_id=own)
    log.info("begun", path=f"/busy/{own}")
    time.sleep(0.02)
    log.info("done", path=f"/busy/{own}")
    return HttpResponse(own)


async def work_async(request: HttpRequest, own: str) -> HttpResponse:
    clew.bind(user_id=own)
    log.info("begun", path=f"/busy-async/{own}")
    await asyncio.sleep(0.05)
    log.info("done", path=f"/busy-async/{own}")
    return HttpResponse(own)


urlpatterns = [
    path("", hello),
    path("items/", include([path("<str:item>", item)])),
    path("own", own),
    path("unchanged", unchanged),
    path("crash", crash),
    path("crash-async", crash_async),
    path("crash-early", crash_early),
    path("crash-late", crash_late),
    path("slow", slow),
    path("wait", wait),
    path("stream", stream),
    path("endless", endless),
    path("busy/<str:own>", work),
    path("busy-async/<str:own>", work_async),
]

app = get_asgi_application()
wsgi = get_wsgi_application()
