"""Checks of single options of an adapter; each error names the value and what is allowed."""

from __future__ import annotations

import inspect
import re
from urllib.parse import quote

from clew._options import strings
from clew._targets import PATH_SAFE

from .addresses import Networks, parse_networks
from .wire import Header

# RFC 9110, section 5.6.2: what a field's name is made of.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

# Headers in which an id would break the message, or what somebody else makes of it.
_TAKEN = frozenset(
    (
        *("connection", "content-encoding", "content-length", "content-type", "cookie", "date"),
        *("authorization", "host", "keep-alive", "location", "set-cookie", "te", "trailer"),
        *("transfer-encoding", "upgrade", "vary", "www-authenticate"),
    )
)


def header_of(option: str, name: object) -> Header:
    if not isinstance(name, str):
        raise TypeError(f"{option} must be a header's name as a string, not {name!r}")
    if not _TOKEN.fullmatch(name):
        raise ValueError(
            f"{option} is {name!r}, which is no header's name: "
            "allowed are letters, digits and dashes, as in X-Request-ID"
        )
    if option != "capture_headers" and name.lower() in _TAKEN:
        raise ValueError(
            f"{option} is {name!r}, a header with a meaning of its own: "
            "allowed are names that mean nothing else, as X-Request-ID"
        )
    return Header(name)


def response_header_of(value: object, inbound: Header) -> Header | None:
    if value is True:
        return inbound
    if value is False:
        return None
    if not isinstance(value, str):
        raise TypeError(f"response_header must be True, False or a header's name, not {value!r}")
    return header_of("response_header", value)


def check_callable(option: str, value: object, *, required: bool) -> None:
    if value is None and not required:
        return
    if not callable(value):
        raise TypeError(
            f"{option} must be a function{'' if required else ' or None'}, not {value!r}"
        )
    if inspect.iscoroutinefunction(value):
        raise TypeError(f"{option} must be a plain function, not the coroutine function {value!r}")


def check_seconds(option: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{option} must be a number of seconds or None, not {value!r}")
    if not 0 < value < 1e9:
        raise ValueError(
            f"{option} must be a number of seconds above 0 and below 1e9, as 5.0, not {value!r}"
        )


def trusted_networks(value: object) -> Networks | None:
    """Return the networks whose peers may set an id; None for every peer."""
    if isinstance(value, str):
        if value == "always":
            return None
        if value == "never":
            return ()
        raise ValueError(
            f'trust must be "always", "never" or a collection of CIDR networks, not {value!r}: '
            f"a single network is written as trust=[{value!r}]"
        )
    return parse_networks("trust", value)


def path_patterns(value: object) -> list[str]:
    patterns: list[str] = []
    for entry in strings("exclude", value):
        path = entry.removesuffix("*")
        if not path.startswith("/") or "*" in path or "?" in path:
            raise ValueError(
                f"exclude has {entry!r}: allowed are a path without its query, as '/healthz', "
                "or a prefix ended by a star, as '/static/*'"
            )
        patterns.append(quote(path, safe=PATH_SAFE + "%") + entry[len(path) :])
    return patterns
