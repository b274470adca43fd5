"""How a WebSocket ends whose client closes it, or whose server stops."""

from __future__ import annotations

# RFC 6455, section 7.4.1; 1005 is no code. By 1012 uvicorn closes what is open when it stops.
_NORMAL = (None, 1000, 1001, 1005, 1012)

# What Starlette, Litestar, Quart and uvicorn raise where the client has closed.
_DISCONNECTS = frozenset(("WebSocketDisconnect", "WebSocketDisconnected", "ClientDisconnected"))


def is_normal_closure(code: int | None, error: BaseException) -> bool:
    """Tell whether *error* says only that the WebSocket was closed in order, by *code*."""
    return code in _NORMAL and _is_disconnect(error)


def _is_disconnect(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_disconnect, error.exceptions))
    return any(kind.__name__ in _DISCONNECTS for kind in type(error).__mro__)
