"""What Django was told to keep to itself of the variables and parameters in an exception's frames.

An exception's text may quote them, as ``ValueError(f"wrong: {password}")`` does.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any

_MODULE = "django.views.decorators.debug"
_WRAPPER = "sensitive_variables_wrapper"
_ALL = "__ALL__"

_MOST_FRAMES, _MOST_ERRORS = 100, 8
# A shorter one stands in many a word.
_SHORTEST, _LONGEST = 4, 4096


def sensitive_texts(error: BaseException, begin: TracebackType | None) -> set[str]:
    """Return the texts that Django's ``sensitive_variables`` and ``sensitive_post_parameters`` name
    in the frames of *error*, and of what it comes from.
    """
    debug = sys.modules.get(_MODULE)
    if debug is None:
        return set()
    known: Mapping[int, Any] = getattr(debug, "coroutine_functions_to_sensitive_variables", {})
    found: set[str] = set()
    pending: list[BaseException | None] = [error]
    for _ in range(_MOST_ERRORS):
        one = pending.pop() if pending else None
        if one is None:
            break
        found.update(_of_trace(begin if one is error and begin else one.__traceback__, known))
        pending += [cause for cause in (one.__context__, one.__cause__) if cause is not None]
    return found


def _of_trace(trace: TracebackType | None, known: Mapping[int, Any]) -> Iterator[str]:
    names = None if trace is None else _names_around(trace.tb_frame)
    for _ in range(_MOST_FRAMES):
        if trace is None:
            break
        frame, trace = trace.tb_frame, trace.tb_next
        names = _names_of(frame, known) or names
        variables = frame.f_locals
        if names:
            for name, value in variables.items():
                if names == _ALL or name in names or name in ("func_args", "func_kwargs"):
                    yield from _texts(value)
        yield from _of_request(variables.get("request"))


def _names_around(frame: FrameType | None) -> Any:
    """Return the names that the nearest caller of *frame* declares."""
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if (names := _names_of(frame, {})) is not None:
            return names
        frame = frame.f_back
    return None


def _names_of(frame: FrameType, known: Mapping[int, Any]) -> Any:
    code = frame.f_code
    if code.co_name == _WRAPPER:
        return getattr(frame.f_locals.get(_WRAPPER), "sensitive_variables", None)
    if code.co_flags & inspect.CO_COROUTINE:
        return known.get(hash(f"{code.co_filename}:{code.co_firstlineno}"))
    return None


def _of_request(request: Any) -> Iterator[str]:
    """Yield the parameters that a view of *request* names, where they have been read."""
    names = getattr(request, "__dict__", {}).get("sensitive_post_parameters")
    post = getattr(request, "__dict__", {}).get("_post")
    if names and isinstance(post, Mapping):
        for name in post if names == _ALL else names:
            yield from _texts(post.get(name))


def _texts(value: object, depth: int = 3) -> Iterator[str]:
    if isinstance(value, str):
        if _SHORTEST <= len(value) <= _LONGEST:
            yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        if len(text := str(value)) >= _SHORTEST:
            yield text
    elif depth and isinstance(value, dict):
        for item in list(value.values())[:_MOST_FRAMES]:
            yield from _texts(item, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for item in value[:_MOST_FRAMES]:
            yield from _texts(item, depth - 1)
