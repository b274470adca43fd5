"""What narrows a question, in SQL: each value is bound, and only names and signs are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from .conditions import Comparison, Condition, Junction, escape, like_pattern
from .engines.columns import COLUMNS, ENDPOINT
from .engines.engine import PATH
from .errors import AnswerError
from .times import milliseconds_of

# What a JSON number looks like, of which a text may be one.
_NUMBER = r"^-?[0-9]{1,300}(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
# From here on a DOUBLE would equal its neighbours.
_EXACT = 2**53

STATUS = "coalesce(graphqlStatus, httpStatus)"
# What has a name of its own beside the columns: its SQL and its kind.
_NAMES = {
    "status": (STATUS, "integer"),
    "endpoint": (ENDPOINT, "text"),
    "duration": ("durationUs", "microseconds"),
}
_NAMES |= {column.name: (f'"{column.name}"', column.kind) for column in COLUMNS[:-1]}
_PATHS = {
    path: _NAMES[column.name]
    for column in COLUMNS[:-1]
    if column.kind not in ("left out", "place")
    for path in (column.path, column.task_path)
    if path is not None
}
# The kinds of an answer's columns, of a line's columns that are not text.
_SHOWN_AS = {
    "time": "instant",
    "integer": "count",
    "microseconds": "duration",
    "amount": "amount",
}


def has_column(path: tuple[str, ...]) -> bool:
    """Tell whether the field at *path* has a column; any other may be in a line or not."""
    return ".".join(path) in _NAMES or ".".join(path) in _PATHS


def column_of(path: tuple[str, ...]) -> str | None:
    """Return the column that the field at *path* has, None where it has none of its own."""
    sql, _ = _NAMES.get(".".join(path)) or _PATHS.get(".".join(path)) or ("", "")
    name = sql.strip('"')
    return name if sql == f'"{name}"' else None


@dataclass(slots=True)
class Binder:
    """Gives each value a parameter; ``values`` has them in the end."""

    zone: tzinfo = UTC
    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object, name: str = "value") -> str:
        """Return the parameter that stands for *value*."""
        for known, other in self.values.items():
            if type(other) is type(value) and other == value and known.startswith(name):
                return f"${known}"
        name = f"{name}{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def any_of(self, sql: str, values: Sequence[object]) -> str:
        """Return the condition that *sql* is one of *values*."""
        return "(" + " OR ".join(f"{sql} = {self.bind(value)}" for value in values) + ")"

    def field(self, path: tuple[str, ...]) -> tuple[str, str]:
        """Return a field of a line, in SQL, and its kind."""
        name = ".".join(path)
        if has_column(path):
            return _NAMES.get(name) or _PATHS[name]
        place = self.bind("$" + "".join(f'."{part}"' for part in path), PATH)
        return f"json_extract_string(fields, {place})", "text"

    def column(self, path: tuple[str, ...]) -> tuple[str, str]:
        """Return a field of a line, in SQL, and the kind of an answer's column of it."""
        sql, kind = self.field(path)
        return sql, _SHOWN_AS.get(kind, "text")

    def containing(self, text: str) -> str:
        """Return the condition that a line's message or its exception has *text*, in any case."""
        pattern = self.bind(f"(?i){escape(text)}")
        columns = ("message", "exceptionType", "exceptionMessage", "stackTrace")
        return "(" + " OR ".join(f"regexp_matches({each}, {pattern})" for each in columns) + ")"

    def condition(self, condition: Condition) -> str:
        """Return *condition* in SQL."""
        if isinstance(condition, Junction):
            parts = [self.condition(part) for part in condition.of]
            if condition.word == "not":
                return f"(NOT {parts[0]})"
            return f"({f' {condition.word.upper()} '.join(parts)})"
        sql, kind = self.field(condition.path)
        if condition.sign == "null":
            return f"({sql} IS NULL)"
        if kind in ("text", "word", "place", "left out"):
            return self._text(sql, condition)
        if condition.sign in ("like", "ilike"):
            raise AnswerError(f"{condition.name} is no text: compare it by =, <, >, not by like")
        if kind == "time":
            at = condition.value
            if not isinstance(at, int) or isinstance(at, bool):
                at = milliseconds_of(condition.name, at, self.zone)
            return self._compare(sql, condition, at)
        number = _number(condition)
        if kind == "amount":
            return self._compare(f"CAST({sql} AS DOUBLE)", condition, float(number))
        return self._compare(sql, condition, number * 1000 if kind == "microseconds" else number)

    def _compare(self, sql: str, condition: Comparison, value: object) -> str:
        return f"({sql} {condition.sign} {self.bind(value)})"

    def _text(self, sql: str, condition: Comparison) -> str:
        sign, value = condition.sign, condition.value
        if sign in ("like", "ilike"):
            return f"regexp_matches({sql}, {self.bind(like_pattern(condition))})"
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, str):
            return f"({sql} {sign} {self.bind(value)})"
        if sign in ("=", "<>") and abs(value) >= _EXACT:
            return f"({sql} {sign} {self.bind(str(value))})"
        looks = self.bind(_NUMBER)
        return (
            f"(CASE WHEN regexp_matches({sql}, {looks}) THEN TRY_CAST({sql} AS DOUBLE) END"
            f" {sign} {self.bind(float(value))})"
        )


def _number(condition: Comparison) -> int | float:
    value = condition.value
    try:
        number = float(value) if isinstance(value, str) else value
        # Beyond 64 bits it is a number, too, though none of a whole column's.
        if abs(number) < 2**63 and number == int(number):
            return int(number)
        return float(number)
    except (ValueError, OverflowError):
        raise AnswerError(
            f"{condition.name} is compared with {value!r}, but is a number: give a number"
        ) from None
