"""Templates, and what they write addresses and texts with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from clew.answers.errors import require
from clew.answers.formatting import count_of, format_duration, format_value, heading
from clew.answers.questions import QUESTIONS
from clew.answers.timeline import Span, Timeline
from clew.answers.times import BUCKETS

from .sections import GROUPS, LONGEST_TEXT

with require("jinja2"):
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup


def short(value: object) -> str:
    """Return a text as far as a page shows it."""
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def percent(part_of: float, whole: float) -> str:
    """Return a place or a width in a drawing."""
    return f"{100 * part_of / whole if whole > 0 else 0:.2f}%"


def address(path: str, **query: object) -> str:
    """Return a path of the live page with a query; what is None or empty is left out."""
    fields = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(fields, errors='replace')}" if fields else path


def segment(text: str) -> str:
    """Return *text* as one segment of a path."""
    return quote(text, safe="", errors="replace")


def read(name: str) -> str:
    """Return the text of a file of this package, which may be in a zip."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def facts(timeline: Timeline) -> list[tuple[str, str]]:
    """Return the facts of a whole request: who sent what, from where."""
    events = [span.event for _, span in timeline.walk() if span.event is not None]
    inbound = (each for each in events if each["method"] and each["direction"] != "outgoing")
    first: dict[str, Any] = next(inbound, {})
    path, query = first.get("path") or "", first.get("query")
    facts = {
        "Request": f"{first['method']} {path}{f'?{query}' if query else ''}" if first else "",
        "Status": format_value("text", first.get("graphqlStatus") or first.get("httpStatus")),
        "Outcome": first.get("outcome") or "",
        "User": next((each["userId"] for each in events if each["userId"]), ""),
        "From": first.get("ipAddress") or "",
        "Began": f"{format_value('beginning', timeline.began)} UTC" if timeline.began else "",
        "Took": format_duration(timeline.duration),
        "Services": ", ".join(timeline.services),
    }
    return [(name, short(value)) for name, value in facts.items() if value]


def stack_of(span: Span) -> str:
    """Return the end of a stack trace: where it was raised."""
    text = str((span.event or {}).get("stackTrace") or "")
    return text if len(text) <= 20_000 else f"…{text[-20_000:]}"


@cache
def environment() -> Environment:
    """Return the templates. All that they are given is escaped."""
    templates = Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions: list[Callable[..., object]] = [format_value, format_duration, heading, count_of]
    functions += [short, percent, address, segment, facts, stack_of]
    templates.globals |= {function.__name__: function for function in functions}
    templates.globals["mark_svg"] = Markup(read("mark.svg"))  # noqa: S704 - a file of this package
    templates.globals |= {"QUESTIONS": QUESTIONS, "GROUPS": GROUPS, "BUCKETS": BUCKETS}
    return templates


def render(template: str, **content: object) -> str:
    """Return a page."""
    return environment().get_template(template).render(content)
