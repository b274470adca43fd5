"""An order, by REST framework and by Ninja."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import clew

from .authentication import JWTBearer

log = clew.get_logger("shop")


class Order(APIView):  # type: ignore[misc]
    """An order, by REST framework."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request, order_id: int) -> Response:
        log.info("Read order", action="READ_ORDER", value=f"order-{order_id}")
        return Response(request.user.pk)


ninja = NinjaAPI(auth=JWTBearer())


@ninja.get("/orders/{order_id}")
def order(request: HttpRequest, order_id: int) -> Any:
    """Return an order, by Ninja."""
    log.info("Read order", action="READ_ORDER", value=f"order-{order_id}")
    return request.auth  # type: ignore[attr-defined]
