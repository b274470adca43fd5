"""Makes clew's own lines of what a source has: recognised line by line, whatever it is in."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from clew.answers.files import has_surrogates, repair

from .documents import Array, Document
from .form import Form
from .unwrapper import CERTAIN, Unwrapper, encode, is_event, object_of

# How clew's own lines begin, which are let through at a glance.
PLAIN = b'{"level":"'
# How an array begins whose elements have lines of their own.
_ARRAY = {b"[{", b"[", b"[ ", b"[\n", b"[\r"}


class Parser(Unwrapper):
    """Reads the lines of one source, in their order, also objects that go over several lines.

    With ``whole`` all lines come out; with *needle* only those that have it in them, which is
    looked at after they came out.
    """

    def __init__(
        self, form: Form | None = None, *, whole: bool = False, needle: bytes = b""
    ) -> None:
        super().__init__(form, whole=whole)
        self._needle = needle
        # A bare line is not changed, so that what is looked for is in it as it is.
        self._skips_bare = not whole or (needle != b"" and form is None)
        self._array = Array()

    def parse(self, text: bytes, *, strict: bool = False) -> None:
        """Read whole lines.

        Those that begin as clew's own are left out, as the engine has read them; if *strict*, only
        those that are certainly events. With ``whole`` all are read, but where a needle tells
        which of those the engine is to have.
        """
        bare = self._skips_bare and not self._array.is_open
        # The engine cannot read lone surrogates. Of lines that come out it gives those back.
        bare = bare and (self._whole or not has_surrogates(text))
        lines: Iterable[bytes] = BytesIO(text)  # cut so in half the time of `bytes.split`
        if bare:
            if strict:
                odd = [line for line in lines if not CERTAIN.match(line)]
            else:
                odd = [line for line in lines if line[:10] != PLAIN]
            # The elements of an array may look as clew's own, but for the comma behind them.
            if any(line[:2] in _ARRAY for line in odd):
                lines = BytesIO(text)
            else:
                lines = odd
                if self._needle and self._needle in text:
                    self.lines += [line for line in text.split(b"\n") if line[:10] == PLAIN]
        for line in lines:
            try:
                self._read(line.removesuffix(b"\n"))
            except RecursionError:  # as of an object in an object, a thousand times
                self.broken += 1

    def take(self) -> bytes:
        """Return the lines that came out since the last call, those that are looked for."""
        if self._needle:
            self.lines = [line for line in self.lines if self._needle in line]
        return super().take()

    def end(self) -> None:
        """Read what was left open at the end of the source."""
        while self._document is not None:
            self._give_up(self._document)
        if self._array.end():
            self.broken += 1
        self._end_pieces()

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
        if line.rstrip().endswith(b"]"):
            self._array.end()
        read = object_of(document.text)
        if read is None:
            self._give_up(document)
            return
        self._document = None
        known: set[bytes] = set()
        if not self._whole:  # a line within that is an event by itself was read as one
            bare = (each for each in document.lines if each.strip()[:1] == b"{" and len(each) > 9)
            inner = [of for each in bare if (of := object_of(each.strip())) and is_event(of)]
            known = set(map(encode, inner))
            self.odd -= len(inner)
        before = len(self.lines)
        try:
            self._object(read, None, None, 1)
        finally:
            self._take_back(known, before)

    def _take_back(self, known: set[bytes], before: int) -> None:
        """Take *known* lines, each once, out of those that came behind the first *before*."""
        behind, self.lines[before:] = self.lines[before:], []
        for line in behind:
            if line in known:
                known.discard(line)
            else:
                self.lines.append(line)

    def _give_up(self, document: Document) -> None:
        """Read the lines of what is no document one by one, but the first: that is broken."""
        self._document = None
        self.broken += 1
        self.odd -= len(document.lines) - 1
        for line in document.lines[1:]:
            self._read(line)


def is_plain(text: bytes) -> bool:
    """Tell whether *text*, the beginning of a source, has lines of clew's own, in no wrapping."""
    line = next((each for each in text.split(b"\n") if each.strip()), PLAIN)
    read = object_of(repair(line.strip()))
    return line.startswith(PLAIN) if read is None else is_event(read)
