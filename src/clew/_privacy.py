"""Keeping secrets and personal data out of the lines.

Names are compared word by word, so that ``accessToken``, ``access-token`` and ``ACCESS_TOKEN``
are one name, and ``className`` is not taken for an ssn.
"""

from __future__ import annotations

import enum
import math
import re
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec

MASK = "***"

# Each entry is a name in words; its words run together are the same name (apikey, api_key).
DEFAULT_NAMES = (
    # secrets
    *("password", "passwd", "pwd", "passphrase", "passcode", "pass word", "secret", "token"),
    *("jwt", "bearer", "authorization", "authentication", "credential", "auth", "cookie"),
    *("session", "session id", "jsessionid", "phpsessid", "csrf", "xsrf"),
    *("otp", "totp", "mfa code", "pin code", "csrfmiddlewaretoken", "pw"),
    *("oauth verifier", "client assertion", "device code", "saml response"),
    *("api key", "access key", "private key", "secret key", "signing key", "encryption key"),
    *("access token", "refresh token", "id token", "auth token", "api token", "csrf token"),
    *("client secret", "user password", "db password", "signature", "sig"),
    # personal data
    *("email", "e mail", "email address", "phone", "phone number", "telephone", "fax"),
    *("mobile number", "mobile phone"),
    *("ssn", "social security", "passport", "tax id", "national id", "driver license"),
    *("first name", "last name", "full name", "family name", "given name", "surname"),
    *("birthday", "birth date", "date of birth", "dob", "street", "postal address"),
    # payment
    *("credit card", "card number", "cvv", "cvc", "iban", "account number", "routing number"),
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
_PLAIN_TYPES = (timedelta, UUID)
_DEEPEST = 32
_MOST_VALUES = 100_000

# What only strict looks for is compiled when it first does, which spares every import of clew.
_EMAIL = r"[\w.%+'\-]{1,64}(?:@|%40)[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}"
_NUMBERS = r"\d+(?:(?:[ \-+]|%20)\d+)*"
_NUMBER = r"%20|\d+"
_BEARER = r"(?i)\b(bearer|basic)((?:\s|%20|\+)+)[A-Za-z0-9._~+/=%\-]{6,}"
# How the base64 of a JSON object begins, and so a JSON Web Token (RFC 7519).
_JWT = "eyJ"
_DOTTED = r"[A-Za-z0-9_\-.]+"


def _words(name: str) -> list[str]:
    if not name.isascii():
        import unicodedata

        name = unicodedata.normalize("NFKC", name)
    return [word.lower() for word in _WORD.findall(name)]


class Redactor:
    """Masks the values of sensitive names; with *strict*, also what looks sensitive in texts."""

    def __init__(self, names: Iterable[str] = (), *, strict: bool = False) -> None:
        self.strict = strict
        phrases = [tuple(_words(name)) for name in (*DEFAULT_NAMES, *names)]
        self._single = {"".join(phrase) for phrase in phrases}
        self._phrases = {phrase for phrase in phrases if len(phrase) > 1}
        self._longest = max(len(phrase) for phrase in phrases)
        # One cache an instance: names are few, and clients may send any number of others.
        self.is_sensitive: Callable[[str], bool] = lru_cache(maxsize=4096)(self._is_sensitive)
        self._is_sensitive_parameter: Callable[[str], bool] = lru_cache(maxsize=4096)(
            lambda name: self.is_sensitive(_decoded(name))
        )

    def _is_sensitive(self, name: str) -> bool:
        words = _words(name)
        if any(word in self._single or word.removesuffix("s") in self._single for word in words):
            return True
        return any(
            tuple(words[start : start + length]) in self._phrases
            or "".join(words[start : start + length]) in self._single
            for length in range(2, self._longest + 1)
            for start in range(len(words) - length + 1)
        )

    def text(self, text: str) -> str:
        """Return *text* with addresses, card numbers and tokens masked, when strict."""
        if not self.strict:
            return text
        if "@" in text or "%40" in text:
            text = re.sub(_EMAIL, MASK, text)
        text = re.sub(_NUMBERS, _without_cards, text)
        text = re.sub(_BEARER, rf"\1\2{MASK}", text)
        return re.sub(_DOTTED, _without_token, text) if _JWT in text else text

    def query(self, query: str) -> str:
        """Return a query string with the values of sensitive names masked.

        A sensitive name masks all up to the next ``&``: some servers also part at ``;`` and some
        do not, and the rest may belong to the value.
        """
        segments = query.split("&")
        for segment in segments:
            if ";" in segment or self._is_sensitive_parameter(segment.partition("=")[0]):
                query = "&".join(map(self._parameters, segments))
                break
        return self.text(query) if self.strict else query

    def _parameters(self, segment: str) -> str:
        if "=" not in segment:
            return segment
        kept: list[str] = []
        for parameter in segment.split(";"):
            name, equals, _ = parameter.partition("=")
            if equals and self._is_sensitive_parameter(name):
                kept.append(f"{name}={MASK}")
                break
            kept.append(parameter)
        return ";".join(kept)

    def field(
        self, name: str, value: object, default: Callable[[Any], Any] | None = None
    ) -> object:
        """Return *value*, or what may be written of it, under *name*."""
        if self.is_sensitive(name):
            return MASK
        kind = type(value)
        if kind is str:
            return self.text(value) if self.strict else value  # type: ignore[arg-type]
        if value is None or kind is bool or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
            return value
        if kind is int and not (self.strict and name not in ("monetaryValue", "quantity")):
            return value
        return self.plain(value, default)

    def plain(self, value: object, default: Callable[[Any], Any] | None = None) -> Any:
        """Return *value* out of plain JSON types, masked at any depth. Never fails.

        Mappings, dataclasses, Structs, attrs classes, named tuples and pydantic models become
        objects; what is none of these is written as *default* or ``str`` gives it. A float
        outside the numbers is null. In a circle, deeper than 32 levels or beyond 100,000 values
        stands ``"..."``.
        """
        return _Walk(self, default).plain(value)


class _Walk:
    """One way through a value; knows where it is, so that it ends."""

    def __init__(self, redactor: Redactor, default: Callable[[Any], Any] | None) -> None:
        self.redactor = redactor
        self.default = default
        self.ancestors: list[object] = []
        self.left = _MOST_VALUES

    def plain(self, value: Any) -> Any:
        try:
            return self._plain(value)
        except Exception:
            return unprintable(value)

    def _plain(self, value: Any) -> Any:
        self.left -= 1
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
        if type(value) in _PLAIN_TYPES:
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
            self.left < 0
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
            if self.left < 0:
                plain.append("...")
                break
            plain.append(self.plain(item))
        return plain

    def _object(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in fields.items():
            if self.left < 0:
                plain["..."] = "..."
                break
            name = text_of(key)
            while name in plain:
                name += "_"
            plain[name] = MASK if self.redactor.is_sensitive(name) else self.plain(value)
        return plain

    def _text(self, text: str) -> str:
        return self.redactor.text(printable(text))

    def _integer(self, value: int) -> int | str:
        if self.redactor.strict and value.bit_length() < 64 and _is_card(str(value)):
            return MASK
        # Python refuses to write longer ones in decimal.
        return value if value.bit_length() < 8192 else hex(value)


class _Open(Redactor):
    """Masks nothing: ``redact="off"``."""

    def __init__(self) -> None:
        self.strict = False
        self.is_sensitive = self._is_sensitive_parameter = lambda _name: False


OFF = _Open()
DEFAULT = Redactor()
STRICT = Redactor(strict=True)

Redact = str | Iterable[str]


def redactor(redact: object) -> Redactor:
    """Return the redactor for the option *redact*; raises ValueError or TypeError for others."""
    if isinstance(redact, str):
        known: dict[str, Redactor] = {"default": DEFAULT, "off": OFF, "strict": STRICT}
        if redact not in known:
            raise ValueError(
                f'redact must be "default", "off", "strict" or a collection of names, '
                f"not {redact!r}: a single name is written as redact=[{redact!r}]"
            )
        return known[redact]
    if not isinstance(redact, Iterable):
        raise TypeError(
            f'redact must be "default", "off", "strict" or a collection of names, not {redact!r}'
        )
    names = list(redact)
    for name in names:
        if not isinstance(name, str) or not _words(name):
            raise ValueError(f"redact has {name!r}: allowed are names, as in redact=['tenant']")
    return Redactor(names)


def printable(text: str) -> str:
    """Return *text* with lone surrogates, which UTF-8 cannot hold, as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _decoded(name: str) -> str:
    if "%" not in name:
        return name
    from urllib.parse import unquote_plus

    # Names may be encoded more than once on their way through proxies.
    for _ in range(3):
        if "%" not in name:
            break
        name = unquote_plus(name)
    return name


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()


def text_of(value: object) -> str:
    """Return *value* as text that UTF-8 can hold. Never fails."""
    try:
        if isinstance(value, enum.Enum):
            value = value.value
        return printable(str.__str__(value) if isinstance(value, str) else str(value))
    except Exception:
        return unprintable(value)


def unprintable(value: object) -> str:
    """Return what stands for a *value* that has no text."""
    return f"<unprintable {type(value).__qualname__}>"


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


def _without_cards(match: re.Match[str]) -> str:
    """Return a row of numbers with those masked that together are a card's."""
    row = match[0]
    if len(row) < 13:
        return row
    numbers = [number for number in re.finditer(_NUMBER, row) if number[0] != "%20"]
    kept, end, first = [], 0, 0
    while first < len(numbers):
        last = _last_of_card(numbers, first)
        if last is None:
            first += 1
            continue
        kept += [row[end : numbers[first].start()], MASK]
        end = numbers[last].end()
        first = last + 1
    return "".join([*kept, row[end:]])


def _last_of_card(numbers: list[re.Match[str]], first: int) -> int | None:
    digits = ""
    for last in range(first, len(numbers)):
        digits += numbers[last][0]
        if len(digits) > 19:
            break
        if _is_card(digits):
            return last
    return None


def _is_card(digits: str) -> bool:
    """Tell whether *digits* may be a card's number: 13 to 19 that pass Luhn's check (ISO/IEC
    7812-1, annex B), of an industry that issues cards; times in milliseconds begin with 1.
    """
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456":
        return False
    values = [int(digit) for digit in digits]
    doubled = [value * 2 - 9 if value > 4 else value * 2 for value in values[-2::-2]]
    return (sum(values[-1::-2]) + sum(doubled)) % 10 == 0


def _without_token(match: re.Match[str]) -> str:
    run = match[0]
    start = run.find(_JWT)
    return run[:start] + MASK if start >= 0 and "." in run[start:] else run
