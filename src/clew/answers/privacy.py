"""What logs hold of secrets and of persons in clear, and which names are masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from clew._secrets import looks
from clew._secrets.names import Names, Verdict
from clew._secrets.treatments import environment_keys, is_hidden, tokens

from .errors import AnswerError
from .files import STDIN, LogFile, find
from .sources.parser import PLAIN, Parser

MASK = looks.MASK
_DUCKDB = b"DUCK"  # behind the first eight bytes of a file of its

Line = dict[str, Any]


def _values(value: object) -> Iterator[tuple[str | None, object]]:
    """Yield what is in *value*, at any depth, each with its name, where it has one."""
    pending: list[tuple[str | None, object]] = [(None, value)]
    while pending:
        name, one = pending.pop()
        yield name, one
        if isinstance(one, dict):
            pending += one.items()
        elif isinstance(one, list):
            pending += ((None, item) for item in one)


def _texts(value: object) -> Iterator[str]:
    """Yield the texts and the long numbers in *value*, at any depth."""
    for _, one in _values(value):
        if isinstance(one, str):
            yield one
        elif isinstance(one, int) and not isinstance(one, bool):
            yield str(one)


# The kinds of what strict masking looks for, by what makes a text other than it is.
KINDS: dict[str, Callable[[str], str]] = {
    "e-mail address": looks.without_emails,
    "card number": looks.without_cards,
    "credential": looks.without_credentials,
    "token or key": looks.without_tokens,
}


def files_of(sources: Sequence[str]) -> list[str]:
    """Return the log files that *sources* name; refuse what holds loaded lines."""
    found = list(find(sources))
    for name in found:
        if name != STDIN and Path(name).is_file():
            with Path(name).open("rb") as file:
                if file.read(12)[8:] == _DUCKDB:
                    raise AnswerError(f"{name!r} is no log: give the files that it was loaded from")
    return found


def unwrapped(name: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the lines of a file, each with its number and with what it is within, if anything."""
    parser = Parser(whole=True)
    for number, line in enumerate(LogFile(name).lines(), 1):
        if line.startswith(PLAIN):
            yield number, line, line
            continue
        parser.parse(line)
        inner = [one for one in parser.take().split(b"\n") if one]
        for one in inner or [line]:
            yield number, one, line


def lines_of(sources: Sequence[str]) -> Iterator[tuple[str, int, Line]]:
    """Yield each line that is a JSON object, also within another, with its file and its number."""
    for name in files_of(sources):
        for number, line, _ in unwrapped(name):
            if (read := read_line(line)) is not None:
                yield name, number, read


def read_line(line: bytes) -> Line | None:
    """Return the JSON object that *line* is; None where it is none."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class Occurrence(msgspec.Struct):
    """How many lines hold something, and the first of them."""

    lines: int
    name: str
    number: int

    @property
    def first(self) -> str:
        """Say where the first line stands."""
        return f"{self.name}:{self.number}"


def revealing(sources: Sequence[str]) -> dict[str, Occurrence]:
    """Return what lines still hold in clear, by its kind, the most frequent first.

    Lines that are no JSON are looked at, too, as texts.
    """
    judge = Names()
    found: dict[str, Occurrence] = {}
    for name in files_of(sources):
        for number, line in enumerate(LogFile(name).lines(), 1):
            read = read_line(line)
            texts = [line.decode("utf-8", "replace")] if read is None else list(_texts(read))
            kinds = [kind for kind, without in KINDS.items() if _changes(without, texts)]
            if read is not None and any(_is_bare(judge, *pair) for pair in _members(read)):
                kinds.append("value under a secret's name")
            for kind in kinds:
                found.setdefault(kind, Occurrence(0, name, number)).lines += 1
    return dict(sorted(found.items(), key=lambda item: -item[1].lines))


def _changes(without: Callable[[str], str], texts: list[str]) -> bool:
    return any(without(text) != text for text in texts)


def _is_bare(judge: Names, name: str, value: object) -> bool:
    """Tell whether *value*, which is masked under its *name*, is in clear."""
    verdict = judge.verdict(name)
    return verdict is not None and value != MASK and is_hidden(verdict.rule, value)


def names_of(sources: Sequence[str]) -> dict[str, tuple[Occurrence, Verdict | None, bool]]:
    """Return the names in the lines, each with where it is, why it is masked, and whether a value
    of it is in clear all the same.
    """
    judge = Names()
    found: dict[str, Occurrence] = {}
    clear: set[str] = set()
    for name, number, line in lines_of(sources):
        for key, value in set(_members(line)):
            found.setdefault(key, Occurrence(0, name, number)).lines += 1
            if _is_bare(judge, key, value):
                clear.add(key)
    return {key: (where, judge.verdict(key), key in clear) for key, where in sorted(found.items())}


def _members(value: object) -> Iterator[tuple[str, object]]:
    """Yield the names in *value*, at any depth, and what of theirs is no container."""
    for name, one in _values(value):
        if name is not None:
            yield name, None if isinstance(one, (dict, list)) else one


def values_of(value: str, name: str) -> list[str]:
    """Return what stands for *value* in lines that write *name* as a token, under each key:
    ``email:bob@x.org`` with ``email`` is ``email:t1_...``.
    """
    try:
        keys = environment_keys()
    except ValueError as error:
        raise AnswerError(str(error)) from error
    before, colon, rest = value.partition(":")
    prefix = f"{before}:" if colon and before == name else ""
    return [prefix + made for made in tokens(rest if prefix else value, keys)]
