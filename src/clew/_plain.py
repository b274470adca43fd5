"""Any Python value as plain JSON, masked at any depth. Never fails, and always ends."""

from __future__ import annotations

import enum
import math
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

import msgspec

from ._text import printable, text_of, unprintable

MASK = "***"

_JSON_TYPES = (timedelta, UUID)  # as msgspec writes them
_DEEPEST = 32
_MOST_VALUES = 100_000


class Masking(Protocol):
    """What is masked inside of a value: a `Redactor` says so."""

    is_sensitive: Callable[[str], bool]

    def text(self, text: str) -> str: ...

    def integer(self, value: int) -> int | str: ...


def to_plain(value: object, masking: Masking, default: Callable[[Any], Any] | None = None) -> Any:
    """Return *value* out of plain JSON types, masked at any depth. Never fails.

    Mappings, dataclasses, Structs, attrs classes, named tuples and pydantic models become
    objects; what is none of these is written as *default* or ``str`` gives it. A float outside
    the numbers is null. Cycles, values nested deeper than 32 and everything after 100,000 values
    become ``"..."``.
    """
    return _Converter(masking, default).plain(value)


class _Converter:
    """One way through a value; knows where it is, so that it ends."""

    def __init__(self, masking: Masking, default: Callable[[Any], Any] | None) -> None:
        self.masking = masking
        self.default = default
        self.ancestors: list[object] = []
        self.remaining = _MOST_VALUES

    def plain(self, value: Any) -> Any:
        try:
            return self._plain(value)
        except Exception:
            return unprintable(value)

    def _plain(self, value: Any) -> Any:
        self.remaining -= 1
        if value is None or value is True or value is False:
            return value
        if isinstance(value, enum.Enum):
            value = value.value
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
        if type(value) in _JSON_TYPES:
            return value
        if isinstance(value, (datetime, date, time)):
            return value.isoformat().replace("+00:00", "Z")
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._text(_decode(bytes(value)))
        if isinstance(value, type):
            return value.__qualname__
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__qualname__}: {value}")
        fields = _fields_of(value)
        if fields is None and not isinstance(value, (Sequence, AbstractSet, ValuesView)):
            return self._text(str(value)) if self.default is None else self._by_default(value)
        return self._inside(value, fields)

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
        return plain

    def _object(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in fields.items():
            if self.remaining < 0:
                plain["..."] = "..."
                break
            name = text_of(key)
            while name in plain:
                name += "_"
            plain[name] = MASK if self.masking.is_sensitive(name) else self.plain(value)
        return plain

    def _text(self, text: str) -> str:
        return self.masking.text(printable(text))

    def _integer(self, value: int) -> int | str:
        # Python refuses to write longer ones in decimal.
        return self.masking.integer(value) if value.bit_length() < 8192 else hex(value)


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()


def _fields_of(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    kind = type(value)
    if isinstance(value, type):
        return None
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        names: Iterable[str] = [field.name for field in fields(value)]
    elif isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
    elif hasattr(kind, "__attrs_attrs__"):
        names = [attribute.name for attribute in kind.__attrs_attrs__]
    elif hasattr(kind, "model_fields"):
        names = kind.model_fields
    elif isinstance(value, tuple) and hasattr(kind, "_fields"):
        names = kind._fields
    elif isinstance(value, SimpleNamespace):
        names = vars(value)
    else:
        return None
    return {name: getattr(value, name) for name in names if hasattr(value, name)}
