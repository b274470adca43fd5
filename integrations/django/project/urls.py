"""The same order three ways: a plain view with a session's user, REST framework, Ninja."""

from __future__ import annotations

import logging

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path

from .api import Order, ninja


def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign a user in, as a login view does."""
    user, _ = User.objects.get_or_create(pk=12345, username="ada")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("signed in")


def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """Return an order to whom the view asks for."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    logging.getLogger("legacy").info("old code")
    return HttpResponse(str(request.user.pk))


def open_to_all(request: HttpRequest) -> HttpResponse:
    """Return something without asking who wants it."""
    return HttpResponse("open")


def crash(request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise ValueError("no such order")


urlpatterns = [
    path("sign-in", sign_in),
    path("orders/<int:order_id>", order),
    path("open", open_to_all),
    path("crash", crash),
    path("rest/orders/<int:order_id>", Order.as_view()),
    path("ninja/", ninja.urls),
]
