"""Log files into a table of ClickHouse, through its engine in this process and over HTTP."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers import load as load_module
from clew.answers.engines.columns import LATER_COLUMNS
from clew.answers.engines.connection import address_of, connect
from clew.answers.keep import LoadResult
from clew.answers.load import load

from .cli.command import run as run_command
from .clickhouse_server import Server
from .conftest import both_ways
from .shop_lines import NINE, ORDER, said, shop, write

pytestmark = pytest.mark.outside

MONTH = 31 * 86_400_000


def run(url: str, sql: str) -> Any:
    """Run *sql*, in which TABLE_ stands for the table of *url*."""
    address = address_of(url)
    with closing(connect(address, create=True)) as client:
        return client.command(sql.replace("TABLE_", address.name))


def messages(url: str) -> list[str | None]:
    """Return the messages of all events, in order."""
    with answers.open(url) as logs:
        return [row[0] for row in logs.engine.rows("SELECT message FROM logs ORDER BY 1", {})]


def written(url: str) -> str:
    """Return the statement that creates the table."""
    return str(run(url, "SHOW CREATE TABLE TABLE_"))


@both_ways
def test_loading_twice_doubles_nothing(url: str, tmp_path: Path) -> None:
    """The second load of a file adds nothing, and leaves every answer as it was."""
    path = write(tmp_path / "shop.ndjson", shop())
    assert load([str(path)], url) == LoadResult(lines=9, broken=0, added=9, damage=[])
    with answers.open(url) as logs:
        before = logs.ask("slowest").rows
    assert load([str(path)], url) == LoadResult(lines=9, broken=0, added=0, damage=[])
    with answers.open(url) as logs:
        assert (logs.lines, logs.ask("slowest").rows) == (9, before)


def test_a_file_that_grew_adds_what_is_new(url: str, tmp_path: Path) -> None:
    """Of a file that grew since it was loaded, the new lines are added, late ones too."""
    path = write(tmp_path / "app.ndjson", [said("b", 5), said("c", 9)])
    load([str(path)], url)
    write(path, [said("b", 5), said("c", 9), said("d", 20), said("a", 1)])
    assert load([str(path)], url).added == 2
    assert messages(url) == ["a", "b", "c", "d"]


def test_equal_lines_count_as_often_as_written(url: str, tmp_path: Path) -> None:
    """Lines that are equal in all are each an event, and stay so many when loaded again."""
    path = write(tmp_path / "app.ndjson", [said("x", 5)] * 3)
    assert load([str(path)], url).added == 3
    assert load([str(path)], url).added == 0
    write(path, [said("x", 5)] * 5)
    assert load([str(path)], url).added == 2
    assert messages(url) == ["x"] * 5


def test_an_equal_line_is_no_repeated_insert(url: str, tmp_path: Path) -> None:
    """A table that takes an equal insert for a retry, as a replicated one does, gets every line."""
    load([str(write(tmp_path / "none.ndjson", []))], url)
    run(url, "ALTER TABLE TABLE_ MODIFY SETTING non_replicated_deduplication_window = 100")
    for copies in (1, 2, 3):
        path = write(tmp_path / "app.ndjson", [said("x", 5)] * copies)
        assert load([str(path)], url).added == 1
        assert messages(url) == ["x"] * copies


def test_an_event_in_two_files(url: str, tmp_path: Path) -> None:
    """An event that two files hold counts twice in one load, and once when one follows the
    other."""
    one, two = (write(tmp_path / name, [said("x", 5)]) for name in ("one.log", "two.log"))
    assert (load([str(one)], url).added, load([str(two)], url).added) == (1, 0)
    assert load([str(one), str(two)], url).added == 1


def test_events_that_differ_in_one_field_are_two(url: str, tmp_path: Path) -> None:
    """What differs in a single column is another event, also where texts run into each other."""
    lines = [
        said("x", 5, userId="ab", value="c"),
        said("x", 5, userId="a", value="bc"),
        said("x", 5, userId="abc"),
        said("x", 5, value="abc"),
        said("x", 5, userId="", value="abc"),
        said("x", 5, value="abc", quantity=1),
    ]
    for line in lines:
        assert load([str(write(tmp_path / "app.ndjson", [line]))], url).added == 1
    assert load([str(write(tmp_path / "app.ndjson", lines))], url).added == 0


@pytest.mark.parametrize(
    ("content", "loaded"),
    [
        pytest.param("", LoadResult(0, 0, 0, []), id="empty"),
        pytest.param("\n \n", LoadResult(0, 0, 0, []), id="blank"),
        pytest.param(
            '{"createdAt":5}\nTraceback\n[1]\n{"a":1}\n',
            LoadResult(4, 2, 1, [], foreign=1, likeliest="'a'"),
            id="broken",
        ),
        pytest.param(
            '{"createdAt":"5"}\n{"createdAt":-1}\n',
            LoadResult(2, 0, 0, [], foreign=2, likeliest="'createdAt'"),
            id="strange",
        ),
        pytest.param('{"createdAt":5}', LoadResult(1, 0, 1, []), id="without its end"),
    ],
)
@both_ways
def test_every_line_is_counted(url: str, tmp_path: Path, content: str, loaded: LoadResult) -> None:
    """A load says how many lines it read, how many were broken, and how many events it added;
    the table is there also when that was none."""
    path = tmp_path / "app.ndjson"
    path.write_text(content)
    assert load([str(path)], url) == loaded
    with answers.open(url) as logs:
        assert (logs.lines, logs.broken) == (loaded.added, 0)


def test_compressed_files_are_loaded(url: str, tmp_path: Path) -> None:
    """A .gz file is loaded as the file that it was; what is left of a damaged one, too."""
    plain = write(tmp_path / "app.ndjson", shop())
    packed = tmp_path / "app.ndjson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert load([str(packed)], url).added == 9
    assert load([str(plain)], url).added == 0
    packed.write_bytes(packed.read_bytes()[:-20])
    [damage] = load([str(packed)], url).damage
    assert "damaged" in damage


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make batches small; give the list of those that were sent so far."""
    monkeypatch.setattr(load_module, "_SIZES", "FILE_SIZE_BYTES '20kB', ROW_GROUP_SIZE 2048")
    sent: list[Path] = []

    def counting(path: Path, *where: Any) -> None:
        send(path, *where)
        sent.append(path)

    send: Callable[..., None] = load_module._send
    monkeypatch.setattr(load_module, "_send", counting)
    return sent


def many(path: Path) -> Path:
    return write(path, [said(f"{n:05}", n * 1000, requestId=f"r-{n}") for n in range(20_000)])


@both_ways
def test_many_lines_are_loaded_in_batches(url: str, tmp_path: Path, batches: list[Path]) -> None:
    """More lines than one batch takes come in several, each event once, while the progress
    runs forward to its end."""
    path = many(tmp_path / "app.ndjson")
    shown: list[tuple[int, int]] = []
    loaded = load([str(path)], url, progress=lambda done, of: shown.append((done, of)))
    assert loaded == LoadResult(20_000, 0, 20_000, [])
    assert len(batches) > 1
    assert messages(url) == [f"{n:05}" for n in range(20_000)]
    assert shown == sorted(shown)
    assert shown[-1] == (path.stat().st_size, path.stat().st_size)
    assert not any(batch.exists() for batch in batches)


@pytest.mark.parametrize("how", ["hang-up", "forget", "Code: 241. DB::Exception: memory limit"])
def test_a_load_that_failed_is_repeated(
    server: Server, chdb_url: str, tmp_path: Path, batches: list[Path], how: str
) -> None:
    """After a load that ended in its middle, by a server that went or whose answer was lost,
    the same load adds just what is missing."""
    url = server.url(f"{chdb_url.rpartition('=')[2]}_failed")
    path = many(tmp_path / "app.ndjson")
    server.fail(how, on="INSERT", after=2)
    with pytest.raises(AnswerError):
        load([str(path)], url)
    assert len(batches) == 2
    came = len(messages(url))
    assert 0 < came < 20_000
    assert load([str(path)], url).added == 20_000 - came
    assert messages(url) == [f"{n:05}" for n in range(20_000)]


def test_a_load_that_was_killed_is_repeated(server: Server, chdb_url: str, tmp_path: Path) -> None:
    """A load whose process is killed between two batches is completed by the next."""
    url = server.url(f"{chdb_url.rpartition('=')[2]}_killed")
    path = many(tmp_path / "app.ndjson")
    script = """if True:
        import os, signal, sys
        from clew.answers import load as load_module
        load_module._SIZES = "FILE_SIZE_BYTES '20kB', ROW_GROUP_SIZE 2048"
        sent, send = [], load_module._send
        def killing(*arguments):
            if len(sent) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            sent.append(send(*arguments))
        load_module._send = killing
        load_module.load([sys.argv[1]], sys.argv[2])
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script, str(path), url]
    assert subprocess.run(command, env=environment, timeout=60).returncode == -9
    came = len(messages(url))
    assert 0 < came < 20_000
    assert load([str(path)], url).added == 20_000 - came
    assert messages(url) == [f"{n:05}" for n in range(20_000)]


def test_a_log_of_many_years_is_loaded(url: str, tmp_path: Path) -> None:
    """A log that reaches over more months than ClickHouse takes in one insert is loaded, in
    whatever order its lines are, and once."""
    path = write(tmp_path / "app.ndjson", [said(f"{n:03}", -n * MONTH) for n in range(240)])
    assert load([str(path)], url).added == 240
    assert load([str(path)], url).added == 0
    assert messages(url) == [f"{n:03}" for n in range(240)]


def test_a_log_of_very_many_days_is_loaded_once(url: str, tmp_path: Path) -> None:
    """Where the days are too many to name each, the whole period is compared."""
    days = [{"createdAt": n * 86_400_000, "message": f"{n:04}"} for n in range(1100)]
    path = write(tmp_path / "app.ndjson", days)
    assert load([str(path)], url).added == 1100
    assert load([str(path)], url).added == 0


def test_the_first_and_the_last_moment_are_loaded(url: str, tmp_path: Path) -> None:
    """Events of 1970 and of the year 9999 are loaded once, found by their time, and no TTL
    that is to come forgets the later one."""
    last = 253_402_300_799_999
    lines = [{"createdAt": 0, "message": "first"}, {"createdAt": last, "message": "last"}]
    path = write(tmp_path / "app.ndjson", lines)
    assert load([str(path)], url).added == 2
    assert load([str(path)], url).added == 0
    with answers.open(url) as logs:
        sql = "SELECT message FROM logs WHERE createdAt >= $since"
        assert logs.engine.rows(sql, {"since": last}) == [("last",)]
    load([str(path)], url, ttl_days=10_000)
    run(url, "OPTIMIZE TABLE TABLE_ FINAL")
    assert messages(url) == ["last"]


@both_ways
def test_a_ttl_is_set_changed_and_kept(url: str, tmp_path: Path) -> None:
    """A new table forgets nothing unless it is told to. --ttl-days sets and changes that, and a
    load without it keeps what there is."""
    path = str(write(tmp_path / "shop.ndjson", shop()))
    load([path], url)
    assert "TTL" not in written(url)
    for days, kept in ((90, 90), (None, 90), (900, 900), (90, 90), (90, 90)):
        load([path], url, ttl_days=days)
        assert written(url).count("TTL") == written(url).count(f"toIntervalDay({kept})") == 1


def test_a_new_table_has_its_ttl(url: str, tmp_path: Path) -> None:
    """With a TTL from the beginning, old events are forgotten and the others stay."""
    lines: list[dict[str, Any]] = [{"createdAt": 5, "message": "old"}]
    lines += [{"createdAt": 4_000_000_000_000, "message": "of 2096"}]
    load([str(write(tmp_path / "app.ndjson", lines))], url, ttl_days=30)
    run(url, "OPTIMIZE TABLE TABLE_ FINAL")
    assert messages(url) == ["of 2096"]


@pytest.mark.parametrize("days", [0, -1, 10_001, 10**30])
def test_a_wrong_ttl_is_refused(chdb_url: str, tmp_path: Path, days: int) -> None:
    """A TTL that is no number of days is refused before anything is made."""
    path = str(write(tmp_path / "shop.ndjson", shop()))
    with pytest.raises(AnswerError, match="from 1 to 10000"):
        load([path], chdb_url, ttl_days=days)
    with pytest.raises(AnswerError, match="there is no table"):
        answers.open(chdb_url)


@pytest.mark.parametrize("kind", ["a stranger's", "one column short"])
@both_ways
def test_another_table_is_refused(url: str, tmp_path: Path, kind: str) -> None:
    """A table that clew has not created is refused in one sentence, and stays as it is."""
    if kind == "a stranger's":
        run(url, "CREATE TABLE TABLE_ (`a` Int64) ENGINE = MergeTree ORDER BY a")
        run(url, "INSERT INTO TABLE_ SELECT 1")
    else:
        load([str(write(tmp_path / "none.ndjson", []))], url)
        run(url, "ALTER TABLE TABLE_ DROP COLUMN lineHash")
    before = written(url), run(url, "SELECT count() FROM TABLE_")
    path = str(write(tmp_path / "shop.ndjson", shop()))
    with pytest.raises(AnswerError, match="clew load has not created it; name another") as caught:
        load([path], url, ttl_days=3)
    assert "\n" not in str(caught.value)
    assert (written(url), run(url, "SELECT count() FROM TABLE_")) == before


@both_ways
def test_a_table_of_an_earlier_version_gets_what_it_lacks(url: str, tmp_path: Path) -> None:
    """Its columns are added, which is said once; its lines are asked as before, and are told
    apart as before, and what it lacked is there for the lines that come."""
    first = write(tmp_path / "first.ndjson", shop())
    load([str(first)], url)
    for column in LATER_COLUMNS:
        run(url, f"ALTER TABLE TABLE_ DROP COLUMN `{column.name}`")
    run(url, "ALTER TABLE TABLE_ DROP COLUMN lineHash")
    run(url, "ALTER TABLE TABLE_ ADD COLUMN fingerprint UInt64")
    run(url, "TRUNCATE TABLE TABLE_")
    with answers.open(url) as logs:
        assert logs.ask("slowest").rows == logs.ask("exceptions").rows == []
        assert logs.ask("slowest", where="tenant = 'acme'").rows == []
    loaded = load([str(first)], url)
    [note] = loaded.notes
    assert "has new columns, serviceVersion, " in note and "fields: the lines" in note
    assert loaded.added == len(shop())
    more = [said("more", 90, tenant="acme", serviceVersion="2.0")]
    again = load([str(write(tmp_path / "more.ndjson", [*shop(), *more]))], url)
    assert (again.added, again.notes) == (1, ())
    with answers.open(url) as logs:
        assert [row[3] for row in logs.ask("events", where="tenant = 'acme'").rows] == ["more"]


def test_numbers_beyond_clickhouses_cost_no_field(url: str, tmp_path: Path) -> None:
    """A line with a number that ClickHouse reads in no JSON has its other fields all the same."""
    odd = '{"createdAt":1,"tenant":"acme","size":%s,"text":"a:99999999999999999999,\\" [NaN]"}'
    numbers = ("1e400", "-1e999", "NaN", "-Infinity", "123456789012345678901234567890", "1e5")
    path = tmp_path / "odd.ndjson"
    path.write_text("".join(f"{odd % number}\n" for number in numbers))
    load([str(path)], url)
    for source in (url, path):
        with answers.open(source) as logs:
            fields = "json_extract_string(fields, '$.size'), json_extract_string(fields, '$.text')"
            rows = logs.sql(f"SELECT {fields} FROM logs ORDER BY 1").rows
            assert {row[1] for row in rows} == {'a:99999999999999999999," [NaN]'}
            assert [row[0] for row in rows] == sorted([*numbers[:-1], "100000.0"])


def test_a_table_that_is_there_is_not_created(
    server: Server, chdb_url: str, tmp_path: Path
) -> None:
    """A user who may create no table loads into one that is there; where there is none, what is
    to be granted is said."""
    path = str(write(tmp_path / "shop.ndjson", shop()))
    url = server.url(f"{chdb_url.rpartition('=')[2]}_granted")
    denied = "Code: 497. DB::Exception: clew: Not enough privileges. To execute this query, it's"
    denied += " necessary to have the grant CREATE TABLE ON default.logs. (ACCESS_DENIED)"
    server.fail(denied, on="CREATE TABLE IF NOT EXISTS")
    with pytest.raises(AnswerError, match=r"the grant CREATE TABLE ON .*; grant it, or"):
        load([path], url)
    load([path], url)
    server.fail(denied, on="CREATE TABLE IF NOT EXISTS")
    assert load([path], url).added == 0
    server.fail("error", on="no such query")


def test_a_missing_file_is_said_before_the_table_is_made(chdb_url: str, tmp_path: Path) -> None:
    """Where a file is missing nothing is created."""
    with pytest.raises(AnswerError, match="There is no file"):
        load([str(tmp_path / "no.ndjson")], chdb_url)
    with pytest.raises(AnswerError, match="there is no table"):
        answers.open(chdb_url)


def test_what_does_not_fit_on_the_disk_is_said(
    chdb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one sentence that says how to take another."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(load_module, "_write", full)
    path = str(write(tmp_path / "shop.ndjson", shop()))
    with pytest.raises(AnswerError, match=r"do not fit into .*set TMPDIR to .*No space left"):
        load([path], chdb_url)


def clew(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {**os.environ, "COLUMNS": "160", "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "clew", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )


@pytest.mark.parametrize("kind", ["chdb", "http"])
def test_the_command_line_loads_and_asks(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """`clew load` loads, and `clew ask`, `clew timeline` and `clew report` take the URL in the
    place of files, each in a process of its own."""
    if kind == "chdb":
        url = f"chdb://{tmp_path}/new/tables?table=shop"
    else:
        server: Server = request.getfixturevalue("server")
        url = server.url("of_the_command_line")
    log = write(tmp_path / "shop.ndjson", [*shop(), "broken"])
    for added in (9, 0):
        done = clew("load", log, url, "--ttl-days", 10_000, folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{added} events added\n"), done.stderr
        assert done.stderr == "clew: 10 lines, 1 broken\n"
    for asked in (["ask", "slowest", "--format", "json"], ["ask", "accessed", "--value", "lamp"]):
        of_table, of_file = (
            clew(*asked, url, folder=tmp_path),
            run_command(*asked, log, columns=160),
        )
        assert (of_table.returncode, of_table.stdout) == (0, of_file.stdout), of_table.stderr
    of_table = clew("timeline", ORDER, url, folder=tmp_path)
    assert of_table.stdout == run_command("timeline", ORDER, log, columns=160).stdout
    assert "POST /orders 201" in of_table.stdout
    page = tmp_path / "report.html"
    done = clew("report", url, "--html", page, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "PURCHASE_COMPLETED" in page.read_text()


def test_a_mistake_on_the_command_line_is_one_line(server: Server, tmp_path: Path) -> None:
    """A wrong password is one line on stderr, without it, and status 2."""
    log = write(tmp_path / "shop.ndjson", shop())
    done = clew("load", log, server.url("logs", password="hush"), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "refuses the user 'clew'" in done.stderr
    assert "hush" not in done.stderr


def test_lines_as_python_writes_them_are_equal_again(url: str, tmp_path: Path) -> None:
    """The same events, their fields in another order and writing, are the same events."""
    line = {**said("Grüße 😀", 5, value="1.50"), "monetaryValue": 1.5, "createdAt": NINE}
    path = tmp_path / "app.ndjson"
    path.write_text(json.dumps(line) + "\n")
    assert load([str(path)], url).added == 1
    path.write_text(json.dumps(dict(sorted(line.items())), ensure_ascii=False) + "\n")
    assert load([str(path)], url).added == 0
    path.write_text(json.dumps(line).replace("1.5,", "1.500,") + "\n")
    assert load([str(path)], url).added == 0
