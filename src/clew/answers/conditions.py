"""Conditions as users write them, in SQL's words, held against what is allowed.

    status >= 500 and tenant = 'acme' and message like '%card%'

A condition becomes a tree of the few nouns here. What is compared with is a value from then on,
never a part of any SQL.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .errors import AnswerError, require

if TYPE_CHECKING:
    from sqlglot import exp

_LONGEST = 10_000
_EXAMPLE = "as in status >= 500 and tenant = 'acme'"
_ALLOWED = "=, <>, <, <=, >, >=, like, ilike, in, between, is null, and, or, not"

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field and the value that it is compared with; without a value it is asked to be null.

    *sign* is one of ``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``, ``like``, ``ilike``, ``null``.
    """

    path: tuple[str, ...]
    sign: str
    value: Value = ""

    @property
    def name(self) -> str:
        """Return the field as it is written."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions of which all (``and``), any (``or``) or none (``not``, of one) is to be met."""

    word: str
    of: tuple[Condition, ...]


Condition = Comparison | Junction


def comparisons(condition: Condition) -> list[Comparison]:
    """Return the comparisons in *condition*, from left to right."""
    if isinstance(condition, Comparison):
        return [condition]
    return [each for part in condition.of for each in comparisons(part)]


def read_condition(name: str, text: object) -> Condition:
    """Return the condition that the option *name* has as *text*."""
    if not isinstance(text, str) or not text.strip():
        raise AnswerError(f"{name} is {text!r}: give a condition, {_EXAMPLE}")
    if len(text) > _LONGEST:
        raise AnswerError(f"{name} has {len(text):,} characters: give up to {_LONGEST:,}")
    with require("sqlglot"):
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    try:
        plain = text.encode(errors="replace").decode()
        # As a statement it might begin with a command: comment, set, load.
        [tree] = sqlglot.Dialect.get_or_raise("duckdb").parse_into(exp.Condition, plain)
        if tree is None:
            raise ValueError
        return _Reader(name, text).condition(tree)
    except (SqlglotError, ValueError, RecursionError) as error:
        if isinstance(error, AnswerError):
            raise
        raise AnswerError(
            f"{name} is {_short(text)!r}, no condition: write one, {_EXAMPLE}"
        ) from None


def read_name(name: str, text: object) -> tuple[str, ...]:
    """Return the path of the field that the option *name* has as *text*: ``order.id``."""
    if not isinstance(text, str) or not text or len(text) > _LONGEST:
        raise AnswerError(f"{name} is {text!r}: give the name of a field, as tenant or order.id")
    return _check_path(name, tuple(text.encode(errors="replace").decode().split(".")))


def _check_path(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
    if any(not part or re.search(r'["\\\0-\x1f]', part) for part in path):
        raise AnswerError(
            f"{name} has the field {'.'.join(path)!r}: give names without quotation marks,"
            " backslashes and empty parts"
        )
    return path


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


class _Reader:
    """Makes a `Condition` of sqlglot's tree. What it does not know is refused."""

    def __init__(self, name: str, text: str) -> None:
        from sqlglot import exp

        self._exp = exp
        self._name = name
        self._text = text
        self._signs: dict[type[exp.Expr], str] = {
            exp.EQ: "=",
            exp.NEQ: "<>",
            exp.LT: "<",
            exp.LTE: "<=",
            exp.GT: ">",
            exp.GTE: ">=",
        }

    def condition(self, node: exp.Expr) -> Condition:
        exp = self._exp
        if isinstance(node, exp.Paren):
            return self.condition(node.this)
        if isinstance(node, exp.And | exp.Or):
            word = "and" if isinstance(node, exp.And) else "or"
            return Junction(word, tuple(map(self.condition, node.flatten())))
        if isinstance(node, exp.Not):
            return Junction("not", (self.condition(node.this),))
        if isinstance(node, exp.Is):
            return self._is(node)
        if isinstance(node, exp.In) and node.expressions:
            path = self._path(node.this)
            values = (Comparison(path, "=", self._value(each)) for each in node.expressions)
            return Junction("or", tuple(values))
        if isinstance(node, exp.Between):
            path = self._path(node.this)
            low, high = self._value(node.args["low"]), self._value(node.args["high"])
            return Junction("and", (Comparison(path, ">=", low), Comparison(path, "<=", high)))
        if isinstance(node, exp.Like | exp.ILike):
            return self._like(node)
        if type(node) in self._signs:
            return self._comparison(node)
        raise self._refusal(node)

    def _comparison(self, node: exp.Expr) -> Condition:
        left, right, sign = node.this, node.expression, self._signs[type(node)]
        if isinstance(left, self._exp.Literal | self._exp.Neg | self._exp.Boolean):
            left, right = right, left
            sign = sign.translate(str.maketrans("<>", "><")) if sign != "<>" else sign
        return Comparison(self._path(left), sign, self._value(right))

    def _is(self, node: exp.Expr) -> Condition:
        if isinstance(node.expression, self._exp.Boolean):
            return Comparison(self._path(node.this), "=", bool(node.expression.this))
        if isinstance(node.expression, self._exp.Null):
            return Comparison(self._path(node.this), "null")
        raise self._refusal(node)

    def _like(self, node: exp.Expr) -> Condition:
        sign = "like" if isinstance(node, self._exp.Like) else "ilike"
        pattern = self._value(node.expression)
        if not isinstance(pattern, str):
            raise self._refusal(node)
        comparison = Comparison(self._path(node.this), sign, pattern)
        return Junction("not", (comparison,)) if node.args.get("negate") else comparison

    def _path(self, node: exp.Expr) -> tuple[str, ...]:
        exp = self._exp
        names: list[str] = []
        while isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            names.insert(0, node.expression.name)
            node = node.this
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            raise self._refusal(node)
        return _check_path(self._name, (*(part.name for part in node.parts), *names))

    def _value(self, node: exp.Expr) -> Value:
        exp = self._exp
        if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
            value = self._value(node.this)
            if not isinstance(value, str):
                return -value
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Literal):
            if node.is_string:
                return str(node.this)
            return int(node.this) if node.this.isdigit() else float(node.this)
        if isinstance(node, exp.Column):
            name = node.sql("duckdb").strip('"')
            raise AnswerError(
                f"{self._name} compares with {_short(name)!r}, a field: give a value,"
                f" a text in single quotes, {_EXAMPLE}"
            )
        raise self._refusal(node)

    def _refusal(self, node: exp.Expr) -> AnswerError:
        what = _short(" ".join(node.sql("duckdb").split()))
        return AnswerError(
            f"{self._name} has {what!r}, which is not allowed: compare fields with values"
            f" by {_ALLOWED}, {_EXAMPLE}"
        )


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def meets(condition: Condition, row: Mapping[str, Any]) -> bool | None:
    """Tell whether *row* meets *condition*; None, as in SQL, where a value is not known."""
    if isinstance(condition, Junction):
        met = [meets(part, row) for part in condition.of]
        if condition.word == "not":
            return None if met[0] is None else not met[0]
        decisive = condition.word == "or"
        if decisive in met:
            return decisive
        return None if None in met else not decisive
    value = row[condition.name]
    if condition.sign == "null":
        return value is None
    if value is None:
        return None
    if condition.sign in ("like", "ilike"):
        return re.search(like_pattern(condition).replace(r"\z", r"\Z"), str(value)) is not None
    other: Any = condition.value
    if isinstance(value, str) or isinstance(other, str):
        value, other = str(value), str(other)
    elif isinstance(value, Decimal) and isinstance(other, float):
        value = float(value)
    return _COMPARE[condition.sign](value, other)


def like_pattern(condition: Comparison) -> str:
    """Return the pattern of a ``like`` as a regular expression to search for, as RE2 has them."""
    signs = {"%": ".*", "_": "."}
    parts = [signs.get(each) or escape(each) for each in re.split("([%_])", str(condition.value))]
    begin, end = "^", r"\z"
    if parts[:2] == ["", ".*"]:
        begin, parts = "", parts[2:]
    if parts[-2:] == [".*", ""]:
        end, parts = "", parts[:-2]
    return f"(?s{'i' * (condition.sign == 'ilike')}){begin}{''.join(parts)}{end}"


def escape(text: str) -> str:
    """Return *text* as a regular expression that finds it, as RE2 has them."""
    return "".join(
        each if each.isalnum() or each in " _" or ord(each) > 127 else rf"\x{ord(each):02x}"
        for each in text
    )
