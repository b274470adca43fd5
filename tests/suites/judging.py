"""Judges two runs of a suite, and the log that clew wrote in one of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import msgspec

import clew

LISTED = Path(__file__).with_name("listed.txt")


@dataclass
class Listed:
    """A line of `listed.txt`: tests that may fail with clew, or sentences on its log, and why.

    Attributes:
        suite: The suite's name; a pattern too, for suites that run the same tests.
        tests: The tests' ids, as a pattern in which ``*`` stands for anything.
        reason: Why they fail, though nothing is wrong.
    """

    suite: str
    tests: str
    reason: str

    @property
    def is_of_headers(self) -> bool:
        """Whether these tests fail for nothing but the header that clew adds."""
        return self.reason.startswith("all headers")

    def has(self, test: str) -> bool:
        """Tell whether *test* is one of these; in a pattern, only ``*`` has a meaning."""
        return fnmatchcase(test, self.tests.replace("[", "[[]").replace("?", "[?]"))


def read_listed(path: Path = LISTED) -> list[Listed]:
    """Return the lines of the list; one without a reason is refused."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        tests, _, reason = line.partition("  # ")
        suite, _, tests = tests.partition(" ")
        if not tests or not reason:
            raise ValueError(f"{path.name} says 'suite tests  # reason' on each line, not {line!r}")
        found.append(Listed(suite, tests.strip(), reason.strip()))
    return found


def judge_log(folder: Path, listed: Iterable[Listed] = ()) -> list[str]:
    """Return what is wrong with the log in *folder*, in sentences.

    What is *listed* is left out: sentences, and that a request of a test, which may end midway,
    has no HTTPLog.
    """
    faults: list[str] = []
    records: Counter[str] = Counter()
    for path in sorted(folder.glob("lines-*.ndjson")):
        # JSON does not escape U+2028, at which splitlines() would part.
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
            try:
                found = _parse(line)
            except (ValueError, msgspec.MsgspecError) as error:
                faults.append(f"{path.name}:{number}: {error}: {line[:200]!r}")
                continue
            if "request" in found:
                if found.get("direction") != "outgoing":
                    records[found["requestId"]] += 1
            elif found["level"] not in ("debug", "info"):
                faults.append(f"clew warns: {found['message']}")
    made = {}
    for path in folder.glob("ids-*.json"):
        made.update(json.loads(path.read_text(encoding="utf-8")))
    wrong = Counter((records[one], test) for one, test in made.items() if records[one] != 1)
    for (count, test), requests in sorted(wrong.items()):
        # Pytest names the phase after the test.
        if count or not _is_listed(test.removesuffix(" (call)"), listed):
            faults.append(f"{requests} requests have {count} HTTPLogs each: {test}")
    return [fault for fault in faults if not _is_listed(fault, listed)]


def _is_listed(what: str, listed: Iterable[Listed]) -> bool:
    return any(each.has(what) for each in listed)


def _parse(line: bytes) -> dict[str, Any]:
    """Return a line as a dictionary; it is strictly JSON, and what clew's own types say."""
    found = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    kind = clew.HTTPLog if "request" in found else clew.ApplicationLog
    msgspec.json.decode(line, type=kind)
    return dict(found)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
