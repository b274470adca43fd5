"""How a WebSocket ends whose client closes it."""

from __future__ import annotations

from clew._http.websocket import is_normal_closure
from tests.rows import each_row


class WebSocketDisconnect(Exception):
    """What frameworks raise where the client has closed."""


CLOSED, FAILED = WebSocketDisconnect(), ValueError("no")


@each_row(
    ("error", "normal"),
    [
        (CLOSED, True),
        (FAILED, False),
        (ExceptionGroup("both", [CLOSED, WebSocketDisconnect()]), True),
        (ExceptionGroup("both", [CLOSED, FAILED]), False),
        (ExceptionGroup("both", [ExceptionGroup("inner", [CLOSED, FAILED])]), False),
    ],
)
def test_a_group_is_normal_where_all_of_it_is(error: Exception, normal: bool) -> None:
    """An exception beside that of the close is no matter of the close."""
    assert is_normal_closure(1000, error) is normal
