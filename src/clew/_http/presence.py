"""A request as others see it while it runs: noted in the process's table, and watched."""

from __future__ import annotations

from clew._faults import report_failure
from clew._lines.record_line import user_of
from clew._process import process
from clew._redaction import DEFAULT
from clew._table import HTTP, WEBSOCKET, Outline, Slot
from clew._targets import clean_path

from .request import HTTPRequest
from .settings import Settings
from .stack import Place, thread_here
from .wire import shown_path


class Presence(HTTPRequest):
    """What of a request is there for others to see, from its beginning to its record."""

    settings: Settings
    request_id: str
    websocket: bool
    slot: Slot | None = None
    place: Place = None  # where it runs, as far as somebody watches
    _process: object

    def watch(self) -> None:
        """Be looked at while it runs, where somebody wants that."""
        watch = self.settings.watch
        if watch is not None and not self.websocket:
            self.place = self.find_place()
            watch.add(self)  # type: ignore[arg-type]

    def unwatch(self) -> None:
        """Be looked at no more: it is over, though its record may just be being written."""
        watch = self.settings.watch
        if watch is not None and self.place is not None:
            self.place = None
            watch.remove(self)  # type: ignore[arg-type]

    def vanish(self) -> None:
        """Be seen no more: there is a record, or none is wanted."""
        self.unwatch()
        slot = self.slot
        if slot is not None and self._process is process[0]:
            self.slot = None
            slot.end()

    def find_place(self) -> Place:
        """Return where it runs, for who wants to know at what it stands."""
        return thread_here()

    def outline(self) -> Outline:
        """Return what is known of it at its beginning, for the process's table."""
        method, path = self.method(), self.path()
        redactor = self.settings.redactor
        if redactor is not DEFAULT:  # by which whoever reads it masks it
            path = shown_path(clean_path(path.partition("?")[0]), redactor)
        kind = WEBSOCKET if self.websocket else HTTP
        name, where = method.encode("utf-8", "replace"), path.encode("utf-8", "replace")
        return kind, self.request_id.encode(), name, where

    def note_user(self, user_id: str | None) -> None:
        """Note in the process's table who the user is, as the record will show it."""
        slot = self.slot
        if slot is None or user_id is None:
            return
        if not self.settings.is_plain:
            try:
                user_id = user_of(user_id, self.settings.redactor)
            except Exception:
                report_failure()
                return
        slot.know_user(user_id)
