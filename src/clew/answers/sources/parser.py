"""Makes clew's own lines of what a source has: recognised line by line, whatever it is in."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import msgspec

from clew.answers.files import LONGEST_LINE, has_surrogates, repair

from .documents import Array, Document
from .form import Form, Line
from .forms import FORMS
from .values import LATEST
from .wrappings import CONTROLS, ENVELOPES, PREFIXES, Payload

# How clew's own lines begin, which are let through at a glance.
PLAIN = b'{"level":"'
_CERTAIN = re.compile(rb'\{"level":"\w+","message":"[^"\\]*+","createdAt":\d{1,14},"')
# How an array begins whose elements have lines of their own.
_ARRAY = {b"[{", b"[", b"[\r"}
# Wrappings in wrappings; deeper ones are none.
_DEEPEST = 6
_MOST_SHAPES = 1000
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Parser:
    """Reads the lines of one source, in their order.

    ``lines`` are clew's own lines that came out of others, for an engine to read. ``odd`` counts
    the lines that were no bare event. Of these, ``broken`` are no JSON object and ``foreign`` ones
    of another form; ``doubtful`` ones are left for the engine to judge, which is more lenient. With
    *form* each line that it fits is read as it says, clew's own too.
    """

    def __init__(self, form: Form | None = None, *, whole: bool = False) -> None:
        self._forms = (form, *FORMS) if form else FORMS
        self._own_form = form
        self._document: Document | None = None
        self._array = Array()
        self._pieces: dict[str | None, list[bytes]] = defaultdict(list)
        self._fitting: dict[tuple[str, ...], Form] = {}
        self._in_document: set[bytes] = set()
        self._whole = whole
        self.lines: list[bytes] = []
        self.doubtful: list[bytes] = []
        self.odd = self.broken = self.foreign = 0
        self.shapes: Counter[tuple[str, ...]] = Counter()

    def parse(self, text: bytes, *, strict: bool = False) -> None:
        """Read whole lines.

        Those that begin as clew's own are left out, as the engine has read them; if *strict*, only
        those that are certainly events. With ``whole`` all lines are read, and come out.
        """
        lines = text.split(b"\n")
        if not (self._whole or self._array.is_open or has_surrogates(text)):
            if strict:
                odd = [line for line in lines if not _CERTAIN.match(line)]
            else:
                odd = [line for line in lines if line[:10] != PLAIN]
            # The elements of an array may look as clew's own, but for the comma behind them.
            if not any(line[:2] in _ARRAY for line in odd):
                lines = odd
        for line in lines:
            if line:
                try:
                    self._read(line)
                except RecursionError:  # as of an object in an object, a thousand times
                    self.broken += 1

    def take(self) -> bytes:
        """Return the lines that came out since the last call."""
        lines, self.lines = self.lines, []
        return b"\n".join([*lines, b""])

    def end(self) -> None:
        """Read what was left open at the end of the source."""
        while self._document is not None:
            self._give_up(self._document)
        if self._array.end():
            self.broken += 1
        for stream in list(self._pieces):
            self._text(b"".join(self._pieces.pop(stream)), None, 1)

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        if self._document is not None:
            self._continue(self._document, line)
            return
        self.odd += 1
        element, was_none = self._array.element(line)
        if was_none:
            self.broken += 1
        if element.strip() == b"{":
            self._document = Document(element)
        elif element:
            self._text(element, None, 0 if element is line else 1)

    def _continue(self, document: Document, line: bytes) -> None:
        """Go on with *document*, or with its lines one by one where it turns out to be none."""
        if not document.holds(line):
            self._give_up(document)
            self._read(line)
            return
        self.odd += 1
        if document.add(line):
            return
        read = _object_of(document.text)
        if read is None:
            self._give_up(document)
            return
        self._document = None
        if not self._whole:  # a line within that is an event by itself was read as one
            bare = (each for each in document.lines if each.strip()[:1] == b"{" and len(each) > 9)
            inner = [of for each in bare if (of := _object_of(each.strip())) and is_event(of)]
            self._in_document = set(map(_encode, inner))
            self.odd -= len(inner)
        self._object(read, None, None, 1)
        self._in_document = set()

    def _give_up(self, document: Document) -> None:
        """Read the lines of what is no document one by one, but the first: that is broken."""
        self._document = None
        self.broken += 1
        self.odd -= len(document.lines) - 1
        for line in document.lines[1:]:
            self._read(line)

    def _text(self, text: bytes, at: int | None, depth: int) -> None:
        """Read a line that is still a text, wrapped *depth* times."""
        line = text.strip()
        if line[:1] in {b"\0", b"\xef"}:
            line, depth = repair(line), depth + 1
        if line[:1] == b"{":
            if self._whole and _CERTAIN.match(line) and self._own_form is None:
                self.lines.append(line)
                return
            read = _object_of(line)
            if read is not None:
                self._object(read, line if depth or self._whole else text, at, depth)
                return
            repaired = repair(line)
            if repaired != line:  # the engine could not read it as it was
                line, depth = repaired, depth + 1
                if (read := _object_of(line)) is not None:
                    self._object(read, line, at, depth)
                    return
            if depth == 0 or line[:2] == b'{"':
                self._doubt(line, depth)
                return
        elif line[:2] == b"[{" and (elements := _array_of(line)) is not None:
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
            whole = b"".join(self._pieces.pop(payload.stream))
            self._text(_one_line(whole), at, depth)

    def _object(self, read: Line, line: bytes | None, at: int | None, depth: int) -> None:
        """Take an object. *line* is how it was written, where that may stay."""
        form = self._own_form
        if is_event(read) and not (form and form.fits(read)):
            if depth == 0 and not self._whole:
                self.odd -= 1
            else:
                self._emit(line or _encode(read))
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
            self._emit(_encode(converted))
        elif depth == 0 and not self._whole and line is not None and b'"createdAt"' in line:
            self._doubt(line, depth)  # of a key that is there twice, one may make an event
        else:
            self.foreign += 1
            shape = tuple(read)[:8]
            if shape in self.shapes or len(self.shapes) < _MOST_SHAPES:
                self.shapes[shape] += 1

    def _convert(self, read: Line, at: int | None) -> Line | None:
        keys = tuple(read)
        known = self._fitting.get(keys)
        for form in (known, *self._forms) if known else self._forms:
            if form.fits(read) and (converted := form.convert(read, at)) is not None:
                if len(self._fitting) < _MOST_SHAPES:
                    self._fitting[keys] = form
                return converted
        return None

    def _emit(self, line: bytes) -> None:
        if line in self._in_document:
            self._in_document.discard(line)
        else:
            self.lines.append(line)

    def _doubt(self, line: bytes, depth: int) -> None:
        """Leave to the engine what *line* is; where it has not seen it, it counts it too."""
        (self.lines if depth or self._whole else self.doubtful).append(line)


def is_event(line: Line) -> bool:
    """Tell whether *line* is one of clew's own as it is: it says when it was."""
    created = line.get("createdAt")
    return type(created) is int and 0 <= created < LATEST


def is_plain(text: bytes) -> bool:
    """Tell whether *text*, the beginning of a source, has lines of clew's own, in no wrapping."""
    line = next((each for each in text.split(b"\n") if each.strip()), PLAIN)
    read = _object_of(repair(line.strip()))
    return line.startswith(PLAIN) if read is None else is_event(read)


def _one_line(text: bytes) -> bytes:
    """Return *text* without ends of lines: in JSON they stand between values at most."""
    return text.replace(b"\n", b" ") if b"\n" in text else text


def _object_of(text: bytes) -> Line | None:
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


def likeliest(shapes: Counter[tuple[str, ...]]) -> str:
    """Return what most lines of another form look like: the nearest form, or their keys."""
    [(shape, _)] = shapes.most_common(1)
    line = dict.fromkeys(shape, "")
    near = [
        (sum(any(path.partition(".")[0] in line for path in paths) for paths in form.needs), form)
        for form in FORMS
    ]
    most, form = max(near, key=lambda each: each[0] / len(each[1].needs))
    if most * 3 >= len(form.needs) * 2:
        lacks = next(
            (
                paths[0]
                for paths in form.needs
                if not any(path.partition(".")[0] in line for path in paths)
            ),
            "a time",
        )
        return f"{form.name} without {lacks}"
    return ", ".join(repr(key[:40]) for key in shape[:4]) or "empty objects"
