"""A small schema of Strawberry's, whose fields fail in every way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

import clew
import clew.strawberry

log = clew.get_logger("shop")


class NotFound(Exception):
    """An exception whose code GraphQL hands on to the client."""

    extensions = {"code": "NOT_FOUND"}


class IsSignedIn(BasePermission):
    message = "Sign in first."
    error_extensions = {"code": "UNAUTHENTICATED"}

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return False


class IsOwner(IsSignedIn):
    message = "This is not yours."
    error_extensions = {"code": "FORBIDDEN"}


@strawberry.type
class Query:
    @strawberry.field
    def orders(self) -> list[str]:
        log.info("Read orders", action="READ_ORDERS")
        return ["order-77"]

    @strawberry.field
    def order(self, id: int) -> str | None:
        raise NotFound(f"there is no order {id}")

    mine: str | None = strawberry.field(default=None, permission_classes=[IsSignedIn])
    secret: str | None = strawberry.field(default=None, permission_classes=[IsOwner])

    @strawberry.field
    def crash(self) -> str | None:
        raise RuntimeError("the crash of the test")

    @strawberry.field
    def always(self) -> str:
        raise RuntimeError("the crash of the test")

    @strawberry.field
    async def slow(self) -> str | None:
        log.info("Waiting")
        while not os.path.exists("go-on"):  # noqa: ASYNC110, ASYNC240, PTH110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # a response that is quick is not asked whether anybody waits
        return None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def buy(self, order: str) -> str:
        log.info("Purchase completed", action="PURCHASE_COMPLETED", value=order)
        return order


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def prices(self, fails: bool = False) -> AsyncIterator[int]:
        yield 1
        if fails:
            raise RuntimeError("the crash of the test")
        yield 2


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    extensions=[clew.strawberry.HTTPLogExtension],
    config=StrawberryConfig(batching_config={"max_operations": 10}),
)
