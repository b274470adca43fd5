"""The extension for Strawberry beside others, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Lines, run_fresh, serve

strawberry: Any = pytest.importorskip("strawberry", reason="pip install strawberry-graphql")
extensions: Any = pytest.importorskip("strawberry.extensions")
Ours: Any = pytest.importorskip("clew.strawberry").HTTPLogExtension


class NotFoundError(Exception):
    extensions = {"code": "NOT_FOUND"}


def made(kind: Any, **options: Any) -> Any:
    """Return what makes an extension anew for each operation, in each version of Strawberry."""
    return lambda execution_context=None: kind(**options)


Masking = made(extensions.MaskErrors)


def of_order(self: Any) -> str | None:
    raise NotFoundError


def schema(*chosen: Any) -> Any:
    order = strawberry.field(resolver=of_order)
    query = type("Query", (), {"__annotations__": {"order": str | None}, "order": order})
    return strawberry.Schema(strawberry.type(query), extensions=chosen)


def told(lines: Lines, asked: Any, query: str = "query Order { order }") -> dict[str, Any]:
    """Return what the record of a request has whose work is to execute a query."""
    serve(lambda: asked.execute_sync(query))
    (line,) = lines.http()
    found = {"operation": line["request"].get("operation")}
    return {**found, "status": line["response"].get("graphqlStatus")}


@pytest.mark.parametrize(
    "chosen", [[Ours], [Ours, Masking], [Masking, Ours]], ids=["alone", "before", "behind"]
)
def test_errors_are_read_before_they_are_masked(lines: Lines, chosen: list[Any]) -> None:
    """What an error means is known also where MaskErrors hides it from the client."""
    assert told(lines, schema(*chosen)) == {"operation": "query Order", "status": 404}


def test_nothing_is_added_to_the_answer() -> None:
    """The client sees nothing of the extension."""
    result = schema(Ours).execute_sync("{ order }")
    assert (result.data, result.extensions) == ({"order": None}, {})


@pytest.mark.parametrize("hook", ["on_operation", "on_parse", "on_validate", "on_execute"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_extension_that_raises_is_a_failure(lines: Lines, hook: str, when: str) -> None:
    """An exception of an extension behind this one, before or after a step, is a 500."""

    def raising(self: Any) -> Iterator[None]:
        if when == "before":
            raise RuntimeError("the extension is broken")
        yield
        raise RuntimeError("the extension is broken")

    broken = type("Broken", (extensions.SchemaExtension,), {hook: raising})
    assert told(lines, schema(Ours, broken))["status"] == 500


def test_a_document_that_is_kept_has_its_name(lines: Lines) -> None:
    """Operations whose document another extension keeps are named as well."""
    kept = schema(Ours, made(extensions.ParserCache), made(extensions.ValidationCache))
    for _ in range(2):
        lines.clear()
        assert told(lines, kept) == {"operation": "query Order", "status": 404}


def test_a_limit_that_refuses_a_query_is_bad_input(lines: Lines) -> None:
    """A query that a limit of Strawberry's refuses is a 400."""
    limited = schema(Ours, made(extensions.MaxTokensLimiter, max_token_count=3))
    assert told(lines, limited) == {"operation": None, "status": 400}


def test_without_strawberry_the_remedy_is_named() -> None:
    """Where Strawberry is not installed, the error says what to install; the rule needs none."""
    printed = run_fresh(
        """
import sys
sys.modules["strawberry"] = sys.modules["graphql"] = None
import clew.graphql
print(clew.graphql.status_of([{"extensions": {"code": "FORBIDDEN"}}]))
try:
    import clew.strawberry
except ImportError as error:
    print(error)
"""
    )
    assert printed.split()[0] == "403"
    assert "pip install strawberry-graphql" in printed
