"""What the tests share whose folder has an application: a server that runs it, and its README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import jwt

from clew.answers.check import check
from tests.servers.server import PROGRAMS, Server, fresh_id

COMMANDS = {
    "uvicorn": ("uvicorn", "--host={host}", "--port={port}"),
    "hypercorn": PROGRAMS["hypercorn"].command,
}


@contextmanager
def running(
    command: Sequence[str], folder: Path, directory: Path, **environment: str
) -> Iterator[Server]:
    """Run an application of *folder*; all that was asked has one record, all lines are JSON."""
    environment = {"PYTHONPATH": str(folder), **environment}
    with Server(command, directory, environment=environment) as server:
        yield server
    assert set(server.counts().values()) == {1}
    assert not server.strays


def check_record(server: Server, method: str, path: str, status: int, route: str | None) -> None:
    """Ask for *path*: the answer has the header, and the request has one record with *route*."""
    answer = server.ask(path, own := fresh_id(), method=method)
    assert (answer.status, answer.request_id) == (status, own)
    record = server.record(own)
    assert (record.response.http_status, record.request.route) == (status, route)
    assert record.request.path == path.partition("?")[0]
    assert record.request.query == ("token=***" if "?" in path else None)
    assert (record.outcome, record.exception) == (None, None)
    assert record.response.body_size == len(answer.body)


def checked(server: Server) -> list[str | None]:
    """Return what `clew check` has against each line that the server has written, if anything."""
    return [why for _, _, why in check([str(server.directory / "stdout")])]


KEY = "of the test, which is long enough for HS256"


def bearer(key: str = KEY) -> list[tuple[str, str]]:
    """Return the header of a user's JWT, signed with *key*."""
    token = jwt.encode({"sub": "12345", "name": "Ada"}, key)
    return [("Authorization", f"Bearer {token}")]


class Shop:
    """What holds of each shop that has a logging configuration of its own, and users by a JWT."""

    order: ClassVar[str] = "/orders/7"
    refusing: ClassVar[tuple[str, ...]] = ("/orders/7",)

    def test_nobody_is_known_by_a_token_that_is_wrong(self, server: Server) -> None:
        """What is refused has a record without a user."""
        for path in self.refusing:
            answer = server.ask(path, own := fresh_id(), headers=bearer("another" * 6))
            record = server.record(own)
            assert (answer.status, record.response.http_status, record.user_id) == (401, 401, None)

    def test_a_crash_has_the_header_and_its_exception(self, server: Server) -> None:
        """The 500 has the header, and the record says what was raised."""
        answer = server.ask("/crash", own := fresh_id())
        assert (answer.status, answer.request_id) == (500, own)
        exception = server.record(own).exception
        assert exception is not None
        assert exception.message == "no such order"

    def test_a_handler_that_was_there_stays(self, server: Server) -> None:
        """The file that the shop's own configuration names has each line as text, with the ids."""
        server.ask(self.order, own := fresh_id(), headers=bearer())
        server.record(own)
        text = (server.directory / "shop.log").read_text().splitlines()
        assert f"INFO shop [{own} 12345] Read order" in text
        assert f"INFO clew.http [{own} 12345] GET {self.order} 200" in text

    def test_every_line_passes_clew_check(self, server: Server) -> None:
        """All that the server has written fits the schema."""
        server.ask("/crash", own := fresh_id())
        server.record(own)
        assert set(checked(server)) == {None}
