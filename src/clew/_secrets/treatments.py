"""What is done with a value under a sensitive name."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from .looks import MASK

TREATMENTS = ("mask", "token", "network", "last4", "keep")

KEY_VARIABLE = "CLEW_REDACT_KEY"
_SHORTEST_KEY = 16

# The number of its key, and half of an HMAC-SHA256: two values meet by chance in 2**64.
TOKEN = re.compile(r"t\d{1,6}_[0-9a-f]{32}")
_TREATED = re.compile(rf"\*\*\*\d{{0,4}}|{TOKEN.pattern}")
_NETWORK = re.compile(r"[\da-fA-F:.]{2,45}/(?:24|48)")

_CARD_DIGITS, _ACCOUNT_DIGITS, _LONGEST_LOOKED_AT = 12, 8, 256
# A number of an account or of a session is longer, what is counted is shorter.
_SMALL = 100_000


def read_keys(text: str) -> dict[int, bytes]:
    """Return the keys in *text* by their numbers: ``1:first,2:second``, or one without a number.

    Raises:
        ValueError: There is none, one is short, or has no number of its own.
    """
    keys: dict[int, bytes] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        number, colon, key = entry.partition(":")
        if not colon or not number.isdecimal():
            number, key = "1", entry
        if len(key) < _SHORTEST_KEY or int(number) in keys:
            raise ValueError(
                f"{KEY_VARIABLE} has a key that is shorter than {_SHORTEST_KEY} characters, or two "
                "with one number: write one key, or several with their numbers, as "
                "1:<key>,2:<key>; openssl rand -hex 32 makes one"
            )
        keys[int(number)] = key.encode()
    if not keys:
        raise ValueError(
            f'"token" needs a key, and {KEY_VARIABLE} has none: set it to what '
            "openssl rand -hex 32 prints"
        )
    return keys


@cache
def _keys(text: str) -> dict[int, bytes]:
    return read_keys(text)


def environment_keys() -> dict[int, bytes]:
    """Return the keys that the environment holds; raises ValueError where it holds none."""
    return _keys(os.environ.get(KEY_VARIABLE, ""))


def token(value: str, keys: Mapping[int, bytes], number: int | None = None) -> str:
    """Return what stands for *value*: the same for the same value, by the newest of *keys*."""
    number = max(keys) if number is None else number
    digest = hmac.digest(keys[number], value.encode("utf-8", "surrogatepass"), "sha256")
    return f"t{number}_{digest[:16].hex()}"


def tokens(value: str, keys: Mapping[int, bytes]) -> list[str]:
    """Return all that *value* may have been written as, under each of *keys*."""
    return [token(value, keys, number) for number in sorted(keys)]


def network(value: str) -> str:
    """Return the network of an address: /24, of IPv6 /48 (what is left is no one's home)."""
    if _NETWORK.fullmatch(value):
        return value
    try:
        address = ip_address(value.strip().strip("[]").partition("%")[0])
    except ValueError:
        return MASK
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    prefix = 24 if address.version == 4 else 48
    return str(ip_network((address, prefix), strict=False))


def last4(value: str) -> str:
    """Return the last four digits of a long number."""
    digits = [letter for letter in value[:_LONGEST_LOOKED_AT] if letter.isdigit()]
    return f"{MASK}{''.join(digits[-4:])}" if len(digits) >= _ACCOUNT_DIGITS else MASK


def treat_value(treatment: str, value: object, keys: Mapping[int, bytes]) -> str:
    """Return what is written of *value*."""
    if treatment == "mask" or value is None or isinstance(value, bool):
        return MASK
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, (str, int)) and type(value).__name__ != "UUID":
        return MASK
    text = str.__str__(value) if isinstance(value, str) else str(value)
    if _TREATED.fullmatch(text):
        return text  # the middleware has treated it, and the line does so again
    if treatment == "token":
        return token(text, keys)
    return network(text) if treatment == "network" else last4(text)


def is_hidden(rule: str, value: Any) -> bool:
    """Tell whether *value* is what a name of this *rule* hides."""
    if rule == "given":
        return True
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return False
    if rule == "all":
        return True
    if rule == "texts":
        return not (_is_number(value) and -_SMALL < value < _SMALL)
    text = _text_of(value)
    if text is None:
        return False
    if rule == "place":
        return any(letter.isspace() for letter in text) and any(map(str.isdigit, text))
    digits = sum(map(str.isdigit, text))
    if rule == "pin":
        return 3 <= digits == len(text) <= _CARD_DIGITS
    return digits >= (_CARD_DIGITS if rule == "digits" else _ACCOUNT_DIGITS)


def _is_number(value: object) -> bool:
    from decimal import Decimal

    return isinstance(value, (int, float, Decimal)) or (
        hasattr(value, "__index__") or hasattr(type(value), "__float__")
    )


def _text_of(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return value[:_LONGEST_LOOKED_AT]
    if isinstance(value, int) and value.bit_length() < 128:
        return str(int(value))
    return None
