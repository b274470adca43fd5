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

from ._logs import Logs
from ._lookups import (
    ACTIONS,
    CHANGED_VALUES,
    FOUND,
    LAST,
    OF_REQUEST,
    ROUTES,
    SERVICES,
    STATUSES,
    VALUES,
)
from ._mistakes import AnswerError
from ._pages import mark, quoted, rendered, stylesheet
from ._parameters import BUCKETS, bound, question_named
from ._questions import Question
from ._sections import (
    MOST_NARROW,
    MOST_WIDE,
    failed_and_slow,
    looked_up,
    overview,
    part,
    section,
    timeline,
    together,
)

PERIODS = {
    "hour": ("the last hour", timedelta(hours=1)),
    "day": ("the last day", timedelta(days=1)),
    "week": ("the last week", timedelta(days=7)),
}
REFRESH = 5
_THREADS = 8
_ROWS, _MOST_ROWS = 100, 10_000
_FOUND_ROWS = 200
_SUGGESTED = 50
# What leads from page to page.
_KEPT = ("period", "since", "until", "service", "route", "follow")
_OVERVIEW_ROWS = 8
_SUGGESTIONS = {"status": STATUSES, "action": ACTIONS, "value": VALUES}
_FOUND_COLUMNS = (
    *("createdAt", "service", "level", "message"),
    *("userId", "action", "value", "oldValue", "requestId"),
)

_log = logging.getLogger(__name__)


def site(logs: Logs) -> Starlette:
    """Return the pages as an ASGI application, which ends when nobody asks *logs* any more."""
    asked = _Asked(logs.engine)
    pages = _Pages(asked)
    threads = ThreadPoolExecutor(_THREADS)

    def answering(page: Callable[[Request], Response]) -> Callable[..., Any]:
        async def endpoint(request: Request, *_: object) -> Response:
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, page, request)
            except Exception:
                _log.exception("%s could not be answered", request.url.path)
                return HTMLResponse(rendered("mistake.html", title="Failed", mistake=_FAILED), 500)

        return endpoint

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        asked.over = True
        threads.shutdown(cancel_futures=True)

    return Starlette(
        routes=[
            Route("/", answering(pages.overview)),
            Route("/q/{question}", answering(pages.question)),
            Route("/requests/{request:path}", answering(pages.request)),
            Route("/search", answering(pages.search)),
            Route("/style.css", _style),
            Route("/icon.svg", _icon),
        ],
        exception_handlers={HTTPException: answering(pages.unknown)},
        lifespan=lifespan,
    )


class _Asked(Logs):
    """Logs that answer until it is over: a page that nobody waits for asks no further."""

    over = False

    def rows(self, question: Question, given: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if self.over:
            raise RuntimeError("The page is being closed")
        return super().rows(question, given)


_FAILED = "This could not be answered. What went wrong stands where clew serve was started."


def _style(_: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")


def _icon(_: Request) -> Response:
    return Response(mark(), media_type="image/svg+xml")


class _Pages:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def overview(self, request: Request) -> Response:
        return self._page(request, "overview.html", self._overview)

    def question(self, request: Request) -> Response:
        try:
            question = question_named(request.path_params["question"])
        except AnswerError as error:
            return self._mistake("There is no such question", str(error), 404)
        if question.name == "timeline" and request.query_params.get("request"):
            return _to_request(request.query_params["request"])
        return self._page(
            request, "question.html", partial(self._question, question), question=question
        )

    def request(self, request: Request) -> Response:
        request_id = request.path_params["request"]
        shown = partial(self._timeline, request_id)
        return self._page(request, "request.html", shown, request_id=request_id)

    def search(self, request: Request) -> Response:
        text = request.query_params.get("text", "").strip()
        if text and looked_up(self._logs, OF_REQUEST, {"request": text, "limit": 1}):
            return _to_request(text)
        return self._page(request, "search.html", partial(self._found, text), text=text)

    def unknown(self, _: Request) -> Response:
        sentence = "There is no such page. The overview leads to all there are."
        return self._mistake("Not found", sentence, 404)

    def _overview(self, narrowed: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
        figures = overview(self._logs, narrowed)
        if not figures.events:
            return {"figures": figures}
        bucket = _bucket(given)
        asked = [
            partial(section, self._logs, name, narrowed, figures, bucket, _OVERVIEW_ROWS)
            for name in ("latency", "slowest", "errors", "actions")
        ]
        answered = together(asked)
        return {
            "figures": figures,
            "sections": {section.question.name: section for section in answered},
            "worth": failed_and_slow(self._logs, narrowed, _OVERVIEW_ROWS),
        }

    def _question(
        self, question: Question, narrowed: Mapping[str, Any], given: Mapping[str, str]
    ) -> dict[str, Any]:
        limit = given.get("limit", str(_ROWS))
        if limit.isascii() and limit.isdigit() and int(limit[:10]) > _MOST_ROWS:
            raise AnswerError(
                f"limit is {limit}: a page shows up to {_MOST_ROWS:,} rows; "
                f"clew ask {question.name} gives more"
            )
        asked = {**given, **narrowed}
        required = {name: asked.get(name) for name in question.requires}
        if None in required.values():
            worth = failed_and_slow(self._logs, narrowed) if question.name == "timeline" else {}
            return {"part": None, "worth": worth}
        taken = {name: value for name, value in asked.items() if name in question.parameters}
        bound(question, {**taken, "limit": limit})
        figures = overview(self._logs, narrowed)
        most = MOST_NARROW if question.requires else MOST_WIDE
        period = figures.period(_bucket(given), most) if figures.events else None
        return {"part": part(self._logs, question, asked, period, int(limit), wide=True)}

    def _timeline(
        self, request_id: str, _: Mapping[str, Any], __: Mapping[str, str]
    ) -> dict[str, Any]:
        services = [service for service, _ in looked_up(self._logs, SERVICES, {})]
        return {
            "timeline": timeline(self._logs, request_id),
            "services": services,
            "command": f"clew timeline -- {shlex.quote(request_id)} FILES",
        }

    def _found(self, text: str, _: Mapping[str, Any], __: Mapping[str, str]) -> dict[str, Any]:
        if not text:
            return {"part": None}
        found = replace(
            FOUND,
            title=f"Events of {text}",
            columns={name: FOUND.columns[name] for name in _FOUND_COLUMNS},
        )
        return {"part": part(self._logs, found, {"text": text}, None, _FOUND_ROWS)}

    def _page(
        self,
        request: Request,
        template: str,
        fill: Callable[[Mapping[str, Any], Mapping[str, str]], dict[str, Any]],
        **content: Any,
    ) -> Response:
        """Return a page; with a sentence in place of its content where something is wrong."""
        given = {name: value for name, value in request.query_params.items() if value != ""}
        notice, follows = "", "follow" in given
        try:
            self._logs.engine.read()
        except AnswerError as error:
            notice = str(error)
        mistake, status = "", 200
        try:
            content |= fill(self._narrowed(given), given)
        except AnswerError as error:
            mistake, status = str(error), 400
        question = content.get("question")
        page = rendered(
            template,
            **content,
            logs=self._logs,
            damage=self._logs.damage,
            given=given,
            kept={name: given[name] for name in _KEPT if name in given},
            periods={name: words for name, (words, _) in PERIODS.items()},
            choices=self._choices(question),
            refresh=REFRESH if follows and not mistake else None,
            notice=notice,
            mistake=mistake,
        )
        return HTMLResponse(page, status)

    def _choices(self, question: Question | None) -> dict[str, list[str]]:
        """Return what the fields of a form suggest, the most frequent first."""
        lookups = {"service": SERVICES, "route": ROUTES}
        for name in question.requires if question else ():
            if name in _SUGGESTIONS:
                lookups[name] = _SUGGESTIONS[name]
        if question is not None and question.name == "changes":
            lookups["value"] = CHANGED_VALUES
        if question is not None and "action" in question.parameters:
            lookups["action"] = ACTIONS
        return {
            name: [str(row[0]) for row in looked_up(self._logs, lookup, {"limit": _SUGGESTED})]
            for name, lookup in lookups.items()
        }

    def _narrowed(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return what narrows all that a page asks; a beginning or an end rules out a *period*."""
        narrowed: dict[str, Any] = {
            name: given[name] for name in ("since", "until", "service", "route") if name in given
        }
        period = given.get("period")
        if period is not None and period not in PERIODS:
            raise AnswerError(f"period is {period!r}: give {', '.join(PERIODS)}")
        if period is not None and not {"since", "until"} & set(narrowed):
            [(last,)] = looked_up(self._logs, LAST, {})
            if last is not None:
                since = datetime.fromisoformat(last) - PERIODS[period][1]
                narrowed["since"] = since.isoformat(timespec="milliseconds")
        return narrowed

    def _mistake(self, title: str, sentence: str, status: int) -> Response:
        return HTMLResponse(rendered("mistake.html", title=title, mistake=sentence), status)


def _bucket(given: Mapping[str, str]) -> str | None:
    bucket = given.get("bucket")
    if bucket is not None and bucket not in BUCKETS:
        raise AnswerError(f"bucket is {bucket!r}: give {', '.join(BUCKETS)}")
    return bucket


def _to_request(request_id: str) -> Response:
    return RedirectResponse(f"/requests/{quoted(request_id)}", 303)
