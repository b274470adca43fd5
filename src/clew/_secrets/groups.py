"""The table of names, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from .table import TABLE

_RULES = ("texts", "digits", "pin", "account", "place")
_KINDS = ("personal", "query")

_LIST = re.compile(r"^(<\w+>) = ((?:[^\n]+\n(?:  )?)+?)(?=<|\n)", re.MULTILINE)
_SECTION = re.compile(
    r"^\[(?P<title>[^\]]+)\](?P<words>[^\n]*)\nsource: (?P<source>.*(?:\n  .*)*)\n"
    r"(?P<names>(?:.+\n)+)",
    re.MULTILINE,
)


class Group(NamedTuple):
    """Names of one kind.

    Attributes:
        title: What they name.
        source: Where the names come from.
        names: The names, in words.
        rule: What under such a name is hidden: ``"all"`` but truth values, or one of the rules
            that the table explains.
        firm: Whether a word that nobody knows, behind the name, leaves it what it is.
        kind: ``"default"``, ``"personal"`` or ``"query"``.
    """

    title: str
    source: str
    names: tuple[str, ...]
    rule: str = "all"
    firm: bool = True
    kind: str = "default"


@cache
def groups() -> tuple[Group, ...]:
    """Return the groups of the table."""
    lists = {match[1]: match[2].split() for match in _LIST.finditer(TABLE)}
    found = []
    for section in _SECTION.finditer(TABLE):
        words = section["words"].split()
        names = " ".join(section["names"].split()).split(", ")
        found.append(
            Group(
                section["title"],
                " ".join(section["source"].split()),
                tuple(spelled for name in names for spelled in _spelled_out(name, lists)),
                next((word for word in words if word in _RULES), "all"),
                "soft" not in words,
                next((word for word in words if word in _KINDS), "default"),
            )
        )
    return tuple(found)


def _spelled_out(name: str, lists: dict[str, list[str]]) -> Iterator[str]:
    """Yield *name*, or one for each of the list that it refers to."""
    for reference, words in lists.items():
        if reference in name:
            yield from (name.replace(reference, word) for word in words)
            return
    yield name
