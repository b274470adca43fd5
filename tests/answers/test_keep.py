"""Logs in a file of DuckDB's: asked as they are, each line once, whatever happens to a load."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.engines import reader
from clew.answers.engines.store import StoreEngine
from clew.answers.keep import LoadResult, keep
from tests.rows import each_row

from .cli.command import run as run_command
from .logs_of import log
from .oracle_events import read
from .shop_lines import said, shop, write
from .test_questions import ASKED, LITTLE, SOME, differences


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "logs.duckdb")


def messages(store: str) -> list[str | None]:
    with answers.open(store) as logs:
        return [row[0] for row in logs.engine.rows("SELECT message FROM logs ORDER BY 1", {})]


def test_what_was_loaded_is_asked_in_sql(tmp_path: Path, store: str) -> None:
    """A query of one's own reads the relations as it does in files, and no file beside it."""
    keep([str(write(tmp_path / "shop.ndjson", shop()))], store)
    with answers.open(store) as logs:
        answer = logs.sql("SELECT endpoint, status FROM requests WHERE status >= 500")
        assert (answer.columns, answer.rows) == (
            ["endpoint", "status"],
            [("/vouchers/{code}", 500)],
        )
        assert logs.engine.read() == 0
        with pytest.raises(AnswerError, match="disabled by configuration"):
            logs.engine.query(f"SELECT * FROM read_text('{tmp_path}/shop.ndjson')")


def test_sql_sees_the_columns_of_a_line_alone(tmp_path: Path, store: str) -> None:
    """What a file keeps beside, to be asked at once, is no column of `logs`."""
    log_file = str(write(tmp_path / "shop.ndjson", shop()))
    keep([log_file], store)
    with answers.open(store) as logs, answers.open(log_file) as read_anew:
        everything = "SELECT * FROM logs"
        assert logs.sql(everything).columns == read_anew.sql(everything).columns
        assert logs.ask("errors").rows == read_anew.ask("errors").rows  # also afterwards


@pytest.mark.parametrize("parameters", [{}, {"by": ["endpoint"]}, {"where": "endpoint like '%'"}])
def test_a_file_without_endpoints_answers_alike(
    tmp_path: Path, store: str, parameters: dict[str, object]
) -> None:
    """A file that was made before endpoints were kept is asked, and added to, as any other."""
    lines = [*shop()]
    keep([str(write(tmp_path / "first.ndjson", lines[::2]))], store)
    with duckdb.connect(store) as connection:
        connection.execute("ALTER TABLE lines DROP COLUMN lineEndpoint")
    keep([str(write(tmp_path / "second.ndjson", lines[1::2]))], store)
    whole = str(tmp_path / "whole.duckdb")
    keep([str(write(tmp_path / "whole.ndjson", lines))], whole)
    with answers.open(store) as earlier, answers.open(whole) as later:
        rows = later.ask("errors", **parameters).rows
        assert rows
        assert earlier.ask("errors", **parameters).rows == rows


def test_a_file_that_has_gone_is_a_sentence(store: str) -> None:
    """What was removed between the look at it and its opening is named."""
    with pytest.raises(AnswerError, match=r"logs.duckdb' cannot be read or written: "):
        StoreEngine(store)


@each_row(
    ("content", "asked"),
    [(log(41), SOME), (log(42), ASKED[::12]), *product(LITTLE.values(), [SOME[::5]])],
)
def test_every_answer_is_exact(
    tmp_path: Path, content: bytes, asked: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    """What was loaded has the rows of plain Python: values, types and order."""
    path, store = tmp_path / "app.ndjson", str(tmp_path / "logs.duckdb")
    path.write_bytes(content)
    keep([str(path)], store)
    path.unlink()
    with answers.open(store) as logs:
        assert list(differences(logs, read(content), asked)) == []


@pytest.mark.parametrize("large", [True, False], ids=["read where it is", "read in pieces"])
def test_loading_again_adds_what_is_new(
    tmp_path: Path, store: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal lines count as often as they were written; loaded again, nothing is there twice."""
    monkeypatch.setattr(reader, "_LARGE", 0 if large else 1 << 40)
    twice = said("b", 5)
    path = write(tmp_path / "app.ndjson", [twice, said("c", 9), twice, "broken", {"a": 1}])
    expected = LoadResult(5, 1, 3, [], foreign=1, likeliest="'a'")
    assert keep([str(path)], store) == expected
    assert keep([str(path)], store).added == 0
    write(path, [said("late", 1), twice, said("c", 9), twice, twice, {**twice, "tenant": "x"}])
    assert keep([str(path)], store).added == 3
    assert messages(store) == ["b", "b", "b", "b", "c", "late"]
    assert keep([str(path)], store).added == 0


def test_lines_that_differ_in_any_field_are_two(tmp_path: Path, store: str) -> None:
    """A field that has no column tells lines apart, too."""
    for tenant in ("a", "b", "a"):
        keep([str(write(tmp_path / "app.ndjson", [said("x", 5, tenant=tenant)]))], store)
    assert messages(store) == ["x", "x"]


def test_the_command_keeps_and_asks(tmp_path: Path, store: str) -> None:
    """``clew load``, ``ask``, ``report`` and ``serve``'s engine take the file."""
    path = write(tmp_path / "shop.ndjson", [*shop(), {"a": 1}])
    done = run_command("load", str(path), store)
    assert done.stdout == "9 events added\n"
    assert done.stderr == ("clew: 10 lines, 0 broken, 1 of another form (they look like 'a')\n")
    path.unlink()
    done = run_command("ask", "slowest", store, "--format", "csv")
    assert "/report" in done.stdout
    assert done.stderr == "clew: 9 lines, 0 broken\n"
    done = run_command("report", store, "--html", str(tmp_path / "report.html"))
    assert done.returncode == 0
    with answers.open(store, growing=True) as logs:
        assert (logs.engine.read(), logs.lines, logs.broken, logs.damage) == (0, 9, 0, [])


@each_row(
    ("sources", "sentence"),
    [
        (["x.ndjson", "logs.duckdb"], "'.*logs.duckdb' is asked alone; load files into it"),
        (["other.duckdb"], "'.*other.duckdb' is no file of logs of clew's: give another"),
        (["older.duckdb"], "'.*older.duckdb' has no column 'fields', as an earlier version"),
        (["view.duckdb"], "'.*view.duckdb' is no file of logs of clew's: give another"),
        (["spoilt.duckdb"], "'.*spoilt.duckdb' "),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    tmp_path: Path, sources: list[str], sentence: str
) -> None:
    """A file of somebody else's, of an earlier version, a spoilt one; what it says is not run."""
    write(tmp_path / "x.ndjson", shop())
    keep([str(tmp_path / "x.ndjson")], str(tmp_path / "logs.duckdb"))
    shutil.copy(tmp_path / "logs.duckdb", tmp_path / "older.duckdb")
    with duckdb.connect(str(tmp_path / "older.duckdb")) as older:
        older.execute("ALTER TABLE lines DROP COLUMN fields")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE lines (a INT)")
    with duckdb.connect(str(tmp_path / "view.duckdb")) as view:
        view.execute("CREATE VIEW lines AS SELECT content FROM read_text('/etc/passwd')")
    whole = (tmp_path / "logs.duckdb").read_bytes()
    (tmp_path / "spoilt.duckdb").write_bytes(whole[:12] + b"\xff" * 4000)
    with pytest.raises(AnswerError, match=sentence):
        answers.open(*(tmp_path / source for source in sources))
    if len(sources) == 1:
        with pytest.raises(AnswerError, match=sentence):
            keep([str(tmp_path / "x.ndjson")], str(tmp_path / sources[0]))


@pytest.mark.parametrize("start", [12_000, 40_000])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, store: str, start: int) -> None:
    """A bad block of the disk is found as the file is opened, or when a question comes to it."""
    keep([str(write(tmp_path / "x.ndjson", shop()))], store)
    content = bytearray(Path(store).read_bytes())
    for place in range(start, len(content), 4096):
        content[place] ^= 0xFF
    Path(store).write_bytes(content)
    with pytest.raises(AnswerError, match="logs.duckdb' is damaged: load the logs into a new"):
        messages(store)


def test_what_cannot_be_loaded_into_is_a_sentence(tmp_path: Path, store: str) -> None:
    """A file that is none of DuckDB's, a folder that is not there; a file as its own source."""
    path = str(write(tmp_path / "x.ndjson", shop()))
    (tmp_path / "text.duckdb").write_text("text")
    with pytest.raises(AnswerError, match="text.duckdb' is no file of logs of clew's"):
        keep([path], str(tmp_path / "text.duckdb"))
    with pytest.raises(AnswerError, match="logs.duckdb' cannot be read or written: "):
        keep([path], str(tmp_path / "no" / "logs.duckdb"))
    keep([path], store)
    with pytest.raises(AnswerError, match="'.*logs.duckdb' is asked alone"):
        keep([store], str(tmp_path / "more.duckdb"))
    done = run_command("load", path, store, "--ttl-days", "5")
    assert (done.returncode, done.stderr) == (
        2,
        f"clew: {store!r} forgets nothing: leave out ttl-days\n",
    )


@pytest.mark.parametrize("name", ["it's.duckdb", "a b; DROP TABLE lines.duckdb", "ä$(x).duckdb"])
def test_a_hostile_name_is_a_name(tmp_path: Path, name: str) -> None:
    """The name of a file is no part of any SQL."""
    path = str(write(tmp_path / "x.ndjson", shop()))
    assert keep([path], str(tmp_path / name)).added == 9
    assert len(messages(str(tmp_path / name))) == 9
    assert {each.name for each in tmp_path.iterdir()} == {name, "x.ndjson"}


_HOLD = """
import sys, threading
from clew.answers import keep
def wait(*_):
    print("reading", flush=True)
    threading.Event().wait(60)
keep.FileReader.read = wait
keep.keep([sys.argv[1]], sys.argv[2])
"""


@pytest.mark.outside
@pytest.mark.parametrize("is_new", [True, False])
def test_a_second_writer_is_refused(tmp_path: Path, store: str, is_new: bool) -> None:
    """While one loads, another is told so, and so is who asks what is just being written."""
    path = str(write(tmp_path / "x.ndjson", shop()))
    if not is_new:
        keep([path], store)
    held = subprocess.Popen(
        [sys.executable, "-c", _HOLD, path, store], stdout=subprocess.PIPE, text=True
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "reading\n"
        with pytest.raises(AnswerError, match="is in use by another process, which loads or asks"):
            keep([path], store)
        with pytest.raises(AnswerError, match="There is no file" if is_new else "is in use by"):
            answers.open(store)
    finally:
        held.kill()
        held.wait()
        if held.stdout:
            held.stdout.close()
    assert keep([path], store).added == (9 if is_new else 0)


@pytest.mark.outside
def test_a_load_that_was_killed_is_done_again(tmp_path: Path, store: str) -> None:
    """Wherever SIGKILL meets it, the file is as before or whole, and the next load completes it."""
    contents = [log(seed, 4000) for seed in (51, 52)]
    path = tmp_path / "app.ndjson"
    command = [sys.executable, "-m", "clew", "load", str(path), store]
    chance = random.Random(5)
    for content in (contents[0], b"\n".join(contents)):
        path.write_bytes(content)
        began = time.monotonic()
        copy = tmp_path / "copy.duckdb"
        if Path(store).exists():
            shutil.copy(store, copy)
        subprocess.run([*command[:-1], str(copy)], check=True, capture_output=True, timeout=120)
        whole = time.monotonic() - began
        copy.unlink()
        for _ in range(4):
            process = subprocess.Popen(
                command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            try:
                process.wait(chance.uniform(0.3, 1) * whole)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()
        keep([str(path)], store)
        assert keep([str(path)], store).added == 0
        with answers.open(store) as logs:
            assert list(differences(logs, read(content), SOME[:20])) == []
    assert {each.name for each in tmp_path.iterdir()} == {"app.ndjson", "logs.duckdb"}
