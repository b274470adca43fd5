"""Conditions in SQL's words: what is understood, what is refused, and that values are values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.conditions import meets, read_condition
from clew.answers.query import Query
from clew.answers.questions import QUESTIONS
from tests.rows import each_row

from .logs_of import MIDNIGHT
from .test_query import HOSTILE

LINES: list[dict[str, Any]] = [
    {"message": "paid", "userId": "12345", "tenant": "acme", "order": {"id": 7, "ok": True}},
    {"message": "50% off_", "userId": "2", "tenant": "ACME", "order": {"id": 7.5}, "size": "12"},
    {"message": "a\nb\\", "tenant": None, "order": "x", "a b": 1, "monetaryValue": 9.99},
    {"message": "", "level": "info", "id": 9007199254740993, "group": "x", "quantity": 3},
]
LINES[3]["deep"] = {"er": {"and": {"deeper": {"still": {"one": 5}}}}}


@pytest.fixture(
    scope="module", params=["duckdb", pytest.param("clickhouse", marks=pytest.mark.outside)]
)
def logs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[answers.Logs]:
    """Give the lines, each a second after the other, and one for each hostile text."""
    lines = [{"createdAt": MIDNIGHT + 1000 * at, **line} for at, line in enumerate(LINES)]
    lines += [{"createdAt": 1, "hostile": text, text[:50]: "odd"} for text in HOSTILE]
    folder = tmp_path_factory.mktemp("conditions")
    path = folder / "app.log"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = str(path)
    if request.param == "clickhouse":
        pytest.importorskip("chdb", reason="pip install chdb")
        from clew.answers.load import load

        source = f"chdb://{request.getfixturevalue('chdb_folder')}?table=conditions"
        load([str(path)], source)
    with answers.open(source) as logs:
        yield logs


FOUND: dict[str, str] = {
    "tenant = 'acme'": "0",
    "'acme' = tenant": "0",
    "tenant <> 'acme'": "1",
    "tenant != 'acme'": "1",
    "not tenant = 'acme'": "1",
    "tenant ilike 'acme'": "01",
    "tenant like 'A%'": "1",
    "tenant like '_cm_'": "0",
    "tenant like '_me'": "",
    "tenant is not null": "01",
    "tenant is null and createdAt > 5": "23",
    "tenant in ('x', 'ACME')": "1",
    "tenant not in ('x', 'ACME')": "0",
    "message like '50\\% off_'": "",
    "message like '50% off\\_'": "",
    "message like '%off_'": "1",
    "message like 'a%'": "2",
    "message like 'a_b\\'": "2",
    "message not like '%a%' and createdAt > 5": "13",
    "order.id = 7": "0",
    "7 < order.id": "1",
    "order.id between 7 and 8": "01",
    "order.id >= 7.5": "1",
    "order.id = '7'": "0",
    "order = 'x'": "2",
    "order.ok = true": "0",
    "order.ok is true": "0",
    "order.ok = false": "",
    "size = 12": "1",
    "size > 3 or \"group\" = 'x'": "13",
    "group = 'x'": "3",
    '"a b" = 1': "2",
    "userId = 12345": "0",
    "userId > 2": "0",
    "id = 9007199254740993": "3",
    "id = 9007199254740992": "",
    "monetaryValue = 9.99": "2",
    "monetaryValue < 10.5": "2",
    "quantity = '3'": "3",
    "quantity = 3 and (level = 'info' or level = 'danger')": "3",
    "quantity > -1": "3",
    "quantity = -3": "",
    "-1 < quantity": "3",
    "order.id > -7.5": "01",
    "deep.er.and.deeper.still.one = 5": "3",
    "deep.er.and.deeper.still.two = 5": "",
    "createdAt >= '2026-11-01T00:00:02Z'": "23",
    "createdAt = 1793491200000": "0",
    "createdAt between '2026-11-01' and '2026-11-01T00:00:01Z'": "01",
    "status is null and createdAt > 5": "0123",
    "no.such.field = 'x'": "",
    "TENANT = 'acme'": "",
    "comment = 'x' or set = 'x' or load = 'x'": "",
    "((tenant = 'acme'))": "0",
    "tenant = 'acme' -- and nothing else": "0",
    " or ".join(f"tenant = '{n}'" for n in range(100)) + " or tenant = 'acme'": "0",
}


@each_row("condition", FOUND)
def test_a_condition_finds_the_lines_that_meet_it(logs: answers.Logs, condition: str) -> None:
    """A comparison with what is not there is not met, nor is its contrary."""
    found = logs.ask("events", where=condition, since="2026-11-01").dicts()
    assert "".join(row["createdAt"][18] for row in found) == FOUND[condition]


@each_row("hostile", HOSTILE)
def test_a_hostile_text_is_a_value(logs: answers.Logs, hostile: str) -> None:
    """Whatever a text looks like, in a condition it is the text that it is."""
    written = hostile.replace("'", "''")
    if len(written) > 9_000:
        with pytest.raises(AnswerError, match="give up to 10,000"):
            logs.ask("events", where=f"hostile = '{written}'")
        return
    assert len(logs.ask("events", where=f"hostile = '{written}'").rows) == 1
    assert len(logs.ask("events", where=f"hostile in ('{written}')").rows) == 1
    assert logs.ask("events", grep=hostile, service="no such").rows == []


@each_row("hostile", HOSTILE)
def test_a_hostile_name_is_a_name(logs: answers.Logs, hostile: str) -> None:
    """A field's name is looked for as it is, or refused in a sentence."""
    quoted = hostile[:50].replace('"', '""')
    for parameters in ({"where": f"\"{quoted}\" = 'odd'"}, {"by": hostile[:50]}):
        try:
            rows = logs.ask("actions" if "by" in parameters else "events", **parameters).rows
        except AnswerError as error:
            sentence = str(error)
        else:
            sentence = ""
            assert len(rows) == ("where" in parameters)
        assert "\n" not in sentence


REFUSED = {
    "no condition: write one": (
        "tenant = ",
        "= 'x'",
        "'x",
        "a = 1; DROP TABLE logs",
        "((",
        "-- all",
        ";",
        "SELECT 1",
    ),
    "not allowed: compare fields with values": (
        "tenant",
        "true",
        "(SELECT 1) = 1",
        "lower(tenant) = 'acme'",
        "tenant in (SELECT 1)",
        "tenant = null",
        "tenant::int = 5",
        "tenant ~ 'a'",
        "tenant similar to 'a'",
        "message like 'a' escape 'b'",
        "message like 5",
        "a + 1 = 2",
        "x = $1",
        "x = ?",
        "read_text('/etc/passwd') = 'x'",
        "current_user = 'x'",
        "x = date '2026-01-01'",
        "case when true then 1 end = 1",
        "x = [1]",
        "exists (SELECT 1)",
        "* = 1",
        "tenant is 'acme'",
        "tenant = -'acme'",
        "tenant = -(1)",
    ),
    "a field: give a value": ("tenant = acme", 'tenant = "acme"', "a = b"),
    "is a number: give a number": ("status = 'x'", "quantity > 'many'"),
    "createdAt is 'soon': give a date": ("createdAt > 'soon'",),
    "is no text: compare it by": ("status like '5%'", "createdAt like '2026%'"),
    "without quotation marks": ('"a""b" = 1', '"" = 1', '"a\\b" = 1'),
}


@each_row(("why", "condition"), [(why, of) for why in REFUSED for of in REFUSED[why]])
def test_what_is_not_allowed_is_refused(why: str, condition: str) -> None:
    """What is no comparison of a field with a value is named in a sentence, before it is asked."""
    with pytest.raises(AnswerError) as caught:
        assert Query.of(QUESTIONS["events"], {"where": condition}).statement()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_condition_of_any_depth_is_one_sentence(logs: answers.Logs) -> None:
    """Brackets upon brackets are refused, or understood."""
    for depth in (10, 400, 4000):
        condition = f"{'(' * depth}tenant = 'acme'{')' * depth}"
        found = 1
        with suppress(AnswerError):
            found = len(logs.ask("events", where=condition).rows)
        assert found == 1


@each_row(
    ("condition", "met"),
    [
        ("share > 0.01", True),
        ("share > 0.5", False),
        ("share > 0.01 and errors >= 3", True),
        ("errors between 1 and 2 or userId is null", True),
        ("not userId = 'x'", None),
        ("userId = 'x' and share > 9", False),
        ("userId = 'x' or share > 0", True),
        ("endpoint like '/orders%'", True),
        ("endpoint ilike '/ORDERS'", True),
        ("endpoint not in ('/', '/orders')", False),
        ("createdAt < '2027'", True),
        ("total = 1.5", True),
    ],
)
def test_a_row_meets_a_condition(condition: str, met: bool | None) -> None:
    """What a line is held against, a row of an answer is, too."""
    from decimal import Decimal

    row = {
        "endpoint": "/orders",
        "errors": 3,
        "share": 0.25,
        "userId": None,
        "createdAt": "2026-11-01T00:00:00.000Z",
        "total": Decimal("1.5"),
    }
    assert meets(read_condition("fail-if", condition), row) is met
