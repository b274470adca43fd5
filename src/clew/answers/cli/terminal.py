"""Timelines for people at a terminal."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from clew._text import one_line
from clew.answers.formatting import count_of, format_duration, format_value
from clew.answers.timeline import Span, Timeline

_SERVICES = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")


def draw_timeline(console: Console, timeline: Timeline) -> None:
    """Print *timeline*: what happened within what, with bars that show where the time went."""
    if not timeline.spans:
        console.print(f"No line carries the request id {one_line(timeline.request_id)}.")
        return
    styles = {
        service: _SERVICES[place % len(_SERVICES)]
        for place, service in enumerate(timeline.services)
    }
    console.print(
        Text.assemble(
            (f"Request {one_line(timeline.request_id)}", "bold"),
            (f"  {format_value('beginning', timeline.began)} {timeline.timezone}  ", "dim"),
            (f"{format_duration(timeline.duration)}, ", "dim"),
            (count_of(len(timeline.services), "service"), "dim"),
            f"{_about(timeline)}\n",
        )
    )
    rows = []
    for depth, span in timeline.walk():
        length = format_duration(span.duration) if span.timed else ""
        rows.append((f"+{span.begin:,.1f}", length, one_line(span.service or ""), depth, span))
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
            # What is further in has no room.
            _label(min(depth, console.width), span),
        )
        line.rstrip()
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)
    for _, span in timeline.walk():
        if span.event is not None and span.event["stackTrace"] is not None:
            console.print(Text(f"\n{one_line(span.label)}", "bold red"))
            for part in str(span.event["stackTrace"]).splitlines():
                console.print(Text(one_line(part)), soft_wrap=True)


def _about(timeline: Timeline) -> str:
    """Return the status of the request, its user and from where it came, on a line."""
    events = [span.event for _, span in timeline.walk() if span.event is not None]
    edge = next((span for _, span in timeline.walk() if span.called), None)
    facts = []
    if edge is not None and edge.event is not None:
        facts += [str(edge.status)] if edge.status is not None else []
        facts += [f"from {edge.event['ipAddress']}"] if edge.event["ipAddress"] else []
    user = next((event["userId"] for event in events if event["userId"]), None)
    facts += [f"user {user}"] if user else []
    return f"\n{one_line(', '.join(facts))}" if facts else ""


def _label(depth: int, span: Span) -> Text:
    indent = "  " * depth
    if span.event is None:
        return Text(f"{indent}{one_line(span.label)}", "dim italic")
    arrow = "→ " if span.outgoing else ""
    style = "bold red" if span.failed else "bold" if span.timed and not span.outgoing else ""
    return Text.assemble(
        f"{indent}{arrow}", (one_line(span.label), style), "  ", (one_line(span.detail), "dim")
    )


def _bar_of(span: Span, whole: float, width: int) -> str:
    scale = width / whole if whole > 0 else 0
    at = min(int(span.begin * scale), width - 1)
    if not span.timed:
        return f"{' ' * at}◆"
    mark = "┄" if span.event is None else "─" if span.outgoing else "━"
    return " " * at + mark * max(1, min(round(span.duration * scale), width - at))
