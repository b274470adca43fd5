"""The judge: holds a log against what the clients noted, and against nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from .kinds import CHUNK, CHUNKS, CRASH, FINE, GONE, Kind, Note, tenant_of, user_of

_WHOLE = CHUNKS * len(CHUNK)


class _Exception(msgspec.Struct):
    type: str
    message: str
    stackTrace: str


class _Request(msgspec.Struct):
    path: str
    route: str | None = None


class _Response(msgspec.Struct):
    httpStatus: int
    bodySize: int | None = None
    closeCode: int | None = None


class Line(msgspec.Struct):
    """A line of the log, as far as the judge looks at it."""

    level: str
    message: str
    createdAt: int
    logger: str
    requestId: str | None = None
    userId: str | None = None
    tenant: str | None = None
    own: str | None = None
    request: _Request | None = None
    response: _Response | None = None
    outcome: str | None = None
    exception: _Exception | None = None


_decoder = msgspec.json.Decoder(Line)


@dataclass
class Verdict:
    """What the judge found."""

    answered: int = 0
    records: int = 0
    unanswered: int = 0
    # Those of them that had begun as their process ended, and have no record.
    unfinished: int = 0
    # Lines that the clients' notes ask for and that are not there.
    missing: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, problem: str, example: object) -> None:
        """Count a problem; the first example of each kind is kept."""
        self.problems[problem] += 1
        self.examples.setdefault(problem, str(example)[:600])

    @property
    def wrong(self) -> int:
        """How many problems there are."""
        return self.problems.total()


class Judge:
    """Holds lines against notes.

    With *interrupted* the server was stopped or restarted: a response may end early, and its
    record need not say so; where the server *drops* what it is at, there need be none. With
    *may_lose*, what is missing is counted, and is no problem.
    """

    def __init__(
        self,
        notes: Mapping[str, Note],
        kinds: Sequence[Kind],
        *,
        interrupted: bool = False,
        drops: bool = False,
        may_lose: bool = False,
    ) -> None:
        self._notes = notes
        self._kinds = {kind.name: kind for kind in kinds}
        self._interrupted = interrupted
        self._drops = drops
        self._may_lose = may_lose
        self._records: Counter[str] = Counter()
        self._lines: Counter[str] = Counter()
        self._verdict = Verdict()

    def verdict(self, lines: Iterable[bytes]) -> Verdict:
        """Read *lines*, with their ends, and say what is wrong."""
        for line in lines:
            self._read(line)
        for name, note in self._notes.items():
            self._count(name, note)
        return self._verdict

    # Each line by itself.

    def _read(self, text: bytes) -> None:
        verdict = self._verdict
        try:
            if not text.endswith(b"\n"):
                raise ValueError("it has no end")
            line = _decoder.decode(text)
        except ValueError as error:
            verdict.add("no whole line", f"{error}: {text!r}")
            return
        if line.own is not None:
            if line.requestId is None and line.message == "closed":
                return  # a garbage collection closed it: nobody knows then whose it is
            self._lines[line.requestId or ""] += 1
        if line.requestId is None:
            if line.own is not None or line.tenant is not None or line.userId is not None:
                verdict.add("a line without its id", text)
            return
        if line.requestId not in self._notes:
            verdict.add("an id that nobody sent", text)
            return
        kind, _, number = line.requestId.partition(":")
        if not self._is_own(line, number):
            verdict.add("mixed", text)
        elif line.own is not None and (line.userId, line.tenant) != (
            user_of(number),
            tenant_of(number),
        ):
            verdict.add("a line without its user or field", text)
        if line.logger == "clew.http":
            self._read_record(line, self._kinds[kind], number, text)

    @staticmethod
    def _is_own(line: Line, number: str) -> bool:
        """Tell whether nothing in *line* is another request's."""
        return (
            line.own in (None, number)
            and line.userId in (None, user_of(number))
            and line.tenant in (None, tenant_of(number))
            and (line.exception is None or " of " not in line.exception.message
                 or line.exception.message.rpartition(" ")[2] == number)
        )  # fmt: skip

    def _read_record(self, line: Line, kind: Kind, number: str, text: bytes) -> None:
        verdict = self._verdict
        verdict.records += 1
        name = f"{kind.name}:{number}"
        self._records[name] += 1
        note = self._notes[name]
        if self._is_of_server(note):
            return
        request, response = line.request, line.response
        if request is None or response is None:
            verdict.add("a record without its parts", text)
            return
        if request.path != f"/{kind.name}/{number}":
            verdict.add("another path", text)
        result = response.httpStatus, line.outcome
        if _is_overdue(note, kind):
            if result != GONE:
                verdict.add("another outcome than that of an overdue handshake", text)
        elif note.status is not None and note.status != response.httpStatus:
            verdict.add("another status than the client's", f"{note} {text!r}")
        elif note.end == "broken" and (note.status is None or not kind.breaks):
            pass
        elif self._interrupted and _is_cut(note):
            pass  # the server has ended what it was at, in its own way
        elif result not in kind.results or (
            kind.action == "leave" and result == FINE and response.bodySize != _WHOLE
        ):
            verdict.add("another outcome than the client's", f"{note} {text!r}")
        elif response.closeCode not in (note.code, *kind.codes):
            verdict.add("another close code", f"{note} {text!r}")
        if note.end != "whole":
            return
        if (line.userId, line.tenant) != (user_of(number), tenant_of(number)):
            verdict.add("a record without its user or field", text)
        if request.route is None or not request.route.startswith(f"/{kind.name}/"):
            verdict.add("a record without its route", text)
        if result == CRASH and line.exception is None:
            verdict.add("a crash without its exception", text)

    def _is_of_server(self, note: Note) -> bool:
        """Tell whether a server that is ending has answered in the application's place."""
        return self._interrupted and not note.echoed and (note.status or 0) >= 500

    def _is_dropped(self, note: Note) -> bool:
        """Tell whether the server has dropped what no client had the whole of, without a word."""
        return self._drops and note.end != "whole"

    # And each request.

    def _count(self, name: str, note: Note) -> None:
        verdict, kind = self._verdict, self._kinds[name.partition(":")[0]]
        records, lines = self._records[name], self._lines[name]
        if self._is_of_server(note):
            verdict.unanswered += 1
            return
        if note.status is not None:
            verdict.answered += 1
            if kind.echoes and not note.echoed:
                verdict.add("a response without its id", name)
        if note.end == "broken" and not kind.breaks:
            verdict.unanswered += 1
            if not self._interrupted:
                verdict.add("unanswered", f"{name} {note}")
        if records > 1:
            verdict.add("two records", f"{name} {note}")
        # Of one who left, or was not answered, nothing need have come as far as the application.
        if not records and self._interrupted and (note.status is None or self._is_dropped(note)):
            verdict.unfinished += bool(lines)
        elif not records and (note.status is not None or lines):
            self._miss("no record", 1, f"{name} {note}")
        least, most = kind.lines
        if lines > most:
            verdict.add("too many lines", f"{name}: {lines}")
        if _is_overdue(note, kind) or (self._interrupted and (_is_cut(note) or kind.goes_on)):
            return  # the server may have ended it before its time
        if note.end == "whole" and lines < least:
            self._miss("lost lines", least - lines, f"{name}: {lines} of {least}")

    def _miss(self, problem: str, count: int, example: str) -> None:
        self._verdict.missing += count
        if not self._may_lose:
            self._verdict.add(problem, example)


def _is_cut(note: Note) -> bool:
    """Tell whether an application may have been ended, by its server or for want of threads."""
    return note.status is None or note.status == 101 or note.status >= 500


def _is_overdue(note: Note, kind: Kind) -> bool:
    """Tell whether the server refused a WebSocket, as daphne does when a handshake takes long."""
    return note.status == 403 and 403 not in {status for status, _ in kind.results}
