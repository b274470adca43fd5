"""gunicorn with the logger class alone, and with its options about files."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import clew
from tests.servers.server import Server, fresh_id

from .test_servers import HERE, decoded, is_installed, run_to_its_end

if not is_installed("gunicorn"):
    pytest.skip("gunicorn is not installed: pip install gunicorn", allow_module_level=True)

COMMAND = ("gunicorn", "--bind={host}:{port}", "--logger-class=clew.gunicorn.Logger")


def serve(directory: Path, *options: str) -> Server:
    (directory / "shop.py").write_text((HERE / "shop.py").read_text())
    environment = {"PYTHONPATH": str(directory)}
    return Server((*COMMAND, *options, "shop:wsgi"), directory, environment=environment)


def messages(text: str) -> list[str]:
    return [line.message for line in decoded(text)]


def test_the_class_is_enough(tmp_path: Path) -> None:
    """Without any other configuration each line is JSON, at the level of --log-level."""
    with serve(tmp_path, "--log-level=debug") as server:
        server.ask("/", request_id := fresh_id())
        server.settled(request_id)
    lines = decoded(server.output())
    assert lines[0].message.startswith("Current configuration")
    assert "Starting gunicorn" in str([line.message for line in lines])
    assert server.errors() == ""


@pytest.mark.parametrize("capture", [False, True])
def test_files_for_errors(capture: bool, tmp_path: Path) -> None:
    """A file for gunicorn's errors gets its lines as JSON; with --capture-output, every line."""
    file = tmp_path / "errors.ndjson"
    options = ["--capture-output"] if capture else []
    with serve(tmp_path, f"--error-logfile={file}", *options) as server:
        server.ask("/crash", fresh_id())
    in_file, on_stdout = messages(file.read_text()), messages(server.output())
    assert in_file.count("Error handling request") == 1
    assert in_file.count("Shutting down: Master") == 1
    everything = ["GET /crash 500", "Error handling request", "Shutting down: Master"]
    whole = in_file if capture else on_stdout
    assert [message for message in whole if message in everything] == everything
    assert ("GET /crash 500" in in_file) == capture
    assert (on_stdout == []) == capture
    assert server.errors() == ""


def test_reload_does_not_double(tmp_path: Path) -> None:
    """After a SIGHUP, which sets logging up anew, each line still comes once."""
    file = tmp_path / "errors.ndjson"
    with serve(tmp_path, f"--error-logfile={file}") as server:
        server.process.send_signal(signal.SIGHUP)
        server.line(lambda line: line["message"] == "Hang up: Master", "the reload")
        server.ask("/crash", crashed := fresh_id())
        server.settled(crashed)
    for text in (file.read_text(), server.output()):
        assert messages(text).count("Error handling request") == 1
        assert messages(text).count("Shutting down: Master") == 1
    assert server.counts()[crashed] == 1


def test_application_that_is_not_there(tmp_path: Path) -> None:
    """Why gunicorn finds no application is a line, which gunicorn itself hides at DEBUG."""
    (tmp_path / "shop.py").touch()
    output, _ = run_to_its_end([*COMMAND, "--workers=1", "shop:nothing"], 0, tmp_path)
    [line] = [line for line in decoded(output) if line.exception is not None]
    assert (line.level, line.logger) == ("danger", "gunicorn.error")
    assert isinstance(line, clew.ApplicationLog)
    assert "Failed to find attribute 'nothing' in 'shop'" in str(line.exception)
