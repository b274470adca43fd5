"""Tables of ClickHouse's engine, in this process, which takes one folder at a time, or a server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clew import answers

from .clickhouse_server import Server, running

# Both ways to the engine. What is asked of it and told to it is the same, and the engine in this
# process is slow to open: where the way makes no difference, a test takes the server's alone.
both_ways = pytest.mark.parametrize("url", ["chdb", "http"], indirect=True)
Load = Callable[["str | os.PathLike[str]"], answers.Logs]


@pytest.fixture(scope="session")
def chdb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the session's engine."""
    pytest.importorskip("chdb", reason="pip install chdb")
    return tmp_path_factory.mktemp("chdb")


@pytest.fixture(scope="session")
def _chdb_tables(chdb_folder: Path) -> Iterator[str]:
    return (f"chdb://{chdb_folder}?table=logs{number}" for number in itertools.count())


@pytest.fixture
def chdb_url(_chdb_tables: Iterator[str]) -> str:
    """Give the URL of a table that does not exist yet."""
    return next(_chdb_tables)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server of ClickHouse for all tests."""
    pytest.importorskip("chdb", reason="pip install chdb")
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a table that does not exist yet, of a server or in this process."""
    chdb: str = request.getfixturevalue("chdb_url")
    if getattr(request, "param", "http") == "chdb":
        return chdb
    server: Server = request.getfixturevalue("server")
    return server.url(chdb.rpartition("=")[2])


@pytest.fixture
def clickhouse_logs(_chdb_tables: Iterator[str]) -> Iterator[Load]:
    """Give a function that loads a log file into a table of its own, and opens it."""
    yield from _loading(_chdb_tables)


@pytest.fixture
def server_logs(server: Server, _chdb_tables: Iterator[str]) -> Iterator[Load]:
    """Give the same for tables of a server."""
    yield from _loading(server.url(table.rpartition("=")[2]) for table in _chdb_tables)


def _loading(urls: Iterator[str]) -> Iterator[Load]:
    from clew.answers.load import load

    opened: list[answers.Logs] = []

    def loaded(path: str | os.PathLike[str]) -> answers.Logs:
        url = next(urls)
        load([os.fspath(path)], url)
        opened.append(answers.open(url))
        return opened[-1]

    yield loaded
    for logs in opened:
        logs.close()
