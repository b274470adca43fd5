"""The answers: questions to the logs, over files or over ClickHouse.

from clew import answers

with answers.open("gateway.ndjson", "orders.ndjson.gz") as logs:
    for row in logs.ask("slowest", limit=10, since="2026-11-01").dicts():
        print(row)
"""

from ._logs import Answer, Logs, open  # noqa: A004
from ._mistakes import AnswerError
from ._questions import QUESTIONS, Question

__all__ = ["QUESTIONS", "Answer", "AnswerError", "Logs", "Question", "open"]
