"""A stretch of a request: what a line tells of, or a gap between two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from clew.records import TASK_LOGGER


@dataclass(slots=True)
class Span:
    """A stretch of a request: an HTTP record, a task, an event of the application, or a gap.

    ``begin`` and ``end`` are milliseconds after the request's first event, and equal for an event
    without a duration. ``event`` holds the columns of the line; a gap has none, and says in
    ``label`` what it lies between.
    """

    begin: float
    end: float
    label: str
    service: str | None = None
    event: dict[str, Any] | None = None
    children: list[Span] = field(default_factory=list)

    @property
    def duration(self) -> float:
        """Return the length in milliseconds."""
        return self.end - self.begin

    @property
    def timed(self) -> bool:
        """Tell whether it took time, by its own account."""
        return self.event is None or self.event["durationUs"] is not None

    @property
    def outgoing(self) -> bool:
        """Tell whether it is a call to another service."""
        return self.event is not None and self.event["direction"] == "outgoing"

    @property
    def is_task(self) -> bool:
        """Tell whether it is a run of a background task."""
        return self.event is not None and self.event["logger"] == TASK_LOGGER

    @property
    def called(self) -> bool:
        """Tell whether it is a request that came in."""
        return self.event is not None and self.event["method"] is not None and not self.outgoing

    @property
    def status(self) -> int | None:
        """Return the status that it was answered with."""
        if self.event is None:
            return None
        status: int | None = self.event["graphqlStatus"] or self.event["httpStatus"]
        return status

    @property
    def failed(self) -> bool:
        """Tell whether it is a failure: an exception, a 5xx, or a line that says so."""
        if self.event is None:
            return False
        return (
            (self.status or 0) >= 500
            or self.event["exceptionType"] is not None
            or self.event["outcome"] == "error"
            or self.event["level"] in {"danger", "error", "critical"}
        )

    @property
    def detail(self) -> str:
        """Return what the event was about, on one line."""
        if self.event is None:
            return ""
        keys = ("action", "value", "monetaryValue", "quantity", "oldValue", "comment")
        parts = [str(self.event[key]) for key in keys if self.event[key] is not None]
        if self.event["outcome"] in {"aborted", "websocket"}:
            parts.append(self.event["outcome"])
        if self.event["kept"] == "true":
            parts.append("kept until the request failed")
        error, text = self.event["exceptionType"], self.event["exceptionMessage"]
        if error is not None:
            parts.append(f"{error}: {text}" if text else error)
        return " ".join(" ".join(part.split()) for part in parts)

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield it and all within it, in order of their beginning, each with its depth."""
        coming = [(0, self)]
        while coming:
            depth, span = coming.pop()
            yield depth, span
            coming += ((depth + 1, child) for child in reversed(span.children))
