"""Logs as they come: whole and odd events, foreign lines and broken ones, in files of any make."""

from __future__ import annotations

import json
import random
from typing import Any

MIDNIGHT = 1_793_491_200_000  # 2026-11-01 UTC, in milliseconds
DAY = 86_400_000
SINCE, UNTIL = MIDNIGHT - 5_400_000, MIDNIGHT + DAY + 1_234

_EDGES = (MIDNIGHT, MIDNIGHT + DAY, SINCE, UNTIL, MIDNIGHT + 3_600_000, MIDNIGHT - 60_000)
_SERVICES = ("shop", "accounts", "gateway", "", None)
_ROUTES = ("/orders/{id}", "/orders", "/users/{id}/journal", "/Ω/{name}", None, None)
_PATHS = ("/orders/1", "/orders", "/users/7/journal", "/%E2%82%AC", "/graphql", "/'--", None)
_OPERATIONS = (None, None, None, None, "query Orders", "mutation Pay")
_STATUSES = (200, 200, 200, 201, 304, 400, 401, 404, 404, 499, 500, 503, 599, 600, None)
_OUTCOMES = (None,) * 12 + ("aborted", "error", "websocket")
_USERS = ("1", "2", "3", "12345", "مستخدم", "😀", "", None)
_ACTIONS = ("READ_JOURNAL", "PURCHASED", "PURCHASED", "SIGNUP", "$action", "", None)
_VALUES = ("user:12345", "order-77", "'; DROP TABLE logs; --", "a\u2028b", "nul\0", "", None)
_REQUESTS = ("r-1", "r-2", "r-3", "r-4", "r-5", None)
_DURATIONS = (0, 1, 1.5, 0.001, 12.345, 12.345, 99.999, 250, 1e3, 3600000.001)
_MONEY = (1, 100, -100, 0, 9.99, 0.000001, 2**53, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**64) + 1)


class Written(str):
    """A JSON text that goes into a line as it is."""

    __slots__ = ()


# What a field may hold against all expectation.
ODD = tuple(
    map(
        Written,
        (
            *("null", "true", "false", "{}", "[]", '""', '" "', '"5"', '"null"', '"1e3"', '"-0"'),
            *("0", "-0", "-0.0", "5", "-5", "5.0", "404.0", "1e3", "1E+2", "0.1", "2.5e-7", "1e22"),
            *("1.0000005", "1.00000049", "-1.0000005", "12.3455", "0.30000000000000004", "1e-7"),
            *("9007199254740993", "9223372036854775807", "9223372036854775808", "1e400", "-1e400"),
            *("-9223372036854775808", "18446744073709551615", "18446744073709551616", "1e18"),
            *("-18446744073709551616", "123456789012345678901234567890", "1" + "0" * 60),
            *("253402300799999", "253402300800000", "1793491200000.0", "1793491200000.5"),
            *("NaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"'),
            *(r'"\u0000"', r'"a\u0000b"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\udc00x"'),
            *(
                r'"\ud83d\ud83d\ude00"',
                r'"\\ud83d"',
                r'"\\\ud83d"',
                r'"\/\b\f\n\r\t\"\\"',
                '"\x7f"',
            ),
            *('"😀"', '"\u2028\u2029\u0085"', '"\u202eabc"', '"\ufeff"', '"\ufffd"', '"e\u0301"'),
            *('{"a":[1,2.50,{"b":null}]}', r'["x\n\u0001\u0010\u00e9",true,25e-1,-0]', "[[[]]]"),
            *('{"method":"GET"}', '["GET"]', r'{"\ud83d":"\ud83d"}', '{ "a" : 1 , "b" : [ ] }'),
        ),
    )
)

_BROKEN = (
    b'{"level":"info","message":"cut in the mid',
    b'{"createdAt":1793491200000,"action":"PURCHASED","value":"\xff"}',
    b'{"createdAt":1793491200000,"action":"PURCHASED","value":"\xed\xa0\x80"}',
    b'{"createdAt":1793491200000}{"createdAt":1793491200000}',
    b'{"createdAt":1793491200000} {"createdAt":1793491200000}',
    b'{"createdAt":1793491200000} trailing',
    b'{"createdAt":1793491200000,"value":"a\tb"}',
    b'{"createdAt":1793491200000,"value":"\\x41"}',
    b'{"createdAt":1793491200000,"value":\'a\'}',
    b'{"createdAt":1793491200000,"value":01}',
    b'{"createdAt":1793491200000,"value":"a" "b"}',
    b"Traceback (most recent call last):",
    b'  File "shop.py", line 7, in <module>',
    b'["createdAt",1793491200000]',
    b'[{"createdAt":1793491200000}]',
    b'"createdAt"',
    b"1793491200000",
    b"null",
    b"{",
    b"}",
    b"\\",
    b'"',
    b"\x00",
    b"\x80\x81",
    b"\xc2\xa0",
    b"{'createdAt': 1793491200000}",
)
_BLANK = (b"", b"", b" ", b"\t", b"\r", b" \t\r")
_FOREIGN = (
    b"{}",
    b'{"ts":"2026-11-01T00:00:00Z","msg":"hello","msg":"twice"}',
    b'{"time":1793491200.5,"nested":{"createdAt":1793491200000,"action":"PURCHASED"}}',
    b'{"createdAt":"2026-11-01T00:00:00Z","action":"PURCHASED","userId":"1"}',
    b'{"createdAt":-1,"action":"PURCHASED"}',
    b'{"createdat":1793491200000,"CREATEDAT":1793491200000}',
    b'{"":1,"createdAt":1793491200000,"x":"' + b"x" * 5000 + b'"}',
    b'{"created\\u0041t":1793491200000,"\\u0061ction":"PURCHASED","userId":"1","":{"a":1}}',
)


def log(seed: int, count: int = 250) -> bytes:
    """Return a log of *count* lines, the same for the same *seed*: a third of them is odd."""
    chance = random.Random(seed)
    ends = chance.choice((b"\n", b"\n", b"\r\n"))
    lines = [_line(chance) for _ in range(count)]
    if chance.random() < 0.5:
        lines.append(b"")  # so that the last line ends
    return chance.choice((b"", b"\xef\xbb\xbf")) + ends.join(lines)


def _line(chance: random.Random) -> bytes:
    sort = chance.random()
    if sort < 0.06:
        return chance.choice(_BROKEN)
    if sort < 0.09:
        return chance.choice(_BLANK)
    if sort < 0.12:
        return chance.choice(_FOREIGN)
    event = _http(chance) if sort < 0.5 else _application(chance) if sort > 0.58 else _task(chance)
    if sort < 0.20 or sort > 0.85:
        _make_odd(chance, event)
    return written(event, chance).encode()


def _common(chance: random.Random) -> dict[str, Any]:
    at = chance.choice((*_EDGES, MIDNIGHT + chance.randrange(-DAY, 2 * DAY)))
    return {
        "level": chance.choice(("info", "warning", "danger")),
        "message": chance.choice(("Purchased", "GET /orders 200", "")),
        "createdAt": at + chance.choice((-1, 0, 0, 0, 1)),
        "logger": "shop",
        "service": chance.choice(_SERVICES),
        "requestId": chance.choice(_REQUESTS),
        "userId": chance.choice(_USERS),
        "serviceVersion": chance.choice((None, None, "1.0", "1.1", "2.0")),
    }


def _http(chance: random.Random) -> dict[str, Any]:
    event = _common(chance)
    event["request"] = {
        "method": chance.choice(("GET", "GET", "POST", None)),
        "path": chance.choice(_PATHS),
        "route": chance.choice(_ROUTES),
        "host": chance.choice(("catalogue", "accounts", None)),
        "operation": chance.choice(_OPERATIONS),
        "ipAddress": chance.choice(("203.0.113.7", "2001:db8::1", None)),
        "headers": {"requestId": "r"},
    }
    event["response"] = {
        "httpStatus": chance.choice(_STATUSES),
        "graphqlStatus": chance.choice((None, None, None, 404, 500)),
        "responseTime": chance.choice((*_DURATIONS, round(chance.expovariate(0.01), 3))),
        "bodySize": 512,
    }
    event["outcome"] = chance.choice(_OUTCOMES)
    event["direction"] = chance.choice((None, None, None, "outgoing"))
    if event["outcome"] == "error":
        event["exception"] = _exception(chance)
    if chance.random() < 0.5:  # bound by the application
        _bind(chance, event)
    return event


def _exception(chance: random.Random) -> dict[str, Any]:
    place = chance.choice(('/app/shop/orders.py", line 7, in pay', 'main.py", line 3, in <module>'))
    library = '  File "/venv/lib/python3.12/site-packages/x/y.py", line 1, in z\n'
    stack = f'Traceback:\n  File "{place}\n    pay()\n{chance.choice((library, ""))}shop.Sold\n'
    return {
        "type": chance.choice(("shop.Sold", "KeyError")),
        "message": chance.choice(("no Order", "'SUMMER'", None)),
        "stackTrace": chance.choice((stack, stack, 'Traceback:\n  File "a"\n')),
    }


def _application(chance: random.Random) -> dict[str, Any]:
    event = _common(chance)
    _bind(chance, event)
    event["tenant"] = {"createdAt": 5, "action": "SIGNUP"}
    return event


def _bind(chance: random.Random, event: dict[str, Any]) -> None:
    event["action"] = chance.choice(_ACTIONS)
    event["value"] = chance.choice(_VALUES)
    event["monetaryValue"] = chance.choice((*_MONEY, None, chance.randrange(-1000, 100_000)))
    event["quantity"] = chance.choice((None, None, 1, 3, 0.5, -1, 0))
    event["oldValue"] = chance.choice((None, None, *_VALUES))
    event["comment"] = chance.choice((None, None, "sale", ""))


def _task(chance: random.Random) -> dict[str, Any]:
    event = _common(chance)
    event["logger"] = chance.choice(("clew.task", "clew.task", "clew.task", "shop"))
    event["task"] = {
        "name": chance.choice(("shop.send_mail", "shop.bill", None)),
        "id": "t",
        "duration": chance.choice((*_DURATIONS, None)),
        "outcome": chance.choice(("succeeded", "succeeded", "failed", "retried")),
    }
    if event["task"]["outcome"] == "failed":
        event["exception"] = _exception(chance)
    event["response"] = chance.choice((None, None, {"responseTime": 5}))
    return event


def _make_odd(chance: random.Random, event: dict[str, Any]) -> None:
    for _ in range(chance.randrange(1, 4)):
        of = chance.choice([event, *(part for part in event.values() if isinstance(part, dict))])
        of[chance.choice(list(of))] = chance.choice(ODD)


def written(event: Any, chance: random.Random) -> str:
    """Return *event* as JSON: its keys in any order, escaped or not, close or with spaces."""
    if isinstance(event, Written):
        return event
    if not isinstance(event, dict):
        return json.dumps(event, ensure_ascii=chance.random() < 0.5)
    keys = [key for key in event if event[key] is not None or chance.random() < 0.2]
    if chance.random() < 0.3:
        chance.shuffle(keys)
    comma, colon = chance.choice(((",", ":"), (", ", ": ")))
    fields = [f"{json.dumps(key)}{colon}{written(event[key], chance)}" for key in keys]
    return f"{{{comma.join(fields)}}}"
