"""Keeping secrets and personal data out of the lines.

Names are compared word by word, so that ``accessToken``, ``access-token`` and ``ACCESS_TOKEN``
are one name, and ``className`` is not taken for an ssn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from ._plain import MASK, to_plain
from ._text import remembering

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

# The keys of a line that no field, parameter or header of anybody else's is called by chance.
_OWN_KEYS = frozenset(
    ("bodySize", "closeCode", "createdAt", "graphqlStatus", "httpStatus", "ipAddress")
) | frozenset(("rejectedRequestId", "requestId", "responseTime", "stackTrace", "userId"))

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")

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
        self.is_sensitive = remembering(self._is_sensitive, 4096)
        self._is_sensitive_parameter = remembering(
            lambda name: self.is_sensitive(_decoded(name)), 4096
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
        return MASK if self.is_sensitive(name) else self.value(name, value, default)

    def value(
        self, name: str, value: object, default: Callable[[Any], Any] | None = None
    ) -> object:
        """Return what may be written of *value* under *name*, which is not sensitive."""
        kind = type(value)
        if kind is str:
            return self.text(value) if self.strict else value  # type: ignore[arg-type]
        if value is None or kind is bool or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
            return value
        if kind is int and not (self.strict and name not in ("monetaryValue", "quantity")):
            return value
        return to_plain(value, self, default)

    def integer(self, value: int) -> int | str:
        """Return *value*, or a mask where strict takes it for a card's number."""
        return MASK if self.strict and value.bit_length() < 64 and _is_card(str(value)) else value


class _NoRedactor(Redactor):
    """Masks nothing: ``redact="off"``."""

    def __init__(self) -> None:
        self.strict = False
        self.is_sensitive = self._is_sensitive_parameter = lambda _name: False


OFF = _NoRedactor()
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
        if name in _OWN_KEYS:
            raise ValueError(
                f"redact has {name!r}, a key of clew's own, which is written as it is: allowed are "
                "names of your fields, query parameters and headers; leave the key out in "
                "process_log_record of a subclass of clew.JSONFormatter"
            )
    return Redactor(names)


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
