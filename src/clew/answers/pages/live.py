"""What the live page shows at which address."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from clew._text import one_line
from clew.answers import lookups
from clew.answers.errors import AnswerError
from clew.answers.logs import Answer, Logs
from clew.answers.query import Query, find_question
from clew.answers.question import Question

from . import sections
from .sections import run_lookup
from .templates import read, render, segment

PERIODS = {
    "hour": ("the last hour", timedelta(hours=1)),
    "day": ("the last day", timedelta(days=1)),
    "week": ("the last week", timedelta(days=7)),
}
REFRESH = 5
_THREADS = 8
_ROWS, _MOST_ROWS = 100, 10_000
_SEARCH_ROWS = 200
_MOST_SUGGESTIONS = 50
# What links take along from page to page.
_STATE = ("period", "since", "until", "service", "route", "where", "follow")
_OVERVIEW_ROWS = 8
_SUGGESTIONS = {
    "service": lookups.SERVICES,
    "route": lookups.ROUTES,
    "status": lookups.STATUSES,
    "method": lookups.METHODS,
    "user": lookups.USERS,
    "action": lookups.ACTIONS,
    "value": lookups.VALUES,
}
_SEARCH_COLUMNS = (
    *("createdAt", "service", "level", "message"),
    *("userId", "action", "value", "oldValue", "requestId"),
)

_log = logging.getLogger(__name__)


def site(logs: Logs) -> Starlette:
    """Return the pages as an ASGI application, which ends when nobody asks *logs* any more."""
    stoppable = _StoppableLogs(logs.engine)
    pages = _Pages(stoppable)
    threads = ThreadPoolExecutor(_THREADS)

    def endpoint_of(page: Callable[[Request], Response]) -> Callable[..., Any]:
        async def endpoint(request: Request, *_: object) -> Response:
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, page, request)
            except Exception:
                _log.exception("%s could not be answered", one_line(request.url.path))
                sentence = "What went wrong stands where clew serve was started."
                return _error("Failed", f"This could not be answered. {sentence}", 500)

        return endpoint

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        stoppable.stopped = True
        threads.shutdown(cancel_futures=True)

    return Starlette(
        routes=[
            Route("/", endpoint_of(pages.overview)),
            Route("/q/{question}", endpoint_of(pages.question)),
            Route("/requests/{request:path}", endpoint_of(pages.request)),
            Route("/search", endpoint_of(pages.search)),
            Route("/style.css", _file("style.css", "text/css")),
            Route("/icon.svg", _file("mark.svg", "image/svg+xml")),
        ],
        exception_handlers={HTTPException: endpoint_of(pages.unknown)},
        lifespan=lifespan,
    )


class _StoppableLogs(Logs):
    """Logs that answer until they are stopped: a page that nobody waits for asks no further."""

    stopped = False

    def answer(self, query: Query, *, counting: bool = False) -> Answer:
        if self.stopped:
            raise RuntimeError("The page is being closed")
        return super().answer(query, counting=counting)


def _file(name: str, media_type: str) -> Callable[[Request], Response]:
    return lambda _: Response(read(name), media_type=media_type)


class _Pages:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def overview(self, request: Request) -> Response:
        return self._page(request, "overview.html", self._overview)

    def question(self, request: Request) -> Response:
        try:
            question = find_question(request.path_params["question"])
        except AnswerError as error:
            return _error("There is no such question", str(error), 404)
        if question.name == "timeline" and request.query_params.get("request"):
            return _to_request(request.query_params["request"])
        return self._page(
            request, "question.html", partial(self._question, question), question=question
        )

    def request(self, request: Request) -> Response:
        request_id = request.path_params["request"]

        def fill(*_: object) -> dict[str, Any]:
            return {
                "timeline": sections.timeline(self._logs, request_id),
                "services": [service for service, _ in run_lookup(self._logs, lookups.SERVICES)],
                "command": f"clew timeline -- {shlex.quote(request_id)} FILES",
            }

        return self._page(request, "request.html", fill, request_id=request_id)

    def search(self, request: Request) -> Response:
        text = request.query_params.get("text", "").strip()
        if text and run_lookup(self._logs, lookups.REQUEST_EVENTS, request=text, limit=1):
            return _to_request(text)

        def fill(*_: object) -> dict[str, Any]:
            if not text:
                return {"panel": None}
            columns = {name: lookups.SEARCH.columns[name] for name in _SEARCH_COLUMNS}
            search = replace(lookups.SEARCH, title=f"Events of {text}", columns=columns)
            query = Query.of(search, {"text": text})
            return {"panel": sections.panel(self._logs, query, None, _SEARCH_ROWS)}

        return self._page(request, "search.html", fill, text=text)

    def unknown(self, _: Request) -> Response:
        sentence = "There is no such page. The overview leads to all there are."
        return _error("Not found", sentence, 404)

    def _overview(self, filters: Mapping[str, str], form: Mapping[str, str]) -> dict[str, Any]:
        scope = Query.of(lookups.OVERVIEW, filters)
        figures = sections.overview(self._logs, scope)
        if not figures.events:
            return {"figures": figures}
        bucket, rows = form.get("bucket"), _OVERVIEW_ROWS
        tasks = [
            partial(sections.section, self._logs, name, scope, figures, bucket, rows)
            for name in ("latency", "slowest", "errors", "actions")
        ]
        answers = {each.question.name: each for each in sections.concurrently(tasks)}
        notable = sections.notable_requests(self._logs, scope, rows)
        return {"figures": figures, "sections": answers, "notable": notable}

    def _question(
        self, question: Question, filters: Mapping[str, str], form: Mapping[str, str]
    ) -> dict[str, Any]:
        limit = form.get("limit", str(_ROWS))
        if limit.isascii() and limit.isdigit() and int(limit[:10]) > _MOST_ROWS:
            raise AnswerError(
                f"limit is {limit}: a page shows up to {_MOST_ROWS:,} rows; "
                f"clew ask {question.name} gives more"
            )
        texts = {**form, **filters}
        if not texts.keys() >= set(question.requires):
            notable = {}
            if question.name == "timeline":
                notable = sections.notable_requests(self._logs, Query.of(lookups.OVERVIEW, filters))
            return {"panel": None, "notable": notable}
        # The pages are in UTC.
        taken = set(question.parameters) - {"timezone"}
        parameters = {name: texts[name] for name in texts if name in taken}
        query = Query.of(question, parameters)
        figures = sections.overview(self._logs, query)
        most = sections.MOST_NARROW if question.requires else sections.MOST_WIDE
        period = figures.period(form.get("bucket"), most) if figures.events else None
        return {"panel": sections.panel(self._logs, query, period, int(limit), wide=True)}

    def _page(
        self,
        request: Request,
        template: str,
        fill: Callable[[Mapping[str, str], Mapping[str, str]], dict[str, Any]],
        **content: Any,
    ) -> Response:
        """Return a page; with a sentence in place of its content where something is wrong."""
        form = {name: value for name, value in request.query_params.items() if value != ""}
        notice = ""
        try:
            self._logs.engine.read()
        except AnswerError as error:
            notice = str(error)
        sentence, status = "", 200
        try:
            content |= fill(self._filters(form), form)
        except AnswerError as error:
            sentence, status = str(error), 400
        question = content.get("question")
        page = render(
            template,
            **content,
            logs=self._logs,
            damage=self._logs.damage,
            form=form,
            state={name: form[name] for name in _STATE if name in form},
            periods={name: words for name, (words, _) in PERIODS.items()},
            choices=self._choices(question),
            refresh=REFRESH if "follow" in form and not sentence else None,
            notice=notice,
            error=sentence,
        )
        return HTMLResponse(page, status)

    def _choices(self, question: Question | None) -> dict[str, list[str]]:
        """Return what the fields of a form suggest, the most frequent first."""
        wanted = {"service", "route", *(question.parameters if question else ())}
        suggestions = {name: _SUGGESTIONS[name] for name in _SUGGESTIONS if name in wanted}
        if question is not None and question.name == "changes":
            suggestions["value"] = lookups.CHANGED_VALUES
        if question is not None and question.name in sections.MONETARY:
            suggestions["action"] = lookups.PAID_ACTIONS
        return {
            name: [str(row[0]) for row in run_lookup(self._logs, lookup, limit=_MOST_SUGGESTIONS)]
            for name, lookup in suggestions.items()
        }

    def _filters(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return what narrows all that a page asks; a beginning or an end rules out a *period*."""
        names = ("since", "until", "service", "route", "where")
        filters = {name: form[name] for name in names if name in form}
        period = form.get("period")
        if period is not None and period not in PERIODS:
            raise AnswerError(f"period is {period!r}: give {', '.join(PERIODS)}")
        if period is not None and not {"since", "until"} & set(filters):
            [(last,)] = run_lookup(self._logs, lookups.LAST_EVENT)
            if last is not None:
                since = datetime.fromisoformat(last) - PERIODS[period][1]
                filters["since"] = since.isoformat(timespec="milliseconds")
        return filters


def _error(title: str, sentence: str, status: int) -> Response:
    return HTMLResponse(render("error.html", title=title, error=sentence), status)


def _to_request(request_id: str) -> Response:
    return RedirectResponse(f"/requests/{segment(request_id)}", 303)
