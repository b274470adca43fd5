"""Read a line of the log as a record: these are the types, and their JSON Schema.

A line has their attributes in camelCase, as ``requestId``, and leaves out what is at its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct, field

__all__ = ["ApplicationLog", "ExceptionInfo", "FieldError", "HTTPLog", "Request", "Response"]
__all__ += ["Task", "TaskLog", "json_schema"]

LEVELS = ("debug", "info", "warning", "danger", "critical")

_WORDS = {10 * number: word for number, word in enumerate(LEVELS, 1)}


def level_word(levelno: int) -> str:
    """Return the word for a level of the logging module; one in between is rounded down."""
    return _WORDS.get(levelno) or LEVELS[min(max(int(levelno or 0) // 10, 1), 5) - 1]


def level_words(levels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the words to write for each level, *levels* renaming some; checks them."""
    if levels is not None and not isinstance(levels, Mapping):
        raise TypeError(f'levels must be a mapping, as in {{"danger": "error"}}, not {levels!r}')
    renamed = dict(levels or {})
    for word, other in renamed.items():
        if word not in LEVELS or not isinstance(other, str):
            raise ValueError(
                f"levels has {word!r}: {other!r}; allowed are words for {', '.join(LEVELS)}, "
                'as in levels={"danger": "error"}'
            )
    return {word: renamed.get(word, word) for word in LEVELS}


# A line of this logger is a TaskLog. Its key ``task`` does not tell it from other lines: an
# application may well have tasks of its own, and its fields keep the name.
TASK_LOGGER = "clew.task"
HTTP_LOGGER = "clew.http"

# The caller's own keys of an ApplicationLog; every other key of it and of an HTTPLog is clew's.
CALLERS_KEYS = frozenset(("action", "value", "oldValue", "monetaryValue", "quantity", "comment"))


class ExceptionInfo(Struct, rename="camel"):
    """An exception, as text.

    Attributes:
        type: The qualified name of its class.
        message: Its own text, of at most 4,096 characters.
        stack_trace: The end of the traceback as Python prints it, with causes and notes, of at most
            65,536 characters. With the formatter's ``exc_info_as_array`` it is a list of lines.
    """

    type: str
    message: str
    stack_trace: str | list[str]


class _Record(Struct, rename="camel", omit_defaults=True, kw_only=True):
    level: str
    message: str
    created_at: int
    logger: str
    service: str | None = None
    service_version: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    kept: bool = False


class ApplicationLog(_Record, kw_only=True):
    """What the application says: one line of any logger.

    Attributes:
        level: One of debug, info, warning, danger and critical. Python's ERROR is danger; a level
            of your own is the one below, with its name in a further key, levelName.
        message: The text of the line.
        created_at: When it was logged, in milliseconds since the Unix epoch.
        logger: The name of the logger.
        service: Which service of several wrote the line.
        service_version: The release of the service that wrote it.
        request_id: The id of the request, the task or the block in which it was logged.
        user_id: The id of the user who was known by then.
        kept: True where the line is below the level, and is written since its request failed.
        action: What was done, as PURCHASE_COMPLETED.
        value: To what it was done, as order-77.
        old_value: What the value was before.
        monetary_value: The amount of money, in the smallest unit of the currency.
        quantity: How many of it there were.
        comment: Why it was done.
        exception: The exception that was logged.
    """

    action: Any = None
    value: Any = None
    old_value: Any = None
    monetary_value: Any = None
    quantity: Any = None
    comment: Any = None
    exception: ExceptionInfo | None = None


class Request(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The request of an HTTPLog.

    Attributes:
        method: The HTTP method, as GET.
        host: The host that was called. Only an outgoing call has one.
        path: The path, percent-encoded, of at most 2,048 characters.
        route: The framework's route template. It is absent when none matched.
        query: The query without its question mark. Secrets are masked.
        operation: The kind and the name of a GraphQL operation, as query Orders.
        ip_address: The client's address, without a port.
        headers: The request id under requestId, and the headers of capture_headers.
        rejected_request_id: Why the client's id was refused: untrusted, duplicate, length, charset,
            content (an e-mail address, a card's number, a JSON Web Token) or custom. It never holds
            that id.
    """

    method: str
    host: str | None = None
    path: str
    route: str | None = None
    query: str | None = None
    operation: str | None = None
    ip_address: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    rejected_request_id: str | None = None


class Response(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The response of an HTTPLog.

    Attributes:
        http_status: The HTTP status. It is absent when an outgoing call got no response.
        response_time: How long it took, in milliseconds with 3 decimals. It is absent when the
            process died at the request, of which only the beginning is known.
        body_size: How many bytes the body had. It is absent when that is unknown.
        close_code: The code with which a WebSocket was closed.
        graphql_status: The HTTP status that the errors of a GraphQL answer mean.
    """

    http_status: int | None = None
    response_time: float = 0.0
    body_size: int | None = None
    close_code: int | None = None
    graphql_status: int | None = None


class FieldError(Struct, rename="camel", frozen=True):
    """Why one part of a request was refused.

    Attributes:
        place: Where it stands, as body.items.0.sku.
        reason: What is wrong, as the framework calls it: missing, int_parsing, max_length.
    """

    place: str
    reason: str


class HTTPLog(_Record, kw_only=True):
    """One request and its response: the record that every request leaves.

    It is written with the last byte of the response; for a 5xx, when its exception is known.

    Attributes:
        level: One of info, warning and danger, by the status and the outcome.
        message: METHOD path status.
        created_at: When it was logged, in milliseconds since the Unix epoch; of a lost one, when
            it began.
        logger: The logger clew.http, or clew.http.client for an outgoing call.
        service: Which service of several wrote the line.
        service_version: The release of the service that wrote it.
        request_id: The id of the request, or of the one in which a call was sent.
        user_id: The id of the request's user.
        kept: True as of an ApplicationLog. Only an outgoing call has it.
        request: The request.
        response: The response.
        outcome: How it ended: aborted when the client left (with status 499 before the response
            began), error when the application raised, websocket for a connection, which leaves one
            record, lost when the process died at it. It is absent when the response was completed.
        exception: The exception that the application or the call raised.
        direction: The word outgoing for an outgoing call, else absent.
        validation_errors: Why a 4xx refused the request, at most 20 errors of it. Only with the
            option validation.
    """

    request: Request
    response: Response
    outcome: str | None = None
    exception: ExceptionInfo | None = None
    direction: str | None = None
    validation_errors: list[FieldError] | None = None


class Task(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The task of a TaskLog.

    Attributes:
        name: The name under which it is registered, as shop.send_mail.
        id: The task's own id. A retry keeps it.
        queue: The queue it came from. It is absent when unknown.
        retries: How often it was tried before.
        parent_id: The id of the task that sent it. It is absent when no task did.
        duration: How long it ran, in milliseconds with 3 decimals. It is absent when it never ran.
        outcome: How it ended: succeeded, failed, retried, ignored, rejected or revoked; lost when
            the process died at it.
    """

    name: str
    id: str
    queue: str | None = None
    retries: int = 0
    parent_id: str | None = None
    duration: float | None = None
    outcome: str


class TaskLog(_Record, kw_only=True):
    """One run of a background task: the record that every run leaves, on the logger ``clew.task``.

    A task that is tried again leaves one for each try, with the same ``task.id``.

    Attributes:
        level: One of info, warning and danger, by the outcome.
        message: The task's name and its outcome.
        created_at: When it was logged, in milliseconds since the Unix epoch.
        logger: The logger clew.task.
        service: Which service of several wrote the line.
        service_version: The release of the service that wrote it.
        request_id: The id of the request that started the task, or the task's own.
        user_id: The id of the user, where it travels.
        kept: True as of an ApplicationLog.
        task: The task.
        exception: The exception by which the run failed.
    """

    task: Task
    exception: ExceptionInfo | None = None


# A caller's field of such a name is written with an underscore behind it.
OWNED_KEYS = (
    frozenset(ApplicationLog.__struct_encode_fields__) | frozenset(HTTPLog.__struct_encode_fields__)
) - CALLERS_KEYS


def json_schema(*, levels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line, with a description of every key.

    A line is a TaskLog when its logger is ``clew.task``, an HTTPLog when it has one's keys, else
    an ApplicationLog. Further keys are allowed.

    Args:
        levels: The renamed words, as in `configure_logging`.

    Raises:
        TypeError: *levels* is no mapping.
        ValueError: *levels* has a level that there is not, or a word that is no string.
    """
    _, definitions = msgspec.json.schema_components(
        [ApplicationLog, HTTPLog, TaskLog], ref_template="#/$defs/{name}"
    )
    words = list(level_words(levels).values())
    for name, definition in definitions.items():
        _put_descriptions(globals()[name], definition)
        if "level" in definition["properties"]:
            definition["properties"]["level"]["enum"] = words
    # Of a request that its process died at, nobody knows how long it took.
    definitions["HTTPLog"] |= {
        "if": {"properties": {"outcome": {"const": "lost"}}, "required": ["outcome"]},
        "else": {"properties": {"response": {"required": ["responseTime"]}}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a clew log",
        "type": "object",
        "if": {"properties": {"logger": {"const": TASK_LOGGER}}, "required": ["logger"]},
        "then": {"$ref": "#/$defs/TaskLog"},
        "else": {
            "if": {"anyOf": [{"required": ["request"]}, {"required": ["response"]}]},
            "then": {"$ref": "#/$defs/HTTPLog"},
            "else": {"$ref": "#/$defs/ApplicationLog"},
        },
        "$defs": definitions,
    }


_ATTRIBUTE = r"^    (\w+): (.+(?:\n {5,}.+)*)"


def _put_descriptions(record: type[Struct], definition: dict[str, Any]) -> None:
    """Put what the docstring of *record* says of its attributes into the *definition* of it."""
    description, _, attributes = cleandoc(record.__doc__ or "").partition("\n\nAttributes:\n")
    if description:
        definition["description"] = description
    keys = dict(zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True))
    for name, text in re.findall(_ATTRIBUTE, attributes, re.MULTILINE):
        definition["properties"][keys[name]]["description"] = " ".join(text.split())
