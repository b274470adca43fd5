"""A table of rows as one test, which names each row that fails, not the first one alone."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

_NAMED = type(pytest.param())
_FAILURES = (Exception, BaseExceptionGroup, pytest.fail.Exception)


def each_row(
    names: str | Sequence[str], table: Iterable[Any], /
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each row of *table*, as `pytest.mark.parametrize` does, but as one case.

    It is for rows that leave nothing behind: they share what the test's fixtures give. Two of
    these are a row's own: ``tmp_path`` is a folder for it, and ``lines`` has only what it logs.
    """
    columns = [names] if isinstance(names, str) else list(names)
    rows = [_named(row, columns) for row in table]
    assert rows

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        fixtures = [each for each in signature.parameters.values() if each.name not in columns]

        @functools.wraps(test)
        def over_all(**shared: Any) -> None:
            failed: list[BaseException] = []
            for place, row in enumerate(rows):
                own = shared | row
                if "lines" in own:
                    own["lines"].clear()
                if "tmp_path" in own:
                    own["tmp_path"] = shared["tmp_path"] / str(place)
                    own["tmp_path"].mkdir()
                try:
                    test(**own)
                except _FAILURES as error:
                    error.add_note(f"Row {place}: {row!r:.1000}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(rows)} rows fail", failed)

        over_all.__dict__.pop("__wrapped__", None)
        over_all.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        return over_all

    return decorate


def _named(row: Any, columns: Sequence[str]) -> dict[str, Any]:
    """Return the values of *row*, which `pytest.param` may have made, by their names."""
    if isinstance(row, _NAMED):
        assert not row.marks
        values: Iterable[Any] = row.values
    else:
        values = (row,) if len(columns) == 1 else row
    return dict(zip(columns, values, strict=True))
