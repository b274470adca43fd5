"""Why a request was refused: the place and the reason of each error, never what the client sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clew._redaction import Redactor
from clew._text import printable, text_of
from clew.records import FieldError

_MOST = 20
_LONGEST = 200


def errors_of(error: BaseException, redactor: Redactor) -> list[FieldError] | None:
    """Return the errors of a validation that failed; None where *error* is no such.

    FastAPI and Django Ninja have pydantic's, a place and a type each; REST framework has codes,
    in the shape of what was sent. Their messages may quote the input, and are left out.
    """
    codes = getattr(error, "get_codes", None)
    if callable(codes):
        found = list(_of_codes(codes(), ()))
    else:
        errors: Any = getattr(error, "errors", None)
        if callable(errors):
            errors = errors()
        if not isinstance(errors, (list, tuple)):
            return None
        found = [(_place(one["loc"]), text_of(one["type"])) for one in errors[:_MOST]]
    return [
        FieldError(
            place=redactor.text(printable(place))[:_LONGEST], reason=printable(reason)[:_LONGEST]
        )
        for place, reason in found[:_MOST]
    ] or None


def _of_codes(codes: Any, place: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(codes, Mapping):
        for name, inner in codes.items():
            yield from _of_codes(inner, (*place, name))
    elif isinstance(codes, (list, tuple)):
        for number, inner in enumerate(codes):
            # A list of codes is that of one place, a list of others has a place for each.
            yield from _of_codes(inner, place if isinstance(inner, str) else (*place, number))
    else:
        yield _place(place), text_of(codes)


def _place(parts: Any) -> str:
    return ".".join(map(text_of, parts)) if isinstance(parts, (list, tuple)) else text_of(parts)
