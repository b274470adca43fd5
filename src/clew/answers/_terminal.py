"""Answers and timelines for people at a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clew._text import one_line

from ._logs import Answer
from ._timeline import Span, Timeline
from ._wording import counted, heading, length, shown

SHOWN_ROWS = 20

_NUMBERS = frozenset(("count", "amount", "duration", "share"))
# Cut texts could not be searched for: these are folded.
_WHOLE = frozenset(("requestId", "userId", "value", "oldValue"))
_SERVICES = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")
# Characters that turn the direction of what follows (Unicode's bidirectional algorithm).
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BAR = 12
_GAP = 2
# The least width of a column of texts.
_LEAST = 6


def draw_answer(console: Console, answer: Answer, *, limited: bool) -> None:
    """Print *answer* as a table that fits the terminal.

    Unless it is *limited*, its first rows are shown, of a history the last.
    """
    history = answer.question.history
    shown_rows = answer.rows[-SHOWN_ROWS:] if history else answer.rows[:SHOWN_ROWS]
    rows = answer.rows if limited else shown_rows
    console.print(Text(answer.question.title, "bold"), Text(answer.question.tells, "dim"), sep="\n")
    if not rows:
        console.print("\nNothing.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    kinds = answer.question.columns
    measure = _measure(answer)
    bar = 0 if measure is None else _BAR + _GAP
    cells = [
        [_cell(kind, value) for kind, value in zip(kinds.values(), row, strict=True)]
        for row in rows
    ]
    widths = _widths(kinds, cells, console.width - bar)
    for (name, kind), width in zip(kinds.items(), widths, strict=True):
        table.add_column(
            heading(name, kind),
            justify="right" if kind in _NUMBERS else "left",
            overflow="fold" if name in _WHOLE else "ellipsis",
            no_wrap=name not in _WHOLE,
            width=width,
        )
    if measure is not None:
        table.add_column("", min_width=_BAR, no_wrap=True)
    largest = max((float(row[measure] or 0) for row in rows), default=0) if measure else 0
    for row, own in zip(rows, cells, strict=True):
        if measure is not None:
            share = float(row[measure] or 0) / largest if largest > 0 else 0
            own.append(Text(_bar(0, max(share, 0) * _BAR, _BAR), "cyan"))
        table.add_row(*own)
    console.print()
    console.print(table)
    left = len(answer.rows) - len(rows)
    if left:
        console.print(
            Text(
                f"and {counted(left, 'earlier row' if history else 'further row')}:"
                f" --limit {len(answer.rows)}",
                "dim",
            )
        )


def _widths(kinds: Mapping[str, str], cells: list[list[Text]], width: int) -> list[int]:
    """Return the widths of the columns: numbers and times have theirs, texts share the rest."""
    natural = [
        max(cell_len(heading(name, kind)), *(row[place].cell_len for row in cells))
        for place, (name, kind) in enumerate(kinds.items())
    ]
    texts = [place for place, kind in enumerate(kinds.values()) if kind == "text"]
    left = width - _GAP * len(natural)
    left -= sum(own for place, own in enumerate(natural) if place not in texts)
    # The short ones first: what they leave is for the long ones.
    for number, place in enumerate(sorted(texts, key=lambda place: natural[place])):
        natural[place] = max(_LEAST, min(natural[place], left // (len(texts) - number)))
        left -= natural[place]
    return natural


def _measure(answer: Answer) -> int | None:
    """Return the place of the column that a bar is drawn of."""
    names = list(answer.question.columns)
    if answer.question.order:
        return names.index(answer.question.order[0].lstrip("-"))
    if "bucket" in names:
        return len(names) - 1
    return None


def _cell(kind: str, value: object) -> Text:
    text = _safe(shown(kind, value))
    return Text(text, "red" if kind == "flag" else "")


def _safe(text: str) -> str:
    """Return *text* on one line, without what would steer the terminal."""
    return _TURNING.sub(lambda turn: turn[0].encode("unicode_escape").decode(), one_line(text))


def draw_timeline(console: Console, timeline: Timeline) -> None:
    """Print *timeline*: what happened within what, with bars that show where the time went."""
    if not timeline.spans:
        console.print(f"No line carries the request id {_safe(timeline.request_id)}.")
        return
    styles = {
        service: _SERVICES[place % len(_SERVICES)]
        for place, service in enumerate(timeline.services)
    }
    console.print(
        Text.assemble(
            (f"Request {_safe(timeline.request_id)}", "bold"),
            (f"  {shown('beginning', timeline.began)} UTC  {length(timeline.duration)}, ", "dim"),
            (counted(len(timeline.services), "service"), "dim"),
            "\n",
        )
    )
    rows = [
        (_times(span), _safe(span.service or ""), depth, span) for depth, span in timeline.walk()
    ]
    begins = max(len(begin) for (begin, _), *_ in rows)
    lengths = max(len(took) for (_, took), *_ in rows)
    services = min(20, max(cell_len(service) for _, service, *_ in rows))
    bar = max(10, min(40, console.width // 4))
    for (begin, took), service, depth, span in rows:
        own = styles.get(span.service or "", "")
        quiet = "dim" if span.event is None else ""
        line = Text.assemble(
            (f"{begin:>{begins}}  ", "dim"),
            (f"{took:>{lengths}}  ", quiet),
            (f"{set_cell_size(service, services)}  ", own),
            (f"{_drawn(span, timeline.duration, bar):<{bar}}  ", "red" if span.failed else own),
            _said(depth, span),
        )
        line.rstrip()
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)


def _times(span: Span) -> tuple[str, str]:
    return f"+{span.begin:,.1f}", length(span.duration) if span.timed else ""


def _said(depth: int, span: Span) -> Text:
    indent = "  " * depth
    if span.event is None:
        return Text(f"{indent}{_safe(span.label)}", "dim italic")
    arrow = "→ " if span.outgoing else ""
    style = "bold red" if span.failed else "bold" if span.timed and not span.outgoing else ""
    return Text.assemble(
        f"{indent}{arrow}", (_safe(span.label), style), "  ", (_safe(span.detail), "dim")
    )


def _drawn(span: Span, whole: float, width: int) -> str:
    scale = width / whole if whole > 0 else 0
    if not span.timed:
        at = min(int(span.begin * scale), width - 1)
        return f"{' ' * at}◆"
    mark = "┄" if span.event is None else "─" if span.outgoing else "━"
    at = min(int(span.begin * scale), width - 1)
    return " " * at + mark * max(1, min(round(span.duration * scale), width - at))


def _bar(begin: float, end: float, width: int) -> str:
    eighths = "▏▎▍▌▋▊▉█"
    whole, part = divmod(round((end - begin) * 8), 8)
    return ("█" * whole + (eighths[part - 1] if part else ""))[:width]
