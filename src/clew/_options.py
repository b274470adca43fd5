"""Checks that several modules share, of options and packages; each error names the remedy."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import cast

set_field = object.__setattr__  # of a frozen dataclass, while it is being made


@contextmanager
def needed(remedy: str) -> Iterator[None]:
    """Raise an ImportError that says the *remedy* when an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise ImportError(remedy) from error


def check_flag(option: str, value: object) -> bool:
    """Return *value*, True or False; raise TypeError for anything else."""
    if not isinstance(value, bool):
        raise TypeError(f"{option} must be True or False, not {value!r}")
    return value


def check_number(option: str, value: object) -> int:
    """Return *value*, an integer from 1 up; raise an error for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{option} must be an integer from 1 up, not {value!r}")
    if value < 1:
        raise ValueError(f"{option} must be an integer from 1 up, not {value!r}")
    return value


def check_level(option: str, level: object) -> int:
    """Return *level*, a number or a name of the logging module's, in any case, as a number."""
    names = logging.getLevelNamesMapping()
    if isinstance(level, int) and not isinstance(level, bool):
        return level
    if (
        isinstance(level, str)
        and (number := names.get(level, names.get(level.upper()))) is not None
    ):
        return number
    kind = ValueError if isinstance(level, str) else TypeError
    raise kind(f"{option} must be a number or one of {', '.join(names)}, not {level!r}")


def strings(option: str, value: object) -> tuple[str, ...]:
    """Return *value*, a collection of strings; raise TypeError for anything else."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        remedy = f"[{value!r}]" if isinstance(value, str) else "[] for none of them"
        raise TypeError(
            f"{option} must be a collection of strings, not {value!r}: write {option}={remedy}"
        )
    entries = tuple(value)
    for entry in entries:
        if not isinstance(entry, str):
            raise TypeError(f"{option} has {entry!r}: allowed are strings")
    return cast("tuple[str, ...]", entries)


def check_application(function: str, app: object, attribute: str, kind: str) -> None:
    """Raise TypeError unless *app* is an application of a *kind*, which has *attribute*."""
    if isinstance(app, type) or not hasattr(app, attribute):
        raise TypeError(f"{function} takes an application of {kind}'s, not {app!r}")


class Patterns:
    """Exact texts, and prefixes ended by a star."""

    __slots__ = ("_exact", "_prefixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._exact = frozenset(pattern for pattern in patterns if not pattern.endswith("*"))
        self._prefixes = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))

    def match(self, text: str) -> bool:
        """Tell whether one of the patterns fits *text*."""
        return text in self._exact or text.startswith(self._prefixes)
