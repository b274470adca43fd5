"""DuckDB's connections and cursors, as the engines use them."""

from __future__ import annotations

import duckdb

from clew.answers.engines.cursor import close


class Busy:
    """A connection of which another thread makes a cursor for a moment."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.refused = 0

    def close(self) -> None:
        if self.refused < 3:
            self.refused += 1
            raise duckdb.OperationalError("connection is busy with another call")
        self.connection.close()


def test_a_busy_connection_is_closed_a_moment_later() -> None:
    """What another thread does with it just now makes no command fail at its end."""
    busy = Busy(duckdb.connect())
    close(busy)  # type: ignore[arg-type]
    assert busy.refused == 3
