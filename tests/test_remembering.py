"""What is remembered of what clients send stays small, whatever they send."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

import clew
from clew._http.addresses import client_address, normalize, parse_networks
from clew._http.wire import Queries
from clew._redaction import Redactor
from clew._text import remembering
from tests.conftest import Lines, serve

LONG = "x" * 20_000
PROXIES = parse_networks("proxies", ["10.0.0.0/8"])


def test_remembers_answers_to_short_texts_alone() -> None:
    """A short text is looked at once, a long one each time; the answers are the same."""
    asked: list[str] = []

    def ask(text: str) -> int:
        asked.append(text)
        return len(text)

    answer = remembering(ask, 2)
    assert [answer(text) for text in ("a", "a", LONG, LONG)] == [1, 1, len(LONG), len(LONG)]
    assert asked == ["a", LONG, LONG]


@pytest.mark.parametrize(
    "send",
    [
        pytest.param(lambda text: normalize(text), id="a peer"),
        pytest.param(
            lambda text: client_address("10.0.0.1", [text], PROXIES), id="X-Forwarded-For"
        ),
        pytest.param(Redactor().is_sensitive, id="a field's name"),
        pytest.param(lambda text, ask=Redactor().query: ask(f"{text}=1"), id="a parameter"),
        pytest.param(Queries(Redactor()).__getitem__, id="a query"),
    ],
)
def test_keeps_little_of_what_is_long(send: Callable[[str], object]) -> None:
    """A thousand long texts leave less than one of them behind for each hundred."""
    tracemalloc.start()
    try:
        for number in range(1000):
            send(f"{number}{LONG}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10 * len(LONG)


@pytest.mark.alone
def test_keeps_little_of_many_clients(lines: Lines) -> None:
    """Of three hundred further clients, their names and values, less than 16 KiB is remembered."""
    log = clew.get_logger("shop")

    def send(number: int) -> None:
        name = f"{number}".rjust(38, "k")
        environ = {"REMOTE_ADDR": "10.0.0.1", "QUERY_STRING": f"{name}=1", "PATH_INFO": f"/{name}"}
        environ["HTTP_X_FORWARDED_FOR"] = f"{name}, 10.{number >> 8}.{number & 255}.7"
        serve(
            lambda: log.info(name, sent={name: name}, **{name: name}),
            environ=environ,
            proxies=["10.0.0.0/8"],
        )
        lines.clear()

    def kept_after(numbers: range) -> int:
        for number in numbers:
            send(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = kept_after(range(300))
        kept = kept_after(range(1000, 1300)) - before
    finally:
        tracemalloc.stop()
    assert kept < 16 * 1024
