"""Pages: templates, and what they write addresses and texts with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ._mistakes import needs
from ._parameters import BUCKETS
from ._questions import QUESTIONS
from ._sections import GROUPS, LONGEST_TEXT
from ._timeline import Span, Timeline
from ._wording import counted, heading, length, shown

if TYPE_CHECKING:
    from jinja2 import Environment

_PAGES = Path(__file__).parent / "pages"


def short(value: object) -> str:
    """Return a text as far as a page shows it."""
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def percent(part_of: float, whole: float) -> str:
    """Return a place or a width in a drawing."""
    return f"{100 * part_of / whole if whole > 0 else 0:.2f}%"


def address(path: str, **query: object) -> str:
    """Return a path of the live page with a query; what is None is left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, errors='replace')}" if given else path


def quoted(text: str) -> str:
    """Return *text* as one segment of a path."""
    return quote(text, safe="", errors="replace")


def stylesheet() -> str:
    """Return the style of all pages."""
    return (_PAGES / "style.css").read_text("utf-8")


def mark() -> str:
    """Return clew's mark as SVG."""
    return (_PAGES / "mark.svg").read_text("utf-8")


def facts(timeline: Timeline) -> list[tuple[str, str]]:
    """Return what is known of a whole request: who sent what, from where."""
    spans = [span for _, span in timeline.walk() if span.event is not None]
    inbound = [s for s in spans if s.event and s.event["method"] and not s.outgoing]
    first: dict[str, Any] = (inbound[0].event if inbound else None) or {}
    users = [span.event["userId"] for span in spans if span.event and span.event["userId"]]
    path, query = first.get("path") or "", first.get("query")
    named = {
        "Request": f"{first['method']} {path}{f'?{query}' if query else ''}" if first else "",
        "Status": shown("text", first.get("graphqlStatus") or first.get("httpStatus")),
        "Outcome": first.get("outcome") or "",
        "User": users[0] if users else "",
        "From": first.get("ipAddress") or "",
        "Began": f"{shown('beginning', timeline.began)} UTC" if timeline.began else "",
        "Took": length(timeline.duration),
        "Services": ", ".join(timeline.services),
    }
    return [(name, short(value)) for name, value in named.items() if value]


def stack_of(span: Span) -> str:
    """Return the end of a stack trace: where it was raised."""
    text = str((span.event or {}).get("stackTrace") or "")
    return text if len(text) <= 20_000 else f"…{text[-20_000:]}"


@cache
def environment() -> Environment:
    """Return the templates. All that they are given is escaped."""
    with needs("jinja2"):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions: Sequence[Callable[..., object]] = (shown, length, heading, counted, short, percent)
    more: Sequence[Callable[..., object]] = (address, quoted, facts, stack_of)
    templates.globals |= {each.__name__: each for each in (*functions, *more)}
    templates.globals["mark_svg"] = Markup(mark())  # noqa: S704 - a file of this package
    templates.globals |= {"QUESTIONS": QUESTIONS, "GROUPS": GROUPS, "BUCKETS": BUCKETS}
    return templates


def rendered(template: str, **content: object) -> str:
    """Return a page."""
    return environment().get_template(template).render(content)
