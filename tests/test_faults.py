"""What is said of faults that nobody else hears of, and how often."""

from __future__ import annotations

import logging
import os
import sys

import pytest

from clew import _faults
from clew._faults import Losses, is_due, report_failure, warn

from .conftest import Raising, run_unread


def test_losses_are_counted_and_their_end_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The first loss is said at once, the others with the end, how many they were."""
    losses = Losses("lines")
    losses.end()
    for _ in range(3):
        losses.add("the disk is full")
    losses.end()
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("clew: lines cannot be written: the disk is full; 1 lost since ")
    assert last.startswith("clew: lines can be written again; 3 lost since ")
    assert losses.count == 0


def test_a_loss_after_the_end_of_others_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What is lost anew does not wait for the minute of what was lost before."""
    losses = Losses("lines")
    for _ in range(2):
        losses.add("the disk is full")
        losses.end()
    said = capsys.readouterr().err.splitlines()
    assert ["cannot be written" in line for line in said] == [True, False, True, False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_leaves_losses_to_its_parent() -> None:
    """What was lost before the fork is said by the process that lost it."""
    losses = Losses("lines")
    losses.add("the disk is full", 7)
    child = os.fork()
    if child == 0:
        os._exit(losses.count)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert losses.count == 7


def test_faults_that_differ_without_end_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more faults than are remembered, the earlier ones are forgotten."""
    monkeypatch.setattr(_faults, "_MOST_FAULTS", 3)
    assert [is_due(number) for number in (1, 2, 3, 3, 4, 1)] == [
        True,
        True,
        True,
        False,
        True,
        True,
    ]
    assert len(_faults._next_report) <= 3


def test_a_fault_that_comes_again_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said again after a minute, a fault tells how often it has come meanwhile."""
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for later in (0, 1, 2, 61):
        now = 1_000.0 + later
        try:
            raise ValueError("boom")
        except ValueError:
            report_failure()
    first, last = capsys.readouterr().err.removeprefix("--- ").split("--- Logging")
    assert (first.splitlines()[0], last.splitlines()[0]) == (
        "Logging error ---",
        " error --- (2 more since the last one)",
    )


UNREAD = """
from clew._faults import report_failure, write_error
for number in range(1_000):
    write_error("\N{EURO SIGN}" * 5_000 + f"{number}\\n")
    try:
        raise ValueError("\N{EURO SIGN}" * 5_000)
    except ValueError:
        report_failure()
print("served")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no poll")
@pytest.mark.parametrize("full", [False, True])
def test_a_stderr_that_nobody_reads_is_not_waited_for(full: bool) -> None:
    """What is said goes into the room that a pipe has, its end at least, and else nowhere."""
    printed, errors = run_unread(UNREAD, full=full)
    assert printed == "served\n"
    assert errors == "" if full else "\N{EURO SIGN}0\n" in errors


def test_a_warning_that_a_handler_refuses_is_said(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a user's handler raises, what failed stands on stderr."""
    logging.getLogger("clew").addHandler(Raising())
    warn("late")
    assert "RuntimeError: the disk is full" in capsys.readouterr().err


def test_nothing_is_said_where_logging_is_not_to_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With logging.raiseExceptions turned off, faults and losses are silent."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    losses = Losses("lines")
    losses.add("gone")
    losses.end()
    try:
        raise ValueError("boom")
    except ValueError:
        report_failure()
    assert capsys.readouterr().err == ""
