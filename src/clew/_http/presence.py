"""A request as others see it while it runs: noted in the process's table, and watched."""

from __future__ import annotations

from clew._process import process
from clew._table import HTTP, WEBSOCKET, Outline, Table
from clew._targets import clean_path
from clew._unfinished import unfinished

from .request import HTTPRequest
from .settings import Settings
from .stack import Place, thread_here
from .wire import shown_path


class Presence(HTTPRequest):
    """What of a request is there for others to see, from its beginning to its record."""

    settings: Settings
    request_id: str
    websocket: bool
    is_present: bool  # whether anything of it is
    slot: tuple[Table, int] | None = None
    place: Place = None  # where it runs, as far as somebody watches
    _process: object

    def appear(self) -> None:
        """Be seen, by what is asked for."""
        settings = self.settings
        if unfinished.is_on:
            self.slot = unfinished.begin(self)
        if settings.watch is not None and not self.websocket:
            self.place = self.find_place()
            settings.watch.add(self)  # type: ignore[arg-type]
        self.is_present = True

    def depart(self) -> None:
        """Be over, though the record is just being written."""
        if self.slot is not None:
            table, slot = self.slot
            table.ending(slot)
        self._unwatch()

    def vanish(self) -> None:
        """Be seen no more: there is a record, or none is wanted."""
        self.is_present = False
        self._unwatch()
        if self.slot is not None and self._process is process[0]:
            (table, slot), self.slot = self.slot, None
            table.end(slot)

    def _unwatch(self) -> None:
        if self.place is not None and self.settings.watch is not None:
            self.place = None
            self.settings.watch.remove(self)  # type: ignore[arg-type]

    def find_place(self) -> Place:
        """Return where it runs, for who wants to know at what it stands."""
        return thread_here()

    def outline(self) -> Outline:
        """Return what is known of it at its beginning, for the process's table."""
        method, path = self.method(), self.path()
        if not self.settings.is_plain:
            path = shown_path(clean_path(path), self.settings.redactor)
        kind = WEBSOCKET if self.websocket else HTTP
        name, where = method.encode("utf-8", "replace"), path.encode("utf-8", "replace")
        return kind, self.request_id.encode(), name, where
