"""Text that any stream can hold, and that forges nothing."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TypeVar

from ._interruptions import raise_interruption

T = TypeVar("T")

# Of what clients send, only what is as short as this is remembered.
_LONGEST_REMEMBERED = 40

# Control characters, line ends, those that change the direction of text, and tags, which nobody
# sees (Unicode Standard Annex 9, section 2, and UTS 51, appendix C).
_CONTROL = (
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Return *text* with lone surrogates, which UTF-8 cannot hold, as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def text_of(value: object) -> str:
    """Return *value* as text that UTF-8 can hold. Raises nothing but what interrupts it."""
    try:
        if isinstance(value, enum.Enum):
            value = value.value
        return printable(str.__str__(value) if isinstance(value, str) else str(value))
    except Exception:
        raise_interruption()
        return unprintable(value)


# Set while code of the application's says what a value is.
_asking: ContextVar[bool] = ContextVar("clew_asking", default=False)


def ask(read: Callable[[Any], T], value: object) -> T | str:
    """Return what *read* makes of *value*, by code of the application's: that may log.

    Its line may hold *value* again, as one that is bound: there it goes by its class, as does
    every other value that has to be asked, or each such line would bring further ones.
    """
    if _asking.get():
        return f"<{type(value).__qualname__}>"
    try:
        _asking.set(True)
        return read(value)
    finally:  # also where a signal's handler raises just before
        _asking.set(False)


def ask_nothing() -> None:
    """Let values that have to be asked go by their class in this thread, from now on."""
    _asking.set(True)


def unprintable(value: object) -> str:
    """Return what stands for a *value* that has no text."""
    return f"<unprintable {type(value).__qualname__}>"


def one_line(text: str) -> str:
    """Return *text* with its control characters escaped: they could forge a line, or colours, or
    show it in another order than it has.
    """
    return re.sub(_CONTROL, lambda match: match[0].encode("unicode_escape").decode(), text)


def escaped_controls(json: str) -> str:
    """Return *json* with its control characters, line ends excepted, as JSON escapes them."""
    return re.sub(
        _CONTROL, lambda match: match[0] if match[0] == "\n" else _escaped_always(match[0]), json
    )


def escaped(line: str) -> str:
    """Return *line* in ASCII, the rest as JSON escapes it (RFC 8259, section 7)."""
    return "".join(map(_escaped, line))


def _escaped(letter: str) -> str:
    return letter if letter.isascii() else _escaped_always(letter)


def _escaped_always(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def takes_utf8(stream: object) -> bool:
    """Tell whether *stream* takes text as it is, in UTF-8."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return encoding.replace("_", "-") in ("utf-8", "utf8")


def remembering(ask: Callable[[str], T], most: int) -> Callable[[str], T]:
    """Return *ask* so that it remembers its answers to *most* short texts."""
    remembered = lru_cache(maxsize=most)(ask)
    return lambda text: remembered(text) if len(text) <= _LONGEST_REMEMBERED else ask(text)
