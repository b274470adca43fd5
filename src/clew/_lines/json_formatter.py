"""The options of python-json-logger's formatters, as a bridge over the encoder."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.msgspec import MsgspecFormatter

from clew._redaction import Redact
from clew.records import OWNED_KEYS

from .encoder import Encoder
from .extract import NEVER_FIELDS, extract, salvage
from .line_options import Frames


class JSONFormatter(MsgspecFormatter):
    """Write each record as one JSON object a line: an ApplicationLog or an HTTPLog.

    The options of python-json-logger's MsgspecFormatter work as there, and values of all types are
    written as there, but for these, which are so on purpose:

    - The keys of an ApplicationLog or an HTTPLog are always there, beside those of the format, and
      ``rename_fields`` and ``static_fields`` speak of the keys of the line. A field of theirs does
      not take the place of one of clew's keys.
    - An exception is ``exception``, an object, and a stack is ``stackInfo``. ``exc_info``, where
      the format has it or ``rename_fields`` renames it, is the traceback's text besides.
    - Formatting never fails: what has no text is ``<unprintable Name>``, not a number null.
    - Secrets are masked.

    Args:
        service: Which service of several writes the line.
        version: The release of that service.
        fields: Further fields of every line.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: ``"default"``, ``"off"``, ``"strict"``, or names to mask besides the default ones.
        frames: ``"all"``, or ``"own"`` for one line in the place of frames of installed packages
            in a row.
    """

    # What encodes an entry as this formatter does, or None where it has to see the record.
    direct: Encoder | None

    def __init__(
        self,
        *args: Any,
        service: str | None = None,
        version: str | None = None,
        fields: Mapping[str, object] | None = None,
        levels: Mapping[str, str] | None = None,
        redact: Redact = "default",
        frames: Frames = "all",
        json_default: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, json_default=json_default or str, **options)
        self.encoder = Encoder(
            service=service,
            version=version,
            fields=fields,
            levels=levels,
            redact=redact,
            frames=frames,
            default=json_default,
        )
        self.service = service
        self._columns = [
            name for name in self._required_fields if name not in OWNED_KEYS | {"message"}
        ]
        self._skipped = (
            None
            if self.reserved_attrs == set(RESERVED_ATTRS)
            else frozenset(NEVER_FIELDS | self.reserved_attrs)
        )
        # Which of the record's own texts are wanted under a key of its own.
        self._texts = [
            name
            for name in ("exc_info", "exc_text", "stack_info")
            if name in self._columns or name in self.rename_fields
        ]
        # The keys that clew's own are renamed to are clew's too.
        self._renamed_own = {self._get_rename(name) for name in OWNED_KEYS} - OWNED_KEYS
        kind = type(self)
        self._has_options = bool(
            self._columns
            or self.prefix
            or self.rename_fields
            or self.static_fields
            or self.defaults
            or self.timestamp
            or self.exc_info_as_array
            or self.stack_info_as_array
            or self._skipped is not None
            or kind.add_fields is not JSONFormatter.add_fields
            or kind.process_log_record is not MsgspecFormatter.process_log_record
            or kind.serialize_log_record is not MsgspecFormatter.serialize_log_record
            or kind.jsonify_log_record is not JSONFormatter.jsonify_log_record
        )
        self.direct = None if self._has_options or kind is not JSONFormatter else self.encoder

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*, without a line end."""
        try:
            entry = extract(record, self._skipped)
            if not self._has_options:
                return self.encoder.encode(entry).decode()
            line = self.encoder.line(entry, self.rename_fields)
            texts = self._texts_of(line)
            if self.stack_info_as_array and "stackInfo" in line:
                line["stackInfo"] = line["stackInfo"].splitlines()
            if self.exc_info_as_array and "exception" in line:
                trace = line["exception"]["stackTrace"]
                line["exception"]["stackTrace"] = trace.splitlines()
            log_data: LogData = {}
            self.add_fields(log_data, record, line)
            log_data.update(texts)
            return self.serialize_log_record(self.process_log_record(log_data))
        except Exception as error:
            return self.encoder.fallback(salvage(record), error).decode()

    def _texts_of(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return the traceback and the stack of *line* as texts, under the keys asked for."""
        texts: dict[str, Any] = {}
        for name in self._texts:
            is_stack = name == "stack_info"
            if is_stack:
                text = line.get("stackInfo")
            else:
                text = line["exception"]["stackTrace"].rstrip() if "exception" in line else None
            if text is None:
                if name in self._columns:
                    texts[self._get_rename(name)] = None
                continue
            as_array = self.stack_info_as_array if is_stack else self.exc_info_as_array
            texts[self._get_rename(name)] = text.splitlines() if as_array else text
        return texts

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
            log_data[rename(name)] = self.encoder.redactor.field(name, record.__dict__.get(name))
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
            part = int(record.created * 1e6) % 1_000_000
            log_data[rename(name)] = f"{text}.{part:06}Z" if part else f"{text}Z"
        if self.rename_fields_keep_missing:
            for name in self.rename_fields.values():
                log_data.setdefault(name, None)

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Return *log_data* as JSON; what UTF-8 or JSON cannot hold, as text."""
        return self.encoder.part_by_part(log_data).decode()
