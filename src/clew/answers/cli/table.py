"""Answers as tables, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clew._text import one_line
from clew.answers.formatting import count_of, format_value, heading
from clew.answers.logs import Answer

from .options import TABLE_ROWS

_NUMBERS = frozenset(("count", "amount", "duration", "share"))
# Wrap what names something instead of truncating it; an id is never parted, to be copied.
_WRAP = frozenset(("userId", "value", "oldValue"))
_WHOLE = "requestId"
_BAR = 12
_GAP = 2
# The least width of a column of texts.
_LEAST_WIDTH = 10


@dataclass(slots=True)
class _Column:
    """A column of a table: *place* is that in a row, *width* what its cells would like to have."""

    place: int
    name: str
    kind: str
    heading: str
    width: int

    @property
    def shrinks(self) -> bool:
        return self.kind == "text" and self.name != _WHOLE

    @property
    def least(self) -> int:
        return min(self.width, _LEAST_WIDTH) if self.shrinks else self.width


def draw_answer(console: Console, answer: Answer, *, limited: bool) -> None:
    """Print *answer* as a table that fits the terminal; what has no room stands under each row.

    Unless it is *limited*, its first rows are shown, of a history the last.
    """
    history = answer.question.history
    rows = answer.rows
    if not limited:
        rows = rows[-TABLE_ROWS:] if history else rows[:TABLE_ROWS]
    # Of SQL, that is the query itself, which may have lines.
    purpose = "\n".join(map(one_line, answer.question.purpose.split("\n")))
    console.print(Text(answer.question.title, "bold"), Text(purpose, "dim"), sep="\n")
    if not rows:
        console.print("\nNothing.")
        return
    cells = [
        [
            Text(one_line(format_value(kind, value)), "red" if kind == "flag" else "")
            for kind, value in zip(answer.kinds.values(), row, strict=True)
        ]
        for row in rows
    ]
    columns = _columns(answer, cells)
    beneath = _take_out(columns, console.width)
    measure = answer.measure
    bar = 0 if measure is None else _BAR + _GAP
    if beneath or _room(columns, console.width) < bar:
        bar = 0
    _share(columns, console.width - bar)
    largest = max((float(row[measure or 0] or 0) for row in rows), default=0) if bar else 0
    console.print()
    table = _grid(columns, bar, header=True)
    for row, own in zip(rows, cells, strict=True):
        share = float(row[measure or 0] or 0) / largest if bar and largest > 0 else 0
        drawn = [Text(_bar(max(share, 0) * _BAR), "cyan")] if bar else []
        table.add_row(*(own[column.place] for column in columns), *drawn)
        if beneath:
            console.print(table)
            _print_beneath(console, beneath, own)
            table = _grid(columns, bar, header=False)
    if not beneath:
        console.print(table)
    total = answer.total or len(answer.rows)
    if hidden := total - len(rows):
        more = count_of(hidden, "earlier row" if history else "further row")
        console.print(Text(f"and {more}: --limit {total}", "dim"))


def _columns(answer: Answer, cells: Sequence[Sequence[Text]]) -> list[_Column]:
    columns = []
    for place, (name, kind) in enumerate(answer.kinds.items()):
        title = one_line(heading(name, kind, answer.timezone))
        width = max(cell_len(title), *(row[place].cell_len for row in cells))
        columns.append(_Column(place, name, kind, title, width))
    return columns


def _take_out(columns: list[_Column], width: int) -> list[_Column]:
    """Take those of *columns* out that do not fit: the id first, then from the end."""
    out: list[_Column] = []
    while len(columns) > 1 and _room(columns, width) < 0:
        ids = [column for column in columns if column.name == _WHOLE]
        out.append((ids or columns)[-1])
        columns.remove(out[-1])
    return sorted(out, key=lambda column: column.place)


def _room(columns: Sequence[_Column], width: int) -> int:
    """Return what is left of *width* when each column has the least that it needs."""
    return width - sum(column.least + _GAP for column in columns)


def _share(columns: Sequence[_Column], width: int) -> None:
    """Set the widths: numbers, times and ids have theirs, texts share the rest."""
    texts = sorted((each for each in columns if each.shrinks), key=lambda each: each.width)
    room = width - _GAP * len(columns) - sum(each.width for each in columns if not each.shrinks)
    # The short ones first: what they do not need is for the long ones.
    for number, column in enumerate(texts):
        column.width = max(column.least, min(column.width, room // (len(texts) - number)))
        room -= column.width


def _grid(columns: Sequence[_Column], bar: int, *, header: bool) -> Table:
    table = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        show_header=header,
    )
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.kind in _NUMBERS else "left",
            overflow="fold" if column.name in _WRAP else "ellipsis",
            no_wrap=column.name not in _WRAP,
            width=column.width,
        )
    if bar:
        table.add_column("", min_width=_BAR, no_wrap=True)
    return table


def _print_beneath(console: Console, columns: Sequence[_Column], cells: Sequence[Text]) -> None:
    """Print what a row has in *columns* under it; an id has a line of its own."""
    parts = [(column.name, cells[column.place].plain) for column in columns]
    others = [f"{one_line(name)} {text}" for name, text in parts if text and name != _WHOLE]
    if others:
        line = Text("  ".join(others), "dim", overflow="fold")
        console.print(Padding(line, (0, 0, 0, 2)))
    for name, text in parts:
        if text and name == _WHOLE:
            console.print(Text(f"  {text}", "dim"), soft_wrap=True)


def _bar(length: float) -> str:
    eighths = "▏▎▍▌▋▊▉█"
    whole, part = divmod(round(length * 8), 8)
    return ("█" * whole + (eighths[part - 1] if part else ""))[:_BAR]
