"""The same twenty lines as each tool gives them back: one function a wrapping."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RAW = Path(__file__).with_name("raw.ndjson").read_text("utf-8").splitlines()
EVENTS: list[dict[str, Any]] = [json.loads(line) for line in RAW]

POD = "shopapi-7d9f8c6b5-x2x4z"
Wrap = Callable[[], str]


def _time(event: dict[str, Any], zone: str = "Z", digits: str = "000000") -> str:
    """Return when *event* was, to the nanosecond as Go writes it."""
    moment = datetime.fromtimestamp(event["createdAt"] / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{event['createdAt'] % 1000:03}{digits}{zone}"


def _lines(wrap: Callable[[str, dict[str, Any]], str]) -> str:
    return "".join(f"{wrap(line, event)}\n" for line, event in zip(RAW, EVENTS, strict=True))


def _objects(wrap: Callable[[str, dict[str, Any]], dict[str, Any]]) -> str:
    return _lines(lambda line, event: json.dumps(wrap(line, event)))


def _docker_json_file() -> str:
    """Docker's driver cuts lines at 16 KiB, here at 100 bytes."""
    parts = []
    for line, event in zip(RAW, EVENTS, strict=True):
        for at in range(0, len(line), 100):
            log = line[at : at + 100] + ("\n" if at + 100 >= len(line) else "")
            parts.append({"log": log, "stream": "stdout", "time": _time(event)})
    return "".join(json.dumps(part, separators=(",", ":")) + "\n" for part in parts)


def _cri() -> str:
    """The runtime cuts long lines into pieces, with others' between."""
    lines = []
    for line, event in zip(RAW, EVENTS, strict=True):
        at = _time(event)
        lines += [f"{at} stdout P {line[:90]}", f"{at} stderr P Trace", f"{at} stderr F back"]
        lines += [f"{at} stdout P {line[90:120]}", f"{at} stdout F {line[120:]}"]
    return "\n".join(lines) + "\n"


def _pretty(value: Any, indent: int = 2) -> str:
    return json.dumps(value, indent=indent) + "\n"


def _journal_entry(line: str, event: dict[str, Any]) -> dict[str, Any]:
    message: Any = [*line.encode()] if event is EVENTS[0] else line
    return {
        "__REALTIME_TIMESTAMP": f"{event['createdAt']}000",
        "_SYSTEMD_UNIT": "shopapi.service",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "uvicorn",
        "MESSAGE": message,
    }


def _cloudwatch_event(line: str, event: dict[str, Any]) -> dict[str, Any]:
    at = event["createdAt"]
    return {"logStreamName": "ecs/shop", "timestamp": at, "message": line, "ingestionTime": at + 9}


def _datadog(line: str, event: dict[str, Any]) -> dict[str, Any]:
    attributes = {key: of for key, of in event.items() if key not in {"message", "service"}}
    return {
        "_id": "AZ1",
        "date": _time(event, digits=""),
        "service": event["service"],
        "host": "web-1",
        "source": "python",
        "status": "info",
        "message": event["message"],
        "tags": ["env:prod"],
        "attributes": attributes,
    }


def _doubles(value: Any) -> Any:
    """Return *value* as protobuf's Struct keeps it: each number is a double."""
    if isinstance(value, dict):
        return {key: _doubles(of) for key, of in value.items()}
    return float(value) if isinstance(value, int) else value


def _google_entry(line: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        "insertId": "1f",
        "jsonPayload": _doubles(event),
        "logName": "projects/shop/logs/run.googleapis.com%2Fstdout",
        "resource": {"type": "cloud_run_revision"},
        "timestamp": _time(event),
        "receiveTimestamp": _time(event),
    }


def _otlp(line: str, event: dict[str, Any]) -> dict[str, Any]:
    record = {
        "timeUnixNano": f"{event['createdAt']}000000",
        "severityNumber": 9,
        "body": {"stringValue": line},
    }
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    scopes = [{"scope": {"name": "filelog"}, "logRecords": [record]}]
    return {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": scopes}]}


def _loki_stream() -> dict[str, Any]:
    values = [
        [f"{event['createdAt']}000000", line] for line, event in zip(RAW, EVENTS, strict=True)
    ]
    result = [{"stream": {"app": "shop"}, "values": values}]
    return {"status": "success", "data": {"resultType": "streams", "result": result}}


def _printed(event: dict[str, Any], record: str) -> str:
    return f"[0] kube.shop: [[{event['createdAt'] / 1000:.9f}, {{}}], {record}]"


def _array_of_lines() -> str:
    return "[" + ",\n".join(RAW) + "]\n"


def _stern_pod(line: str, event: dict[str, Any]) -> dict[str, Any]:
    return {"message": line, "nodeName": "n1", "namespace": "prod", "podName": POD}


# The names are those of the tools, as a reader knows them.
WRAPPINGS: dict[str, Wrap] = {
    "bare": lambda: "\n".join(RAW) + "\n",
    "docker json-file": _docker_json_file,
    "docker logs -t": lambda: _lines(lambda line, event: f"{_time(event)} {line}"),
    "compose": lambda: _lines(lambda line, event: f"shopapi-1  | {line}"),
    "compose, coloured": lambda: _lines(
        lambda line, event: f"\x1b[36mshopapi-1  | \x1b[0m{line}\x1b[K"
    ),
    "compose -t": lambda: _lines(lambda line, event: f"shopapi-1  | {_time(event)} {line}"),
    "CRI": _cri,
    "kubectl --prefix": lambda: _lines(lambda line, event: f"[pod/{POD}/shopapi] {line}"),
    "kubectl --timestamps": lambda: _lines(
        lambda line, event: f"[pod/{POD}/shopapi] {_time(event)} {line}"
    ),
    "stern": lambda: _lines(lambda line, event: f"{POD} shopapi {line}"),
    "stern, coloured, times": lambda: _lines(
        lambda line, event: f"\x1b[33m{POD}\x1b[0m \x1b[36mshopapi\x1b[0m {_time(event)} {line}"
    ),
    "stern -o json": lambda: _objects(_stern_pod),
    "stern -o extjson": lambda: _objects(
        lambda line, event: {"pod": POD, "container": "shopapi", "message": event}
    ),
    "journalctl -o json": lambda: _objects(_journal_entry),
    "journalctl -o json-pretty": lambda: "".join(
        json.dumps(_journal_entry(line, event), indent="\t") + "\n"
        for line, event in zip(RAW, EVENTS, strict=True)
    ),
    "journalctl -o short": lambda: _lines(
        lambda line, event: f"Nov 28 17:58:32 web-1 uvicorn[123]: {line}"
    ),
    "journalctl -o short-iso": lambda: _lines(
        lambda line, event: f"2026-11-28T17:58:32+0000 web-1 uvicorn[123]: {line}"
    ),
    "journalctl -o short-full": lambda: _lines(
        lambda line, event: f"Sat 2026-11-28 17:58:32 UTC web-1 uvicorn[123]: {line}"
    ),
    "CloudWatch filter-log-events": lambda: _pretty(
        {"events": list(map(_cloudwatch_event, RAW, EVENTS)), "searchedLogStreams": []}, 4
    ),
    "CloudWatch subscription": lambda: json.dumps(
        {"messageType": "DATA_MESSAGE", "logEvents": list(map(_cloudwatch_event, RAW, EVENTS))}
    ),
    "aws logs tail": lambda: _lines(
        lambda line, event: f"{_time(event, '+00:00', '000')} ecs/shop/1f {line}"
    ),
    "aws logs tail --format short": lambda: _lines(
        lambda line, event: f"{_time(event, '', '')[:19]} {line}"
    ),
    "aws logs tail --format json": lambda: _lines(
        lambda line, event: f"{_time(event, '+00:00', '000')} ecs/1f {json.dumps(event, indent=4)}"
    ),
    "heroku": lambda: _lines(
        lambda line, event: f"{_time(event, '+00:00', '000')} app[web.1]: {line}"
    ),
    "heroku drain": lambda: _lines(
        lambda line, event: f"83 <190>1 {_time(event, '+00:00', '000')} host app web.1 - {line}"
    ),
    "logcli": lambda: _lines(
        lambda line, event: f'{_time(event, digits="")} {{app="shop", pod="{POD}"}} {line}'
    ),
    "logcli -o jsonl": lambda: _objects(
        lambda line, event: {"labels": {"app": "shop"}, "line": line, "timestamp": _time(event)}
    ),
    "Loki's API": lambda: json.dumps(_loki_stream()),
    "Fluent Bit json_lines": lambda: _objects(
        lambda line, event: {
            "date": event["createdAt"] / 1000,
            "log": line,
            "kubernetes": {"pod_name": POD},
        }
    ),
    "Fluent Bit, merged": lambda: _objects(
        lambda line, event: {"date": event["createdAt"] / 1000, "log_processed": event}
    ),
    "Fluent Bit to a file": lambda: _lines(
        lambda line, event: (
            f"app.shop: [{event['createdAt'] / 1000:.6f}, {json.dumps({'log': line})}]"
        )
    ),
    "Fluent Bit to the terminal": lambda: _lines(
        lambda line, event: _printed(event, f'{{"log"=>"{line}", "stream"=>"stdout"}}')
    ),
    "Fluent Bit to the terminal, escaped": lambda: _lines(
        lambda line, event: _printed(event, f'{{"log"=>{json.dumps(line)}, "none"=>nil}}')
    ),
    "Fluent Bit to the terminal, merged": lambda: _lines(
        lambda line, event: _printed(event, line.replace('":', '"=>'))
    ),
    "Vector": lambda: _objects(
        lambda line, event: {
            "host": "web-1",
            "message": line,
            "source_type": "docker_logs",
            "timestamp": _time(event),
        }
    ),
    "Datadog's archive": lambda: _objects(_datadog),
    "gcloud logging read": lambda: _pretty(list(map(_google_entry, RAW, EVENTS))),
    "OpenTelemetry's protocol": lambda: _objects(_otlp),
    "JSON array": lambda: json.dumps(EVENTS),
    "JSON array of lines": _array_of_lines,
    "JSON array, pretty-printed": lambda: _pretty(EVENTS, 4),
    "JSON array of pretty-printed objects": lambda: (
        "[" + ",\n".join(json.dumps(event, indent=2) for event in EVENTS) + "]\n"
    ),
    "JSON array, commas first": lambda: "[" + "\n,".join(RAW) + "\n]\n",
    "JSON array, commas first, brackets apart": lambda: "[\n" + "\n, ".join(RAW) + "\n]\n",
    "JSON array, spaces around": lambda: "[ " + " ,\n  ".join(RAW) + " ]\n",
    "JSON array of lines, spaces around": lambda: "".join(f"[ {line} ]\n" for line in RAW),
    "JSON array, commas apart": lambda: (
        "[\n" + "\n,\n".join(json.dumps(event, indent=2) for event in EVENTS) + "\n]\n"
    ),
    "JSON array of one": lambda: "".join(f"[\n{line}\n]\n" for line in RAW),
    "pretty-printed": lambda: "".join(map(_pretty, EVENTS)),
    "docker in kubectl in compose": lambda: _lines(
        lambda line, event: (
            "shopapi-1  | [pod/a/b] " + json.dumps({"log": line, "stream": "stdout"})
        )
    ),
}
