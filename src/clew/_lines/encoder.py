"""From an entry to a line of JSON. This is where masking is done, and names are settled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from clew._exceptions import without_installed
from clew._interruptions import raise_interruption
from clew._levels import level_word, level_words
from clew._plain import to_plain
from clew._redaction import DEFAULT, OFF, Redact, Redactor, redactor
from clew._text import printable, text_of, unprintable
from clew.records import OWNED_KEYS, ExceptionInfo, HTTPLog, TaskLog

from .entry import Entry
from .line_options import Frames, check_fields, check_frames, check_text
from .record_line import record_line, user_of

to_json = msgspec.json.Encoder(decimal_format="number").encode

_JSON_TYPES = (str, int, float, bool, type(None), list, tuple, dict)

# Names of fields are few; what is remembered of them stays small whoever makes them up.
_MOST_NAMES = 128
_LONGEST_NAME = 40


class _Fields:
    """Puts a caller's fields into a line: each under a name of its own, masked, and as JSON."""

    def __init__(self, redactor: Redactor, default: Callable[[Any], Any] | None) -> None:
        self.redactor = redactor
        self._is_clean, self._clean = redactor.is_clean, redactor.clean
        self._default = default
        self._hides_users = redactor.strict or "userId" in redactor.owned
        # Names that are written as they are, over values that are.
        self._open_names: set[str] = set()

    def _add(self, line: dict[str, Any], entry: Entry) -> None:
        """Add the caller's fields to *line* and, behind them, the bound ones."""
        fields, open_names = entry.fields, self._open_names
        clean, is_clean = self._clean, self._is_clean
        for name, value in fields.items():
            if type(name) is str and name in open_names and name not in line:
                if type(value) is str and (value in clean or is_clean(value)):
                    line[name] = value
                else:
                    line[name] = self.redactor.value(name, value, self._default)
            else:
                self._settle(line, name, value)
        if bound := entry.bound:
            for name, value in bound.items():
                if name not in fields:
                    self._settle(line, name, value)

    def _settle(self, line: dict[str, Any], name: object, value: object) -> None:
        """Add *value* to *line* under the name that it may have there."""
        if type(name) is str and name == "request" and _is_request(value):
            return
        key = printable(name) if type(name) is str else text_of(name)
        while key in OWNED_KEYS or key in line:
            key += "_"
        line[key] = self.redactor.field(key, value, self._default)
        names = self._open_names
        if key == name and len(key) <= _LONGEST_NAME and key != "request":
            if len(names) >= _MOST_NAMES:
                names.clear()
            if self.redactor.verdict(key) is None:
                names.add(key)

    def part_by_part(self, line: Mapping[str, Any]) -> bytes:
        """Return *line* as JSON; what UTF-8 or JSON cannot hold, as text."""
        try:
            return to_json(line)
        except Exception:
            raise_interruption()
        parts = [self.value_to_json(key) + b":" + self.value_to_json(line[key]) for key in line]
        return b"{" + b",".join(parts) + b"}"

    def value_to_json(self, value: object) -> bytes:
        """Return one value as JSON, however hard that is."""
        try:
            return to_json(value)
        except Exception:
            raise_interruption()
        try:
            return to_json(to_plain(value, self.redactor, self._default))
        except Exception:
            return to_json(unprintable(value))


class Encoder(_Fields):
    """Encodes entries as lines of JSON, UTF-8, without a line end.

    Args:
        service: Which service of several writes the lines.
        version: The release of that service, which a line has as ``serviceVersion``.
        fields: Further fields of every line, as ``{"environment": "prod"}``. Where a line has a
            field of that name itself, the line's own is written.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: ``"default"``, ``"off"``, ``"strict"``, or names to mask besides the default ones.
        frames: ``"all"``, or ``"own"`` for one line in the place of frames of installed packages.
        default: What makes plain JSON of a value that is none; ``str`` otherwise.
    """

    def __init__(
        self,
        *,
        service: str | None = None,
        version: str | None = None,
        fields: Mapping[str, object] | None = None,
        levels: Mapping[str, str] | None = None,
        redact: Redact = "default",
        frames: Frames = "all",
        default: Callable[[Any], Any] | None = None,
    ) -> None:
        self.service = check_text("service", service)
        self.version = check_text("version", version)
        self.level_names = level_words(levels)
        self._words = {10 * rank: word for rank, word in enumerate(self.level_names.values(), 1)}
        super().__init__(redactor(redact), default)
        # A record is masked by default when it is made; here it is by what masks more.
        self._masks_logs = self.redactor not in (DEFAULT, OFF)
        self._folds = check_frames(frames) == "own"
        self.static = {
            name: self.redactor.field(name, value, default)
            for name, value in check_fields(fields).items()
        }
        self._tail = self.part_by_part(self.static)[1:] if self.static else b""

    def encode(self, entry: Entry) -> bytes:
        """Return the line of *entry*. Never fails."""
        log = entry.log
        try:
            if (
                log is None
                or self._masks_logs
                or entry.ids is not None
                or entry.kept
                or entry.level not in self._words
                or (log.exception is not None and self._changes_exceptions(log))
            ):
                return to_json(self.line(entry))
            word = self.level_names[log.level]
            if self.service is not None or self.version is not None or word != log.level:
                # A copy: another handler's formatter may have another service, or other words.
                log = replace(log, level=word, service=self.service, service_version=self.version)
            line = to_json(log)
            if entry.bound or entry.fields:
                further: dict[str, Any] = {}
                self._add(further, entry)
                if further:
                    for name, value in self.static.items():
                        further.setdefault(name, value)
                    return line[:-1] + b"," + self.part_by_part(further)[1:]
            return line[:-1] + b"," + self._tail if self._tail else line
        except Exception:  # JSON or UTF-8 cannot hold some of it
            raise_interruption()
        try:
            return self.part_by_part(self.line(entry))
        except Exception as error:
            raise_interruption()
            return self.fallback(entry, error)

    def _changes_exceptions(self, log: HTTPLog | TaskLog) -> bool:
        """Tell whether the exception of *log* is written otherwise than it holds it: that of a
        request is masked already.
        """
        return self._folds or (type(log) is TaskLog and self.redactor is not OFF)

    def line(self, entry: Entry, owned: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the keys and values of the line of *entry*, masked, in their order.

        *owned* says under which names further ids are written besides their own.
        """
        line = self._head(entry) if entry.log is None else self._of_log(entry.log)
        if entry.level not in self._words and (name := _level_name(entry.level)):
            line["levelName"] = name
        if entry.kept:
            line["kept"] = True
        if entry.ids is None:
            self._add(line, entry)
        else:
            # Their keys, and those that they are renamed to, are nobody else's.
            renamed = [owned[key] for key in entry.ids if key in owned] if owned else []
            taken = [key for key in dict.fromkeys((*entry.ids, *renamed)) if key not in line]
            line.update({key: entry.ids.get(key) for key in taken})
            self._add(line, entry)
            for key in [key for key in taken if line[key] is None]:
                del line[key]
        if self.static and (entry.log is None or not _is_lost(entry.log)):
            for name, value in self.static.items():
                line.setdefault(name, value)
        if entry.stack:
            line["stackInfo"] = self.redactor.trace(entry.stack)
        if entry.exception is not None:
            line["exception"] = self._exception(entry.exception)
        return line

    def _head(self, entry: Entry) -> dict[str, Any]:
        level, message = entry.level, entry.message
        line = {
            "level": self._words.get(level) or self.level_names[level_word(level)],
            "message": message
            if message in self._clean or self._is_clean(message)
            else self.redactor.text(message),
            "createdAt": int(entry.created * 1000),
            "logger": entry.logger,
        }
        if self.service is not None:
            line["service"] = self.service
        if self.version is not None:
            line["serviceVersion"] = self.version
        if (request_id := entry.request_id) is not None:
            line["requestId"] = request_id
        if (user_id := entry.user_id) is not None:
            line["userId"] = user_of(user_id, self.redactor) if self._hides_users else user_id
        return line

    def _of_log(self, log: HTTPLog | TaskLog) -> dict[str, Any]:
        word = self.level_names[log.level]
        version = log.service_version if _is_lost(log) else self.version
        log = replace(log, level=word, service=self.service, service_version=version)
        return record_line(log, self.redactor)

    def _exception(self, exception: ExceptionInfo) -> dict[str, Any]:
        trace = str(exception.stack_trace)
        return {
            "type": exception.type,
            "message": self.redactor.text(exception.message),
            "stackTrace": self.redactor.trace(without_installed(trace) if self._folds else trace),
        }

    def fallback(self, entry: Entry, error: Exception) -> bytes:
        """Return the line of an entry that could not be encoded, with all that is sure of it."""
        entry = Entry(
            entry.level,
            printable(entry.message),
            entry.created,
            printable(entry.logger),
            entry.request_id and printable(entry.request_id),
            entry.user_id and printable(entry.user_id),
        )
        line = self._head(entry)
        fault = f"{type(error).__qualname__}: {text_of(error)}"
        line["formattingError"] = self.redactor.text(fault)
        return to_json(line)


def _level_name(level: int) -> str | None:
    """Return the name that *level*, which is none of the five, was registered under."""
    name = logging.getLevelName(level) if level > 0 else None
    return name if isinstance(name, str) and not name.startswith("Level ") else None


def _is_lost(log: HTTPLog | TaskLog) -> bool:
    """Tell whether *log* is about what another process died at: it says of which version."""
    return (log.task if isinstance(log, TaskLog) else log).outcome == "lost"


def _is_request(value: object) -> bool:
    """Tell whether *value* is a framework's request object, as Django's lines hold it. Its text is
    its URL, and its parts are its headers, secrets and all.
    """
    if type(value) in _JSON_TYPES:
        return False
    try:
        return any(hasattr(value, name) for name in ("META", "environ", "scope"))
    except Exception:  # a proxy of a request that is over
        return True
