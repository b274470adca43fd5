"""What the errors of a GraphQL answer mean, and how a request's HTTPLog is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import clew
import clew.graphql
from clew.graphql import status_of
from tests.conftest import Lines, serve
from tests.rows import each_row

ERROR: dict[str, Any] = {"message": "no"}
OF_A_FIELD: dict[str, Any] = {"message": "no", "path": ["orders"]}


def coded(code: object, **parts: object) -> dict[str, Any]:
    return {"message": "no", "path": ["orders"], "extensions": {"code": code}, **parts}


class GraphQLError(Exception):
    """An error as graphql-core has it."""

    def __init__(self, **parts: Any) -> None:
        super().__init__("no")
        self.locations = parts.get("locations")
        self.path = parts.get("path")
        self.extensions = parts.get("extensions")
        self.original_error = parts.get("original_error")


@each_row("errors", [None, [], (), iter(())])
def test_no_errors_are_a_200(errors: Any) -> None:
    """An answer without errors is a 200."""
    assert status_of(errors) == 200


@each_row(
    ("code", "status"),
    [
        *[("UNAUTHENTICATED", 401), ("UNAUTHORIZED", 401), ("FORBIDDEN", 403), ("NOT_FOUND", 404)],
        *((code, 400) for code in ("BAD_REQUEST", "BAD_USER_INPUT")),
        *((f"GRAPHQL_{step}_FAILED", 400) for step in ("PARSE", "VALIDATION")),
        *((f"PERSISTED_QUERY_NOT_{how}", 400) for how in ("FOUND", "SUPPORTED")),
        *[("OPERATION_RESOLUTION_FAILURE", 400), ("forbidden", 403), ("Not_Found", 404)],
        *[("INTERNAL_SERVER_ERROR", 500), ("TEAPOT", 500), ("", 500), ("404", 500)],
        *[(404, 500), ([], 500), (True, 500)],
    ],
)
def test_an_errors_code_says_what_it_means(code: object, status: int) -> None:
    """An error with a code means the status of that, any other code 500; in any kind of error."""
    assert status_of([coded(code)]) == status
    assert status_of([coded(code, path=None)]) == status
    assert status_of([GraphQLError(extensions={"code": code})]) == status
    assert status_of([GraphQLError(extensions={"code": code}, path=["orders"])]) == status


@each_row(
    ("error", "status"),
    [
        (ERROR, 400),
        ({**ERROR, "path": None}, 400),
        ({**ERROR, "path": []}, 400),
        ({**ERROR, "extensions": None}, 400),
        ({**ERROR, "extensions": {}}, 400),
        ({**ERROR, "extensions": "FORBIDDEN"}, 400),
        (OF_A_FIELD, 500),
        (GraphQLError(), 400),
        (GraphQLError(path=["orders"]), 500),
        (GraphQLError(original_error=ValueError("no")), 500),
        (GraphQLError(original_error=GraphQLError()), 400),
        (GraphQLError(path=["orders"], original_error=GraphQLError()), 500),
        (ValueError("no"), 500),
        ("no", 400),
        (None, 400),
    ],
)
def test_an_error_without_a_code_is_judged_by_where_it_arose(error: object, status: int) -> None:
    """A field's error and an exception are 500; what kept a request from execution is 400."""
    assert status_of([error]) == status


@each_row(
    ("errors", "status"),
    [
        ([coded("FORBIDDEN"), OF_A_FIELD, coded("NOT_FOUND")], 500),
        ([OF_A_FIELD, coded("FORBIDDEN")], 500),
        ([coded("UNAUTHENTICATED"), coded("FORBIDDEN")], 403),
        ([coded("NOT_FOUND"), ERROR], 404),
    ],
)
def test_of_several_errors_the_highest_status_counts(errors: list[Any], status: int) -> None:
    """Of several errors the highest status counts, and so a 500 before any 4xx."""
    assert status_of(errors) == status


# Telling.


def told(lines: Lines, work: Any, **options: Any) -> tuple[str | None, int | None]:
    """Return the operation and the status that a request's record has."""
    serve(work, **options)
    (line,) = lines.http()
    return line["request"].get("operation"), line["response"].get("graphqlStatus")


@each_row(
    ("kind", "name", "operation"),
    [
        ("query", "Orders", "query Orders"),
        ("query", None, "query"),
        ("mutation", "_buy2", "mutation _buy2"),
        ("subscription", "Prices", "subscription Prices"),
        ("query", "a" * 129, "query " + "a" * 128),
        *(
            ("query", name, "query")
            for name in ("", "2a", "a b", "a\n", "a\n{}", "é", "a\u0660", '","x":"', "a-b", 5, b"a")
        ),
        *((kind, "Orders", None) for kind in ("", "QUERY", "query ", "fragment", "a\n")),
        *[(None, "Orders", None), (5, "Orders", None), (["query"], "Orders", None)],
    ],
)
def test_an_operation_is_a_kind_and_a_clean_name(
    lines: Lines, kind: Any, name: Any, operation: str | None
) -> None:
    """A name is cut, and what is none in GraphQL is left out: it is the client's text."""
    assert told(lines, lambda: clew.graphql.executed(kind, name)) == (operation, 200)


def test_a_request_without_graphql_has_neither_key(lines: Lines) -> None:
    """A request in which no operation was executed has neither key."""
    assert told(lines, lambda: None) == (None, None)


def test_an_operation_may_be_told_when_it_begins(lines: Lines) -> None:
    """What is told at the beginning is what is known when nothing follows."""

    def work() -> None:
        clew.graphql.executed("query", "Orders")
        clew.graphql.executed("query", "Orders", [coded("FORBIDDEN")])

    assert told(lines, work) == ("query Orders", 403)


def test_of_several_operations_the_worst_counts(lines: Lines) -> None:
    """Of several operations the worst is recorded, of equally bad ones the first."""

    def work() -> None:
        clew.graphql.executed("query", "A")
        clew.graphql.executed("query", "B", [OF_A_FIELD])
        clew.graphql.executed("query", "C", [OF_A_FIELD])
        clew.graphql.executed("query", "D", [ERROR])

    assert told(lines, work) == ("query B", 500)


def test_outside_a_request_nothing_happens(lines: Lines) -> None:
    """Outside a request, also in a context of a job, telling does nothing."""
    clew.graphql.executed("query", "Orders")
    with clew.context():
        clew.graphql.executed("query", "Orders")
    assert lines() == []


class Raising:
    """Errors of a server's that are none."""

    def __iter__(self) -> Iterator[object]:
        raise RuntimeError("no")


class Odd:
    @property
    def path(self) -> object:
        raise RuntimeError("no")


@each_row("errors", [5, Raising(), [Odd()]])
def test_odd_errors_break_nothing(lines: Lines, errors: Any) -> None:
    """Errors that cannot be read count as a failure of the server's."""
    assert told(lines, lambda: clew.graphql.executed("query", "A", errors)) == ("query", 500)


def test_a_crash_around_an_operation_is_not_hidden(lines: Lines) -> None:
    """When the request fails for another reason, its own status counts, not the operation's."""

    def work() -> None:
        clew.graphql.executed("query", "Orders")
        raise RuntimeError("the answer cannot be written")

    with pytest.raises(RuntimeError, match="cannot be written"):
        serve(work)
    (line,) = lines.http()
    assert line["response"]["httpStatus"] == 500
    assert line["request"]["operation"] == "query Orders"
    assert "graphqlStatus" not in line["response"]


def test_levels_go_by_the_status_of_http(lines: Lines) -> None:
    """A record's level is that of its HTTP status, unless the level option says otherwise."""

    def work() -> None:
        clew.graphql.executed("query", "Orders", [OF_A_FIELD])

    serve(work)
    serve(work, level=lambda log: 40 if (log.response.graphql_status or 0) >= 500 else 20)
    assert [line["level"] for line in lines.http()] == ["info", "danger"]


def test_failures_are_never_excluded(lines: Lines) -> None:
    """A path that is excluded has its records all the same where an operation failed."""
    serve(lambda: clew.graphql.executed("query", "A"), exclude=["/*"])
    assert lines.http() == []
    failed = lambda: clew.graphql.executed("query", "B", [ERROR])  # noqa: E731
    assert told(lines, failed, exclude=["/*"]) == ("query B", 400)
