"""From a record to a line of JSON."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace
from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.msgspec import MsgspecFormatter

from clew._plain import to_plain
from clew._redaction import DEFAULT, OFF, Redact, Redactor, redactor
from clew._text import printable, text_of, unprintable
from clew.records import OWNED_KEYS, ExceptionInfo, HTTPLog, TaskLog, level_word, level_words

from .entry import Aside, Captured, capture, message_of

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
        self._known = self._skipped | {"_clew", "http"}
        self._strict = self.redactor not in (DEFAULT, OFF)
        # The keys that clew's own are renamed to are clew's too.
        self._renamed_own = {self._get_rename(name) for name in OWNED_KEYS} - OWNED_KEYS
        kind = type(self)
        self.plain = not (
            self._columns
            or self.prefix
            or self.rename_fields
            or self.static_fields
            or self.defaults
            or self.timestamp
            or self.exc_info_as_array
            or self.stack_info_as_array
            or self.reserved_attrs != set(RESERVED_ATTRS)
            or kind.fields is not JSONFormatter.fields
            or kind.add_fields is not JSONFormatter.add_fields
            or kind.process_log_record is not MsgspecFormatter.process_log_record
            or kind.serialize_log_record is not MsgspecFormatter.serialize_log_record
            or kind.jsonify_log_record is not JSONFormatter.jsonify_log_record
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, without a line end."""
        try:
            captured = capture(record)
            if self.plain:
                return self._log_line(record, captured) or self.jsonify_log_record(
                    self.fields(record, captured)
                )
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
            return _encode(to_plain(value, self.redactor, self._default)).decode()
        except Exception:
            return _encode(unprintable(value)).decode()

    def fields(self, record: logging.LogRecord, captured: Captured) -> dict[str, Any]:
        """Return the keys and values of a line, masked, in the order in which they are written."""
        if captured.log is not None:
            line = self._log_fields(captured.log)
        else:
            if captured.message is not None:
                captured.follow(record)
            message = captured.message
            if message is None:
                message = message_of(record)
            line = self._said(record.levelno, record.name, record.created, message, captured)
        given = self._given(record, captured)
        if captured.ids is None:
            self._add(line, given, captured.fields)
        else:
            # Their keys, and those that they are renamed to, are nobody else's.
            keys = {*captured.ids, *map(self._get_rename, captured.ids)} - line.keys()
            line.update({**captured.ids, **{key: None for key in keys if key not in captured.ids}})
            self._add(line, given, captured.fields)
            for key in [key for key in keys if line[key] is None]:
                del line[key]
        self._trace(line, captured)
        return line

    def line(
        self,
        level: int,
        name: str,
        created: float,
        message: str,
        captured: Captured,
        given: Mapping[Any, object],
    ) -> str:
        """Return the line of what would be a record, its caller's fields *given*."""
        line = self._said(level, name, created, message, captured)
        self._add(line, given, captured.fields)
        self._trace(line, captured)
        return self.jsonify_log_record(line)

    def line_of(
        self,
        level: int,
        name: str,
        created: float,
        message: str,
        captured: Captured,
        given: Mapping[Any, object],
    ) -> str:
        """Return the line of what another logging library was told. Never fails."""
        try:
            return self.line(level, name, created, message, captured, given)
        except Exception as error:
            record = logging.LogRecord(name, level, "", 0, message, (), None)
            record.created = created
            captured.put_on(record)
            return self._rescued(record, error)

    def _said(
        self, level: int, name: str, created: float, message: str, captured: Captured
    ) -> dict[str, Any]:
        line = {
            "level": self.words[level_word(level)],
            "message": self.redactor.text(message),
            "createdAt": int(created * 1000),
            "logger": name,
        }
        if self.service is not None:
            line["service"] = self.service
        if captured.request_id is not None:
            line["requestId"] = captured.request_id
        if captured.user_id is not None:
            line["userId"] = captured.user_id
        return line

    def _given(self, record: logging.LogRecord, captured: Captured) -> dict[Any, object]:
        """Return the caller's fields of *record*, under the names that the caller gave them."""
        attributes = record.__dict__
        given: dict[Any, object] = {}
        skipped = self._skipped if not captured.ids else self._skipped | captured.ids.keys()
        for name in [name for name in attributes if name not in skipped]:
            if type(name) is not str or not name.startswith("_"):
                given[name] = attributes[name]
        log = captured.log
        if log is not None:
            name, own = ("http", log) if isinstance(log, HTTPLog) else ("task", log.task)
            if given.get(name) is own:
                del given[name]
        aside = attributes.get("_clew_aside")
        if type(aside) is Aside:
            given.update(aside)
        if captured.mapping is not None:
            given.update(captured.mapping)
        return given

    def _add(
        self, line: dict[str, Any], given: Mapping[Any, object], bound: Mapping[str, object]
    ) -> None:
        """Add fields to *line*, masked: those *given* and, behind them, the *bound* ones."""
        if bound:
            given = {**given, **{name: bound[name] for name in bound if name not in given}}
        mask = self.redactor.field
        for name, value in given.items():
            if type(name) is str and name == "request" and _is_request(value):
                continue
            key = printable(name) if type(name) is str else text_of(name)
            while key in OWNED_KEYS or key in line:
                key += "_"
            line[key] = mask(key, value, self._default)

    def _trace(self, line: dict[str, Any], captured: Captured) -> None:
        """Add the stack and the exception to *line*, if there are any."""
        if captured.stack_info:
            line["stackInfo"] = self.redactor.text(captured.stack_info)
            if self.stack_info_as_array:
                line["stackInfo"] = line["stackInfo"].splitlines()
        if captured.exception is not None:
            line["exception"] = self._exception(captured.exception)

    def _exception(self, exception: ExceptionInfo) -> dict[str, Any]:
        trace = self.redactor.text(cast("str", exception.stack_trace))
        return {
            "type": exception.type,
            "message": self.redactor.text(exception.message),
            "stackTrace": trace.splitlines() if self.exc_info_as_array else trace,
        }

    def _log_fields(self, log: HTTPLog | TaskLog) -> dict[str, Any]:
        text = self.redactor.text
        line: dict[str, Any] = msgspec.to_builtins(self._written(log))
        line.pop("exception", None)
        line["message"] = text(line["message"])
        if isinstance(log, TaskLog):
            for name in ("name", "id"):
                line["task"][name] = text(line["task"][name])
            return line
        request = line["request"]
        request["path"] = text(request["path"])
        if "query" in request:
            request["query"] = self.redactor.query(request["query"])
        for name, value in request.get("headers", {}).items():
            if name != "requestId":
                request["headers"][name] = self.redactor.field(name, value)
        return line

    def _written(self, log: HTTPLog | TaskLog) -> HTTPLog | TaskLog:
        # A copy: another handler's formatter may have another service, or other words.
        return replace(log, level=self.words[log.level], service=self.service)

    def _log_line(self, record: logging.LogRecord, captured: Captured) -> str | None:
        log = captured.log
        if log is None or captured.ids is not None:
            return None
        attributes = record.__dict__
        known = self._known.issuperset(attributes) and attributes.get("http") is log
        given = {} if known else self._given(record, captured)
        return self.log_line(log, {**captured.fields, **given})

    def log_line(self, log: HTTPLog | TaskLog, given: Mapping[Any, object]) -> str | None:
        """Return the line of *log* and its further fields.

        None where texts are to be masked, or where it cannot be written at once.
        """
        if self._strict:
            return None
        try:
            line = _encode(self._written(log)).decode()
            if not given:
                return line
            further: dict[str, Any] = {}
            self._add(further, given, {})
            return f"{line[:-1]},{self.jsonify_log_record(further)[1:]}" if further else line
        except Exception:
            return None

    def _rescued(self, record: logging.LogRecord, error: Exception) -> str:
        """Return the line of a record that could not be formatted, with all that can be had."""
        try:
            word, created = level_word(record.levelno), int(record.created * 1000)
        except Exception:  # a record that somebody made otherwise
            word, created = "info", int(time.time() * 1000)
        line = {
            "level": self.words[word],
            "message": self.redactor.text(printable(_said_by(record))),
            "createdAt": created,
            "logger": printable(str(record.name)),
        }
        known = {
            "service": self.service,
            "requestId": printable(str(record.__dict__.get("requestId", ""))),
            "userId": printable(str(record.__dict__.get("userId", ""))),
            "formattingError": self.redactor.text(f"{type(error).__qualname__}: {text_of(error)}"),
        }
        line.update({key: value for key, value in known.items() if value})
        return _encode(line).decode()


def _is_request(value: object) -> bool:
    """Tell whether *value* is a framework's request object, as Django's lines hold it. Its text is
    its URL, and its parts are its headers, secrets and all.
    """
    if type(value) in _PLAIN:
        return False
    try:
        return any(hasattr(value, name) for name in ("META", "environ", "scope"))
    except Exception:  # a proxy of a request that is over
        return True


def _said_by(record: logging.LogRecord) -> str:
    """Return the message of *record*; of a dictionary, whose other keys may be secrets, its own."""
    given: Any = record.msg
    if not issubclass(type(given), dict):
        return message_of(record)
    try:
        return text_of(dict.get(given, "message", ""))
    except Exception:
        return ""
