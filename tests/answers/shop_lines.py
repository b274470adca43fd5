"""A small log of a shop in two services, whose every line a reader of a test can have in mind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# 2026-11-01T09:00:00Z
NINE = 1_793_523_600_000
ORDER = "order-1"


def said(message: str, at: int, *, service: str = "gateway", **fields: Any) -> dict[str, Any]:
    """Return an ApplicationLog, *at* milliseconds after nine o'clock."""
    return {
        "level": "info",
        "message": message,
        "createdAt": NINE + at,
        "logger": "shop",
        "service": service,
        **fields,
    }


def answered(
    method: str,
    path: str,
    status: int | None,
    ended: int,
    took: float,
    *,
    service: str = "gateway",
    route: str | None = None,
    request: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return an HTTPLog that was written *ended* milliseconds after nine o'clock."""
    level = "info" if (status or 0) < 400 else "warning" if (status or 0) < 500 else "danger"
    about = {"method": method, "path": path, "route": route, **(request or {})}
    response = {"httpStatus": status, "responseTime": took}
    return {
        "level": level,
        "message": f"{method} {path} {status}",
        "createdAt": NINE + ended,
        "logger": "clew.http",
        "service": service,
        "request": {key: value for key, value in about.items() if value is not None},
        "response": {key: value for key, value in response.items() if value is not None},
        **fields,
    }


def worked(
    name: str, ended: int, took: float | None, *, outcome: str = "succeeded", **fields: Any
) -> dict[str, Any]:
    """Return the TaskLog of a run that ended *ended* milliseconds after nine o'clock."""
    task = {"name": name, "id": f"task-{ended}", "duration": took, "outcome": outcome}
    return {
        "level": {"succeeded": "info", "failed": "danger"}.get(outcome, "warning"),
        "message": f"{name} {outcome}",
        "createdAt": NINE + ended,
        "logger": "clew.task",
        "service": "worker",
        "task": {key: value for key, value in task.items() if value is not None},
        **fields,
    }


def shop() -> list[dict[str, Any]]:
    """Return the lines: an order over two services, a crash, a report that took long."""
    order: dict[str, Any] = {"requestId": ORDER, "userId": "7"}
    crash = {"type": "KeyError", "message": "'SUMMER'", "stackTrace": "Traceback\nKeyError\n"}
    peer = {"ipAddress": "203.0.113.7"}
    return [
        said("Price set", 5, action="SET_PRICE", value="order-77", oldValue="1", requestId="set-1"),
        said("Read price", 8, service="catalogue", action="READ_PRICE", value="lamp", **order),
        answered(
            "GET", "/items/lamp", 200, 10, 5.0, service="catalogue", route="/items/<name>", **order
        ),
        answered(
            "GET",
            "/items/lamp",
            200,
            12,
            10.0,
            request={"host": "catalogue"},
            direction="outgoing",
            **order,
        ),
        said(
            "Purchase completed",
            40,
            action="PURCHASE_COMPLETED",
            value="order-77",
            monetaryValue=90_000,
            **order,
        ),
        answered("POST", "/orders", 201, 42, 42.0, route="/orders", request=peer, **order),
        answered(
            "GET",
            "/vouchers/SUMMER",
            500,
            60,
            4.0,
            route="/vouchers/{code}",
            requestId="crash-1",
            outcome="error",
            exception=crash,
        ),
        answered("GET", "/report", 200, 3_000, 2_500.0, route="/report", requestId="slow-1"),
        answered("GET", "/nothing", 404, 3_010, 0.5, requestId="lost-1", userId="8"),
    ]


def write(path: Path, lines: list[Any]) -> Path:
    """Write *lines*, dictionaries or texts, to *path*."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path
