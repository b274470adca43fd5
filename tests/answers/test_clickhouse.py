"""ClickHouse as the engine of the answers, through its engine in this process."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Load


def test_a_file_is_loaded_and_asked(clickhouse_logs: Load, tmp_path: Path) -> None:
    """What a file holds is in the table, and the table is asked like a file."""
    line = {"createdAt": 5, "level": "info", "action": "BUY", "userId": "7", "monetaryValue": 1.5}
    path = tmp_path / "app.ndjson"
    path.write_text(json.dumps(line) + "\nbroken\n")
    logs = clickhouse_logs(path)
    assert logs.lines == 1
    [row] = logs.ask("customers", action="BUY").dicts()
    assert (row["userId"], row["events"], str(row["total"])) == ("7", 1, "1.500000")
