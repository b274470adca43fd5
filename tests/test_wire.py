"""Paths, methods and lists of headers, as they stand on the wire and in a line."""

from __future__ import annotations

import pytest

from clew._http.wire import clean_method, clean_path, encoded_path, exposed, replaced, shown_path
from clew._redaction import DEFAULT, STRICT


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/orders/42", "/orders/42"),
        ("/%0a%C3%A9%", "/%0a%C3%A9%"),
        ("/a b\n\x00\x7f", "/a%20b%0A%00%7F"),
        ("/caf\xc3\xa9", "/caf%C3%A9"),
        ("/日本\u2028", "/%E6%97%A5%E6%9C%AC%E2%80%A8"),
        ("/\ud800", "/%ED%A0%80"),
        ('/"}\\', '/"}\\'),
        ("/\xff" * 3, "/%FF" * 3),
        ("", ""),
    ],
)
def test_a_path_cannot_forge_a_line(path: str, cleaned: str) -> None:
    """What may not stand in a path is percent-encoded; what is encoded stays as it came."""
    assert clean_path(path) == cleaned
    assert clean_path(path).isascii()


def test_a_path_is_cut() -> None:
    """A path is looked at up to 4,096 characters, and 2,048 are written."""
    assert clean_path("/" * 10_000) == "/" * 4096
    assert shown_path("/" * 4096, DEFAULT) == "/" * 2048


def test_a_path_is_masked_where_texts_are() -> None:
    """Strict masks an address in a path, the default does not."""
    path = "/users/jane%40example.com/orders"
    assert shown_path(path, STRICT) == "/users/***/orders"
    assert shown_path(path, DEFAULT) == path


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/a b%", "/a%20b%25"),
        ("/é\ud800", "/%C3%A9%ED%A0%80"),
        (b"/\xff ?", "/%FF%20%3F"),
        ("/:@!$&'()*+,;=-._~", "/:@!$&'()*+,;=-._~"),
    ],
)
def test_a_decoded_path_is_encoded(path: str | bytes, encoded: str) -> None:
    """A path that a server decoded is shown as it may have stood on the wire."""
    assert encoded_path(path) == encoded


@pytest.mark.parametrize(
    ("method", "cleaned"),
    [
        ("GET", "GET"),
        ("PROPFIND", "PROPFIND"),
        ("A" * 33, "A" * 32),
        ("G\nT", "G%0AT"),
        ("É", "%C3%89"),
    ],
)
def test_a_method_cannot_forge_a_line(method: str, cleaned: str) -> None:
    """A method that is none is cut at 32 characters, and encoded."""
    assert clean_method(method) == cleaned


def test_a_header_stands_once() -> None:
    """All values of a header are replaced by one, at the end, whatever their case."""
    headers = [(b"X-Request-ID", b"1"), (b"a", b"2"), (b"x-request-id", b"3")]
    assert replaced(headers, b"x-request-id", b"4") == [(b"a", b"2"), (b"x-request-id", b"4")]
    assert replaced([("a", "1")], "b", "2") == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("values", "merged"),
    [
        ([], "X-Request-ID"),
        (["ETag, Link", "", " Age "], "ETag, Link, Age, X-Request-ID"),
        (["etag, x-request-id"], "etag, x-request-id"),
    ],
)
def test_the_header_is_exposed_once(values: list[str], merged: str) -> None:
    """The header joins those that a browser's script may read, unless it is among them."""
    assert exposed(values, "X-Request-ID") == merged
