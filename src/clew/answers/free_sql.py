"""SQL as users write it: one query that reads the relations of clew's, and nothing else."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from .errors import AnswerError, require, suggestion
from .query import needed_relations
from .question import RELATIONS

with require("sqlglot"):
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

# What it warns of is said by the refusal.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # by which sqlglot shows the place
_LONGEST = 100_000
NAMES = ("logs", "requests", "tasks", "calls")
_EXAMPLE = 'as in "SELECT service, count(*) FROM requests GROUP BY service"'
# What sqlglot has no noun for, of the functions that read nothing but their arguments.
_FUNCTIONS = frozenset(
    """
    abs any_value arg_max arg_min array_agg avg bit_count bool_and bool_or ceil ceiling chr
    coalesce concat concat_ws contains corr count count_if date_diff date_part date_trunc
    datediff dayname dayofweek dayofyear dense_rank ends_with epoch epoch_ms exp favg first
    first_value floor format fsum greatest hash histogram ifnull instr json_array_length
    json_contains json_exists json_extract json_extract_string json_keys json_type json_valid
    kurtosis lag last last_value lcase lead least left len length list list_contains ln log
    log10 log2 lower lpad ltrim mad make_date make_timestamp make_timestamp_ms max max_by md5
    median min min_by mod mode monthname now ntile nullif percent_rank position pow power
    prefix product quantile quantile_cont quantile_disc rank regexp_extract regexp_extract_all
    regexp_full_match regexp_matches regexp_replace repeat replace reverse right round
    row_number rpad rtrim sign skewness split_part sqrt starts_with stddev stddev_pop
    stddev_samp str_split strftime string_agg strip_accents strlen strpos strptime substr
    substring suffix sum timezone to_hours to_milliseconds to_minutes to_seconds to_timestamp
    today trim trunc typeof ucase unnest upper var_pop var_samp variance week year
    """.split()  # noqa: SIM905 - a list of quoted words would take a page
)
# The nouns of sqlglot's that read more than their arguments, by the beginnings of their names.
_READING = ("Read", "CurrentC", "CurrentS", "CurrentU", "Session", "User", "Rand")


def checked(text: object) -> str:
    """Return the query *text* with the relations before it; what it may not do is refused."""
    if not isinstance(text, str) or not text.strip():
        raise AnswerError(f"The SQL is {text!r}: give a query, {_EXAMPLE}")
    if len(text) > _LONGEST:
        raise AnswerError(f"The SQL has {len(text):,} characters: give up to {_LONGEST:,}")
    try:
        trees = [tree for tree in sqlglot.parse(_plain(text), read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        reason = " ".join(_COLOURS.sub("", str(error)).split())[:200]
        raise AnswerError(f"The SQL is none that can be read, {_EXAMPLE}: {reason}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise AnswerError(f"The SQL is not one SELECT, and only that can be asked, {_EXAMPLE}")
    tree = trees[0]
    own = {relation.alias for relation in tree.find_all(exp.CTE)}
    try:
        for node in tree.walk():
            _check(node, own)
        query = tree.sql("duckdb")
    except RecursionError:
        raise AnswerError(f"The SQL is too deep: give a shorter query, {_EXAMPLE}") from None
    relations = {"events": "SELECT * FROM logs", **RELATIONS}
    # What is named so within a part hides no relation from the others.
    around = {relation.alias.lower() for relation in tree.ctes}
    asked = {table.name for table in tree.find_all(exp.Table)} - around
    needed = needed_relations(relations, " ".join(f"FROM {name}" for name in asked))
    return _after(needed, tree) if needed else query


def _after(relations: Mapping[str, str], tree: exp.Expr) -> str:
    """Return *tree* in SQL, with *relations* before those of its own."""
    texts = ", ".join(f"{name} AS ({of})" for name, of in relations.items())
    [before] = sqlglot.parse_one(f"WITH {texts} SELECT 1", read="duckdb").find_all(exp.With)
    own = tree.find(exp.With)
    if own is not None and own.parent is tree:
        before.set("recursive", own.args.get("recursive"))
        before.set("expressions", [*before.expressions, *own.expressions])
        own.pop()
    return f"{before.sql('duckdb')} {tree.sql('duckdb')}"


def _plain(text: str) -> str:
    return text.encode(errors="replace").decode()


def _check(node: exp.Expr, own: set[str]) -> None:
    if isinstance(node, exp.Table):
        name = node.name
        if (
            not isinstance(node.this, exp.Identifier)
            or node.args.get("db")
            or (name not in NAMES and name not in own)
        ):
            what = node.sql("duckdb") if node.args.get("db") or not name else name
            raise AnswerError(
                f"There is no relation {what[:100]!r}{suggestion(what.lower(), NAMES)};"
                f" there are {', '.join(NAMES)}"
            )
    elif isinstance(node, exp.Into | exp.Command | exp.DML | exp.DDL | exp.Lock) and not isinstance(
        node, exp.Query
    ):
        raise AnswerError("The SQL does more than read, and only that can be asked")
    elif isinstance(node, exp.Anonymous):
        if not isinstance(node.this, str) or node.name.lower() not in _FUNCTIONS:
            raise _no_function(node.name)
    elif isinstance(node, exp.Func) and type(node).__name__.startswith(_READING):
        raise _no_function(node.sql_name())
    elif isinstance(node, exp.Placeholder | exp.Parameter):
        raise AnswerError(f"The SQL has a parameter, {node.sql('duckdb')!r}: write its value")


def _no_function(name: str) -> AnswerError:
    return AnswerError(
        f"The function {name.lower()[:100]!r} is not among those of SQL that clew allows"
    )
