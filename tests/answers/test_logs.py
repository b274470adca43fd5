"""Logs as a library: what they count, their answers, and that nothing of them is left behind."""

from __future__ import annotations

import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.engines import blocks, table
from clew.answers.query import Query, find_question

from .logs_of import log
from .oracle_events import read as oracle_read
from .test_files import lines
from .test_questions import SOME, differences

BROKEN = b"Traceback\n[]\n{\n"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that temporary ones are made in."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(lines(5) + BROKEN)
    return path


def test_lines_and_broken_ones_are_counted(path: Path, tmp_path: Path) -> None:
    """All lines count but blank ones, over all files; foreign objects are not broken."""
    (tmp_path / "other.log").write_bytes(b'{"msg":"foreign"}\n\n \n' + BROKEN)
    with answers.open(tmp_path) as logs:
        assert (logs.lines, logs.broken, logs.damage) == (12, 6, [])


def test_a_damaged_file_is_told_of(path: Path, tmp_path: Path) -> None:
    """Each file that could be read only in part has a sentence."""
    (tmp_path / "1.log.gz").write_bytes(gzip.compress(lines(5))[:-5])
    (tmp_path / "2.log.gz").write_bytes(gzip.compress(lines(5)))
    with answers.open(tmp_path) as logs:
        [damage] = logs.damage
        assert "1.log.gz' is damaged and was read in part" in damage
        assert logs.lines >= 13


def test_an_answer_is_rows_and_dictionaries(tmp_path: Path) -> None:
    """Each row has the columns of the question, as a tuple and as a dictionary."""
    request = {"method": "GET", "path": "/"}
    line = {"createdAt": 0, "request": request, "response": {"responseTime": 1.5}}
    (tmp_path / "app.log").write_text(json.dumps(line))
    with answers.open(tmp_path) as logs:
        answer = logs.ask("slowest")
    assert answer.question is answers.QUESTIONS["slowest"]
    assert answer.columns == list(answer.question.columns)
    assert answer.rows == [(None, "GET", "/", 1, 1.5, 1.5, 1.5, 1.5)]
    assert answer.dicts() == [dict(zip(answer.columns, answer.rows[0], strict=True))]


def test_an_amount_is_an_int_where_it_is_whole(tmp_path: Path) -> None:
    """With a fraction it is a Decimal, never a float."""
    amounts = ((1, 2.0), (0.5, 0.25))
    content = [
        {"createdAt": 0, "action": "BUY", "userId": str(user), "monetaryValue": amount}
        for user, of in enumerate(amounts)
        for amount in of
    ]
    (tmp_path / "app.log").write_text("\n".join(map(json.dumps, content)))
    with answers.open(tmp_path) as logs:
        [whole, part] = [row[2] for row in logs.ask("customers", action="BUY").rows]
    assert (whole, type(whole)) == (3, int)
    assert (part, type(part)) == (Decimal("0.75"), Decimal)


def test_paths_are_taken_as_they_come(path: Path) -> None:
    """A source is a text or a path."""
    with answers.open(path) as one, answers.open(str(path)) as other:
        assert one.lines == other.lines == 8


def test_files_are_read_once(path: Path) -> None:
    """Asking reads no file, but for fields without a column: the files may have gone."""
    path.write_bytes(log(31))
    with answers.open(path) as logs:
        path.unlink()
        assert list(differences(logs, oracle_read(log(31)), SOME)) == []


def test_several_threads_ask_at_once(path: Path) -> None:
    """Each gets its own answer, also while a file that grows is read on."""
    path.write_bytes(b"")
    barrier = threading.Barrier(8)
    with answers.open(path, growing=True) as logs:

        def asked(number: int) -> set[int]:
            barrier.wait(30)
            if number == 0:
                for _ in range(20):
                    with path.open("ab") as file:
                        file.write(lines(10))
                    logs.engine.read()
                return {0}
            counts = set()
            for _ in range(20):
                rows = logs.ask("actions", action="COUNTED", limit=number).rows
                counts.add(sum(row[2] for row in rows))
            return counts

        with ThreadPoolExecutor(8) as threads:
            counts = set().union(*threads.map(asked, range(8)))
        assert logs.lines == 200
        assert all(count % 10 == 0 and count <= 200 for count in counts)
        assert logs.ask("actions", since=date(2026, 11, 1)).rows[0][2] == 200


@pytest.mark.parametrize("name", ["app.log", "app.log.gz"])
def test_progress_is_told_in_bytes(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is called with the bytes read so far and all that there are, to the end."""
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 1000)
    path = tmp_path / name
    path.write_bytes(gzip.compress(lines(999)) if name.endswith("gz") else lines(999))
    size = path.stat().st_size
    told: list[tuple[int, int]] = []
    with answers.open(path, progress=lambda done, of: told.append((done, of))):
        pass
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_the_folder_goes_when_the_logs_are_closed(path: Path, temporary: Path) -> None:
    """What was made for asking lies in one temporary folder, which closing removes."""
    with answers.open(path) as logs:
        assert len(list(temporary.iterdir())) == 1
        assert logs.lines == 8
    assert list(temporary.iterdir()) == []
    logs.close()  # a second time is no mistake


def test_the_folder_goes_with_the_logs(path: Path, temporary: Path) -> None:
    """Logs that nobody closes are removed when nobody has them any more."""
    logs = answers.open(path)
    assert list(temporary.iterdir())
    del logs
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_the_folder_goes_when_reading_fails(path: Path, temporary: Path) -> None:
    """A progress that raises, as an interrupt does, leaves nothing."""

    def interrupted(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answers.open(path, progress=interrupted)
    gc.collect()
    assert list(temporary.iterdir()) == []


@pytest.mark.outside
@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "raise ValueError", "wait()"])
def test_the_folder_goes_with_the_process(path: Path, tmp_path: Path, end: str) -> None:
    """However the process ends, by Ctrl-C too, nothing is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    script = (
        "import sys, threading\n"
        "from clew import answers\n"
        "logs = answers.open(sys.argv[1])\n"
        "def wait():\n"
        "    print('waiting', flush=True)\n"
        "    threading.Event().wait(60)\n"
        "assert __import__('os').listdir(sys.argv[2])\n"
        f"{end}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), str(temporary)],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        if end == "wait()":
            assert process.stdout.readline() == b"waiting\n"
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    expected = {"pass": b"", "raise SystemExit(3)": b"", "raise ValueError": b"ValueError"}
    assert errors.strip().endswith(expected.get(end, b"KeyboardInterrupt")), errors
    assert list(temporary.iterdir()) == []


def test_a_full_disk_is_one_sentence(
    path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the lines do not fit, it says so, and which variable names another folder."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(table.EventTable, "add", full)
    with pytest.raises(AnswerError, match="do not fit into .*; set TMPDIR to a folder"):
        answers.open(path)


@pytest.mark.parametrize("name", ["http://u:secret@h/logs", "postgres://u:secret@h/logs"])
def test_another_address_is_refused(name: str) -> None:
    """An address that is none of logs is one sentence, which does not show its password."""
    with pytest.raises(AnswerError, match=":// is no address of logs") as raised:
        answers.open(name)
    assert "secret" not in str(raised.value)


def test_a_page_has_few_rows_and_says_how_many_there_are(tmp_path: Path) -> None:
    """The first rows of a ranking, the last of a history; all of them where they are few."""
    path = tmp_path / "app.log"
    path.write_bytes(lines(30))
    with answers.open(path) as logs:
        query = Query.of(find_question("events"), {"action": "COUNTED"})
        whole, page = logs.answer(query), logs.page(query, 20)
        assert (page.rows, page.total) == (whole.rows[-20:], 30)
        assert logs.page(query, 40).rows == whole.rows
        limited = Query.of(find_question("events"), {"limit": "25"})
        assert len(logs.page(limited, 20).rows) == 25
