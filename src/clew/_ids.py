"""Making and checking ids: of requests, of users."""

from __future__ import annotations

import os
import re
import uuid

try:
    from uuid_utils import reseed_rng, uuid7
except ImportError:
    from uuid6 import uuid7  # type: ignore[assignment]
else:
    # Before 0.14, forked processes went on with the same random numbers, and made the same ids.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=reseed_rng)

LONGEST_ID = 200

_ALPHABET = re.compile(r"[A-Za-z0-9._~+/=:@-]+")


def new_id() -> str:
    """Return a new request id: a UUIDv7 (RFC 9562, section 5.7) in its usual 36 characters.

    It is made by uuid-utils where that is installed (``pip install "clew[fast]"``), else by
    uuid6, whose clock runs ahead by a millisecond for every id beyond one a millisecond: do not
    read a time of day out of such an id.
    """
    return str(uuid7())


def is_safe_id(value: str) -> bool:
    """Tell whether *value* may be taken over as a request id.

    It may when it has 1 to 200 characters out of ``A-Z a-z 0-9 . _ ~ + / = : @ -``. That admits
    UUIDs, ULIDs, nginx's and Heroku's ids, base64 and ``traceparent``, and nothing that could
    forge a line or break a header.
    """
    return len(value) <= LONGEST_ID and _ALPHABET.fullmatch(value) is not None


def accepted_or_new(value: object) -> str:
    """Return *value* where it is a string that `is_safe_id` admits, else a new id."""
    return value if isinstance(value, str) and is_safe_id(value) else new_id()


def as_user_id(value: object) -> str | None:
    """Return *value* as a user's id. Integers and UUIDs become strings; an empty string is None.

    Raises TypeError for anything else, whose text might hold more than an id.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value) or None
    # uuid-utils has a UUID class of its own.
    if isinstance(value, uuid.UUID) or type(value).__name__ == "UUID":
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    raise TypeError(
        f"a user's id must be a string, an integer or a UUID, not of type {type(value).__name__}"
    )
