"""The report: every question and its answer on one page that needs nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from markupsafe import Markup

from ._logs import Logs
from ._mistakes import AnswerError
from ._pages import rendered, stylesheet
from ._sections import (
    GROUPS,
    FoundRequest,
    Overview,
    Section,
    failed_and_slow,
    overview,
    section,
    timeline,
    together,
)
from ._wording import counted, length

# Of fewer requests, one in twenty is none.
_OFTEN = 20


def page(logs: Logs, narrowed: Mapping[str, object]) -> str:
    """Return the report as HTML.

    The answers are *narrowed* by ``since`` (inclusive), ``until`` (exclusive), ``service`` and
    ``route``, as `Logs.ask` takes them; plots have steps that suit the period. A wrong argument is
    an `AnswerError`.
    """
    figures = overview(logs, narrowed)
    groups: dict[str, list[Section]] = {}
    worth: dict[str, list[FoundRequest]] = {}
    known: dict[str, str] = {}
    if figures.events:
        groups = _asked(logs, narrowed, figures)
        worth, known = _looked_at(logs, narrowed)
    style = stylesheet()
    return rendered(
        "report.html",
        title="What the logs tell",
        figures=figures,
        logs=logs,
        damage=logs.damage,
        chosen=_chosen(narrowed),
        route=narrowed.get("route"),
        groups=groups,
        worth=worth,
        glance=_glance(groups),
        known=known,
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        made=datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00"),
    )


def _asked(
    logs: Logs, narrowed: Mapping[str, object], figures: Overview
) -> dict[str, list[Section]]:
    names = [name for group in GROUPS.values() for name in group]
    tasks = [functools.partial(section, logs, name, narrowed, figures, None) for name in names]
    answered = dict(zip(names, together(tasks), strict=True))
    return {group: [answered[name] for name in names] for group, names in GROUPS.items()}


def _looked_at(
    logs: Logs, narrowed: Mapping[str, object]
) -> tuple[dict[str, list[FoundRequest]], dict[str, str]]:
    """Return the requests worth a look, and the place on the page of each id's timeline."""
    worth = failed_and_slow(logs, narrowed)
    known: dict[str, str] = {}
    for found in worth.values():
        for place, request in enumerate(found):
            name = request.row["requestId"]
            if name not in known:
                known[name] = f"request-{len(known) + 1}"
                found[place] = replace(request, timeline=timeline(logs, name))
    return worth, known


def _glance(groups: Mapping[str, list[Section]]) -> list[tuple[str, str, str]]:
    """Return what stands out: the question it answers, what it is about, and what is the matter."""
    asked = {section.question.name: section for group in groups.values() for section in group}
    first = {name: section.parts[0].rows for name, section in asked.items() if section.parts}
    found = []
    often = [row for row in first.get("slowest", []) if row[2] >= _OFTEN]
    for method, endpoint, _, _, p95 in often[:1]:
        about = f"One request in twenty took longer than {length(p95)}."
        found.append(("slowest", f"{method} {endpoint}", about))
    for method, endpoint, _, _, share in first.get("waited", [])[:1]:
        about = f"{share:.0%} of all the time that users waited."
        found.append(("waited", f"{method} {endpoint}", about))
    for method, endpoint, _, errors, share in first.get("errors", [])[:1]:
        about = f"{counted(errors, 'failure')}, {share:.1%} of its requests."
        found.append(("errors", f"{method} {endpoint}", about))
    for path, requests in first.get("bad-links", [])[:1]:
        found.append(("bad-links", path, f"Not found, {counted(requests, 'time')}."))
    for part in asked["access"].parts if "access" in asked else []:
        unusual = [user for user, _, flag in part.rows if flag]
        if unusual:
            about = f"{part.name} far more often than others do."
            found.append(("access", f"User {unusual[0]}", about))
            break
    return found


def _chosen(narrowed: Mapping[str, object]) -> str:
    """Return what the page is narrowed by, in words."""
    named = [f"{name} {value}" for name, value in narrowed.items() if value is not None]
    return ", ".join(named)


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Open a file that takes the place of *path* when it is whole.

    One that cannot be written is an `AnswerError`.
    """
    path = os.fspath(path)
    target = Path(os.path.realpath(path))
    # What is no file, /dev/stdout say, is written to.
    into = target if target.exists() and not target.is_file() else _beside(target)
    try:
        with into.open("w" if into is target else "x", encoding="utf-8", newline="\n") as file:
            yield file
        if into is not target:
            into.replace(target)
    except OSError as error:
        raise AnswerError(f"{path!r} cannot be written: {error.strerror or error}") from error
    finally:
        if into is not target:
            into.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
