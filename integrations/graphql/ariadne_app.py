"""Another server, Ariadne: its parser and an extension tell clew of each operation."""

from typing import Any

import graphql
from ariadne import QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLHTTPHandler
from ariadne.types import Extension
from starlette.applications import Starlette

import clew
import clew.graphql
import clew.starlette


def parse(context: Any, data: dict[str, Any]) -> graphql.DocumentNode:
    document = graphql.parse(data["query"])
    chosen = graphql.get_operation_ast(document, data.get("operationName"))
    if chosen is not None:
        name = None if chosen.name is None else chosen.name.value
        context["operation"] = (chosen.operation.value, name)
        clew.graphql.executed(*context["operation"])
    return document


class HTTPLogExtension(Extension):
    def has_errors(self, errors: list[graphql.GraphQLError], context: Any) -> None:
        kind, name = context.get("operation", ("", None))
        clew.graphql.executed(kind, name, errors)


query = QueryType()


@query.field("orders")
def orders(*_: Any) -> list[str]:
    return ["order-77"]


@query.field("crash")
def crash(*_: Any) -> str:
    raise RuntimeError("the crash of the test")


class NotFound(Exception):
    extensions = {"code": "NOT_FOUND"}


@query.field("order")
def order(*_: Any, id: int) -> str:
    raise NotFound(f"there is no order {id}")


schema = make_executable_schema(
    "type Query { orders: [String!]! crash: String order(id: Int!): String }", query
)
clew.configure_logging(service="shop")
app = Starlette()
clew.starlette.install(app)
app.mount(
    "/graphql",
    GraphQL(
        schema,
        query_parser=parse,
        http_handler=GraphQLHTTPHandler(extensions=[HTTPLogExtension]),
    ),
)
