"""What every line of an encoder has, as options, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from clew._redaction import Redact
from clew.records import OWNED_KEYS

Frames = Literal["all", "own"]


class LineOptions(TypedDict, total=False):
    """The options of an `Encoder`, for those that make one."""

    service: str | None
    version: str | None
    fields: Mapping[str, object] | None
    levels: Mapping[str, str] | None
    redact: Redact
    frames: Frames


LINE_OPTIONS = tuple(LineOptions.__annotations__)


def check_text(option: str, value: object) -> str | None:
    """Return *value*, a string or None; raise TypeError for anything else."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{option} must be a string or None, not {value!r}")
    return value


def check_fields(fields: object) -> Mapping[str, object]:
    """Return *fields*, a mapping of names that are not clew's own; raise an error otherwise."""
    if fields is None:
        return {}
    if not isinstance(fields, Mapping):
        raise TypeError(f'fields must be a mapping, as {{"environment": "prod"}}, not {fields!r}')
    for name in fields:
        if not isinstance(name, str) or name in OWNED_KEYS:
            raise ValueError(
                f"fields has {name!r}: allowed are strings that are no key of clew's own, "
                f"which are {', '.join(sorted(OWNED_KEYS))}"
            )
    return fields


def check_frames(frames: Frames) -> Frames:
    """Return *frames*; raise ValueError for anything but ``"all"`` and ``"own"``."""
    if frames not in ("all", "own"):
        raise ValueError(f'frames must be "all" or "own", not {frames!r}')
    return frames
