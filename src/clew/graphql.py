"""Log what a GraphQL answer means, for any server: over HTTP it is a 200, whatever happened.

For Strawberry there is `clew.strawberry`. Another server reports each operation when it has been
executed::

    clew.graphql.executed("query", "Orders", result.errors)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ._current import current
from ._http.exchange import Exchange

OK: Final = 200
BAD_REQUEST: Final = 400
INTERNAL_SERVER_ERROR: Final = 500

# What servers and their guides write into an error's extensions, as its code.
_STATUSES: Final[Mapping[str, int]] = {
    "UNAUTHENTICATED": 401,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "BAD_REQUEST": BAD_REQUEST,
    "BAD_USER_INPUT": BAD_REQUEST,
    "GRAPHQL_PARSE_FAILED": BAD_REQUEST,
    "GRAPHQL_VALIDATION_FAILED": BAD_REQUEST,
    "OPERATION_RESOLUTION_FAILURE": BAD_REQUEST,
    "PERSISTED_QUERY_NOT_FOUND": BAD_REQUEST,
    "PERSISTED_QUERY_NOT_SUPPORTED": BAD_REQUEST,
}

# GraphQL's specification, section 2.1.9. A name has no length there; here it is somebody's text.
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)
_LONGEST_NAME = 128
_KINDS = ("query", "mutation", "subscription")


def status_of(errors: Iterable[object] | None) -> int:
    """Return the HTTP status that the *errors* of a GraphQL answer mean: 200 for none.

    The ``extensions["code"]`` of an error decides: ``UNAUTHENTICATED`` is 401, ``FORBIDDEN`` 403,
    ``NOT_FOUND`` 404, ``BAD_USER_INPUT`` and the codes of parsing and validation 400, any other
    500. An error without a code is 500 where a resolver raised it, so that it has a ``path``, and
    400 otherwise, since then the request could not be executed. Of several, the highest counts.

    Args:
        errors: graphql-core's errors, other exceptions, or errors as they stand in an answer:
            mappings with ``message``, ``path`` and ``extensions``.
    """
    return max((_status(error) for error in errors or ()), default=OK)


def _status(error: object) -> int:
    extensions = _part(error, "extensions")
    code = extensions.get("code") if isinstance(extensions, Mapping) else None
    if isinstance(code, str):
        return _STATUSES.get(code.upper(), INTERNAL_SERVER_ERROR)
    if code is not None or _part(error, "path"):
        return INTERNAL_SERVER_ERROR
    # A wrong variable is wrapped as well, but in graphql-core's own.
    raised = _part(error, "original_error") or error
    if isinstance(raised, Exception) and not hasattr(raised, "locations"):
        return INTERNAL_SERVER_ERROR
    return BAD_REQUEST


def _part(error: object, name: str) -> object:
    return error.get(name) if isinstance(error, Mapping) else getattr(error, name, None)


def executed(kind: str, name: str | None, errors: Iterable[object] | None = None) -> None:
    """Report an operation, and what became of it, to the current request's HTTPLog.

    It writes ``request.operation``, as ``query Orders``, and ``response.graphqlStatus``. It may be
    called when an operation begins, and again when its errors are known. Of several operations in
    one request (a batch, a WebSocket) the worst counts; of equally bad ones the first. Outside a
    request nothing happens. Never raises.

    Args:
        kind: ``"query"``, ``"mutation"`` or ``"subscription"``; anything else when it is unknown,
            as after a mistake in the document.
        name: The operation's name, None for an anonymous one. What is no name in GraphQL is left
            out, and a long one is cut, since it is the client's text.
        errors: Its errors, as for `status_of`.
    """
    exchange = current()
    if isinstance(exchange, Exchange):
        try:
            exchange.executed(_operation(kind, name), status_of(errors))
        except Exception:  # odd errors of a server's
            exchange.executed(_operation(kind, None), INTERNAL_SERVER_ERROR)


def _operation(kind: object, name: object) -> str | None:
    if kind not in _KINDS:
        return None
    if isinstance(name, str) and _NAME.fullmatch(name):
        return f"{kind} {name[:_LONGEST_NAME]}"
    return str(kind)
