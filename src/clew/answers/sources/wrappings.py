"""Objects that have lines in them when these come back from where they were: one entry each.

What is text in front of a line is a `Prefix`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .form import Line, find
from .prefixes import Payload
from .values import time_of


@dataclass(frozen=True, slots=True)
class Envelope:
    """An object that has lines in it: what gives them, or None for another object."""

    name: str
    open: Callable[[Line], Iterable[Payload] | None]


def _json_file(line: Line) -> Iterator[Payload] | None:
    """Open Docker's json-file, and what Fluent Bit, Fluentd and FireLens make of it: ``log``."""
    text = line.get("log")
    if not isinstance(text, str):
        merged = line.get("log_processed")
        return iter((Payload(merged),)) if isinstance(merged, dict) else None
    at = time_of(line.get("time") or line.get("date") or line.get("@timestamp"))
    # The driver cuts at 16 KiB; a line's last piece has its end.
    is_piece = line.keys() >= {"stream", "time"} and not text.endswith("\n")
    whole = text.startswith("{") and text.rstrip().endswith("}")
    stream = line.get("stream")
    name = stream if isinstance(stream, str) else None
    return iter((Payload(text, at, name, ends=not is_piece or whole),))


def _journal(line: Line) -> Iterator[Payload] | None:
    """Open ``journalctl -o json``; what is no text stands there as a list of bytes."""
    if "MESSAGE" not in line or not line.keys() & {"__REALTIME_TIMESTAMP", "PRIORITY", "_PID"}:
        return None
    text = line["MESSAGE"]
    if isinstance(text, list):
        text = bytes(each for each in text if isinstance(each, int) and 0 <= each < 256)
    at = time_of(line.get("__REALTIME_TIMESTAMP"))
    return iter((Payload(text if isinstance(text, str | bytes) else "", at),))


def _cloudwatch(line: Line) -> Iterator[Payload] | None:
    """Open ``aws logs filter-log-events`` and ``get-log-events``; what a subscription delivers."""
    events = line.get("events", line.get("logEvents"))
    if not isinstance(events, list):
        return None
    return (
        Payload(str(event["message"]), time_of(event.get("timestamp")))
        for event in _objects(events)
        if "message" in event
    )


def _loki(line: Line) -> Iterator[Payload] | None:
    """Open ``logcli -o jsonl``, and what Loki's own API answers."""
    if isinstance(line.get("line"), str) and "timestamp" in line:
        return iter((Payload(line["line"], time_of(line["timestamp"])),))
    streams = find(line, "data.result") or line.get("streams")
    if not isinstance(streams, list):
        return None
    return (
        Payload(str(value[1]), time_of(value[0]))
        for stream in _objects(streams)
        if isinstance(stream.get("values"), list)
        for value in stream["values"]
        if isinstance(value, list) and len(value) > 1
    )


def _message(line: Line) -> Iterator[Payload] | None:
    """Open what Vector, stern, Filebeat write: an object about a line, which is its ``message``."""
    text = line.get("message")
    at = time_of(line.get("timestamp") or line.get("@timestamp"))
    if isinstance(text, dict):
        return iter((Payload(text, at),))
    if not isinstance(text, str):
        return None
    is_object = text.startswith("{") and text.rstrip().endswith("}")
    if is_object or line.keys() & {"source_type", "podName", "containerName"}:
        return iter((Payload(text, at),))
    return None


def _datadog(line: Line) -> Iterator[Payload] | None:
    """Open Datadog's archives: what it knows itself stands beside the line's other fields."""
    attributes = line.get("attributes")
    if not isinstance(attributes, dict) or not line.keys() & {"_id", "tags"}:
        return None
    about = {name: line[name] for name in ("message", "service", "host") if name in line}
    fields = {"level": line.get("status"), **attributes, **about}
    fields.setdefault("timestamp", line.get("date") or line.get("timestamp"))
    return iter((Payload(fields, time_of(fields["timestamp"])),))


def _google(line: Line) -> Iterator[Payload] | None:
    """Open ``gcloud logging read --format=json``: an entry of Cloud Logging."""
    if not line.keys() & {"logName", "insertId", "receiveTimestamp"}:
        return None
    at = time_of(line.get("timestamp") or line.get("receiveTimestamp"))
    text = line.get("textPayload")
    if isinstance(text, str) and text.startswith("{"):
        return iter((Payload(text, at),))
    payload = line.get("jsonPayload")
    if not isinstance(payload, dict):
        return None
    payload = whole_numbers(payload)
    if "createdAt" in payload:
        return iter((Payload(payload, at),))
    names = ("severity", "timestamp", "httpRequest", "trace")
    return iter((Payload({name: line[name] for name in names if name in line} | payload, at),))


def whole_numbers(value: Any) -> Any:
    """Return *value* with numbers without a fraction as integers: Google keeps doubles."""
    if isinstance(value, dict):
        return {key: whole_numbers(of) for key, of in value.items()}
    if isinstance(value, list):
        return [whole_numbers(of) for of in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _otlp(line: Line) -> Iterator[Payload] | None:
    """Open OpenTelemetry's protocol as JSON, as the collector's file exporter writes it."""
    resources = line.get("resourceLogs")
    if not isinstance(resources, list):
        return None
    return (
        _record({**record, **_attributes(of.get("resource")), "scope": scope.get("scope")})
        for of in _objects(resources)
        for scope in _objects(of.get("scopeLogs"))
        for record in _objects(scope.get("logRecords"))
    )


def _record(record: Line) -> Payload:
    body = _value(record.get("body"))
    at = time_of(record.get("timeUnixNano"))
    if isinstance(body, dict):
        return Payload(body, at)
    if isinstance(body, str) and body.startswith("{"):
        return Payload(body, at)
    return Payload({**record, **_attributes(record), "body": body, "attributes": None}, at)


def _objects(value: object) -> Iterator[Line]:
    return (
        (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
    )


def _attributes(of: object) -> Line:
    attributes = of.get("attributes") if isinstance(of, Mapping) else None
    return {str(each.get("key")): _value(each.get("value")) for each in _objects(attributes)}


def _value(value: object) -> Any:
    """Return what an ``AnyValue`` of the protocol holds."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(kind, of)] = value.items()
    if kind == "kvlistValue" and isinstance(of, dict):
        return {
            str(each.get("key")): _value(each.get("value")) for each in _objects(of.get("values"))
        }
    if kind == "arrayValue" and isinstance(of, dict):
        return [_value(each) for each in _objects(of.get("values"))]
    if kind == "intValue":  # a text, as numbers of 64 bits are in the protocol's JSON
        return int(of) if str(of).lstrip("-").isdigit() else of
    return of


def _record_of_sdk(line: Line) -> Iterator[Payload] | None:
    """Open a record of the OpenTelemetry log data model with its attributes as an object."""
    body = line.get("body", line.get("Body"))
    inner = [line.get("attributes", line.get("Attributes")), line.get("Resource")]
    inner.append(find(line, "resource.attributes"))
    objects = [each for each in inner if isinstance(each, dict)]
    if body is None or not objects:
        return None
    at = time_of(line.get("timestamp", line.get("Timestamp")))
    if isinstance(body, dict) or (isinstance(body, str) and body.startswith("{")):
        return iter((Payload(body, at),))
    known = {"attributes", "Attributes", "Resource", "resource"}
    fields = {key: value for key, value in line.items() if key not in known}
    for each in objects:
        fields = each | fields
    return iter((Payload(fields, at),))


def _elasticsearch(line: Line) -> Iterator[Payload] | None:
    """Open what a search or a dump of Elasticsearch gives."""
    if isinstance(line.get("_source"), dict):
        return iter((Payload(line["_source"]),))
    hits = find(line, "hits.hits")
    return (Payload(hit) for hit in _objects(hits)) if isinstance(hits, list) else None


ENVELOPES: tuple[Envelope, ...] = (
    Envelope("Docker's json-file, Fluent Bit", _json_file),
    Envelope("journalctl -o json", _journal),
    Envelope("CloudWatch", _cloudwatch),
    Envelope("Loki", _loki),
    Envelope("Datadog's archive", _datadog),
    Envelope("gcloud logging read", _google),
    Envelope("OpenTelemetry's protocol", _otlp),
    Envelope("OpenTelemetry's records", _record_of_sdk),
    Envelope("Elasticsearch", _elasticsearch),
    Envelope("Vector, stern", _message),
)
