"""The answers: questions to the logs, over files or over ClickHouse.

    from clew import answers

    with answers.open("gateway.ndjson", "orders.ndjson.gz") as logs:
        for row in logs.ask("slowest", limit=10, since="2026-11-01").dicts():
            print(row)

What is imported here is public; the modules behind it are not.
"""

from .errors import AnswerError
from .logs import Answer, Logs, open  # noqa: A004
from .question import Question
from .questions import QUESTIONS

__all__ = ["QUESTIONS", "Answer", "AnswerError", "Logs", "Question", "open"]
