"""Names beside their values: pairs, entries, the words of a command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

# What stands in the place of a value under a name; None where that is written.
Hide = Callable[[str, object], object]

_NAMES = ("name", "key", "field", "header", "param", "parameter", "variable", "k")
_VALUES = ("value", "val", "values", "content", "v")
_WORDS = re.compile(r"[A-Za-z][A-Za-z_\- ]{1,39}")
NAME_KEYS = frozenset((*_NAMES, *(word.capitalize() for word in _NAMES)))
_VALUE_KEYS = (*_VALUES, *(word.capitalize() for word in _VALUES))


def hidden_values(entry: Mapping[Any, Any], hide: Hide) -> Iterator[tuple[str, object]]:
    """Yield what is hidden of an *entry* of a name and a value, by its key."""
    for key in NAME_KEYS:
        if key in entry and (name := _text(entry[key])) is not None:
            for place in _VALUE_KEYS:
                if place in entry and (hidden := hide(name, entry[place])) is not None:
                    yield place, hidden


def hidden_items(items: Sequence[Any], hide: Hide) -> Iterator[tuple[int, object]]:
    """Yield what is hidden of *items*, by its place: of a pair the second, of the words of a
    command line what is behind an option, of raw headers in a row what is behind a name.
    """
    if len(items) == 2:
        name, value = _text(items[0]), items[1]
        # Two names are a list of names.
        if name is not None and not (
            type(items) is list
            and isinstance(value, str)
            and _WORDS.fullmatch(value)
            and hide(value, "") is not None
        ):
            hidden = hide(name.rstrip(":"), value)
            if hidden is not None:
                yield 1, hidden
        return
    for place, item in enumerate(items[:-1]):
        name = _text(item)
        if name is not None and _is_marked(name):
            hidden = hide(name, items[place + 1])
            if hidden is not None:
                yield place + 1, hidden


def _is_marked(name: str) -> bool:
    """Tell whether *name* is an option, or a header's name."""
    if "=" in name or " " in name:
        return False
    return name[:1] == "-" or "-" in name or name.lower() in ("authorization", "cookie")


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return str.__str__(value)
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
