"""What a home-made form calls its own: ``--map status=http.code``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from clew.answers.errors import AnswerError

from .fields import IDS, USERS
from .form import Field, Form
from .values import (
    address_of,
    integer_of,
    level_of,
    milliseconds_of,
    number_of,
    text_of,
    time_of,
)

_Read = Callable[[Any], object]
# What a question's column is in a line, and what reads its value.
_TARGETS: dict[str, tuple[str, _Read]] = {
    "createdAt": ("createdAt", time_of),
    "level": ("level", level_of),
    **{name: (name, text_of) for name in ("message", "logger", "service", "serviceVersion")},
    **{name: (name, text_of) for name in ("requestId", "userId", "action", "value", "oldValue")},
    "comment": ("comment", text_of),
    "monetaryValue": ("monetaryValue", number_of),
    "quantity": ("quantity", number_of),
    **{name: (f"request.{name}", text_of) for name in ("method", "route", "query", "operation")},
    "path": ("request.target", lambda value: value),
    "ipAddress": ("request.ipAddress", address_of),
    "status": ("response.httpStatus", integer_of),
    "duration": ("response.responseTime", milliseconds_of),
    **{
        f"duration:{unit}": ("response.responseTime", partial(milliseconds_of, unit=unit))
        for unit in ("s", "ms", "us", "ns")
    },
    "exceptionType": ("exception.type", text_of),
    "exceptionMessage": ("exception.message", text_of),
    "stackTrace": ("exception.stackTrace", text_of),
}
# What most forms call the same, where nothing is said of it.
_USUAL = (
    Field("createdAt", ("createdAt",), lambda value: value if type(value) is int else None),
    Field("createdAt", ("timestamp", "time", "ts", "@timestamp", "datetime"), time_of),
    Field("level", ("level", "severity", "levelname", "lvl"), level_of),
    Field("message", ("message", "msg", "event")),
    Field("service", ("service", "app")),
    Field("requestId", IDS),
    Field("userId", USERS),
)


def form_of(names: Mapping[str, str]) -> Form | None:
    """Return the form whose fields are called as *names* say: ours to theirs, a path.

    Each line that has one of those is read so; None is returned for no names.
    """
    if not names:
        return None
    fields = []
    for ours, theirs in names.items():
        if ours not in _TARGETS:
            near = difflib.get_close_matches(ours, _TARGETS, 1)
            raise AnswerError(
                f"map names no {ours!r}{f'; did you mean {near[0]}' if near else ''}; "
                f"it names {', '.join(_TARGETS)}"
            )
        if not isinstance(theirs, str) or not theirs:
            raise AnswerError(f"map says {theirs!r} for {ours}: give the path of a field")
        target, read = _TARGETS[ours]
        path = theirs.encode(errors="replace").decode()
        fields.append(Field(target, (path,), read))
    paths = tuple(path for field in fields for path in field.paths)
    access = tuple(
        tuple(path for field in fields if field.target == target for path in field.paths)
        for target in ("request.method", "request.target", "response.httpStatus")
    )
    return Form(
        "map",
        needs=(paths,),
        fields=(*fields, *_USUAL),
        access=(tuple(path for of in access for path in of) or paths,),
    )


def pairs_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what the command line says: ``status=http.code``."""
    pairs = {}
    for text in texts:
        ours, equals, theirs = text.partition("=")
        if not equals:
            raise AnswerError(f"map is {text!r}: give a name and a path, as in status=http.code")
        pairs[ours] = theirs
    return pairs
