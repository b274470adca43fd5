"""For Strawberry: ``strawberry.Schema(..., extensions=[clew.strawberry.HTTPLogExtension])``.

On FastAPI, Django, Flask and wherever else clew makes the HTTPLogs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ._options import needed
from .graphql import executed

with needed("clew.strawberry is an extension for Strawberry: pip install strawberry-graphql"):
    from strawberry.extensions import SchemaExtension


class HTTPLogExtension(SchemaExtension):
    """Write ``request.operation`` and ``response.graphqlStatus`` into the request's HTTPLog.

    The status is what `clew.graphql.status_of` makes of the errors. Put this first among a
    schema's extensions: then it sees also those errors of a subscription that ``MaskErrors``
    hides from the client.
    """

    _has_errors = False  # whether the HTTPLog has the errors of the execution

    def on_parse(self) -> Iterator[None]:
        """Report the operation before anything can go wrong in it."""
        yield
        if self._operation()[0]:
            self._report(None)

    def on_execute(self) -> Iterator[None]:
        """Report the errors as they are before other extensions change them."""
        yield
        result = self.execution_context.result
        if result is not None:
            self._has_errors = True
            self._report(_errors_in(result))

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """Report each result of a subscription, and each part of a deferred one."""
        self._has_errors = True
        self._report(_errors_in(result))
        yield

    def get_results(self) -> dict[str, Any]:
        """Report what went wrong around the execution; add nothing to the answer."""
        errors = self.execution_context.pre_execution_errors or ()
        # By now those of fields may be masked.
        self._report([error for error in errors if not (self._has_errors and error.path)])
        return {}

    def _report(self, errors: Iterable[object] | None) -> None:
        kind, name = self._operation()
        executed(kind, name, [{} if _is_refusal(error) else error for error in errors or ()])

    def _operation(self) -> tuple[str, str | None]:
        """Return the kind and the name of the operation that is executed, where there is one."""
        context = self.execution_context
        try:
            chosen = context.operation_name  # of several, the client names one
            for definition in getattr(context.graphql_document, "definitions", ()):
                kind = getattr(definition, "operation", None)
                name = getattr(getattr(definition, "name", None), "value", None)
                if kind is not None and name == chosen:
                    return kind.value, name
        except Exception:  # another version's document
            pass
        return "", None


def _is_refusal(error: object) -> bool:
    """Tell whether *error* refuses a request without an operation, or with a forbidden one."""
    raised = getattr(error, "original_error", None) or error
    return type(raised).__name__ in (
        "MissingQueryError",
        "CannotGetOperationTypeError",
        "InvalidOperationTypeError",
    )


def _errors_in(result: object) -> list[object]:
    """Return the errors of a result, also those of its parts where it comes in several."""
    errors: list[object] = []
    for part in (
        result,
        getattr(result, "initial_result", None),
        *(getattr(result, "incremental", None) or ()),
        *(getattr(result, "completed", None) or ()),
    ):
        errors.extend(getattr(part, "errors", None) or ())
    return errors
