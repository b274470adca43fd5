"""What a line shows of a request's or a task's record, by what masks the line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from clew._redaction import Redactor
from clew.records import HTTPLog, TaskLog


def record_line(log: HTTPLog | TaskLog, redactor: Redactor) -> dict[str, Any]:
    """Return the keys and values of *log*, masked, without those of its exception."""
    text = redactor.text
    line: dict[str, Any] = msgspec.to_builtins(log)
    line.pop("exception", None)
    if "userId" in line:
        line["userId"] = user_of(line["userId"], redactor)
    if isinstance(log, TaskLog):
        line["message"] = text(line["message"])
        for name in ("name", "id"):
            line["task"][name] = text(line["task"][name])
        return line
    request, path = line["request"], line["request"]["path"]
    request |= request_of(request, redactor)
    line["message"] = text(line["message"].replace(path, request["path"], 1))
    for name, value in request.get("headers", {}).items():
        if name != "requestId":
            request["headers"][name] = redactor.field(name, value)
    return line


def user_of(user_id: str, redactor: Redactor) -> str:
    """Return what is written of a user's id: no e-mail address, when strict."""
    return redactor.text(redactor.own("userId", user_id))


def request_of(request: Mapping[str, Any], redactor: Redactor) -> dict[str, str]:
    """Return what is written of the path, the query and the address of a *request*."""
    shown = {"path": redactor.path(request["path"])}
    if "query" in request:
        shown["query"] = redactor.query(request["query"])
    if "ipAddress" in request:
        shown["ipAddress"] = redactor.own("ipAddress", request["ipAddress"])
    return shown
