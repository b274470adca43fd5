"""The table of one request as a plot for the README."""

from __future__ import annotations

import statistics
from pathlib import Path

from vl_convert import vegalite_to_svg

from .measuring import Times

_ORDER = (
    "clew: the id alone",
    "asgi-correlation-id",
    "starlette-context",
    "clew: everything, configure_logging",
    "asgi-correlation-id + structlog, orjson",
    "uvicorn's access line",
    "asgi-correlation-id + python-json-logger, msgspec",
    "asgi-correlation-id + python-json-logger",
    "an empty BaseHTTPMiddleware",
)


def write_plot(beyond: Times, path: Path) -> None:
    """Draw what a request costs with each of the ways as bars, into the SVG *path*."""
    values = [
        {
            "name": name,
            "cost": round(statistics.median(beyond[name]), 1),
            "ours": name[:4] == "clew",
        }
        for name in _ORDER
    ]
    bars = {
        "mark": {"type": "bar", "height": 15, "cornerRadiusEnd": 2},
        "encoding": {
            "color": {
                "field": "ours",
                "scale": {"domain": [True, False], "range": ["#0f6b5c", "#a9b4bd"]},
                "legend": None,
            }
        },
    }
    numbers = {
        "mark": {"type": "text", "align": "left", "dx": 5, "color": "#59636e"},
        "encoding": {"text": {"field": "cost", "format": ".1f"}},
    }
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 430,
        "height": {"step": 24},
        "background": "white",
        "padding": 12,
        "title": {
            "text": "What one request pays, in µs over the bare ASGI application",
            "anchor": "start",
            "fontSize": 13,
        },
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "name",
                "sort": list(_ORDER),
                "title": None,
                "axis": {"domain": False, "ticks": False, "labelLimit": 320, "labelPadding": 8},
            },
            "x": {"field": "cost", "type": "quantitative", "axis": None},
        },
        "layer": [bars, numbers],
        "config": {"view": {"stroke": None}, "font": "sans-serif"},
    }
    path.write_text(vegalite_to_svg(spec), "utf-8")
