"""ClickHouse as the engine of the answers: its engine in this process, and over HTTP."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from clew import answers
from clew.answers import AnswerError
from clew.answers.engines import connection
from clew.answers.engines.columns import COLUMNS
from clew.answers.engines.connection import Address, address_of, connect, failures
from clew.answers.load import ddl, load
from tests.answers.clickhouse_server import PASSWORD, Server
from tests.answers.conftest import Load, both_ways
from tests.answers.hostile_lines import HOSTILE, hostile
from tests.answers.logs_of import log
from tests.answers.oracle_events import read
from tests.answers.shop_lines import answered, said, shop, write
from tests.answers.test_questions import SOME, differences
from tests.rows import each_row

pytestmark = pytest.mark.outside

INTEGRATION = Path(__file__).parents[3] / "integrations" / "clickhouse"
PLACE = "127.0.0.1"
VALUES = (
    *HOSTILE,
    "'; DROP TABLE logs; --",
    "\\'; DROP TABLE logs; --",
    '"; DROP TABLE logs; --',
    "`logs`",
    "{action:String}",
    "{x:Identifier}",
    "$action",
    "$$a$$",
    "%(action)s %s %d %%",
    "\\N",
    "\\",
    "\\x27",
    "a\0b",
    "a\tb\nc\rd",
    "/* */ -- # ;",
    "👩‍🚀 ß \u2028 \ufeff",
    "NULL",
    " ",
)


@pytest.fixture
def shop_url(server: Server, tmp_path: Path) -> str:
    """Give the URL of a table on the server that holds the small shop's log."""
    url = server.url("shop")
    load([str(write(tmp_path / "shop.ndjson", shop()))], url)
    return url


def sentence(call: Callable[[], object]) -> str:
    """Return the one sentence with which *call* is refused."""
    with pytest.raises(AnswerError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_a_file_is_loaded_and_asked(clickhouse_logs: Load, tmp_path: Path) -> None:
    """What a file holds is in the table, and the table is asked like a file."""
    line = {"createdAt": 5, "level": "info", "action": "BUY", "userId": "7", "monetaryValue": 1.5}
    path = tmp_path / "app.ndjson"
    path.write_text(json.dumps(line) + "\nbroken\n")
    logs = clickhouse_logs(path)
    assert logs.lines == 1
    [row] = logs.ask("customers", action="BUY").dicts()
    assert (row["userId"], row["events"], str(row["total"])) == ("7", 1, "1.500000")


def test_a_server_answers_exactly(server: Server, tmp_path: Path) -> None:
    """Over HTTP every question, however narrowed, has the rows of plain Python."""
    path = tmp_path / "app.ndjson"
    path.write_bytes(log(11))
    load([str(path)], server.url("exact"))
    with answers.open(server.url("exact")) as logs:
        assert list(differences(logs, read(log(11)), SOME)) == []


@pytest.mark.parametrize("shards", ["one", "two"])
def test_a_cluster_answers_exactly(server: Server, tmp_path: Path, shards: str) -> None:
    """With the tables of cluster.sql, an event is loaded once, and the questions are answered
    exactly, each part of them asked of all shards."""
    database = f"cluster_{shards}"
    for statement in cluster_statements():
        # No Keeper, no replica, and shards that have the same tables.
        server.run(
            re.sub(r"Replicated(MergeTree)\(.*\)", r"\1", statement)
            .replace(" ON CLUSTER '{cluster}'", "")
            .replace("'{cluster}'", f"'{shards}'")
            .replace("clew", database)
        )
    path = tmp_path / "app.ndjson"
    path.write_bytes(log(12))
    url = server.url("logs", database=database)
    events = load([str(path)], url).added
    assert load([str(path)], url).added == 0
    assert server.run("SELECT count() FROM logs_local", database=database) == f"{events}\n"
    expected = [log(12)] * {"one": 1, "two": 2}[shards]
    with answers.open(url) as logs:
        assert list(differences(logs, read(*expected), SOME)) == []


def cluster_statements() -> list[str]:
    """Return the statements of cluster.sql."""
    text = (INTEGRATION / "cluster.sql").read_text()
    return [statement for statement in text.split(";\n") if statement.strip()]


def test_the_table_definition_is_what_is_run() -> None:
    """table.sql is the statement with which clew creates its table, to the letter."""
    assert (INTEGRATION / "table.sql").read_text() == f"{ddl('logs')};\n"


def test_the_table_definition_makes_clews_table(server: Server, tmp_path: Path) -> None:
    """Into a table of table.sql clew loads."""
    server.run("CREATE DATABASE by_hand")
    server.run((INTEGRATION / "table.sql").read_text().strip(";\n"), database="by_hand")
    url = server.url("logs", database="by_hand")
    assert load([str(write(tmp_path / "shop.ndjson", shop()))], url).added == 9


def test_the_cluster_has_the_same_table(server: Server) -> None:
    """cluster.sql has the columns of table.sql, its order and all else but the engine, and
    ClickHouse can read it as it stands."""
    statements = cluster_statements()
    alone = statements[1][statements[1].index("CREATE TABLE") :]
    alone = alone.replace("clew.logs_local ON CLUSTER '{cluster}'", "logs")
    assert re.sub(r"Replicated(MergeTree)\(.*\)", r"\1", alone) == ddl("logs")
    assert all(f"    `{column.name}` " in alone for column in COLUMNS)
    for statement in statements:
        assert server.run(f"EXPLAIN AST {statement}").startswith("CreateQuery")


@pytest.fixture(scope="module")
def values_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a log that has every hostile text in every field."""
    path = tmp_path_factory.mktemp("hostile") / "app.ndjson"
    lines = []
    for place, text in enumerate(VALUES):
        about: dict[str, Any] = {"service": text, "requestId": text, "userId": text}
        lines += [
            answered("GET", text, 500, place, 1.5, route=text, **about),
            said(text, place, action=text, value=text, oldValue=text, monetaryValue=1, **about),
        ]
    return write(path, lines)


@both_ways
def test_hostile_values_are_values(url: str, values_file: Path) -> None:
    """A text that would be SQL, an escape or a placeholder is found as the text that it is, by
    each parameter, and the table is as before."""
    load([str(values_file)], url)
    with answers.open(url) as logs, answers.open(values_file) as file:
        for text in VALUES:
            for question, parameters in (
                ("access", {"action": text}),
                ("accessed", {"value": text}),
                ("changes", {"value": text}),
                ("timeline", {"request": text}),
                ("actions", {"action": text, "service": text}),
                ("errors", {"route": text}),
            ):
                rows = logs.ask(question, **parameters).rows
                assert rows, (question, text)
                assert rows == file.ask(question, **parameters).rows
        assert logs.lines == 2 * len(VALUES)
        assert logs.ask("customers", action="no such").rows == []
    assert load([str(values_file)], url).added == 0


@pytest.mark.parametrize("text", ["\udcff", "x" * 200_000, "é" * 9_000])
def test_values_that_cannot_be_there_find_nothing(url: str, tmp_path: Path, text: str) -> None:
    """Half a surrogate pair, which a shell may give, and very long texts find nothing."""
    load([str(write(tmp_path / "shop.ndjson", shop()))], url)
    with answers.open(url) as logs:
        assert logs.ask("accessed", value=text).rows == []
        assert logs.ask("access", action=text, service=text).rows == []


@both_ways
def test_a_hostile_log_is_answered_as_from_the_file(url: str, tmp_path: Path) -> None:
    """Each question that needs no parameter has the same rows on both engines."""
    path = hostile(tmp_path / "hostile.ndjson")
    load([str(path)], url)
    with answers.open(url) as logs, answers.open(path) as file:
        for name, question in answers.QUESTIONS.items():
            if not question.requires:
                assert logs.ask(name).rows == file.ask(name).rows


@both_ways
def test_several_threads_ask_at_once(url: str, tmp_path: Path) -> None:
    """One connection answers several threads at a time, to each what it asked."""
    load([str(write(tmp_path / "shop.ndjson", shop()))], url)
    asked = ["slowest", "waited", "latency", "errors", "bad-links", "actions"] * 6
    with answers.open(url) as logs:
        alone = [logs.ask(question).rows for question in asked]
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(lambda question: logs.ask(question).rows, asked)) == alone


@both_ways
def test_events_that_come_later_are_seen(url: str, tmp_path: Path) -> None:
    """Open logs are asked of what the table has by then, and count what has come."""
    path = write(tmp_path / "shop.ndjson", shop())
    load([str(path)], url)
    with answers.open(url) as logs:
        assert logs.ask("actions", action="LATER").rows == []
        load([str(write(path, [*shop(), said("x", 9, action="LATER")]))], url)
        assert logs.engine.read() == 1
        assert logs.lines == 10
        assert len(logs.ask("actions", action="LATER").rows) == 1


@each_row(
    ("url", "address"),
    [
        ("clickhouse://", Address("logs")),
        ("clickhouse://h", Address("logs", host="h")),
        ("clickhouse://u:hush@h:9/d?table=t", Address("t", "d", "h", 9, "u", "hush")),
        (
            "clickhouse://u%40x:p%40%2F%3F%23%25%3Aq@h/d",
            Address("logs", "d", "h", 8123, "u@x", "p@/?#%:q"),
        ),
        ("clickhouse://u:a:b@h", Address("logs", host="h", user="u", password="a:b")),
        ("clickhouse://[::1]:9/d", Address("logs", "d", "::1", 9)),
        ("clickhouse://h?secure=true", Address("logs", host="h", port=8443, secure=True)),
        ("clickhouse://h:9?secure=1", Address("logs", host="h", port=9, secure=True)),
        ("clickhouse://h?secure=False", Address("logs", host="h")),
        ("clickhouse://h/d-1?table=_t-2", Address("_t-2", "d-1", "h")),
        ("chdb:///a/b?table=t", Address("t", folder="/a/b")),
        ("chdb:///a%20b%25/%C3%A9", Address("logs", folder="/a b%/é")),
    ],
)
def test_a_url_is_an_address(url: str, address: Address) -> None:
    """User, password, host, port, database, table and TLS are read from the URL, escapes undone,
    and what is left out has ClickHouse's default. As a text it is a URL again, without the
    password."""
    assert address_of(url) == address
    again = address_of(str(address))
    assert again == Address(**{name: getattr(address, name) for name in _SHOWN})
    assert not address.password or address.password not in f"{address} {address!r}"


_SHOWN = ("table", "database", "host", "port", "user", "secure", "folder")


@each_row(
    "url",
    [
        "clickhouse://u:hush@h:99999/d",
        "clickhouse://u:hush@h:port/d",
        "clickhouse://u:hu/sh@h/d",
        "clickhouse://u:hu#sh@h/d",
        "clickhouse://u:hu?sh@h/d",
        "clickhouse://u:hu]sh@[::1/d",
        "clickhouse://u:hush@h/d?tabel=t",
        "clickhouse://u:hush@h/d?secure=maybe",
        "clickhouse://u:hush@h/d?password=hush",
        "clickhouse://u:hush@h/d#hush",
        "clickhouse://u:hush@h/a/b",
        "clickhouse://u:hush@h/d?table=",
        "clickhouse://u:hush\udcff@h/d",
        "u:hush@h:8123/d",
        "http://u:hush@h:8123/d",
        "clickhouse:u:hush@h",
        "chdb://u:hush@h",
        "clickhouse://u:hush@h h/d",
        f"clickhouse://u:hush@{'h' * 70}.example/d",
    ],
)
def test_a_wrong_url_never_shows_the_password(url: str) -> None:
    """A URL that is not understood is refused in one sentence without what may be a password."""
    said = sentence(lambda: load([__file__], url))
    assert not re.search("hush|hu.?sh", said)


@each_row(
    "name",
    [
        "a b",
        "a`b",
        "a'b",
        'a"b',
        "a\\b",
        "a.b",
        "a;DROP TABLE logs",
        "1a",
        "é",
        "a" * 129,
        "",
        "%00",
    ],
)
def test_hostile_names_are_refused(name: str) -> None:
    """A table or database whose name is more than letters, digits, _ and - is refused."""
    assert "is no name of a table" in sentence(lambda: address_of(f"clickhouse://h?table={name}"))
    assert "is no name of a table" in sentence(lambda: address_of(f"chdb:///f?table={name}"))
    if name:
        said = sentence(lambda: address_of(f"clickhouse://h/{name}"))
        assert "is no name of a database" in said


@each_row(
    ("url", "said"),
    [
        ("chdb://", "names no folder"),
        ("chdb:///", "names no folder"),
        ("chdb://folder", "names no folder: write chdb:///folder"),
        ("chdb:///a%3Fverbose", "is no folder for chDB: give one without a question mark"),
        ("chdb:///a%00b", "is no folder for chDB"),
        ("chdb:///a\udcff", "is malformed"),
        ("chdb:file:x", "is no URL of ClickHouse"),
        ("chdb::memory:", "is no URL of ClickHouse"),
        ("app.ndjson", "'app.ndjson' is no URL of ClickHouse"),
        ("chdb:///no/such/folder", "clew load creates it"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(url: str, said: str) -> None:
    """Only a folder is a folder: no options of chDB's come into its URL."""
    opening = partial(answers.open, url)
    assert said in sentence(opening if "clew load" in said else partial(load, [__file__], url))


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    """Where the folder of chDB cannot be made, it is said why."""
    (tmp_path / "file").write_text("")
    url = f"chdb://{tmp_path}/file/folder"
    assert "cannot be made: Not a directory" in sentence(lambda: load([__file__], url))


def test_a_second_folder_in_one_process_is_said(chdb_url: str, tmp_path: Path) -> None:
    """chDB takes one folder in a process: another is refused in one sentence."""
    load([str(write(tmp_path / "shop.ndjson", shop()))], chdb_url)
    with answers.open(chdb_url):
        said = sentence(lambda: load([__file__], f"chdb://{tmp_path}/other"))
    assert "takes only one" in said


def test_a_table_and_a_file_are_not_asked_together(chdb_url: str) -> None:
    """A table is asked alone."""
    assert "is asked alone" in sentence(lambda: answers.open(chdb_url, __file__))


def test_a_server_that_is_not_there() -> None:
    """Where nothing listens, it is one sentence that names the place, without the password."""
    with socket.create_server((PLACE, 0)) as closed:
        port = closed.getsockname()[1]
    url = f"clickhouse://u:hush@{PLACE}:{port}/d"
    for call in (lambda: answers.open(url), lambda: load([__file__], url)):
        said = sentence(call)
        assert f"No ClickHouse answers at clickhouse://u@{PLACE}:{port}/d?table=logs" in said
        assert "hush" not in said


def test_a_server_that_speaks_otherwise() -> None:
    """What does not speak HTTP, and what speaks no TLS, is no ClickHouse."""
    with socket.create_server((PLACE, 0)) as other, ThreadPoolExecutor(1) as pool:
        other.settimeout(20)
        url = f"clickhouse://u:hush@{PLACE}:{other.getsockname()[1]}/d"

        def talk() -> None:
            for _ in range(8):
                try:
                    peer, _ = other.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(4096)
                    peer.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        talking = pool.submit(talk)
        for given in (url, f"{url}?secure=true"):
            assert "No ClickHouse answers at" in sentence(partial(answers.open, given))
        other.shutdown(socket.SHUT_RDWR)
        talking.result(20)


@pytest.mark.parametrize("password", ["", "hush", PASSWORD.upper()])
def test_a_wrong_password(server: Server, password: str) -> None:
    """A wrong password is one sentence, in which it is not."""
    url = server.url("logs", password=password)
    for call in (lambda: answers.open(url), lambda: load([__file__], url)):
        said = sentence(call)
        assert "refuses the user 'clew', or the password in the URL is wrong" in said
        assert not password or password not in said


def test_an_unknown_user_is_refused(server: Server) -> None:
    """A user that the server does not know is told as a wrong password is."""
    assert "refuses the user 'eve'" in sentence(lambda: answers.open(server.url("x", user="eve")))


def test_a_missing_database_or_table(server: Server, chdb_url: str) -> None:
    """A database is to be created first, a table is created by clew load."""
    url = server.url("logs", database="nope")
    for call in (lambda: answers.open(url), lambda: load([__file__], url)):
        assert "there is no database 'nope', create it first" in sentence(call)
    for url in (server.url("nope"), chdb_url):
        said = sentence(partial(answers.open, url))
        assert re.search("there is no table '.*', clew load creates it", said)


@both_ways
def test_a_strangers_table_is_not_asked(url: str) -> None:
    """A table without clew's columns is refused."""
    address = address_of(url)
    with closing(connect(address, create=True)) as client:
        client.command(f"CREATE TABLE {address.name} (`a` Int64) ENGINE = MergeTree ORDER BY a")
    assert "the table has no column 'createdAt'" in sentence(lambda: answers.open(url))


def test_a_user_who_may_change_no_settings(server: Server, shop_url: str) -> None:
    """A user with readonly = 1 is told to need more to ask, as settings come with a question."""
    url = server.url("shop", user="reader", password="")
    for call in (lambda: answers.open(url), lambda: load([__file__], url)):
        assert "to ask it needs readonly = 2, and to load readonly = 0" in sentence(call)


@pytest.mark.parametrize(
    "text",
    [
        "Code: 47, e.displayText() = DB::Exception: Unknown identifier: readonly",
        "HTTPDriver: Code: 115. DB::Exception: Unknown setting precise_float_parsing.",
    ],
)
def test_a_server_that_is_too_old_says_which_is_not(text: str) -> None:
    """What a server of years ago does not know is no riddle: the sentence says what is needed."""

    def fail() -> None:
        with failures(Address("logs", host="h")):
            raise DatabaseError(text)

    assert sentence(fail).endswith("is a ClickHouse which is too old: clew needs 23.8 or newer")


def test_an_old_version_is_refused(
    server: Server, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose version is below what is needed is told of with both."""
    monkeypatch.setattr(connection, "_OLDEST", "99.1")
    text = sentence(lambda: answers.open(shop_url))
    assert re.search(r"is ClickHouse \d+\.[\d.]+, which is too old: clew needs 23.8", text)


_ON = ("SELECT version()", "DESCRIBE", "quantile")


@pytest.mark.parametrize("on", _ON)
@pytest.mark.parametrize("how", ["cut", "garbage", "error"])
def test_a_server_that_fails(server: Server, shop_url: str, how: str, on: str) -> None:
    """A server that hangs up in its answer, answers anything else, or fails, is one sentence;
    the next question is answered again."""

    def ask() -> Any:
        with answers.open(shop_url) as logs:
            return logs.ask("slowest").rows

    before = ask()
    server.fail(how, on=on)
    assert "No ClickHouse answers at" in sentence(ask)
    assert ask() == before


@pytest.mark.parametrize(
    ("how", "on"),
    [
        ("cut", "EXISTS"),
        ("error", "EXISTS"),
        ("cut", "SELECT createdAt"),
        ("error", "SELECT createdAt"),
        ("garbage", "SELECT createdAt"),
    ],
)
def test_a_server_that_fails_a_load(
    server: Server, shop_url: str, tmp_path: Path, how: str, on: str
) -> None:
    """What the table has must be known in whole: otherwise nothing is added."""
    path = write(tmp_path / "shop.ndjson", [*shop(), said(f"{how} {on}", 5)])
    server.fail(how, on=on)
    said_ = sentence(lambda: load([str(path)], shop_url))
    assert re.search("No ClickHouse answers at|is no ClickHouse", said_)
    assert load([str(path)], shop_url).added == 1


@pytest.mark.parametrize("on", _ON)
def test_a_question_is_asked_again_of_a_server_that_hung_up(
    server: Server, shop_url: str, on: str
) -> None:
    """A connection that the server closed in the meantime is opened anew."""
    server.fail("hang-up", on=on)
    with answers.open(shop_url) as logs:
        assert len(logs.ask("slowest").rows) == 5


def test_what_clickhouse_says_is_passed_on(server: Server, shop_url: str) -> None:
    """Any other error is told in ClickHouse's words, without the stack, the version, the URL and
    the password."""
    words = f"(total) memory limit exceeded for {PASSWORD}. (MEMORY_LIMIT_EXCEEDED)"
    server.fail(f"Code: 241. DB::Exception: {words} (version 26.9.2.1)\nStack", on="quantile")
    with answers.open(shop_url) as logs:
        said = sentence(lambda: logs.ask("slowest"))
    assert said == f"{address_of(shop_url)} says: {words.replace(PASSWORD, '***')}"


def test_the_password_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line can be read by every user of a machine; the URL's password goes before."""
    monkeypatch.setenv("CLICKHOUSE_PASSWORD", "hu%sh")
    assert address_of("clickhouse://u@h").password == "hu%sh"
    assert address_of("clickhouse://u:own@h").password == "own"
