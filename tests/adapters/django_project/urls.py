"""Its views."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

import clew
from tests.adapters import stacks


class UserAuthentication(BaseAuthentication):  # type: ignore[misc]
    """REST framework's way to know a user."""

    def authenticate(self, request: Request) -> Any:
        """Return the user of the tests."""
        return User(pk=int(stacks.USER)), None


@api_view(["GET"])  # type: ignore[untyped-decorator]
@authentication_classes([UserAuthentication])  # type: ignore[untyped-decorator]
def rest_user(request: Request) -> Response:
    """Answer an authenticated user."""
    stacks.user()
    return Response("hello")


@api_view(["GET"])  # type: ignore[untyped-decorator]
def rest_crash(request: Request) -> Response:
    """Crash."""
    stacks.crash()


def user(request: HttpRequest) -> HttpResponse:
    """Answer a user that a middleware has logged in."""
    request.user = User(pk=int(stacks.USER))
    return HttpResponse(stacks.user())


async def bind(request: HttpRequest) -> HttpResponse:
    """Bind in an async view."""
    return HttpResponse(stacks.bind())


def crash(request: HttpRequest) -> HttpResponse:
    """Crash."""
    stacks.crash()


def seen(request: HttpRequest) -> HttpResponse:
    """Answer the ids."""
    return HttpResponse(stacks.seen(request.headers.get("X-Request-ID")))


def streaming(chunks: Callable[[], Iterator[bytes]]) -> Callable[..., StreamingHttpResponse]:
    """Return a view that streams *chunks*, as the server wants them: sync or async."""

    async def async_chunks() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk
            await asyncio.sleep(0.01)  # Django notices only then that the client has left

    def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(async_chunks() if hasattr(request, "scope") else chunks())

    return view


def look(request: HttpRequest) -> HttpResponse:
    """Answer an anonymous visitor, whose session nobody reads."""
    stacks.log.info("anonymous")
    return HttpResponse(b"public")


async def wait(request: HttpRequest) -> HttpResponse:
    """Wait for the client to leave."""
    from tests.adapters import test_django

    test_django.waiting["entered"].set()
    await asyncio.Event().wait()
    return HttpResponse()


def sync_stream(_request: HttpRequest) -> StreamingHttpResponse:
    """Stream from a generator that is not async."""
    return StreamingHttpResponse(stacks.stream())


def session_user(request: HttpRequest) -> HttpResponse:
    """Say whether the lazy user has been loaded, before and after a line."""
    clew.get_logger("app").info("before")
    return HttpResponse(str(request.user.is_authenticated))


urlpatterns = [
    path("ok", lambda request: HttpResponse(stacks.ok())),
    path("items/<int:id>", lambda request, id: HttpResponse(b"item")),
    path("seen", seen),
    path(
        "own",
        lambda request: HttpResponse(b"own", headers={"X-Request-ID": "app", "X-Other": "1"}),
    ),
    path("bind", bind),
    path("user", user),
    path("rest-user", rest_user),
    path("rest-crash", rest_crash),
    path("look", look),
    path("wait", wait),
    path("session-user", session_user),
    path("sync-stream", sync_stream),
    path("status/<int:n>", lambda request, n: HttpResponse(b"status", status=n)),
    path("crash", crash),
    path("stream", streaming(stacks.stream)),
    path("stream-crash", streaming(stacks.stream_crash)),
    path("streamed-id", streaming(stacks.streamed_id)),
    path("file", lambda request: FileResponse(open(__file__, "rb"))),  # noqa: SIM115
    re_path(r"^old/(?P<id>[^/]+)/$", lambda request, id: HttpResponse(b"item")),
    path(
        "tenants/<str:t>/",
        include([path("users/<str:id>", lambda request, t, id: HttpResponse(b"item"))]),
    ),
]
