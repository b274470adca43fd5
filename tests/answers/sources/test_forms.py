"""Each form that neighbours write: a sample of it, and what is asked of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.sources.forms import FORMS
from tests.rows import each_row

AT = 1_795_888_700_120  # 2026-11-28T17:58:20.120Z
ISO = "2026-11-28T17:58:20.120Z"
GET = {"method": "GET", "path": "/a", "httpStatus": 200, "durationUs": 12_000, "level": "info"}
ACCESS = {**GET, "createdAt": AT, "query": "token=1", "ipAddress": "10.0.0.1", "requestId": "r1"}
EVENT = {"createdAt": AT, "message": "Card declined", "level": "danger", "requestId": "r1"}
CRASH = {"exceptionType": "ValueError", "exceptionMessage": "no card"}
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in pay\nValueError: no card'

# By the form's name: a line of it, and the columns that it has as an event.
SAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "pino-http",
        {
            "level": 30,
            "time": AT,
            "pid": 1,
            "hostname": "h",
            "req": {
                "id": "r1",
                "method": "GET",
                "url": "/a?token=1",
                "query": {"token": "1"},
                "headers": {"host": "x"},
                "remoteAddress": "::ffff:10.0.0.1",
                "remotePort": 5,
            },
            "res": {"statusCode": 200, "headers": {}},
            "responseTime": 12,
            "msg": "request completed",
        },
        {**ACCESS, "ipAddress": "::ffff:10.0.0.1", "message": "request completed"},
    ),
    (
        "pino",
        {
            "level": 50,
            "time": AT,
            "pid": 1,
            "hostname": "h",
            "reqId": "r1",
            "err": {
                "type": "ValueError",
                "message": "no card",
                "stack": "ValueError\n at",
            },
            "msg": "Card declined",
        },
        {**EVENT, **CRASH, "method": None},
    ),
    (
        # The logger that pino-http gives a request writes the request on each of its lines.
        "pino",
        {
            "level": 30,
            "time": AT,
            "pid": 1,
            "hostname": "h",
            "req": {"id": 7, "method": "GET", "url": "/a"},
            "msg": "looked up",
        },
        {"createdAt": AT, "message": "looked up", "requestId": "7", "method": None},
    ),
    (
        "pino",
        {"level": 50, "time": AT, "pid": 1, "hostname": "h", "reqId": "r1"},
        {**EVENT, "message": None},
    ),
    (
        "ECS",
        {
            "@timestamp": ISO,
            "log.level": "info",
            "message": "GET /a",
            "ecs.version": "8.11",
            "http": {"request": {"method": "GET", "id": "r1"}, "response": {"status_code": 200}},
            "url": {"path": "/a", "query": "token=1"},
            "event": {"duration": 12_000_000},
            "trace": {"id": "abc"},
            "service.name": "shop",
            "client": {"ip": "10.0.0.1"},
        },
        {**ACCESS, "service": "shop"},
    ),
    (
        "ECS",
        {
            "@timestamp": ISO,
            "log": {"level": "error", "logger": "shop"},
            "message": "Card declined",
            "ecs": {"version": "8.11"},
            "trace.id": "r1",
            "error": {"type": "ValueError", "message": "no card", "stack_trace": TRACEBACK},
        },
        {**EVENT, **CRASH, "logger": "shop", "stackTrace": TRACEBACK},
    ),
    (
        "OpenTelemetry",
        {
            "resourceLogs": [
                {
                    "resource": {
                        "attributes": [
                            {"key": "service.name", "value": {"stringValue": "shop"}},
                        ]
                    },
                    "scopeLogs": [
                        {
                            "scope": {"name": "shop.http"},
                            "logRecords": [
                                {
                                    "timeUnixNano": f"{AT}000000",
                                    "severityNumber": 9,
                                    "severityText": "INFO",
                                    "body": {"stringValue": "GET /a"},
                                    "attributes": [
                                        {"key": key, "value": {kind: value}}
                                        for key, kind, value in (
                                            ("http.request.method", "stringValue", "GET"),
                                            ("url.path", "stringValue", "/a"),
                                            ("url.query", "stringValue", "token=1"),
                                            ("http.response.status_code", "intValue", "200"),
                                            ("http.server.request.duration", "doubleValue", 0.012),
                                            ("client.address", "stringValue", "10.0.0.1"),
                                        )
                                    ],
                                    "traceId": "r1",
                                }
                            ],
                        }
                    ],
                }
            ]
        },
        {**ACCESS, "service": "shop", "logger": "shop.http", "message": "GET /a"},
    ),
    (
        "OpenTelemetry",
        {
            "body": "Card declined",
            "severity_number": 17,
            "severity_text": "ERROR",
            "attributes": {
                "request_id": "r1",
                "exception.type": "ValueError",
                "exception.message": "no card",
                "exception.stacktrace": TRACEBACK,
            },
            "timestamp": ISO,
            "observed_timestamp": ISO,
            "trace_id": "0x" + "0" * 32,
            "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""},
        },
        {**EVENT, **CRASH, "service": "shop"},
    ),
    (
        "OpenTelemetry",
        {
            "Timestamp": f"{AT}000000",
            "SeverityNumber": 17,
            "SeverityText": "ERROR",
            "Body": "Card declined",
            "TraceId": "r1",
            "Attributes": {"user.id": "7"},
            "Resource": {"service.name": "shop"},
        },
        {**EVENT, "userId": "7", "service": "shop"},
    ),
    (
        # The exporter to the console writes an id as a number.
        "OpenTelemetry",
        {
            "body": "Card declined",
            "severity_number": 17,
            "timestamp": ISO,
            "trace_id": "0x018f6b0e7c3a7d2b9a415f0c2e8d1b60",
        },
        {**EVENT, "requestId": "018f6b0e7c3a7d2b9a415f0c2e8d1b60"},
    ),
    (
        "Google's httpRequest",
        {
            "severity": "INFO",
            "timestamp": {"seconds": AT // 1000, "nanos": 120_000_000},
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": "https://x.example/a?token=1",
                "status": 200,
                "responseSize": "12",
                "remoteIp": "10.0.0.1",
                "latency": "0.012s",
                "protocol": "HTTP/1.1",
            },
            "logging.googleapis.com/trace": "projects/shop/traces/r1",
        },
        {**ACCESS, "message": "GET /a 200"},
    ),
    (
        "Google's severity",
        {
            "severity": "ERROR",
            "message": "Card declined",
            "time": ISO,
            "request_id": "r1",
            "stack_trace": TRACEBACK,
        },
        {**EVENT, **CRASH},
    ),
    (
        "Caddy",
        {
            "level": "info",
            "ts": AT / 1000,
            "logger": "http.log.access.log0",
            "msg": "handled request",
            "request": {
                "remote_ip": "10.0.0.1",
                "remote_port": "1",
                "client_ip": "10.0.0.1",
                "proto": "HTTP/2.0",
                "method": "GET",
                "host": "x.example",
                "uri": "/a?token=1",
                "headers": {"User-Agent": ["curl"], "X-Request-Id": ["r1"]},
            },
            "bytes_read": 0,
            "user_id": "",
            "duration": 0.012,
            "size": 12,
            "status": 200,
            "resp_headers": {},
        },
        {**ACCESS, "logger": "caddy.access", "userId": None, "message": "GET /a 200"},
    ),
    (
        "Caddy",
        {
            "level": "info",
            "ts": "2026/11/28 17:58:20.120",
            "msg": "handled request",
            "request": {"remote_ip": "10.0.0.1", "method": "GET", "uri": "/a?token=1"},
            "uuid": "r1",
            "duration": 0.012,
            "status": 200,
        },
        ACCESS,
    ),
    (
        "Traefik",
        {
            "ClientAddr": "10.0.0.1:1234",
            "ClientHost": "10.0.0.1",
            "ClientUsername": "-",
            "DownstreamContentSize": 12,
            "DownstreamStatus": 200,
            "Duration": 12_000_000,
            "OriginStatus": 200,
            "RequestMethod": "GET",
            "RequestPath": "/a?token=1",
            "RouterName": "shop@docker",
            "StartUTC": "2026-11-28T17:58:20.108123456Z",
            "level": "info",
            "msg": "",
            "time": "2026-11-28T17:58:20.120123456Z",
            "request_X-Request-Id": "r1",
        },
        {**ACCESS, "logger": "traefik.access"},
    ),
    (
        "nginx",
        {
            "time_local": "28/Nov/2026:18:58:20 +0100",
            "remote_addr": "10.0.0.1",
            "request": "GET /a?token=1 HTTP/1.1",
            "status": "200",
            "body_bytes_sent": "12",
            "request_time": "0.012",
            "http_user_agent": "curl",
            "request_id": "r1",
        },
        {**ACCESS, "createdAt": AT - 120, "logger": "nginx.access"},
    ),
    (
        "nginx",
        {
            "msec": "1795888700.120",
            "remote_addr": "10.0.0.1",
            "request_method": "GET",
            "request_uri": "/a?token=1",
            "status": 200,
            "request_time": 0.012,
            "http_x_request_id": "r1",
            "remote_user": "ada",
        },
        {**ACCESS, "userId": "ada"},
    ),
    (
        "ingress-nginx",
        {
            "time": "2026-11-28T17:58:20+00:00",
            "remote_addr": "",
            "x_forwarded_for": "10.0.0.1, 10.0.0.2",
            "request_id": "r1",
            "remote_user": "",
            "bytes_sent": 12,
            "request_time": 0.012,
            "status": 200,
            "vhost": "x.example",
            "request_proto": "HTTP/1.1",
            "path": "/a",
            "request_query": "token=1",
            "request_length": 1,
            "duration": 0.012,
            "method": "GET",
            "http_referrer": "",
            "http_user_agent": "curl",
        },
        {**ACCESS, "createdAt": AT - 120, "userId": None, "logger": "nginx.access"},
    ),
    (
        "structlog",
        {
            "request_id": "r1",
            "user_id": 7,
            "event": "Card declined",
            "level": "error",
            "timestamp": "2026-11-28T17:58:20.120034Z",
            "exception": TRACEBACK,
        },
        {**EVENT, **CRASH, "userId": "7", "stackTrace": TRACEBACK},
    ),
    (
        "structlog",
        {
            "request_id": "r1",
            "event": "Card declined",
            "level": "error",
            "exception": [{"exc_type": "ValueError", "exc_value": "no card", "frames": []}],
            "timestamp": AT / 1000,
        },
        {**EVENT, **CRASH},
    ),
    (
        "python-json-logger",
        {
            "asctime": "2026-11-28 17:58:20,120",
            "levelname": "ERROR",
            "name": "shop",
            "message": "Card declined",
            "exc_info": TRACEBACK,
            "request_id": "r1",
        },
        {**EVENT, **CRASH, "logger": "shop"},
    ),
    (
        "python-json-logger",
        {"message": "Card declined", "timestamp": "2026-11-28T17:58:20.120+00:00"},
        {"createdAt": AT, "message": "Card declined", "level": None},
    ),
    (
        "slog",
        {
            "time": "2026-11-28T18:58:20.120034567+01:00",
            "level": "ERROR",
            "msg": "Card declined",
            "request_id": "r1",
            "user_id": 7,
        },
        {**EVENT, "userId": "7"},
    ),
    (
        "zap",
        {
            "level": "error",
            "ts": AT / 1000,
            "logger": "shop",
            "caller": "pay/pay.go:12",
            "msg": "Card declined",
            "request_id": "r1",
            "error": "no card",
            "stacktrace": "main.pay\n\t/src/pay.go:12",
        },
        {**EVENT, "logger": "shop", "exceptionMessage": "no card"},
    ),
    (
        "zap",
        {
            "L": "ERROR",
            "T": "2026-11-28T18:58:20.120+0100",
            "N": "shop",
            "C": "pay/pay.go:12",
            "M": "Card declined",
            "S": "main.pay",
            "request_id": "r1",
        },
        {**EVENT, "logger": "shop", "stackTrace": "main.pay"},
    ),
    (
        "Serilog's compact form",
        {
            "@t": "2026-11-28T17:58:20.1200000Z",
            "@mt": "{RequestMethod} {RequestPath} responded {StatusCode} in {Elapsed:0.0000} ms",
            "RequestMethod": "GET",
            "RequestPath": "/a?token=1",
            "StatusCode": 200,
            "Elapsed": 12.0,
            "RequestId": "r1",
            "ClientIp": "10.0.0.1",
        },
        {**ACCESS, "message": "GET /a?token=1 responded 200 in 12.0 ms"},
    ),
    (
        "Serilog's compact form",
        {
            "@t": "2026-11-28T17:58:20.1200000Z",
            "@m": "Card declined",
            "@l": "Error",
            "@x": "Shop.CardException: no card\n   at Shop.Pay()",
            "@tr": "r1",
        },
        {**EVENT, "exceptionType": "Shop.CardException", "exceptionMessage": "no card"},
    ),
]
_IDS = [f"{name} {number}" for number, (name, *_) in enumerate(SAMPLES)]


def columns_of(path: Path, names: Any, **options: Any) -> list[dict[str, Any]]:
    """Return these columns of all events."""
    listed = ", ".join(f'"{name}"' for name in names)
    with answers.open(path, **options) as logs:
        rows = logs.engine.rows(f"SELECT {listed} FROM logs", {})
    return [dict(zip(names, row, strict=True)) for row in rows]


@each_row(("name", "line", "expected"), SAMPLES)
def test_a_form_is_an_event(
    tmp_path: Path, name: str, line: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A neighbour's line is a request, or what the application said, with what it knows."""
    path = tmp_path / "app.log"
    path.write_text(json.dumps(line) + "\n")
    assert columns_of(path, list(expected)) == [expected]


def test_each_form_has_a_sample() -> None:
    """A form without a sample would be one that nobody has seen."""
    assert {form.name for form in FORMS} == {name for name, *_ in SAMPLES}


def test_forms_are_mixed_with_bare_lines_and_wrapped(tmp_path: Path) -> None:
    """All forms in one file, bare and in Docker's wrapping, between lines of clew's own."""
    own = '{"level":"info","message":"x","createdAt":1795888700000,"logger":"shop"}'
    texts = [json.dumps(line) for _, line, _ in SAMPLES]
    wrapped = [json.dumps({"log": text + "\n", "stream": "stdout", "time": ISO}) for text in texts]
    path = tmp_path / "app.log"
    path.write_text("\n".join([own, *texts, own, *wrapped]) + "\n")
    with answers.open(path) as logs:
        assert (logs.lines, logs.broken, logs.foreign) == (2 + 2 * len(texts), 0, 0)
        assert sum(row["requests"] for row in logs.ask("slowest").dicts()) == 2 * sum(
            "method" in expected and expected["method"] is not None for *_, expected in SAMPLES
        )


@each_row(
    ("line", "expected", "likeliest"),
    [
        (
            {"severity": "ERROR", "message": "Card declined", "request_id": "r1"},
            EVENT,
            "Google's severity without a time",
        ),
        *(
            (line, {"createdAt": AT, "message": "hi"}, f"{form} without a time")
            for form, line in (
                ("python-json-logger", {"message": "hi"}),
                ("python-json-logger", {"message": "hi", "taskName": None}),
                ("structlog", {"event": "hi"}),
                ("slog", {"level": "info", "msg": "hi"}),
            )
        ),
    ],
)
def test_the_wrapping_says_when_where_the_line_does_not(
    tmp_path: Path, line: dict[str, Any], expected: dict[str, Any], likeliest: str
) -> None:
    """Some lines have no time of their own: what stands around them has."""
    path = tmp_path / "app.log"
    path.write_text(f"{ISO} {json.dumps(line)}\n{json.dumps(line)}\n")
    assert columns_of(path, list(expected)) == [expected]
    with answers.open(path) as logs:
        assert logs.summary == (
            f"2 lines, 0 broken, 1 of another form (they look like {likeliest})"
        )


def test_an_object_with_more_than_a_message_is_foreign(tmp_path: Path) -> None:
    """What has keys that nobody knows is no line, though what stands around it says when."""
    path = tmp_path / "app.log"
    path.write_text("".join(f'{ISO} {{"{name}":"hi","x":1}}\n' for name in ("message", "event")))
    with answers.open(path) as logs:
        assert logs.summary == (
            "2 lines, 0 broken, 2 of another form (they look like 'message', 'x')"
        )


@each_row(
    ("line", "likeliest"),
    [
        ({"ts": 1, "txt": "x", "lvl": 3}, "'ts', 'txt', 'lvl'"),
        ({"level": "info", "msg": "x", "when": 1}, "zap without ts"),
        ({"\x1b[31m'": 1}, '"\\x1b[31m\'"'),
        ({}, "empty objects"),
        # What the engine is asked about is named too.
        ({"level": "info", "createdAt": "1795888700003"}, "'level', 'createdAt'"),
        ({"a": float("nan"), "b": 1}, "'a', 'b'"),
        ({"log": '{"a": NaN}', "stream": "stdout"}, "'a'"),
    ],
)
def test_another_form_is_named(tmp_path: Path, line: dict[str, Any], likeliest: str) -> None:
    """Objects that are no events are counted, and the form that most look like is named."""
    own = '{"level":"info","message":"x","createdAt":1795888700000,"logger":"shop"}\n'
    path = tmp_path / "app.log"
    for text in (own + json.dumps(line) + "\n", json.dumps(line) + "\n" + own):
        path.write_text(text + "broken\n")
        with answers.open(path) as logs:
            assert (logs.lines, logs.broken, logs.foreign) == (3, 1, 1)
            assert logs.engine.likeliest == likeliest


HOME_MADE = {
    "when": "28/Nov/2026:17:58:20 +0000",
    "http": {
        "verb": "GET",
        "code": "200",
        "url": "/a?token=1",
        "took": 0.012,
        "peer": "10.0.0.1:5",
    },
    "rid": "r1",
    "sev": "info",
}
MAP = {
    "createdAt": "when",
    "method": "http.verb",
    "status": "http.code",
    "path": "http.url",
    "duration:s": "http.took",
    "ipAddress": "http.peer",
    "requestId": "rid",
    "level": "sev",
}


def test_a_home_made_form_is_mapped(tmp_path: Path) -> None:
    """``--map`` says where the fields are; clew's own lines beside it stay what they are."""
    own = '{"level":"info","message":"x","createdAt":1795888700000,"logger":"shop"}\n'
    path = tmp_path / "app.log"
    path.write_text(own + json.dumps(HOME_MADE) + "\n" + own)
    columns = list(ACCESS)
    assert {**ACCESS, "createdAt": AT - 120} in columns_of(path, columns, map=MAP)
    with answers.open(path, map=MAP) as logs:
        assert (logs.lines, logs.foreign, logs.broken) == (3, 0, 0)
    with answers.open(path) as logs:
        assert (logs.lines, logs.foreign, logs.broken) == (3, 1, 0)


def test_a_map_goes_before_what_is_known(tmp_path: Path) -> None:
    """A line of clew's own with a status elsewhere has it there."""
    path = tmp_path / "app.log"
    path.write_text('{"createdAt":5,"http":{"code":404},"request":{"method":"GET","path":"/a"}}\n')
    mapped = columns_of(
        path, ["createdAt", "httpStatus"], map={"status": "http.code", "method": "request.method"}
    )
    assert mapped == [{"createdAt": 5, "httpStatus": 404}]


@pytest.mark.parametrize(
    "path_in_line",
    ["a'; DROP TABLE lines; --", "$(id)", "../../etc/passwd", '"', "\x00", "a" * 9999, "."],
)
def test_a_hostile_path_is_a_name(tmp_path: Path, path_in_line: str) -> None:
    """What a map says is looked for in the line, whatever it is, and is nothing else."""
    path = tmp_path / "app.log"
    path.write_text(json.dumps({"ts": AT, path_in_line: 404, "m": "GET"}) + "\n")
    names = {"status": path_in_line, "method": "m"}
    assert columns_of(path, ["createdAt", "httpStatus"], map=names) == [
        {"createdAt": AT, "httpStatus": 404}
    ]


@each_row(
    ("names", "sentence"),
    [
        ({"stauts": "a"}, "map names no 'stauts'; did you mean status; it names createdAt, "),
        ({"'; DROP TABLE lines; --": "a"}, "map names no .*; it names createdAt, "),
        ({"status": ""}, "map says '' for status: give the path of a field"),
    ],
)
def test_a_wrong_map_is_a_sentence(names: dict[str, str], sentence: str) -> None:
    """What a map names that is nothing of clew's is said before anything is read."""
    with pytest.raises(answers.AnswerError, match=sentence):
        answers.open("no such file", map=names)
