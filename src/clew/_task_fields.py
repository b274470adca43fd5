"""The bound fields that travel with a task."""

from __future__ import annotations

import math

from ._context import RENAMED_FIELDS
from ._plain import to_plain
from ._redaction import DEFAULT
from ._text import text_of
from .records import OWNED_KEYS

_LONGEST_FIELD = 1024


def field_name(name: str) -> str:
    """Return the key of a bound field; refuse one that may not travel."""
    if name in ("user_id", "userId"):
        raise ValueError(f"fields has {name!r}: the user's id travels with user_id=True")
    if not name or name in OWNED_KEYS or name == "task":
        raise ValueError(f"fields has {name!r}: allowed are names of fields that you bind yourself")
    if DEFAULT.is_sensitive(name):
        raise ValueError(
            f"fields has {name!r}, the name of a secret or of personal data, which a broker would "
            "store: allowed are names that clew does not mask, as 'tenant'"
        )
    return RENAMED_FIELDS.get(name, name)


def short_value(value: object) -> str | float | bool | None:
    """Return what travels of *value*: a text, a number or a truth value; else None."""
    plain = to_plain(value, DEFAULT)
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, int):
        # Brokers know 64 bits.
        return plain if -(2**63) <= plain < 2**63 else str(plain)[:_LONGEST_FIELD]
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    if plain is None or isinstance(plain, (list, dict)):
        return None
    return text_of(plain)[:_LONGEST_FIELD]
