"""All that logs hold of one person, and forgetting one."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from clew._secrets.looks import MASK
from clew._secrets.treatments import KEY_VARIABLE, environment_keys, tokens

from .decoding import GZIP, ZSTD
from .errors import AnswerError, require
from .files import STDIN
from .privacy import Line, files_of, read_line, unwrapped

# What stays of a line about somebody who is forgotten: what happened, not to whom.
_KEPT = frozenset(
    ("level", "levelName", "createdAt", "logger", "service", "serviceVersion", "requestId")
) | frozenset(("action", "monetaryValue", "quantity", "response", "outcome", "direction", "kept"))
_KEPT_OF_REQUEST = frozenset(("method", "route", "host", "operation", "rejectedRequestId"))
_PERSONAL = ("userId", "value", "oldValue")


class Person:
    """Somebody by the id that lines know: as who did something, or as to whom it was done.

    Where `CLEW_REDACT_KEY` is set, what may stand for the id under each key is the id too.
    """

    def __init__(self, user: str) -> None:
        if not user:
            raise AnswerError("--user is '': give the id that stands in the lines as userId")
        keys = environment_keys() if os.environ.get(KEY_VARIABLE) else {}
        self.ids = frozenset((user, *(tokens(user, keys) if keys else ())))

    def acts_in(self, line: Line) -> bool:
        """Tell whether the person did what *line* tells."""
        return line.get("userId") in self.ids

    def is_meant(self, value: object) -> bool:
        """Tell whether a *value* is the person: 12345 or user:12345."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return isinstance(value, str) and (
            value in self.ids or value.rpartition(":")[2] in self.ids
        )

    def is_in(self, line: Line) -> bool:
        """Tell whether *line* is about the person."""
        return self.acts_in(line) or any(self.is_meant(line.get(key)) for key in _PERSONAL)


def export(user: str, sources: Sequence[str]) -> Iterator[bytes]:
    """Yield all lines about *user*, as they stand there."""
    person = Person(user)
    for name in files_of(sources):
        for _, line, _ in unwrapped(name):
            read = read_line(line)
            if read is not None and person.is_in(read):
                yield line


class Rewrite(msgspec.Struct):
    """What became of one file."""

    name: str
    lines: int = 0
    changed: int = 0
    broken: int = 0


def forget(user: str, sources: Sequence[str]) -> Iterator[Rewrite]:
    """Rewrite the files without the values of *user*; yield what was changed in each.

    A line about the person keeps what happened and when, and loses to whom. A file is replaced as
    a whole, or left as it was; one that holds nothing of the person is not touched.
    """
    person = Person(user)
    files = files_of(sources)
    for name in files:
        if name == STDIN or not Path(name).is_file():
            raise AnswerError(f"{name!r} cannot be rewritten: give files, or folders of them")
    requests = set()
    for name in files:
        for number, text, around in unwrapped(name):
            line = read_line(text)
            if line is None or not person.is_in(line):
                continue
            if text != around:
                raise AnswerError(
                    f"{name}:{number} is about them within a line of something else, as Docker's: "
                    "only bare lines can be rewritten; nothing was changed"
                )
            if "requestId" in line and person.acts_in(line):
                requests.add(line["requestId"])
    for name in files:
        yield _rewrite(Path(name), person, requests)


def _rewrite(path: Path, person: Person, requests: set[str]) -> Rewrite:
    done = Rewrite(str(path))
    try:
        descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as raw, _open(path) as (read, write):
                with write(raw) as target:
                    for line in read:
                        target.write(_without(line, person, requests, done))
                raw.flush()
                os.fsync(raw.fileno())
            if done.changed:
                status = path.stat()
                Path(made).chmod(status.st_mode & 0o7777)
                Path(made).replace(path)
        finally:
            Path(made).unlink(missing_ok=True)
    except (OSError, EOFError) as error:
        raise AnswerError(f"{str(path)!r} cannot be rewritten: {error}; it is as it was") from error
    return done


@contextmanager
def _open(path: Path) -> Iterator[tuple[Iterable[bytes], Callable[[IO[bytes]], Any]]]:
    """Open *path* to read its lines, and say how to write such a file."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(GZIP):
        with gzip.open(path, "rb") as lines:
            yield lines, lambda raw: gzip.GzipFile(fileobj=raw, mode="wb")
    elif head.startswith(ZSTD):
        with require("zstandard"):
            import zstandard
        reader = zstandard.ZstdDecompressor()
        with (
            path.open("rb") as packed,
            reader.stream_reader(packed, read_across_frames=True) as raw,
        ):
            yield (
                io.BufferedReader(raw),
                lambda raw: zstandard.ZstdCompressor().stream_writer(raw, closefd=False),
            )
    else:
        with path.open("rb") as plain:
            yield plain, _plain


@contextmanager
def _plain(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    yield raw


def _without(line: bytes, person: Person, requests: set[str], done: Rewrite) -> bytes:
    """Return *line* without what is the person's."""
    if not line.strip():
        return line
    done.lines += 1
    read = read_line(line)
    if read is None:
        done.broken += 1
        return line
    if person.is_in(read):
        shown = _anonymous(read)
    elif read.get("requestId") in requests:
        shown = _without_client(read)
    else:
        return line
    if shown == read:
        return line
    done.changed += 1
    return msgspec.json.encode(shown) + (b"\n" if line.endswith(b"\n") else b"")


def _anonymous(line: Line) -> Line:
    """Return what stays of a *line* about somebody."""
    shown: Line = {}
    request = line.get("request")
    for key, value in line.items():
        if key in _KEPT:
            shown[key] = value
        elif key == "request" and isinstance(value, dict):
            shown[key] = {
                name: item if name in _KEPT_OF_REQUEST else MASK
                for name, item in value.items()
                if name not in ("headers", "query", "ipAddress")
            }
            shown[key]["headers"] = {}
        elif key == "exception" and isinstance(value, dict):
            shown[key] = {"type": value.get("type"), "message": MASK, "stackTrace": MASK}
        elif key == "task" and isinstance(value, dict):
            shown[key] = value
        else:
            shown[key] = MASK
    if isinstance(request, dict):
        status = (line.get("response") or {}).get("httpStatus", "")
        path = request.get("route") or MASK
        shown["message"] = f"{request.get('method', '')} {path} {status}".strip()
    return shown


def _without_client(line: Line) -> Line:
    """Return *line*, of a request of somebody's, without the client's address, query, headers."""
    request = line.get("request")
    if not isinstance(request, dict):
        return line
    own = {"requestId": request["headers"]["requestId"]} if _has_id(request) else {}
    kept = {name: value for name, value in request.items() if name not in ("ipAddress", "query")}
    return {**line, "request": {**kept, "headers": own} if "headers" in request else kept}


def _has_id(request: Line) -> bool:
    headers = request.get("headers")
    return isinstance(headers, dict) and "requestId" in headers
