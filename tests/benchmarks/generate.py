"""Generates a log of a shop in three services, as clew writes it, for benchmarks.

    python -m tests.benchmarks.generate 5000000 /tmp/shop.ndjson

The same number of lines is the same file each time. Of 100 lines, 95 are requests, 2 outgoing
calls, and 3 what the application says, most of it about business. One line in 5,000 is broken.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

BEGIN = 1_793_491_200_000  # 2026-11-01, in milliseconds
PERIOD = 14 * 24 * 3_600_000
BROKEN_ONE_IN = 5_000

_ROUTES = (
    # service, method, route, path, usual milliseconds, weight
    ("gateway", "GET", "/orders/{order_id}", "/orders/%d", 12, 20),
    ("gateway", "POST", "/orders", "/orders", 45, 8),
    ("gateway", "GET", "/items", "/items", 8, 25),
    ("gateway", "GET", "/items/{name}", "/items/item-%d", 9, 25),
    ("gateway", "GET", "/reports/{month}", "/reports/%d", 900, 1),
    ("gateway", "POST", "/login", "/login", 120, 4),
    ("catalogue", "GET", "/items/<name>", "/items/item-%d", 3, 30),
    ("catalogue", "GET", "/search", "/search", 60, 6),
    ("accounts", "GET", "/users/<int:id>/journal", "/users/%d/journal", 14, 10),
    ("accounts", "POST", "/users/<int:id>/journal", "/users/%d/journal", 18, 6),
)
_OUTGOING = (
    ("gateway", "GET", "catalogue.internal", "/items/item-%d", 6, 20),
    ("gateway", "POST", "accounts.internal", "/users/%d/journal", 22, 6),
)
_ACTIONS = (
    # service, logger, action, message, value, whether it has a monetaryValue, weight
    ("gateway", "shop.orders", "PURCHASE_COMPLETED", "Purchase completed", "order-%d", True, 8),
    ("gateway", "shop.orders", "PURCHASED_ITEM", "Purchased", "item-%d", True, 12),
    ("accounts", "accounts.journal", "READ_JOURNAL", "Read user journal", "user:%d", False, 10),
    ("accounts", "accounts.journal", "WRITE_JOURNAL", "Wrote user journal", "user:%d", False, 6),
    ("accounts", "accounts.users", "SIGNUP", "Signed up", "user:%d", False, 2),
    ("gateway", "shop.prices", "PRICE_CHANGED", "Price changed", "item-%d", False, 1),
    ("catalogue", "catalogue", "READ_PRICE", "Read price", "item-%d", False, 12),
    ("catalogue", "catalogue.cache", None, "Cache missed", None, False, 10),
)
_STATUSES = (200,) * 93 + (404, 404, 404, 401, 400, 500, 503)


def lines(count: int, seed: int = 1) -> Iterator[str]:
    """Yield *count* lines, each with its end, in order of time."""
    chance = random.Random(seed)
    routes = chance.choices(_ROUTES, [row[-1] for row in _ROUTES], k=10_007)
    outgoing = chance.choices(_OUTGOING, [row[-1] for row in _OUTGOING], k=1_009)
    actions = chance.choices(_ACTIONS, [row[-1] for row in _ACTIONS], k=10_009)
    users = [int(chance.paretovariate(0.6)) % 20_000 + 1 for _ in range(50_021)]
    stretches = [chance.lognormvariate(0, 0.7) for _ in range(20_011)]
    sorts = chance.choices("hoa", (95, 2, 3), k=30_011)
    uniform = chance.random
    request_id = ""
    for n in range(count):
        at = BEGIN + n * PERIOD // count
        number = users[n % 50_021]
        if n % 3 == 0:
            request_id = request_of(n)
        if n % BROKEN_ONE_IN == BROKEN_ONE_IN - 1:
            yield _broken(n)
            continue
        sort = sorts[n % 30_011]
        if sort == "h":
            service, method, route, path, usual, _ = routes[n % 10_007]
            status = _STATUSES[int(uniform() * 100)]
            path = path % number if "%" in path else path
            query = f'"query":"page={n % 30}",' if n % 4 == 0 else ""
            route_field = "" if status == 404 else f'"route":"{route}",'
            level = "info" if status < 400 else "warning" if status < 500 else "danger"
            yield (
                f'{{"level":"{level}","message":"{method} {path} {status}","createdAt":{at},'
                f'"logger":"clew.http","service":"{service}","requestId":"{request_id}",'
                f'"userId":"{number}","request":{{"method":"{method}","path":"{path}",{route_field}'
                f'{query}"ipAddress":"{_address(number, n)}",'
                f'"headers":{{"requestId":"{request_id}"}}}},"response":{{"httpStatus":{status},'
                f'"responseTime":{usual * stretches[n % 20_011]:.3f},"bodySize":{n % 5_000}}}}}\n'
            )
        elif sort == "o":
            service, method, host, path, usual, _ = outgoing[n % 1_009]
            path %= number
            yield (
                f'{{"level":"info","message":"{method} {path} 200","createdAt":{at},'
                f'"logger":"clew.http.client","service":"{service}","requestId":"{request_id}",'
                f'"userId":"{number}","request":{{"method":"{method}","host":"{host}",'
                f'"path":"{path}","headers":{{"requestId":"{request_id}"}}}},"response":'
                f'{{"httpStatus":200,"responseTime":{usual * stretches[n % 20_011]:.3f}}},'
                '"direction":"outgoing"}\n'
            )
        else:
            service, logger, action, message, value, money, _ = actions[n % 10_009]
            fields = ""
            if value is not None:
                fields = f',"action":"{action}","value":"{value % number}"'
            if money:
                fields += f',"monetaryValue":{n % 100_000 + 100}'
            if action == "PRICE_CHANGED":
                fields += f',"oldValue":"{n % 900}","comment":"sale"'
            yield (
                f'{{"level":"info","message":"{message}","createdAt":{at},"logger":"{logger}",'
                f'"service":"{service}","requestId":"{request_id}","userId":"{number}"{fields},'
                '"tenant":"acme"}\n'
            )


def request_of(n: int) -> str:
    """Return the id of the request that line *n*, a multiple of 3, is the first of."""
    return f"018f{n >> 16:04x}-{n & 0xFFFF:04x}-7abc-9def-{n * 7919 % 2**47:012x}"


def _address(user: int, n: int) -> str:
    """Return one of the five addresses that a user has."""
    return f"198.{18 + user % 2}.{user // 2 % 256}.{(user // 512 * 5 + n % 5) % 256}"


def _broken(n: int) -> str:
    texts = (
        '{"level":"info","message":"cut in the mid\n',
        "Traceback (most recent call last):\n",
        "[2026-11-01] plain text of an old handler\n",
        '{"level":"info","message":"caf\udce9"}\n',  # Latin-1
    )
    return texts[n // BROKEN_ONE_IN % len(texts)]


def write(count: int, path: Path) -> None:
    """Write *count* lines to *path*, unless it holds them already."""
    if path.exists():
        return
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines(count))
    unfinished.rename(path)


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
