"""Which id a request gets whose client sent one."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

import clew
from clew._http.request import HTTPRequest
from clew._http.request_id import choose_id
from tests.rows import each_row


class Sent(HTTPRequest):
    """A request from somewhere."""

    def __init__(self, peer: Callable[[], str | None] = lambda: "203.0.113.7") -> None:
        self._peer = peer

    def peer(self) -> str | None:
        return self._peer()


def chosen(*values: str, sent: HTTPRequest | None = None, **options: Any) -> tuple[str, str | None]:
    settings = clew.Settings(generate=lambda: "made", **options)
    return choose_id(values, settings, sent or Sent())


@each_row(
    ("value", "reason"),
    [
        ("x" * 200, None),
        ("abc-123_.~+/=:@", None),
        ("x" * 201, "length"),
        ("-" * 8000 + "0" * 32, "length"),
        (" " * 201, "length"),
        (" " * 200, "charset"),
        ("a b", "charset"),
        ("urn:uuid:{1}", "charset"),
        ('"}{"', "charset"),
        ("é", "charset"),
        ("a\x00b", "charset"),
        ("jane.doe@example.com", "content"),
        ("4111111111111111", "content"),
        ("4111-1111-1111-1111", "content"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "content"),
        ("4111111111111112", None),
        ("4f1c8a52-3a5e-4f0e-9a55-1234567890ab", None),
        ("worker@7/1637594905976", None),
        ("eyJ", None),
    ],
)
def test_a_safe_id_is_taken(value: str, reason: str | None) -> None:
    """A safe id is the request's; another one is replaced, never repaired, and the reason known."""
    assert chosen(value) == (("made", reason) if reason else (value, None))


def test_the_first_reason_counts() -> None:
    """Untrusted comes before duplicate, duplicate before what is wrong with the value."""
    assert chosen("a b", "c", trust="never") == ("made", "untrusted")
    assert chosen("a b", "c") == ("made", "duplicate")
    assert chosen("a b", accept=lambda _: False) == ("made", "charset")
    assert chosen("a@b.org", accept=lambda _: False) == ("made", "content")
    assert chosen("good", accept=lambda _: False) == ("made", "custom")


@each_row(
    ("trust", "peer", "reason"),
    [
        ("always", None, None),
        (["203.0.113.0/24"], "203.0.113.7", None),
        (["10.0.0.0/8"], "203.0.113.7", "untrusted"),
        (["unix"], None, None),
        (["10.0.0.0/8"], None, "untrusted"),
    ],
)
def test_trust(trust: Any, peer: str | None, reason: str | None) -> None:
    """Where networks are trusted, the peer decides."""
    assert chosen("good", sent=Sent(lambda: peer), trust=trust)[1] == reason


def test_a_peer_that_cannot_be_told_is_not_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    """A server's odd scope costs the client's id, not the request."""

    def failing() -> str:
        raise KeyError("client")

    assert chosen("good", sent=Sent(failing), trust=["10.0.0.0/8"]) == ("made", "untrusted")
    assert "KeyError" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no such signal here")
def test_a_bad_id_made_while_an_exception_is_handled(lines: Any) -> None:
    """The option that failed is reported; what the caller handles is not raised again."""

    def limit(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, limit)
    try:
        try:
            signal.raise_signal(signal.SIGALRM)
        except TimeoutError:
            settings = clew.Settings(generate=lambda: "no good id")
            assert clew.is_safe_id(settings.made_id())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "no safe id" in lines.raw()
