"""The records, as types: what one line of the log holds."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

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

# The caller's own keys of an ApplicationLog; every other key of it and of an HTTPLog is clew's.
CALLERS_KEYS = frozenset(("action", "value", "oldValue", "monetaryValue", "quantity", "comment"))


class ExceptionInfo(Struct, rename="camel"):
    """An exception, as text."""

    type: Annotated[str, Meta(description="The qualified name of its class.")]
    message: str
    stack_trace: Annotated[
        str | list[str],
        Meta(description="As Python prints it; lines apart where exc_info_as_array is set."),
    ]


class ApplicationLog(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the application says: one line of any logger."""

    level: Annotated[str, Meta(description="Python's ERROR is danger.")]
    message: str
    created_at: Annotated[int, Meta(description="Milliseconds since the Unix epoch.")]
    logger: str
    service: Annotated[str | None, Meta(description="Which service of several wrote the line.")] = (
        None
    )
    request_id: str | None = None
    user_id: str | None = None
    action: Annotated[Any, Meta(description="What was done: PURCHASE_COMPLETED.")] = None
    value: Annotated[Any, Meta(description="To what it was done: order-77.")] = None
    old_value: Any = None
    monetary_value: Annotated[Any, Meta(description="In the smallest unit of the currency.")] = None
    quantity: Any = None
    comment: Annotated[Any, Meta(description="Why it was done.")] = None
    exception: ExceptionInfo | None = None


class Request(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The request of an HTTPLog."""

    method: str
    host: Annotated[str | None, Meta(description="Only of an outgoing call.")] = None
    path: Annotated[str, Meta(description="Percent-encoded, at most 2,048 characters.")]
    route: Annotated[
        str | None, Meta(description="The framework's route template, absent when none matched.")
    ] = None
    query: Annotated[str | None, Meta(description="Without its question mark, secrets masked.")] = (
        None
    )
    operation: Annotated[str | None, Meta(description="Of a GraphQL request: query Orders.")] = None
    ip_address: Annotated[str | None, Meta(description="The client's, without a port.")] = None
    headers: Annotated[
        dict[str, str], Meta(description="requestId, and those of capture_headers.")
    ] = field(default_factory=dict)
    rejected_request_id: Annotated[
        str | None,
        Meta(description="Why the client's id was refused; never the id itself."),
    ] = None


class Response(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The response of an HTTPLog."""

    http_status: Annotated[
        int | None, Meta(description="Absent when an outgoing call got no response.")
    ] = None
    response_time: Annotated[float, Meta(description="Milliseconds, with 3 decimals.")]
    body_size: Annotated[int | None, Meta(description="Bytes; absent when unknown.")] = None
    close_code: Annotated[int | None, Meta(description="Of a WebSocket.")] = None
    graphql_status: Annotated[int | None, Meta(description="What a GraphQL answer means.")] = None


class HTTPLog(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One request and its response: the record that every request leaves.

    It is written with the last byte of the response; for a 5xx, when its exception is known.
    ``outcome`` is ``aborted`` when the client left (with status 499 before the response began),
    ``error`` when the application raised, ``websocket`` for a connection, of which there is one
    record. Of an outgoing call, ``direction`` is ``outgoing``.
    """

    level: str
    message: Annotated[str, Meta(description="METHOD path status.")]
    created_at: Annotated[int, Meta(description="Milliseconds since the Unix epoch.")]
    logger: str
    service: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    request: Request
    response: Response
    outcome: Annotated[
        str | None,
        Meta(description="Absent when completed; aborted, error or websocket."),
    ] = None
    exception: ExceptionInfo | None = None
    direction: Annotated[str | None, Meta(description="outgoing, or absent.")] = None


class Task(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The task of a TaskLog."""

    name: Annotated[str, Meta(description="As it is registered: shop.send_mail.")]
    id: Annotated[str, Meta(description="The task's own id; a retry keeps it.")]
    queue: Annotated[str | None, Meta(description="Absent when unknown.")] = None
    retries: Annotated[int, Meta(description="How often it was tried before.")] = 0
    duration: Annotated[
        float | None, Meta(description="Milliseconds, with 3 decimals; absent when it never ran.")
    ] = None
    outcome: Annotated[
        str, Meta(description="succeeded, failed, retried, ignored, rejected or revoked.")
    ]


class TaskLog(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One run of a background task: the record that every run leaves, on the logger ``clew.task``.

    A task that is tried again leaves one for each try, with the same ``task.id``.
    """

    level: str
    message: Annotated[str, Meta(description="The task's name and its outcome.")]
    created_at: Annotated[int, Meta(description="Milliseconds since the Unix epoch.")]
    logger: Annotated[str, Meta(description="clew.task")]
    service: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    task: Task
    exception: ExceptionInfo | None = None


# A caller's field of such a name is written with an underscore behind it.
OWNED_KEYS = (
    frozenset(ApplicationLog.__struct_encode_fields__) | frozenset(HTTPLog.__struct_encode_fields__)
) - CALLERS_KEYS


def describe(error: BaseException) -> ExceptionInfo:
    """Return *error* as text. Works for exceptions whose own ``__str__`` raises."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        message = str(error)
    except Exception:
        message = f"<{name} without a text>"
    try:
        stack_trace = "".join(traceback.format_exception(error))
    except Exception:
        stack_trace = ""
    return ExceptionInfo(name, message, stack_trace)


def json_schema(*, levels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line: a TaskLog when its logger is ``clew.task``, an
    HTTPLog when it has one's keys, else an ApplicationLog. Further keys are allowed. *levels* are
    the renamed words, as in `configure_logging`; a ValueError names one that there is not.
    """
    _, definitions = msgspec.json.schema_components(
        [ApplicationLog, HTTPLog, TaskLog], ref_template="#/$defs/{name}"
    )
    words = list(level_words(levels).values())
    for name in ("ApplicationLog", "HTTPLog", "TaskLog"):
        definitions[name]["properties"]["level"]["enum"] = words
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
