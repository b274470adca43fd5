"""Which id a request gets whose client sent one: that, where it may choose, else a new one."""

from __future__ import annotations

from collections.abc import Sequence

from clew._ids import LONGEST_ID, is_safe_id
from clew._secrets.looks import is_somebody

from .addresses import is_within
from .request import HTTPRequest, safely
from .settings import Settings


def choose_id(
    values: Sequence[str], settings: Settings, request: HTTPRequest
) -> tuple[str, str | None]:
    """Return the id, and why the client's was refused, if it was.

    *values* are those of the request-id header but empty ones; there is at least one.
    """
    reason = _refusal(values, settings, request)
    return (values[0] if reason is None else settings.made_id()), reason


def _refusal(values: Sequence[str], settings: Settings, request: HTTPRequest) -> str | None:
    """Return why the client's id may not be taken over, the first reason that applies."""
    trusted = settings.trusted
    if trusted is not None and not safely(
        lambda: is_within(request.peer(), trusted), default=False
    ):
        return "untrusted"
    if len(values) > 1:
        return "duplicate"
    value = values[0]
    if not is_safe_id(value):
        return "length" if len(value) > LONGEST_ID else "charset"
    if is_somebody(value):
        return "content"
    if settings.accept is not is_safe_id:
        try:
            if not settings.accept(value):
                return "custom"
        except Exception as error:
            settings.report("accept", error)
    return None
