"""Tables of rows tell of each row that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lines
from tests.rows import each_row


def test_every_row_that_fails_is_named() -> None:
    """A table goes on behind a row that fails, and tells of each such row in the end."""

    @each_row(
        ("number", "even"), [(1, True), pytest.param(2, True, id="two"), (3, True), ("x", True)]
    )
    def test(number: Any, even: bool) -> None:
        if number == 3:
            with pytest.raises(ValueError, match="invalid"):
                int(number)
        assert (number % 2 == 0) is even

    with pytest.raises(BaseExceptionGroup, match="3 of 4 rows fail") as caught:
        test()
    assert [error.__notes__ for error in caught.value.exceptions] == [
        ["Row 0: {'number': 1, 'even': True}"],
        ["Row 2: {'number': 3, 'even': True}"],
        ["Row 3: {'number': 'x', 'even': True}"],
    ]


@each_row("text", ["one", "two"])
def test_a_row_has_its_own_lines_and_folder(text: str, lines: Lines, tmp_path: Path) -> None:
    """What a row logged and wrote is not there for the next one."""
    assert not lines()
    assert not list(tmp_path.iterdir())
    lines.stream.write('{"message": "x"}\n')
    (tmp_path / text).touch()
    assert len(lines()) == 1
