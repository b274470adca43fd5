"""The report: every question and its answer on one page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from markupsafe import Markup

from clew.answers.errors import AnswerError
from clew.answers.formatting import count_of, format_duration
from clew.answers.logs import Logs
from clew.answers.parameters import shown
from clew.answers.query import Query

from . import sections
from .sections import GROUPS, NotableRequest, Section
from .templates import read, render

# Of fewer requests, one in twenty is none.
_OFTEN = 20


def page(logs: Logs, scope: Query) -> str:
    """Return the report as HTML.

    *scope* is a query of `OVERVIEW`: what narrows it narrows all answers. Plots have steps that
    suit the period.
    """
    figures = sections.overview(logs, scope)
    groups: dict[str, list[Section]] = {}
    notable: dict[str, list[NotableRequest]] = {}
    anchors: dict[str, str] = {}
    if figures.events:
        names = [name for group in GROUPS.values() for name in group]
        tasks = [partial(sections.section, logs, name, scope, figures) for name in names]
        answers = dict(zip(names, sections.concurrently(tasks), strict=True))
        groups = {group: [answers[name] for name in names] for group, names in GROUPS.items()}
        notable, anchors = _notable(logs, scope)
    style = read("style.css")
    return render(
        "report.html",
        title="What the logs tell",
        figures=figures,
        logs=logs,
        damage=logs.damage,
        scope=", ".join(f"{name} {shown(text)}" for name, text in scope.texts.items()),
        route=shown(scope.texts.get("route", "")),
        groups=groups,
        notable=notable,
        glance=_highlights(groups),
        anchors=anchors,
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        made=datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00"),
    )


def _notable(logs: Logs, scope: Query) -> tuple[dict[str, list[NotableRequest]], dict[str, str]]:
    """Return the requests worth a look, and the place on the page of each id's timeline."""
    notable = sections.notable_requests(logs, scope)
    anchors: dict[str, str] = {}
    for requests in notable.values():
        for place, request in enumerate(requests):
            name = request.row["requestId"]
            if name not in anchors:
                anchors[name] = f"request-{len(anchors) + 1}"
                requests[place] = replace(request, timeline=sections.timeline(logs, name))
    return notable, anchors


def _highlights(groups: Mapping[str, list[Section]]) -> list[tuple[str, str, str]]:
    """Return what stands out: the question it answers, what it is about, and what is the matter."""
    by_name = {each.question.name: each for group in groups.values() for each in group}
    first = {name: each.panels[0].rows for name, each in by_name.items() if each.panels}
    highlights = []
    often = [row for row in first.get("slowest", []) if row[3] >= _OFTEN]
    for _, method, endpoint, _, _, p95, *_ in often[:1]:
        about = f"One request in twenty took longer than {format_duration(p95)}."
        highlights.append(("slowest", f"{method} {endpoint}", about))
    for _, method, endpoint, _, _, share in first.get("waited", [])[:1]:
        about = f"{share:.0%} of all the time that users waited."
        highlights.append(("waited", f"{method} {endpoint}", about))
    for _, method, endpoint, _, errors, share, _ in first.get("errors", [])[:1]:
        about = f"{count_of(errors, 'failure')}, {share:.1%} of its requests."
        highlights.append(("errors", f"{method} {endpoint}", about))
    for path, requests in first.get("bad-links", [])[:1]:
        highlights.append(("bad-links", path, f"Not found, {count_of(requests, 'time')}."))
    for panel in by_name["access"].panels if "access" in by_name else []:
        unusual = [user for user, _, flag in panel.rows if flag]
        if unusual:
            about = f"{panel.query.subject} far more often than others do."
            highlights.append(("access", f"User {unusual[0]}", about))
            break
    return highlights


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Callable[[str], None]]:
    """Give a function that writes a text in the place of *path*, when it is whole.

    Where that cannot be written, the beginning of the block or the function raises an
    `AnswerError`.
    """
    path = os.fspath(path)
    target = Path(os.path.realpath(path))
    # What is no file, /dev/stdout say, is written to.
    beside = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    into = target if target.exists() and not target.is_file() else beside
    with _writing(path):
        file = into.open("w" if into is target else "x", encoding="utf-8", newline="\n")

    def write(text: str) -> None:
        with _writing(path):
            with file:
                file.write(text)
            if into is not target:
                into.replace(target)

    try:
        yield write
    finally:
        with suppress(OSError):  # it was said when it was written
            file.close()
        if into is not target:
            into.unlink(missing_ok=True)


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AnswerError(f"{path!r} cannot be written: {error.strerror or error}") from error
