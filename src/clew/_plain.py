"""Any Python value as plain JSON, masked at any depth. Never fails, and always ends."""

from __future__ import annotations

import enum
import math
from binascii import b2a_base64
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import index
from types import TracebackType
from typing import Any, Protocol, cast
from uuid import UUID

from ._interruptions import raise_interruption
from ._objects import fields_of, is_secret, lazy_object, rows_of
from ._secrets.looks import MASK
from ._secrets.pairs import NAME_KEYS
from ._text import ask, printable, text_of, unprintable

# Whose values are read without a call of anybody's code.
_KNOWN = frozenset((str, bool, int, float, type(None), Decimal, UUID, bytes, bytearray)) | {
    *(datetime, date, time, timedelta, list, tuple, dict, set, frozenset, type)
}
_DEEPEST = 32
_MOST_VALUES = 100_000


class Masking(Protocol):
    """What is masked inside of a value: a `Redactor` says so."""

    verdict: Callable[[str], Any]

    def treat(self, verdict: Any, value: object) -> object: ...

    def hidden_values(self, entry: Mapping[Any, Any]) -> dict[str, object]: ...

    def hidden_items(self, items: Any) -> dict[int, object]: ...

    def text(self, text: str) -> str: ...

    def trace(self, text: str) -> str: ...

    def integer(self, value: int) -> int | str: ...


def to_plain(value: object, masking: Masking, default: Callable[[Any], Any] | None = None) -> Any:
    """Return *value* out of plain JSON types, masked at any depth. Never fails.

    Mappings, dataclasses, Structs, attrs classes, named tuples, pydantic's, SQLAlchemy's and
    Django's models become objects of what is loaded of them; what has ``tolist()``, ``item()`` or
    ``__index__``, as numpy's and pandas' numbers and arrays, a list or a number; what is none of
    these is written as *default* or ``str`` gives it; in a line that is logged by these, it is
    written as its class's name. A float outside the numbers is null. Cycles,
    values nested deeper than 32 and everything after 100,000 values become ``"..."``.
    """
    return _Converter(masking, default).plain(value)


class _Converter:
    """One way through a value; knows where it is, so that it ends."""

    def __init__(self, masking: Masking, default: Callable[[Any], Any] | None) -> None:
        self.masking = masking
        self.default = default
        self.ancestors: list[object] = []
        self.remaining = _MOST_VALUES
        self.asks = False  # whether code of the application's is at work for this

    def plain(self, value: Any) -> Any:
        try:
            kind = type(value)
            if kind in _KNOWN:
                return self._plain(value)
            if self.asks or issubclass(kind, (enum.Enum, str)):
                return self._foreign(value)
            self.asks = True
            try:
                return ask(self._foreign, value)
            finally:
                self.asks = False
        except Exception:
            raise_interruption()
            return unprintable(value)

    def _foreign(self, value: Any) -> Any:
        if type(value).__name__ == "SimpleLazyObject":
            return self.plain(lazy_object(value))
        return self._plain(value)

    def _plain(self, value: Any) -> Any:
        self.remaining -= 1
        if value is None or value is True or value is False:
            return value
        if isinstance(value, enum.Enum):
            return self.plain(value.value)
        if isinstance(value, enum.EnumMeta):
            return self._array([member.value for member in cast("Iterable[enum.Enum]", value)])
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, UserString):
            return self._text(value.data)
        if isinstance(value, int):
            return self._integer(int(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, Decimal):
            return Decimal(value) if value.is_finite() else None
        if type(value) is UUID:
            return value
        if isinstance(value, timedelta):
            return timedelta(value.days, value.seconds, value.microseconds)
        if isinstance(value, (datetime, date, time)):
            text = value.isoformat()
            return None if text == "NaT" else text.replace("+00:00", "Z")  # pandas' gap
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._base64(bytes(value))
        if isinstance(value, type):
            return value.__name__
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__name__}: {value}")
        if isinstance(value, TracebackType):
            return self.masking.trace(printable(traceback_text(value)))
        if is_secret(value):
            return MASK
        fields = fields_of(value)
        if fields is None and not isinstance(value, (Sequence, AbstractSet, ValuesView)):
            if "_result_cache" in getattr(value, "__dict__", ()):
                return self.plain(rows_of(value))
            found = self._by_number(value)
            if found is not value:
                return found
            return self._text(str(value)) if self.default is None else self._by_default(value)
        return self._inside(value, fields)

    def _by_number(self, value: Any) -> Any:
        """Return the number that *value* is, or the list of its numbers; *value* if it is none."""
        kind = type(value)
        if kind.__name__ == "NAType":
            return None
        try:
            if callable(getattr(kind, "tolist", None)):
                size = getattr(value, "size", 0)
                if isinstance(size, int) and size > self.remaining:
                    return self._inside(value, None)
                if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):
                    value = _in_microseconds(value)
                number = value.tolist()
            elif callable(getattr(kind, "item", None)):
                number = value.item()
            elif hasattr(kind, "__index__"):
                number = index(value)
            else:
                return value
            if type(number) is kind:  # numpy's longdouble is no number of Python's
                number = float(value)
            return self.plain(number)
        except Exception:  # it has methods of such names, and is something else
            raise_interruption()
            return value

    def _by_default(self, value: object) -> Any:
        default, self.default = self.default, None
        try:
            return self.plain(default(value)) if default else None
        finally:
            self.default = default

    def _inside(self, value: Any, fields: Mapping[Any, Any] | None) -> Any:
        if (
            self.remaining < 0
            or len(self.ancestors) >= _DEEPEST
            or any(value is ancestor for ancestor in self.ancestors)
        ):
            return "..."
        self.ancestors.append(value)
        try:
            return self._array(value) if fields is None else self._object(fields)
        finally:
            self.ancestors.pop()

    def _array(self, value: Iterable[Any]) -> list[Any]:
        plain: list[Any] = []
        for item in value:
            if self.remaining < 0:
                plain.append("...")
                break
            plain.append(self.plain(item))
        if isinstance(value, (list, tuple)) and isinstance(plain[0] if plain else None, str):
            for place, hidden in self.masking.hidden_items(value).items():
                plain[place : place + 1] = [hidden]
        return plain

    def _object(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        masking = self.masking
        for key, value in fields.items():
            if self.remaining < 0:
                plain["..."] = "..."
                break
            name = text_of(key) if type(key) in _KNOWN or self.asks else ask(text_of, key)
            while name in plain:
                name += "_"
            verdict = masking.verdict(name)
            hidden = None if verdict is None else masking.treat(verdict, value)
            plain[name] = self.plain(value) if hidden is None else hidden
        if not NAME_KEYS.isdisjoint(plain):
            plain.update(masking.hidden_values(fields))
        return plain

    def _text(self, text: str) -> str:
        return self.masking.text(printable(text))

    def _base64(self, value: bytes) -> str:
        try:
            value = self._text(value.decode()).encode()
        except UnicodeDecodeError:  # there may be some text in it
            text = value.decode("latin-1")
            if (masked := self.masking.text(text)) != text:
                value = masked.encode("latin-1", "replace")
        return b2a_base64(value, newline=False).decode()

    def _integer(self, value: int) -> int | str:
        # Python refuses to write longer ones in decimal.
        return self.masking.integer(value) if value.bit_length() < 8192 else hex(value)


def traceback_text(trace: TracebackType) -> str:
    """Return the last frames of *trace* as text."""
    from traceback import format_tb

    return "".join(format_tb(trace, -100)).strip()


def _in_microseconds(value: Any) -> Any:
    """Return numpy's times in the unit of Python's; in nanoseconds they would be numbers."""
    if type(value).__module__ != "numpy":
        return value
    name = "datetime64" if value.dtype.kind == "M" else "timedelta64"
    return value.astype(f"{name}[us]")
