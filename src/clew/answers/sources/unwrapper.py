"""Takes a line out of what it is wrapped in, and recognises what it is."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import msgspec

from clew.answers.files import LONGEST_LINE, repair

from .documents import Document
from .form import Form, Line
from .forms import FORMS
from .prefixes import CONTROLS, PREFIXES, Payload
from .shapes import MOST_SHAPES, Shape, count_shape
from .values import LATEST
from .wrappings import ENVELOPES

# How clew's own lines begin that are certainly events.
CERTAIN = re.compile(rb'\{"level":"\w+","message":"[^"\\]*+","createdAt":\d{1,14},"')
# So many pieces may begin a line of their own, behind one that was never finished.
_MOST_BEGINS = 3
_OPENING = re.compile(rb"\[\s*\{")  # of an array of objects
# Wrappings in wrappings; deeper ones are none.
_DEEPEST = 6
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


class Unwrapper:
    """Makes clew's own lines of texts and objects, whatever they are wrapped in.

    ``lines`` are clew's own lines that came out of others, for an engine to read. ``odd`` counts
    the lines that were no bare event. Of these, ``broken`` are no JSON object and ``foreign`` ones
    of another form; ``doubtful`` ones are left for the engine to judge, which is more lenient. With
    *form* each line that it fits is read as it says, clew's own too. With *whole*, bare events come
    out as well.
    """

    def __init__(self, form: Form | None = None, *, whole: bool = False) -> None:
        self._forms = (form, *FORMS) if form else FORMS
        self._own_form = form
        self._whole = whole
        self._document: Document | None = None  # what a line has opened, and no other closed yet
        self._pieces: dict[str | None, list[bytes]] = defaultdict(list)
        self._fitting: dict[Shape, Form] = {}
        self.lines: list[bytes] = []
        self.doubtful: list[bytes] = []
        self.odd = self.broken = self.foreign = 0
        self.shapes: Counter[Shape] = Counter()

    def take(self) -> bytes:
        """Return the lines that came out since the last call."""
        lines, self.lines = self.lines, []
        return b"\n".join([*lines, b""])

    def _end_pieces(self) -> None:
        """Read what was left open of lines that came in pieces."""
        for stream in list(self._pieces):
            self._join(self._pieces.pop(stream), None, 1)

    def _join(self, pieces: list[bytes], at: int | None, depth: int) -> None:
        """Read the line that *pieces* are; where one begins another, those before are broken."""
        begins = [place for place, piece in enumerate(pieces) if place and piece[:2] == b'{"']
        if begins and object_of(b"".join(pieces)) is None:
            # It may as well be an object in the line, which the line was cut at.
            for place in begins[-_MOST_BEGINS:]:
                if object_of(line := b"".join(pieces[place:])) is not None:
                    self._text(_one_line(b"".join(pieces[:place])), None, depth)
                    self._text(_one_line(line), at, depth)
                    return
        self._text(_one_line(b"".join(pieces)), at, depth)

    def _text(self, text: bytes, at: int | None, depth: int) -> None:
        """Read a line that is still a text, wrapped *depth* times."""
        line = text.strip()
        if line[:1] in {b"\0", b"\xef"}:
            line, depth = repair(line), depth + 1
        if line[:1] == b"{":
            if self._whole and CERTAIN.match(line) and self._own_form is None:
                self.lines.append(line)
                return
            read = object_of(line)
            if read is not None:
                self._object(read, line if depth or self._whole else text, at, depth)
                return
            repaired = repair(line)
            if repaired != line:  # the engine could not read it as it was
                line, depth = repaired, depth + 1
                if (read := object_of(line)) is not None:
                    self._object(read, line, at, depth)
                    return
            if depth == 0 or line[:2] == b'{"':
                self._doubt(line, depth)
                return
        elif _OPENING.match(line) and (elements := _array_of(line)) is not None:
            for element in elements:
                self._object(element, None, at, depth + 1)
            return
        self._wrapped(line, at, depth)

    def _wrapped(self, line: bytes, at: int | None, depth: int) -> None:
        if b"\x1b" in line:
            line = CONTROLS.sub(b"", line)
        if depth < _DEEPEST:
            for prefix in PREFIXES:
                payload = prefix.payload(line)
                if payload is not None:
                    self._payload(payload, at, depth + 1)
                    return
        if depth and line == b"{":  # as the AWS command line prints a line
            self._document = Document(line)
            return
        if line:
            self.broken += 1

    def _payload(self, payload: Payload, at: int | None, depth: int) -> None:
        at = at if payload.at is None else payload.at
        content = payload.content
        if isinstance(content, dict):
            self._object(content, None, at, depth)
            return
        text = content if isinstance(content, bytes) else content.encode(errors="replace")
        pieces = self._pieces.get(payload.stream)
        if pieces is None and payload.ends:
            self._text(_one_line(text), at, depth)
            return
        pieces = self._pieces[payload.stream]
        if sum(map(len, pieces)) <= LONGEST_LINE:
            pieces.append(text)
        if payload.ends:
            self._join(self._pieces.pop(payload.stream), at, depth)

    def _object(self, read: Line, line: bytes | None, at: int | None, depth: int) -> None:
        """Take an object. *line* is how it was written, where that may stay."""
        form = self._own_form
        if is_event(read) and not (form and form.fits(read)):
            if depth == 0 and not self._whole:
                self.odd -= 1
            else:
                self.lines.append(line or encode(read))
            return
        if depth < _DEEPEST and not (form and form.fits(read)):
            for envelope in ENVELOPES:
                payloads = envelope.open(read)
                if payloads is not None:
                    for payload in payloads:
                        self._payload(payload, at, depth + 1)
                    return
        converted = self._convert(read, at)
        if converted is not None:
            self.lines.append(encode(converted))
        elif depth == 0 and not self._whole and line is not None and b'"createdAt"' in line:
            self._doubt(line, depth)  # of a key that is there twice, one may make an event
        else:
            self.foreign += 1
            count_shape(self.shapes, read)

    def _convert(self, read: Line, at: int | None) -> Line | None:
        keys = tuple(read)
        known = self._fitting.get(keys)
        for form in (known, *self._forms) if known else self._forms:
            if form.fits(read) and (converted := form.convert(read, at)) is not None:
                if len(self._fitting) < MOST_SHAPES:
                    self._fitting[keys] = form
                return converted
        return None

    def _doubt(self, line: bytes, depth: int) -> None:
        """Leave to the engine what *line* is; where it has not seen it, it counts it too."""
        (self.lines if depth or self._whole else self.doubtful).append(line)


def is_event(line: Line) -> bool:
    """Tell whether *line* is one of clew's own as it is: it says when it was."""
    created = line.get("createdAt")
    return type(created) is int and 0 <= created < LATEST


def _one_line(text: bytes) -> bytes:
    """Return *text* without ends of lines: in JSON they stand between values at most."""
    return text.replace(b"\n", b" ") if b"\n" in text else text


def object_of(text: bytes) -> Line | None:
    """Return the JSON object that *text* is; None where it is none."""
    try:
        read: Any = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _array_of(text: bytes) -> list[Line] | None:
    try:
        read: Any = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_array = isinstance(read, list) and all(isinstance(each, dict) for each in read)
    return read if is_array else None
