"""What every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

# Called with how many bytes were read, and how many there are.
Progress = Callable[[int, int], object]

# What the names of parameters begin with that are paths into ``fields``, ``$."order"."id"``.
PATH = "path"


class Engine(Protocol):
    """What holds the events in a table ``logs`` and runs SQL over it."""

    @property
    def lines(self) -> int:
        """Return how many lines there are."""

    @property
    def broken(self) -> int:
        """Return how many of the lines are no JSON object, or too long."""

    @property
    def foreign(self) -> int:
        """Return how many of the lines are objects of another form."""

    @property
    def likeliest(self) -> str:
        """Return what most of those look like."""

    @property
    def damage(self) -> list[str]:
        """Return a sentence for each source that could be read only in part."""

    @property
    def searched(self) -> bool:
        """Tell whether only the lines that have a request's id in them were read."""

    def read(self, progress: Progress | None = None) -> int:
        """Take in what was added to the sources; return how many lines that were."""

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return the rows of a query in DuckDB's SQL, its parameters ``$name`` bound.

        A field that has no column is ``json_extract_string(fields, $path0)``.

        May be called from several threads at once.
        """

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and rows of a user's query, which can read nothing but ``logs``.

        From then on no setting can be changed, and no file be read by way of SQL.
        """

    def close(self) -> None:
        """Give back what the engine holds."""
