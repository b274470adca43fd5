"""Values as people read them."""

from __future__ import annotations

from clew.answers.formatting import format_duration
from tests.rows import each_row


@each_row(
    ("milliseconds", "shown"),
    [
        (0.0, "0.00 ms"),
        (9.994, "9.99 ms"),
        (9.996, "10.0 ms"),
        (99.94, "99.9 ms"),
        (99.96, "100 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (60_000.0, "1.0 min"),
        (3_600_000.0, "1.0 h"),
    ],
)
def test_a_duration_has_three_digits_or_so(milliseconds: float, shown: str) -> None:
    """A length that is rounded up has the digits of what it is rounded to."""
    assert format_duration(milliseconds) == shown
