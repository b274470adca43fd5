"""Requests as they stand on the wire."""

from __future__ import annotations

from clew._http.wire import (
    Queries,
    below,
    shown_path,
    with_exposed,
    with_header,
)
from clew._redaction import DEFAULT, STRICT
from clew._targets import clean_method, clean_path
from tests.rows import each_row


@each_row(
    ("path", "cleaned"),
    [
        ("/", "/"),
        ("/a%0AGET%20/forged", "/a%0AGET%20/forged"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/a%22b", "/a%22b"),
        ("/a+b;c=d", "/a+b;c=d"),
        ("/a\nGET /forged", "/a%0AGET%20/forged"),
        ("/a b", "/a%20b"),
        ("/caf\xc3\xa9", "/caf%C3%A9"),
        ("/\xff\xfe", "/%FF%FE"),
        ("/\u0416", "/%D0%96"),
        ("/\udcff", "/%ED%B3%BF"),
        ("/\x7f", "/%7F"),
    ],
)
def test_a_clean_path_forges_nothing(path: str, cleaned: str) -> None:
    """What may not stand in a path is percent-encoded; the rest stays as it is."""
    assert clean_path(path) == cleaned


def test_paths_are_cut() -> None:
    """A path is written up to 2,048 characters, and masked where that is strict."""
    assert len(shown_path(clean_path("/" + "p" * 100_000), DEFAULT)) == 2048
    assert shown_path("/to/bob%40example.com", STRICT) == "/to/***"
    assert shown_path("/to/bob%40example.com", DEFAULT) == "/to/bob%40example.com"


@each_row(
    ("root", "path", "rest"),
    [
        ("", "/a", "/a"),
        ("/api", "/api/a", "/a"),
        ("/api/", "/api/a", "/a"),
        ("/café", "/caf%C3%A9/a", "/a"),
        ("/api", "/api", "/api"),
        ("/api", "/apiary/a", "/apiary/a"),
    ],
)
def test_a_path_below_a_root_has_it_in_front(root: str, path: str, rest: str) -> None:
    """A root is taken off whole segments alone, with a slash at its end or without."""
    assert below(root, path) == rest


@each_row(
    ("method", "cleaned"),
    [("GET", "GET"), ("PURGE", "PURGE"), ("A\nB", "A%0AB"), ("é", "%C3%A9"), ("x" * 99, "x" * 32)],
)
def test_a_clean_method_forges_nothing(method: str, cleaned: str) -> None:
    """A method of its own stays, what is none is encoded and cut."""
    assert clean_method(method) == cleaned


@each_row("name", ["X-Id", "x-id", "X-ID"])
def test_a_header_stands_once(name: str) -> None:
    """Whatever the case, the others of the name give way; the given list stays as it is."""
    given = [("A", "1"), (name, "2"), ("x-id", "3"), ("X-Other", "4")]
    assert with_header(given, "X-Id", "5") == [("A", "1"), ("X-Other", "4"), ("X-Id", "5")]
    assert len(given) == 4
    assert with_header(iter([[b"a", b"1"]]), b"x-id", b"2") == [[b"a", b"1"], (b"x-id", b"2")]


def test_exposed_names_are_merged() -> None:
    """The application's own names stay, in one value, and none stands twice."""
    assert with_exposed([], "X-Id") == "X-Id"
    assert with_exposed(["A, B", " c "], "X-Id") == "A, B, c, X-Id"
    assert with_exposed(["x-id"], "X-Id") == "x-id"


def test_remembered_queries_are_few_short_and_without_secrets() -> None:
    """What is remembered of queries is at most 25 KB, and never what is masked."""
    queries = Queries(DEFAULT)
    for number in range(1000):
        assert queries[f"page={number}"] == f"page={number}"
    assert queries["token=s3cret"] == "token=***"
    assert queries["a=" + "x" * 3000] == "a=" + "x" * 2046
    assert queries["page=999"] == "page=999"
    assert queries[""] is None
    assert len(queries) <= 256 and max(map(len, queries)) <= 100
    assert not any("s3cret" in query for query in queries)
