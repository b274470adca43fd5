"""How a response goes, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from clew._http.progress import Progress
from tests.rows import each_row

Step = Callable[[Progress], None]


class GreenletExit(BaseException):
    """What gevent stops a greenlet with."""


def started(status: int) -> Step:
    return lambda progress: progress.started(status)


def sent(size: int | None) -> Step:
    return lambda progress: progress.sent(size)


def failed(error: BaseException) -> Step:
    return lambda progress: progress.failed(error)


def caught(error: BaseException) -> Step:
    return lambda progress: progress.caught(error)


def finished(progress: Progress) -> None:
    progress.finished()


def disconnected(progress: Progress) -> None:
    progress.disconnected()


ERROR = ValueError("no")


@each_row(
    ("steps", "status", "outcome"),
    [
        # All went well.
        ([started(200), sent(2), finished], 200, None),
        ([started(404), finished], 404, None),
        ([started(500), finished], 500, None),
        ([started(200), sent(1), finished, disconnected], 200, None),
        # Nothing was answered.
        ([], 500, "error"),
        ([failed(ERROR)], 500, "error"),
        ([disconnected], 499, "aborted"),
        ([failed(asyncio.CancelledError())], 499, "aborted"),
        ([failed(GeneratorExit())], 499, "aborted"),
        ([failed(GreenletExit())], 499, "aborted"),
        ([disconnected, failed(ERROR)], 499, "aborted"),
        ([disconnected, started(200), sent(2)], 499, "aborted"),
        ([failed(KeyboardInterrupt())], 500, "error"),
        # It broke off.
        ([started(200), sent(2)], 200, "aborted"),
        ([started(200), sent(2), disconnected], 200, "aborted"),
        ([started(200), sent(2), failed(ERROR)], 200, "error"),
        ([started(200), disconnected, failed(ERROR)], 200, "aborted"),
        ([started(200), failed(asyncio.CancelledError())], 200, "aborted"),
        # What a framework answered for is known; after a complete response it counts no more.
        ([failed(ERROR), started(500), finished], 500, "error"),
        ([failed(ERROR), started(404), finished], 404, None),
        ([started(200), sent(2), finished, failed(ERROR)], 200, None),
        # What a handler answers counts with a 5xx only, and what is raised afterwards counts again.
        ([caught(ERROR), started(404), finished], 404, None),
        ([caught(ERROR), started(503), finished], 503, "error"),
        ([caught(ERROR), started(200), sent(2), failed(ERROR)], 200, "error"),
        # Until something of the body is out, another answer may take the first one's place.
        ([started(200), started(503), finished], 503, None),
        ([started(200), sent(0), started(503), finished], 503, None),
        ([started(200), sent(1), started(503), finished], 200, None),
    ],
)
def test_results(steps: list[Step], status: int, outcome: str | None) -> None:
    """The status is what the client got, and three outcomes exclude one another."""
    progress = Progress()
    for step in steps:
        step(progress)
    assert progress.result() == (status, outcome)


@each_row(
    ("steps", "status", "outcome"),
    [
        ([started(101)], 101, "websocket"),
        ([started(101), disconnected], 101, "aborted"),
        ([started(101), failed(ERROR)], 101, "error"),
        ([started(403)], 403, "websocket"),
        ([disconnected], 499, "aborted"),
    ],
)
def test_results_of_websockets(steps: list[Step], status: int, outcome: str) -> None:
    """A connection that ends is none that was broken off."""
    progress = Progress()
    progress.websocket = True
    for step in steps:
        step(progress)
    assert progress.result() == (status, outcome)


@each_row(
    ("steps", "size"),
    [
        ([], 0),
        ([started(200), sent(2), sent(0), sent(3)], 5),
        ([started(200), sent(2), sent(None), sent(3)], None),
        ([started(200), sent(2), disconnected, sent(3)], 2),
    ],
)
def test_sizes(steps: list[Step], size: int | None) -> None:
    """Parts add up, until one is of unknown size, or the client is gone."""
    progress = Progress()
    for step in steps:
        step(progress)
    assert progress.body_size == size


def test_the_end_is_the_first_one() -> None:
    """A response is complete from its last byte on, whose time stays."""
    progress = Progress()
    assert not progress.complete
    progress.finished()
    assert progress.complete
    ended = progress.ended
    progress.finished()
    assert progress.ended == ended
    progress.disconnected()
    assert not progress.is_disconnected


def test_a_status_is_a_number() -> None:
    """A framework's own kind of integer becomes a plain one."""
    from http import HTTPStatus

    progress = Progress()
    progress.started(HTTPStatus.OK)
    assert type(progress.status) is int
