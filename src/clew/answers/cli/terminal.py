"""Answers and timelines for people at a terminal."""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clew._text import one_line
from clew.answers.formatting import count_of, format_duration, format_value, heading
from clew.answers.logs import Answer
from clew.answers.timeline import Span, Timeline

ROWS = 20

_NUMBERS = frozenset(("count", "amount", "duration", "share"))
# Wrap ids instead of truncating them, so that they can be copied.
_WRAP = frozenset(("requestId", "userId", "value", "oldValue"))
_SERVICES = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")
# Characters that turn the direction of what follows (Unicode's bidirectional algorithm).
_BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BAR = 12
_GAP = 2
# The least width of a column of texts.
_LEAST_WIDTH = 6


def draw_answer(console: Console, answer: Answer, *, limited: bool) -> None:
    """Print *answer* as a table that fits the terminal.

    Unless it is *limited*, its first rows are shown, of a history the last.
    """
    history = answer.question.history
    rows = answer.rows
    if not limited:
        rows = rows[-ROWS:] if history else rows[:ROWS]
    console.print(
        Text(answer.question.title, "bold"), Text(answer.question.purpose, "dim"), sep="\n"
    )
    if not rows:
        console.print("\nNothing.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    kinds = answer.kinds
    measure = answer.measure
    bar = 0 if measure is None else _BAR + _GAP
    cells = [
        [
            Text(_safe(format_value(kind, value)), "red" if kind == "flag" else "")
            for kind, value in zip(kinds.values(), row, strict=True)
        ]
        for row in rows
    ]
    widths = _widths(answer, cells, console.width - bar)
    for (name, kind), width in zip(kinds.items(), widths, strict=True):
        table.add_column(
            heading(name, kind, answer.timezone),
            justify="right" if kind in _NUMBERS else "left",
            overflow="fold" if name in _WRAP else "ellipsis",
            no_wrap=name not in _WRAP,
            width=width,
        )
    if measure is not None:
        table.add_column("", min_width=_BAR, no_wrap=True)
    largest = max((float(row[measure] or 0) for row in rows), default=0) if measure else 0
    for row, own in zip(rows, cells, strict=True):
        if measure is not None:
            share = float(row[measure] or 0) / largest if largest > 0 else 0
            own.append(Text(_bar(max(share, 0) * _BAR), "cyan"))
        table.add_row(*own)
    console.print()
    console.print(table)
    if hidden := len(answer.rows) - len(rows):
        more = count_of(hidden, "earlier row" if history else "further row")
        console.print(Text(f"and {more}: --limit {len(answer.rows)}", "dim"))


def _widths(answer: Answer, cells: list[list[Text]], width: int) -> list[int]:
    """Return the widths of the columns: numbers and times have theirs, texts share the rest."""
    kinds = answer.kinds
    natural = [
        max(cell_len(heading(name, kind, answer.timezone)), *(row[place].cell_len for row in cells))
        for place, (name, kind) in enumerate(kinds.items())
    ]
    texts = [place for place, kind in enumerate(kinds.values()) if kind == "text"]
    room = width - _GAP * len(natural)
    room -= sum(own for place, own in enumerate(natural) if place not in texts)
    # The short ones first: what they do not need is for the long ones.
    for number, place in enumerate(sorted(texts, key=lambda place: natural[place])):
        natural[place] = max(_LEAST_WIDTH, min(natural[place], room // (len(texts) - number)))
        room -= natural[place]
    return natural


def _safe(text: str) -> str:
    """Return *text* on one line, without what would steer the terminal."""
    return _BIDIRECTIONAL.sub(
        lambda mark: mark[0].encode("unicode_escape").decode(), one_line(text)
    )


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
            (f"  {format_value('beginning', timeline.began)} UTC  ", "dim"),
            (f"{format_duration(timeline.duration)}, ", "dim"),
            (count_of(len(timeline.services), "service"), "dim"),
            "\n",
        )
    )
    rows = []
    for depth, span in timeline.walk():
        length = format_duration(span.duration) if span.timed else ""
        rows.append((f"+{span.begin:,.1f}", length, _safe(span.service or ""), depth, span))
    begins = max(len(begin) for begin, *_ in rows)
    lengths = max(len(length) for _, length, *_ in rows)
    services = min(20, max(cell_len(service) for _, _, service, *_ in rows))
    bar = max(10, min(40, console.width // 4))
    for begin, length, service, depth, span in rows:
        own = styles.get(span.service or "", "")
        quiet = "dim" if span.event is None else ""
        line = Text.assemble(
            (f"{begin:>{begins}}  ", "dim"),
            (f"{length:>{lengths}}  ", quiet),
            (f"{set_cell_size(service, services)}  ", own),
            (f"{_bar_of(span, timeline.duration, bar):<{bar}}  ", "red" if span.failed else own),
            _label(depth, span),
        )
        line.rstrip()
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)


def _label(depth: int, span: Span) -> Text:
    indent = "  " * depth
    if span.event is None:
        return Text(f"{indent}{_safe(span.label)}", "dim italic")
    arrow = "→ " if span.outgoing else ""
    style = "bold red" if span.failed else "bold" if span.timed and not span.outgoing else ""
    return Text.assemble(
        f"{indent}{arrow}", (_safe(span.label), style), "  ", (_safe(span.detail), "dim")
    )


def _bar_of(span: Span, whole: float, width: int) -> str:
    scale = width / whole if whole > 0 else 0
    at = min(int(span.begin * scale), width - 1)
    if not span.timed:
        return f"{' ' * at}◆"
    mark = "┄" if span.event is None else "─" if span.outgoing else "━"
    return " " * at + mark * max(1, min(round(span.duration * scale), width - at))


def _bar(length: float) -> str:
    eighths = "▏▎▍▌▋▊▉█"
    whole, part = divmod(round(length * 8), 8)
    return ("█" * whole + (eighths[part - 1] if part else ""))[:_BAR]
