"""Which id a request gets: the client's, where it may choose one, else a new one."""

from __future__ import annotations

from collections.abc import Sequence

from clew._ids import LONGEST_ID, is_safe_id, new_id

from .addresses import is_within
from .request import HTTPRequest, safely
from .settings import Settings


def choose_id(
    values: Sequence[str], settings: Settings, request: HTTPRequest
) -> tuple[str, str | None]:
    """Return the id, and why the client's was refused, if it was.

    *values* are those of the request-id header but empty ones.
    """
    if values:
        reason = _refusal(values, settings, request)
        if reason is None:
            return values[0], None
    else:
        reason = None
    return (new_id() if settings.generate is new_id else _generated(settings)), reason


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
    if settings.accept is not is_safe_id:
        try:
            if not settings.accept(value):
                return "custom"
        except Exception as error:
            settings.report("accept", error)
    return None


def _generated(settings: Settings) -> str:
    """Return what the option ``generate`` makes, or a new id where that is no safe one."""
    try:
        made = settings.generate()
        if isinstance(made, str) and is_safe_id(made):
            return made
        settings.report("generate", f"it returned {made!r}, which is no safe id")
    except Exception as error:
        settings.report("generate", error)
    return new_id()
