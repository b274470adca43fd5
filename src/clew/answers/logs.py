"""Logs that can be asked, and their answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from .engines.engine import Engine, Progress
from .errors import AnswerError
from .formatting import summary_of
from .query import Query, find_question
from .question import Question
from .sources.form import Form
from .sources.mapping import form_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question.

    What a column holds is written in ``question.columns``: instants are texts of ISO 8601 in UTC,
    durations milliseconds, shares floats between 0 and 1, counts ints and flags bools. An amount is
    an exact int, or a Decimal where it has a fraction. None stands for a value that is not known.
    """

    question: Question
    rows: list[tuple[Any, ...]]

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns, in the order of a row."""
        return list(self.question.columns)

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [dict(zip(self.question.columns, row, strict=True)) for row in self.rows]


class Logs:
    """Logs that can be asked. Made by `open`; a context manager that closes them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def lines(self) -> int:
        """Return how many lines were read. Blank ones do not count."""
        return self.engine.lines

    @property
    def broken(self) -> int:
        """Return how many lines, which no answer counts, were no JSON object or above 16 MiB.

        DuckDB takes a NaN and a comma too many; `clew check` does not.
        """
        return self.engine.broken

    @property
    def foreign(self) -> int:
        """Return how many lines, which no answer counts, were objects of a form not known."""
        return self.engine.foreign

    @property
    def summary(self) -> str:
        """Return what was read, in words; of a form not known, what most of it looks like."""
        if self.engine.searched:
            return f"{self.lines:,} {'line has' if self.lines == 1 else 'lines have'} the id"
        return summary_of(self.lines, self.broken, self.foreign, self.engine.likeliest)

    @property
    def damage(self) -> list[str]:
        """Return a sentence for each file that could be read only in part."""
        return self.engine.damage

    def ask(self, question: str, **parameters: object) -> Answer:
        """Ask the question of that name, and return its answer.

        *parameters* are named as the options of the command line: ``status``, ``action``,
        ``value``, ``request``, ``route``, ``service``, ``bucket`` (``minute``, ``hour`` or
        ``day``), ``limit``, ``since`` (inclusive) and ``until`` (exclusive), which are texts of
        ISO 8601, dates or datetimes.

        Raises:
            AnswerError: The question is unknown, a parameter is wrong, unknown or missing, or the
                engine cannot answer.
        """
        return self.answer(Query.of(find_question(question), parameters))

    def answer(self, query: Query) -> Answer:
        """Return the answer to *query*."""
        kinds = query.question.columns.values()
        rows = [
            tuple(_convert(kind, value) for kind, value in zip(kinds, row, strict=True))
            for row in self.engine.rows(query.sql, query.bindings)
        ]
        return Answer(query.question, rows)

    def close(self) -> None:
        """Remove what was made for asking; the logs stay as they are."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(  # noqa: A001 - it is called as answers.open, like gzip.open
    *sources: str | os.PathLike[str],
    growing: bool = False,
    progress: Progress | None = None,
    map: Mapping[str, str] | None = None,
    first: Query | None = None,
) -> Logs:
    """Read log files, so that they can be asked, or connect to a ClickHouse table of logs.

    *sources* are files, folders or ``-`` for the standard input, or one file that ``clew load``
    made, or one ``clickhouse://user:password@host:8123/database?table=logs``. ``chdb:///folder?table=logs``
    is ClickHouse's engine in this process. *progress* is called with the bytes that were read
    and those that there are. Of *growing* files, a last line without its end is left for later.
    *map* says what a home-made form calls its fields: ``{"status": "http.code"}``. Of files only
    what *first* asks for is read; what is asked later may have them read once more.

    Raises:
        AnswerError: A source is missing, cannot be read or is no address of logs, a package is not
            installed, or ClickHouse does not answer.
    """
    names = [os.fspath(source) for source in sources]
    urls = [name for name in names if name.startswith(("clickhouse://", "chdb://"))]
    if not urls:
        for name in names:
            scheme, mark, _ = name.partition("://")
            if mark and scheme.isalnum():  # it may hold a password, which is not shown
                raise AnswerError(
                    f"{scheme}:// is no address of logs: give files, "
                    "clickhouse://user:password@host:8123/database?table=logs or chdb:///folder"
                )
        return Logs(_read(names, growing, progress, form_of(map or {}), first))
    if len(names) > 1:
        raise AnswerError(f"{urls[0]!r} is asked alone; load files into it with clew load")
    from .engines.clickhouse import ClickHouseEngine

    return Logs(ClickHouseEngine(urls[0]))


def _read(
    names: list[str],
    growing: bool,
    progress: Progress | None,
    form: Form | None,
    first: Query | None,
) -> Engine:
    from .engines.store import StoreEngine, is_store

    if stores := [name for name in names if is_store(name)]:
        if len(names) > 1:
            raise AnswerError(f"{stores[0]!r} is asked alone; load files into it with clew load")
        return StoreEngine(stores[0])
    from .engines.duckdb import DuckDBEngine
    from .engines.need import need_of

    need = None if growing or first is None else need_of(first.sql, first.bindings)
    return DuckDBEngine(names, growing=growing, progress=progress, need=need, form=form)


def _convert(kind: str, value: Any) -> Any:
    """Return what an engine gives for a value of a column of *kind* as an `Answer` holds it."""
    if value is not None and kind in _CONVERT:
        return _CONVERT[kind](value)
    return value


def _instant(microseconds: int, precision: str = "milliseconds") -> str:
    """Return an instant as ISO 8601 in UTC, to the *precision*, or further where it has more."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    precision = "microseconds" if microseconds % 1000 else precision
    return moment.isoformat(timespec=precision).removesuffix("+00:00") + "Z"


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "instant": lambda milliseconds: _instant(milliseconds * 1000),
    "bucket": lambda milliseconds: _instant(milliseconds * 1000, "seconds"),
    "beginning": _instant,
    "duration": lambda microseconds: round(microseconds / 1000, 6),
    "amount": lambda value: value if value % 1 else int(value),
    "flag": bool,
}
