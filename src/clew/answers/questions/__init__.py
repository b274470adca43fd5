"""The questions: each is defined once, here, in DuckDB's SQL.

A question is asked of these relations:

``logs``      every event, with the columns of `engines.columns.COLUMNS`;
``events``    those within what narrows the question;
``requests``  the inbound HTTP records among them, with ``endpoint`` (the route, else the path, with
              a GraphQL operation behind it), ``status`` and ``websocket``;
``answered``  those that have a response time and are no WebSocket;
``calls``     the outgoing ones, with ``status`` and ``failed``;
``own``       all but the outgoing ones;
``tasks``     the records of background tasks, with ``failed``.

Its parameters are written ``$value``, and are always bound. What it says nothing of narrows the
events. The rows are put in order, and cut to the limit, outside its SQL.
"""

from __future__ import annotations

from clew.answers.question import Question

from . import business, failures, lines, speed, users

QUESTIONS: dict[str, Question] = {
    question.name: question
    for module in (speed, failures, lines, users, business)
    for question in module.QUESTIONS
}
