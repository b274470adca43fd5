"""The commands of a privacy officer: check --privacy, check --names, export, forget; tokens."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from clew._secrets.looks import MASK
from clew._secrets.treatments import KEY_VARIABLE, tokens
from clew.answers.errors import AnswerError
from clew.answers.person import export, forget
from clew.answers.privacy import revealing, values_of

from .command import run

KEYS = f"1:{'a' * 32},2:{'b' * 32}"
AT = 1637594905976


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"level": "info", "message": message, "createdAt": AT, "logger": "shop", **more}


def request(user: str | None, path: str, id: str) -> dict[str, Any]:
    """The HTTPLog of a request."""
    line = said(f"GET {path} 200", requestId=id) | {"logger": "clew.http"}
    line |= {} if user is None else {"userId": user}
    headers = {"requestId": id, "userAgent": "curl/8 of bob"}
    line["request"] = {"method": "GET", "path": path, "route": "/users/{id}", "headers": headers}
    line["request"] |= {"ipAddress": "203.0.113.7", "query": "q=bob"}
    line["response"] = {"httpStatus": 200, "responseTime": 1.5}
    return line


LINES = [
    said(
        "bob bought", userId="12345", action="BUY", value="order-7", monetaryValue=700, city="Oslo"
    ),
    said("bob was read", userId="9", action="READ", value="user:12345", comment="bob asked"),
    said("number", userId="9", value=12345),
    request("12345", "/users/12345", "r1"),
    request(None, "/inner", "r1"),
    request("9", "/users/9", "r2"),
    said("bob failed", userId="12345")
    | {"exception": {"type": "ValueError", "message": "bob", "stackTrace": "bob"}},
    said("of ann", userId="123456", value="user:123456"),
]
ABOUT = [0, 1, 2, 3, 6]


def text_of(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"broken {bob\n"


PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "a.ndjson": (bytes, bytes),
    "a.ndjson.gz": (gzip.compress, gzip.decompress),
    "a.ndjson.zst": (
        zstandard.compress,
        lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
    ),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.ndjson"
    path.write_bytes(text_of(LINES))
    return path


def test_what_is_in_clear(tmp_path: Path) -> None:
    """Each kind has its count, and the file and the line of the first; the exit status is 1."""
    path = tmp_path / "a.ndjson"
    clear = [
        said("a"),
        said("to bob@x.org", note="paid by 4111 1111 1111 1111"),
        said("x", deep=[{"b": "ann@x.org"}], card=4111111111111111),
        said("sent Bearer abc123def456", token="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
    ]
    path.write_bytes(b"\n" + text_of(clear))
    done = run("check", "--privacy", str(path))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"e-mail address: 2 lines, first {path}:3",
        f"card number: 2 lines, first {path}:3",
        f"value under a secret's name: 2 lines, first {path}:4",
        f"credential: 1 line, first {path}:5",
        f"token or key: 1 line, first {path}:5",
    ]
    path.write_bytes(text_of(LINES))
    assert revealing([str(path)]) == {}
    assert run("check", "--privacy", str(path)).returncode == 0


def test_why_names_are_masked(tmp_path: Path) -> None:
    """Each name in the lines has its reason, and says where a value of it is in clear."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(text_of([said("x", password="***", deep={"email": "bob"}, token_count=7)]))
    done = run("check", "--names", str(path))
    assert done.returncode == 1
    assert "password: masked: 'password' is listed under passwords (1, first" in done.stdout
    assert (
        "email: masked: 'email' is listed under ways to reach people; a value of it is"
        in done.stdout
    )
    assert "token_count: not masked (1," in done.stdout


def test_all_about_a_person(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who did something, and to whom it was done; by the token of the id too."""
    done = run("export", "--user", "12345", str(log))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [LINES[n] for n in ABOUT]
    monkeypatch.setenv(KEY_VARIABLE, KEYS)
    (old, new) = values_of("12345", "userId")
    hidden = [said("a", userId=old), said("b", value=f"user:{new}"), said("c", userId="7")]
    log.write_bytes(text_of(hidden))
    assert [json.loads(line)["message"] for line in export("12345", [str(log)])] == ["a", "b"]


@pytest.mark.parametrize("name", PACKERS)
def test_a_person_is_forgotten(name: str, tmp_path: Path) -> None:
    """Lines keep what happened and lose to whom; others, and broken ones, stay as they are."""
    pack, unpack = PACKERS[name]
    path = tmp_path / name
    path.write_bytes(pack(text_of(LINES)))
    path.chmod(0o640)
    done = run("forget", "--user", "12345", str(path))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{path}: 6 of 9 lines changed, 1 broken ones left as they are"
    ]
    *lines, broken = unpack(path.read_bytes()).splitlines()
    shown = [json.loads(line) for line in lines]
    assert (path.stat().st_mode & 0o777, broken) == (0o640, b"broken {bob")
    assert (shown[5], shown[7]) == (LINES[5], LINES[7])
    rest = b"\n".join(lines[:5] + lines[6:7])
    assert not any(word in rest for word in (b"12345", b"bob", b"203.0.113.7", b"Oslo"))
    assert (shown[0]["action"], shown[0]["monetaryValue"], shown[0]["createdAt"]) == (
        "BUY",
        700,
        AT,
    )
    assert (shown[3]["message"], shown[3]["response"]) == (
        "GET /users/{id} 200",
        LINES[3]["response"],
    )
    assert shown[4]["request"]["headers"] == {"requestId": "r1"}
    assert shown[6]["exception"]["type"] == "ValueError"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    before = path.stat().st_ino
    assert [one.changed for one in forget("12345", [str(path)])] == [0]
    assert path.stat().st_ino == before


def test_what_else_stands_beside_a_person(tmp_path: Path) -> None:
    """Of a task about somebody stays which it was; other lines of the same request that say nothing
    of a client, and an empty one, stay as they are."""
    task = {"name": "mail", "id": "t1", "outcome": "succeeded"}
    lines = [
        said("mail succeeded", userId="12345", requestId="r1", task=task),
        said("looked up", requestId="r1", city="Oslo"),
        request(None, "/inner", "r1") | {"request": {"method": "GET", "path": "/inner"}},
    ]
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n" + b"\n".join(json.dumps(line).encode() for line in lines))
    [done] = forget("12345", [str(path)])
    assert (done.lines, done.changed, done.broken) == (3, 1, 0)
    empty, first, *others = path.read_bytes().split(b"\n")
    shown = json.loads(first)
    assert (empty, shown["task"], shown["message"]) == (b"", task, MASK)
    assert shown["userId"] == MASK
    assert list(map(json.loads, others)) == lines[1:]
    before = path.read_bytes()
    assert [one.changed for one in forget("12345", [str(path)])] == [0]
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_rewritten_stays(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, the file is as it was, and nothing is left beside it."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = log.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AnswerError, match=r"a.ndjson' cannot be rewritten: .*it is as it was"):
        list(forget("12345", [str(log)]))
    assert log.read_bytes() == before
    assert list(log.parent.iterdir()) == [log]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["forget", "--user", "12345", "-"], "'-' cannot be rewritten: give files, or folders"),
        (["export", "--user", "", "{log}"], "--user is '': give the id"),
        (["ask", "accessed", "{log}", "--value", "a", "--token", "b"], "CLEW_REDACT_KEY has none"),
    ],
)
def test_a_mistake(arguments: list[str], reason: str, log: Path) -> None:
    """It is one line that names the remedy."""
    done = run(*(one.format(log=log) for one in arguments))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert reason in done.stderr


def test_tokens_are_found(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question is hashed under each key, so that what an old one made is found as well."""
    monkeypatch.setenv(KEY_VARIABLE, KEYS)
    made = tokens("bob@x.org", {1: b"a" * 32, 2: b"b" * 32})
    log.write_bytes(text_of([said(one, value=f"email:{one}", userId="9") for one in (*made, "c")]))
    arguments = ("--value", "email:bob@x.org", "--token", "email", "--format", "json")
    done = run("ask", "accessed", str(log), *arguments)
    assert len(json.loads(done.stdout)) == 2


def test_lines_within_others_are_looked_at(tmp_path: Path) -> None:
    """What Docker, compose or an array wraps is exported and found as bare lines are, and text is
    looked at, too; what cannot be rewritten is refused, and stays as it is.
    """
    line = json.dumps(said("to bob@x.org", userId="12345"))
    docker = json.dumps({"log": line + "\n", "stream": "stdout", "time": "2021-11-22T15:28:25Z"})
    for name, text in (
        ("docker", docker),
        ("compose", f"shop-1  | {line}"),
        ("array", f"[{line}]"),
    ):
        path = tmp_path / f"{name}.log"
        path.write_text(text + "\n")
        assert [json.loads(one)["message"] for one in export("12345", [str(path)])] == [
            "to bob@x.org",
        ]
        assert "e-mail address" in revealing([str(path)])
        done = run("forget", "--user", "12345", str(path))
        assert done.returncode == 2 and "only bare lines can be rewritten" in done.stderr
        assert path.read_text() == text + "\n"
    (tmp_path / "plain.log").write_text("no JSON, to bob@x.org\n")
    assert list(revealing([str(tmp_path / "plain.log")])) == ["e-mail address"]


def test_loaded_lines_are_refused(tmp_path: Path) -> None:
    """A file that clew load made is no log: it is named, and never called clean."""
    log, loaded = tmp_path / "a.ndjson", tmp_path / "logs.duckdb"
    log.write_bytes(text_of(LINES))
    assert run("load", str(log), str(loaded)).returncode == 0
    for command in (("export", "--user", "1"), ("forget", "--user", "1"), ("check", "--privacy")):
        done = run(*command, str(loaded))
        assert done.returncode == 2
        assert "is no log: give the files that it was loaded from" in done.stderr
