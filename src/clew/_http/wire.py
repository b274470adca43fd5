"""Requests and responses as they stand on the wire: paths, queries, header lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, AnyStr
from urllib.parse import quote

from clew._redaction import Redactor
from clew._targets import LONGEST, PATH_SAFE, raw_bytes

# Not in RFC 3986, but on the wire all the same.
_QUERY_SAFE = PATH_SAFE + "%?[]{}|\\^`<>"

EXPOSE = "Access-Control-Expose-Headers"

_LONGEST_REMEMBERED, _MOST_REMEMBERED = 100, 128  # clients send these: at most 13 KB


class Header:
    """One header's name, in every spelling that an adapter may need."""

    __slots__ = ("environ", "key", "length", "name", "raw")

    def __init__(self, name: str) -> None:
        self.name = name
        lower = name.lower()
        self.raw = lower.encode()
        self.length = len(self.raw)
        # RFC 3875, section 4.1.18; these two have no HTTP_ in front.
        key = lower.upper().replace("-", "_")
        plain = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        self.environ = key if plain else f"HTTP_{key}"
        first, *rest = re.split(r"[^a-z0-9]+", lower.strip("-_.")) or [lower]
        self.key = first + "".join(word.capitalize() for word in rest)


def path_of(target: str) -> str:
    """Return the path in *target*, which may be a whole URL without query (RFC 9112, 3.2.2)."""
    if not target.startswith("/") and "://" in target:
        return "/" + target.partition("://")[2].partition("/")[2]
    return target


def encoded_path(path: str | bytes) -> str:
    """Return a decoded *path* as it may have stood on the wire."""
    if isinstance(path, bytes):
        return quote(path, safe=PATH_SAFE)
    return quote(path, safe=PATH_SAFE, errors="surrogatepass")


def below(root: str, path: str) -> str:
    """Return what of *path*, as on the wire, stands below *root*, which is decoded."""
    root = encoded_path(root.rstrip("/"))
    return path[len(root) :] if path.startswith(f"{root}/") else path


def shown_path(path: str, redactor: Redactor) -> str:
    """Return what is written of a clean *path*: masked where texts are, and cut."""
    return redactor.path(path[: 2 * LONGEST])[:LONGEST]


def shown_query(query: str, redactor: Redactor) -> str | None:
    """Return what is written of *query*: its secrets masked, and cut; None when it is empty."""
    if not query:
        return None
    # Cut first, so that a long one costs little; a mask may make it longer again.
    query = query[: 2 * LONGEST]
    if not (query.isascii() and query.isprintable()):
        query = quote(raw_bytes(query), safe=_QUERY_SAFE)
    return redactor.query(query)[:LONGEST]


class Queries(dict[str, str | None]):
    """What is written of each query. Remembers some short ones that hold no secret."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def __missing__(self, query: str) -> str | None:
        shown = shown_query(query, self._redactor)
        if shown == query and len(query) <= _LONGEST_REMEMBERED:
            if len(self) >= _MOST_REMEMBERED:
                self.clear()
            self[query] = shown
        return shown


def with_header(headers: Iterable[Sequence[AnyStr]], name: AnyStr, value: AnyStr) -> list[Any]:
    """Return *headers* with exactly one of *name*, at the end."""
    kept: list[Any] = [*headers]
    length = len(name)
    for key, _ in kept:
        if len(key) == length and key.lower() == name.lower():
            kept = without_header(kept, name)
            break
    kept.append((name, value))
    return kept


def without_header(headers: Iterable[Sequence[AnyStr]], name: AnyStr) -> list[Any]:
    """Return *headers* but those of *name*."""
    lower = name.lower()
    return [pair for pair in headers if pair[0].lower() != lower]


def with_exposed(values: Iterable[str], name: str) -> str:
    """Return the values of ``Access-Control-Expose-Headers``, merged, with *name* among them."""
    names = [entry.strip() for value in values for entry in value.split(",") if entry.strip()]
    if name.lower() not in [entry.lower() for entry in names]:
        names.append(name)
    return ", ".join(names)
