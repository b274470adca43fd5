"""Views that refuse what they are sent: Django Ninja's and REST framework's."""

from __future__ import annotations

from typing import Any

import ninja
from django.http import HttpRequest
from django.urls import path
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.response import Response

from tests.adapters import stacks

SECRET = "hunter2"

api = ninja.NinjaAPI(urls_namespace="validation")


@api.get("/vouchers")
def get_vouchers(request: HttpRequest, limit: int, amount: int) -> str:
    """Never come to be called."""
    raise AssertionError


@api.get("/crash")
def crash(request: HttpRequest) -> str:
    """Crash, to be answered by a handler of Ninja's."""
    stacks.crash()


@api.exception_handler(stacks.CrashError)
def on_crash(request: HttpRequest, error: Exception) -> Any:
    """Answer 503."""
    return api.create_response(request, {"detail": "later"}, status=503)


class ItemSerializer(serializers.Serializer):  # type: ignore[misc]
    """One of several."""

    sku = serializers.CharField(max_length=3)


class VoucherSerializer(serializers.Serializer):  # type: ignore[misc]
    """What REST framework validates."""

    code = serializers.ChoiceField(["a", "b"])
    items = ItemSerializer(many=True)


@api_view(["GET"])  # type: ignore[untyped-decorator]
def rest(request: HttpRequest) -> Response:
    """Refuse."""
    sent = {"code": SECRET, "items": [{"sku": "abc"}, {"sku": SECRET}, {}]}
    VoucherSerializer(data=sent).is_valid(raise_exception=True)
    raise AssertionError


urlpatterns = [path("ninja/", api.urls), path("rest", rest)]
