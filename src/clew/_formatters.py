"""From a record to a line: as JSON, or for people at a terminal."""

from __future__ import annotations

import copy
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO, cast

import msgspec
from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.msgspec import MsgspecFormatter

from ._logging import Aside, Captured, capture, message_of
from ._privacy import DEFAULT, OFF, Redact, Redactor, printable, redactor, text_of, unprintable
from ._records import LEVELS, OWNED_KEYS, ExceptionInfo, HTTPLog

# Attributes that are no fields, whatever reserved_attrs says: they are written as something else,
# or, as uvicorn's color_message, say again what the message says.
_NEVER_FIELDS = frozenset(
    (
        *("asctime", "color_message", "exc_info", "exc_text", "message", "requestId"),
        *("stack_info", "taskName", "userId"),
    )
)

_PLAIN = (str, int, float, bool, type(None), list, tuple, dict)

_encoder = msgspec.json.Encoder(decimal_format="number")
_encode = _encoder.encode


def level_word(levelno: int) -> str:
    """Return the word for a level of the logging module; one in between is rounded down."""
    return LEVELS[min(max(int(levelno or 0) // 10, 1), 5) - 1]


def level_words(levels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the words to write for each level, *levels* renaming some; checks them."""
    if levels is not None and not isinstance(levels, Mapping):
        raise TypeError(f'levels must be a mapping, as in {{"danger": "error"}}, not {levels!r}')
    renamed = dict(levels or {})
    for word, other in renamed.items():
        if word not in LEVELS or not isinstance(other, str):
            raise ValueError(
                f"levels has {word!r}: {other!r}; allowed are words for {', '.join(LEVELS)}, "
                'as in levels={"danger": "error"}'
            )
    return {word: renamed.get(word, word) for word in LEVELS}


class JSONFormatter(MsgspecFormatter):
    """Write each record as one JSON object a line: an ApplicationLog or an HTTPLog.

    The options of python-json-logger's MsgspecFormatter work as there (``rename_fields`` and
    ``static_fields`` speak of the keys of the line). Formatting never fails: what cannot be
    written as it is, is written as text.

    Args:
        service: Which service of several writes the line.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: ``"default"``, ``"off"``, ``"strict"``, or names to mask besides the default ones.
    """

    def __init__(
        self,
        *args: Any,
        service: str | None = None,
        levels: Mapping[str, str] | None = None,
        redact: Redact = "default",
        json_default: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, json_default=json_default or str, **options)
        self.service = service
        self.words = level_words(levels)
        self.redactor: Redactor = redactor(redact)
        self._default = json_default
        self._columns = [
            name for name in self._required_fields if name not in OWNED_KEYS | {"message"}
        ]
        self._skipped = _NEVER_FIELDS | self.reserved_attrs
        # The keys that clew's own are renamed to are clew's too.
        self._renamed_own = {self._get_rename(name) for name in OWNED_KEYS} - OWNED_KEYS
        kind = type(self)
        self._plain = not (
            self._columns
            or self.prefix
            or self.rename_fields
            or self.static_fields
            or self.defaults
            or self.timestamp
            or self.exc_info_as_array
            or self.stack_info_as_array
            or self.reserved_attrs != set(RESERVED_ATTRS)
            or kind.add_fields is not JSONFormatter.add_fields
            or kind.process_log_record is not MsgspecFormatter.process_log_record
            or kind.serialize_log_record is not MsgspecFormatter.serialize_log_record
            or kind.jsonify_log_record is not JSONFormatter.jsonify_log_record
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, without a line end."""
        try:
            captured = capture(record)
            if self._plain:
                http = captured.http
                if http is not None and self.redactor in (DEFAULT, OFF):
                    try:
                        return self._http_line(record, captured, http)
                    except Exception:  # the long way finds out which part it is
                        pass
                return self.jsonify_log_record(self.fields(record, captured))
            log_data: LogData = {}
            self.add_fields(log_data, record, self.fields(record, captured))
            return self.serialize_log_record(self.process_log_record(log_data))
        except Exception as error:
            return self._rescued(record, error)

    def add_fields(
        self, log_data: LogData, record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Put the line, *message_dict*, and what the options ask for into *log_data*."""
        rename = self._get_rename
        for name, value in self.defaults.items():
            log_data[rename(name)] = value
        if "asctime" in self._columns:
            record.asctime = self.formatTime(record, self.datefmt)
        for name in self._columns:
            log_data[rename(name)] = self.redactor.field(name, record.__dict__.get(name))
        for name, value in self.static_fields.items():
            log_data[rename(name)] = value
        for name, value in message_dict.items():
            key = rename(name)
            while key in self._renamed_own and name not in OWNED_KEYS:
                key += "_"
            log_data[key] = value
        if self.timestamp:
            name = self.timestamp if isinstance(self.timestamp, str) else "timestamp"
            created = time.gmtime(record.created)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", created)
            log_data[rename(name)] = f"{text}.{int(record.created * 1e6) % 1_000_000:06}Z"
        if self.rename_fields_keep_missing:
            for name in self.rename_fields.values():
                log_data.setdefault(name, None)

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Return *log_data* as JSON; what UTF-8 or JSON cannot hold, as text."""
        try:
            return _encode(log_data).decode()
        except Exception:
            parts = [f"{self._json(key)}:{self._json(log_data[key])}" for key in log_data]
            return "{" + ",".join(parts) + "}"

    def _json(self, value: object) -> str:
        """Return one value as JSON, however hard that is."""
        try:
            return _encode(value).decode()
        except Exception:
            pass
        try:
            return _encode(self.redactor.plain(value, self._default)).decode()
        except Exception:
            return _encode(unprintable(value)).decode()

    def fields(self, record: logging.LogRecord, captured: Captured) -> dict[str, Any]:
        """Return the keys and values of a line, masked, in the order in which they are written."""
        redact = self.redactor
        if captured.http is not None:
            line = self._http_fields(captured.http)
        else:
            message = captured.message
            if message is None:
                message = message_of(record)
            line = {
                "level": self.words[level_word(record.levelno)],
                "message": redact.text(message),
                "createdAt": int(record.created * 1000),
                "logger": record.name,
            }
            if self.service is not None:
                line["service"] = self.service
            if captured.request_id is not None:
                line["requestId"] = captured.request_id
            if captured.user_id is not None:
                line["userId"] = captured.user_id
        self._add_callers_fields(line, record, captured)
        if captured.stack_info:
            line["stackInfo"] = redact.text(captured.stack_info)
            if self.stack_info_as_array:
                line["stackInfo"] = line["stackInfo"].splitlines()
        if captured.exception is not None:
            line["exception"] = self._exception(captured.exception)
        return line

    def _add_callers_fields(
        self, line: dict[str, Any], record: logging.LogRecord, captured: Captured
    ) -> None:
        attributes = record.__dict__
        given: dict[Any, object] = {
            name: value
            for name, value in attributes.items()
            if name not in self._skipped and not (type(name) is str and name.startswith("_"))
        }
        if given.get("http") is captured.http is not None:
            del given["http"]
        aside = attributes.get("_clew_aside")
        if type(aside) is Aside:
            given.update(aside)
        if captured.mapping is not None:
            given.update(captured.mapping)
        if "request" in given and type(given["request"]) not in _PLAIN:
            # Django's lines hold the request object, whose text is its URL, secrets and all.
            del given["request"]
        for name, value in captured.fields.items():
            given.setdefault(name, value)
        for name, value in given.items():
            key = name if type(name) is str else text_of(name)
            while key in OWNED_KEYS or key in line:
                key += "_"
            line[key] = self.redactor.field(key, value, self._default)

    def _exception(self, exception: ExceptionInfo) -> dict[str, Any]:
        trace = self.redactor.text(cast("str", exception.stack_trace))
        return {
            "type": exception.type,
            "message": self.redactor.text(exception.message),
            "stackTrace": trace.splitlines() if self.exc_info_as_array else trace,
        }

    def _http_fields(self, http: HTTPLog) -> dict[str, Any]:
        text = self.redactor.text
        line: dict[str, Any] = msgspec.to_builtins(self._http_log(http))
        line.pop("exception", None)
        line["message"] = text(line["message"])
        request = line["request"]
        request["path"] = text(request["path"])
        if "query" in request:
            request["query"] = self.redactor.query(request["query"])
        for name, value in request.get("headers", {}).items():
            if name != "requestId":
                request["headers"][name] = self.redactor.field(name, value)
        return line

    def _http_log(self, http: HTTPLog) -> HTTPLog:
        # A copy: another handler's formatter may have another service, or other words.
        log = copy.copy(http)
        log.level = self.words[http.level]
        log.service = self.service
        return log

    def _http_line(self, record: logging.LogRecord, captured: Captured, http: HTTPLog) -> str:
        line = _encode(self._http_log(http))
        further: dict[str, Any] = {}
        self._add_callers_fields(further, record, captured)
        if further:
            return line[:-1].decode() + "," + self.jsonify_log_record(further)[1:]
        return line.decode()

    def _rescued(self, record: logging.LogRecord, error: Exception) -> str:
        """Return the line of a record that could not be formatted, with all that can be had."""
        line = {
            "level": self.words[level_word(record.levelno)],
            "message": self.redactor.text(printable(message_of(record))),
            "createdAt": int(record.created * 1000),
            "logger": printable(str(record.name)),
            "service": self.service,
            "requestId": printable(str(record.__dict__.get("requestId", ""))),
            "userId": printable(str(record.__dict__.get("userId", ""))),
            "formattingError": self.redactor.text(f"{type(error).__qualname__}: {text_of(error)}"),
        }
        return _encode({key: value for key, value in line.items() if value}).decode()


_COLOURS = {"debug": "2", "info": "32", "warning": "33", "danger": "31", "critical": "1;31"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ConsoleFormatter(JSONFormatter):
    """Write each record for people at a terminal: aligned, the fields behind the message.

    Args:
        colours: Whether to use ANSI colours.
    """

    def __init__(self, *, colours: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of *record*; a stack trace takes lines of its own."""
        try:
            return self._text(record, self.fields(record, capture(record)))
        except Exception as error:
            return self._rescued(record, error)

    def _text(self, record: logging.LogRecord, line: dict[str, Any]) -> str:
        word = level_word(record.levelno)
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        parts = [
            self._paint(f"{clock}.{int(record.created * 1000) % 1000:03}", "2"),
            self._paint(f"{line['level']:<8}", _COLOURS[word]),
            self._paint(f"{one_line(line['logger']):<20}", "36"),
            one_line(line["message"]),
        ]
        request = line.pop("request", None)
        response = line.pop("response", None)
        if isinstance(response, dict):
            parts.append(self._paint(f"{response.get('responseTime', 0):.1f} ms", "1"))
        if isinstance(request, dict):
            shown = ("host", "route", "query", "ipAddress", "rejectedRequestId")
            line.update({name: request[name] for name in shown if name in request})
        exception = line.pop("exception", None)
        stack = line.pop("stackInfo", None)
        hidden = ("level", "message", "createdAt", "logger", "service")
        for name, value in line.items():
            if name not in hidden:
                text = value if isinstance(value, str) else self._json(value)
                parts.append(self._paint(f"{one_line(name)}=", "2") + one_line(text))
        lines = ["  ".join(parts)]
        if isinstance(exception, dict):
            lines.append(_indented(exception["stackTrace"]))
        if stack:
            lines.append(_indented(stack))
        return printable("\n".join(lines))

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours else text


def one_line(text: str) -> str:
    """Return *text* with its control characters escaped: they could forge a line, or colours."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _indented(text: str | list[str]) -> str:
    lines = text.splitlines() if isinstance(text, str) else text
    return "\n".join(f"    {one_line(line)}" for line in lines)


class LineHandler(logging.StreamHandler[TextIO]):
    """Write lines to a stream. What is set up by clew is known by this class."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of *record*, whole and in one call, and flush it."""
        try:
            line = self.format(record)
            encoding = (getattr(self.stream, "encoding", None) or "utf-8").lower()
            if not line.isascii() and encoding.replace("_", "-") not in ("utf-8", "utf8"):
                # A line is UTF-8; in a stream of another encoding it can only be ASCII.
                line = "".join(_escaped(letter) for letter in line)
            self.stream.write(line + self.terminator)
            self.flush()
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say on stderr what failed, as the standard library does; never raise."""
        try:
            super().handleError(record)
        except Exception:  # stderr may be closed as well
            pass


def _escaped(letter: str) -> str:
    """Return *letter* as JSON escapes it (RFC 8259, section 7), when it is not ASCII."""
    if letter.isascii():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def is_terminal(stream: object) -> bool:
    """Tell whether colours are wanted on *stream* (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except Exception:
        return False
