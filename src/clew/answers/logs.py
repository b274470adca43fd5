"""Logs that can be asked, and their answers."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

from . import lookups
from .engines.engine import Engine, Progress
from .errors import AnswerError
from .formatting import summary_of
from .query import Query, find_question
from .question import Question
from .sources.form import Form
from .sources.mapping import form_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How many ids are looked for that begin alike; one fewer is shown.
_IDS = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question.

    What a column holds is written in ``kinds``: instants are texts of ISO 8601, in UTC unless
    another ``timezone`` was asked for, durations milliseconds, shares floats between 0 and 1,
    counts ints and flags bools. An amount is an exact int, or a Decimal where it has a fraction.
    None stands for a value that is not known. ``left_out`` is how many lines have a text where an
    amount should be, and so are missing in the sums. ``total`` is how many rows there are, where
    that is known to be more than are here.
    """

    question: Question
    rows: list[tuple[Any, ...]]
    kinds: Mapping[str, str]
    timezone: str = "UTC"
    left_out: int = 0
    total: int | None = None

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns, in the order of a row."""
        return list(self.kinds)

    @property
    def measure(self) -> int | None:
        """Return the place of the column that a bar is drawn of, None where there is none."""
        measure = self.question.measure
        return None if measure is None else self.columns.index(list(self.question.columns)[measure])

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [dict(zip(self.kinds, row, strict=True)) for row in self.rows]


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

        *parameters* are named as the options of the command line, with underscores: ``action``,
        ``value``, ``user``, ``request`` (the beginning of an id will do), ``since`` (inclusive) and
        ``until`` (exclusive), ``new_since``, ``timezone``, ``where``, ``grep``, ``bucket``,
        ``order``, ``limit``; several of ``service``, ``route``, ``method``, ``status`` and ``by``
        are a list. Times may be dates and datetimes, too.

        Raises:
            AnswerError: The question is unknown, a parameter is wrong, unknown or missing, or the
                engine cannot answer.
        """
        return self.find(Query.of(find_question(question), parameters))

    def find(self, query: Query) -> Answer:
        """Return the answer to *query*, also where it has only the beginning of a request's id."""
        answer = self.answer(query)
        if answer.rows or "request" not in query.values:
            return answer
        begins = query.values["request"]
        ids = [row[0] for row in self.answer(query.about(lookups.IDS, limit=_IDS)).rows]
        if len(ids) > 1 and begins not in ids:
            several = f"{_IDS - 1} ids and more" if len(ids) == _IDS else f"{len(ids)} ids"
            shown = ", ".join(ids[: _IDS - 1])
            raise AnswerError(f"{several} begin with {begins!r}: {shown}; give more of it")
        return self.answer(query.about(query.question, request=ids[0])) if ids else answer

    def page(self, query: Query, most: int) -> Answer:
        """Return the answer to *query* in up to *most* rows, where nobody says how many."""
        has_own = not {"limit", "request"}.isdisjoint(query.values)
        return self.find(query) if has_own else self.excerpt(query, most)

    def excerpt(self, query: Query, most: int) -> Answer:
        """Return the answer to *query* with *most* rows: the first, or the last of a history.

        Its ``total`` says how many there are.
        """
        few = query.about(query.question, limit=most)
        if not query.question.lists_lines:
            return self.answer(few, counting=True)
        # Counting them beside would have all of every line read.
        answer = self.answer(few)
        if len(answer.rows) < most:
            return answer
        [(total,)] = self.engine.rows(*query.count_statement)
        return replace(answer, total=total)

    def sql(self, text: str) -> Answer:
        """Return what a SELECT finds in ``logs``, ``requests``, ``tasks`` and ``calls``.

        It is in DuckDB's SQL, and can read nothing else. The values are as the engine gives them.
        Afterwards these logs are for SQL alone.

        Raises:
            AnswerError: The text is no such query, or the engine cannot answer it.
        """
        from .free_sql import checked

        names, rows = self.engine.query(checked(text))
        columns = _apart(names)
        texts = {
            name
            for place, name in enumerate(columns)
            if any(isinstance(row[place], str) for row in rows)
        }
        kinds = {name: "text" if name in texts else "value" for name in columns}
        # In an order of its own: no history, of which the last rows would be shown.
        question = Question("sql", "SQL", text, kinds, text, order=(f"-{columns[0]}",))
        return Answer(question, rows, kinds)

    def answer(self, query: Query, *, counting: bool = False) -> Answer:
        """Return the answer to *query*; *counting* says how many rows there are without a limit."""
        columns, zone = query.columns, query.zone
        rows = self.engine.rows(*query.statement(counting=counting))
        total = None
        if counting:
            total = rows[0][-1] if rows and rows[0][-1] > len(rows) else None
            rows = [row[:-1] for row in rows]
        left_out = max((row[-1] for row in rows if len(row) > len(columns)), default=0)
        converted = [
            tuple(
                _convert(kind, value, zone)
                for kind, value in zip(columns.values(), row, strict=False)
            )
            for row in rows
        ]
        timezone = str(query.texts.get("timezone", "UTC"))
        return Answer(query.question, converted, columns, timezone, left_out, total)

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
    first: Query | str | None = None,
) -> Logs:
    """Read log files, so that they can be asked, or connect to a ClickHouse table of logs.

    *sources* are files, folders or ``-`` for the standard input, or one file that ``clew load``
    made, or one ``clickhouse://user:password@host:8123/database?table=logs``. ``chdb:///folder?table=logs``
    is ClickHouse's engine in this process. *progress* is called with the bytes that were read
    and those that there are. Of *growing* files, a last line without its end is left for later.
    *map* says what a home-made form calls its fields: ``{"status": "http.code"}``. Of files only
    what *first*, a query or SQL, asks for is read; what is asked later may have them read again.

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
    first: Query | str | None,
) -> Engine:
    from .engines.store import StoreEngine, is_store

    if stores := [name for name in names if is_store(name)]:
        if len(names) > 1:
            raise AnswerError(f"{stores[0]!r} is asked alone; load files into it with clew load")
        return StoreEngine(stores[0])
    from .engines.duckdb import DuckDBEngine
    from .engines.need import need_of

    need = None
    if first is not None and not growing:
        need = need_of(first, {}) if isinstance(first, str) else need_of(*first.statement())
    return DuckDBEngine(names, growing=growing, progress=progress, need=need, form=form)


def _convert(kind: str, value: Any, zone: tzinfo) -> Any:
    """Return what an engine gives for a value of a column of *kind* as an `Answer` holds it."""
    if value is None:
        return None
    if kind in _MICROSECONDS:
        return _instant(value * _MICROSECONDS[kind], kind, zone)
    return _CONVERT[kind](value) if kind in _CONVERT else value


def _instant(microseconds: int, kind: str, zone: tzinfo) -> str:
    """Return an instant as ISO 8601, to the millisecond, or further where it has more."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    with suppress(OverflowError):  # an hour before the year 10000 begins in UTC
        moment = moment.astimezone(zone)
    precision = "microseconds" if microseconds % 1000 else "milliseconds"
    if kind == "bucket":
        precision = "seconds"
    text = moment.isoformat(timespec=precision)
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def _apart(names: list[str]) -> list[str]:
    """Return *names*, of which equal ones get a number: a, a_1."""
    apart: dict[str, None] = {}
    for name in names:
        others = (f"{name}_{number}" for number in itertools.count(1))
        apart[next(each for each in itertools.chain([name], others) if each not in apart)] = None
    return list(apart)


_MICROSECONDS = {"instant": 1000, "bucket": 1000, "beginning": 1}
_CONVERT: dict[str, Callable[[Any], Any]] = {
    "duration": lambda microseconds: round(microseconds / 1000, 6),
    "amount": lambda value: value if value % 1 else int(value),
    "flag": bool,
}
