"""Setting up logging, in one call or as a dictionary."""

from __future__ import annotations

import importlib
import io
import json
import logging
import logging.config
import pathlib
import pickle
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import werkzeug.serving

import clew
import clew.httpx
from clew._lines.handler import LineHandler, own_handlers
from clew._lines.servers import remove_console_handlers
from tests.conftest import Lines, parse_line, run_fresh, serve
from tests.rows import each_row

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = clew.get_logger("shop.orders")


def line_handlers() -> list[logging.Handler]:
    return [one for one in logging.getLogger().handlers if isinstance(one, LineHandler)]


def test_one_call_sets_up_json_on_stdout(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments, INFO and above come out as JSON on stdout, with the ids."""
    clew.configure_logging()
    with clew.context(request_id="made-here"):
        log.info("line")
        logging.getLogger("legacy").debug("quiet")
    out, err = capsys.readouterr()
    assert parse_line(out)["requestId"] == "made-here"
    assert err == ""


def test_ten_calls_make_one_handler(restored_logging: None) -> None:
    """Setting up again and again leaves one handler, and one filter on each server's logger."""
    stream = io.StringIO()
    for _ in range(10):
        clew.configure_logging(stream=stream)
    log.info("line")
    assert len(stream.getvalue().splitlines()) == 1
    assert len(line_handlers()) == 1
    assert len(logging.getLogger("werkzeug").filters) == 1
    assert len(logging.getLogger("uvicorn.access").filters) == 1


def test_the_second_call_wins(restored_logging: None) -> None:
    """A second call replaces the first one's stream, level, format and options."""
    first, second = io.StringIO(), io.StringIO()
    clew.configure_logging("DEBUG", format="console", stream=first, service="one", redact="off")
    clew.configure_logging("WARNING", stream=second, service="two")
    log.info("quiet")
    log.warning("loud", password="hunter2")
    assert first.getvalue() == ""
    line = parse_line(second.getvalue())
    assert (line["message"], line["service"], line["password"]) == ("loud", "two", "***")


def test_handlers_of_users_stay(restored_logging: None) -> None:
    """Handlers that the user added to the root logger stay, whatever is set up again."""
    user = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(user)
    for _ in range(2):
        clew.configure_logging(stream=io.StringIO())
    log.info("line")
    assert user in logging.getLogger().handlers
    assert user.stream.getvalue() == "line\n"


def test_stdout_is_looked_up_at_each_line(
    restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a test or a command replaces stdout for a while, lines go to what is there then."""
    streams = [io.StringIO(), io.StringIO()]
    monkeypatch.setattr(sys, "stdout", streams[0])
    clew.configure_logging()
    log.info("first")
    streams[0].close()
    monkeypatch.setattr(sys, "stdout", streams[1])
    log.info("second")
    monkeypatch.setattr(sys, "stdout", None)
    log.info("nowhere to be written")
    assert parse_line(streams[1].getvalue())["message"] == "second"


def test_a_stdout_that_logs_what_it_gets_is_passed_by(
    restored_logging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines go past a stream in stdout's place that hands them to logging, as Twisted's does."""

    class Logging(io.StringIO):
        def write(self, text: str) -> int:
            logging.getLogger("stdout").info(text.strip())
            return len(text)

    original = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", original)
    monkeypatch.setattr(sys, "stdout", Logging())
    clew.configure_logging()
    for message in ("first", "second"):
        log.info(message)
    written = [parse_line(line)["message"] for line in original.getvalue().splitlines()]
    assert written == ["first", "second"]


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("DEBUG", 5),
        ("INFO", 4),
        ("info", 4),
        ("Warning", 3),
        ("ERROR", 2),
        (logging.WARNING, 3),
        (45, 1),
        ("NOTSET", 5),
    ],
)
def test_levels(level: int | str, written: int, lines: Lines) -> None:
    """The level is the root logger's, by name or by number."""
    lines.configure(level=level)
    for write in (log.debug, log.info, log.warning, log.danger, log.critical):
        write("line")
    assert len(lines()) == written


def test_levels_are_renamed_in_both_records(lines: Lines) -> None:
    """levels renames words in the application's lines and in HTTPLogs."""
    lines.configure(levels={"info": "INFO", "danger": "error"})
    log.danger("line")
    serve(lambda: None)
    assert [line["level"] for line in lines()] == ["error", "INFO"]


@pytest.mark.parametrize("package", ["httpx", "httpx2"])
def test_the_clients_chatter_is_off(package: str, lines: Lines) -> None:
    """httpx's INFO line, which shows whole URLs, is off; its warnings are not."""
    httpx: Any = pytest.importorskip(package, reason=f"pip install {package}")
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get("http://user:hunter2@orders.internal/?token=hunter2")
    logging.getLogger(package).warning("loud")
    logging.getLogger(f"{package.replace('x', 'core')}.connection").info("chatter")
    assert [line["message"] for line in lines()] == ["loud"]


GUNICORN, WERKZEUG = logging.getLogger("gunicorn.error"), logging.getLogger("werkzeug")
QUOTED: list[tuple[Callable[[], None], str]] = [
    (
        lambda: GUNICORN.warning(
            "Invalid request from ip=1.2.3.4: Invalid HTTP request line: 'GET /x?token=in-clear a'"
        ),
        "/x?token=***",
    ),
    (
        lambda: GUNICORN.warning(
            "Invalid request from ip=1.2.3.4: Invalid HTTP Header: 'Authorization : in-clear'"
        ),
        "Invalid HTTP Header: ***",
    ),
    (
        lambda: GUNICORN.warning(
            "Invalid request from ip=1.2.3.4: Invalid HTTP header name: 'X-Token: in-clear'"
        ),
        "Invalid HTTP header name: 'X-Token: ***",
    ),
    (lambda: GUNICORN.warning("Invalid HTTP Header: 'CONTENT-LENGTH'"), "'CONTENT-LENGTH"),
    (
        lambda: GUNICORN.error("Error handling request %s %s", "GET", "/x?page=2&token=in-clear"),
        "GET /x?page=2&token=***",
    ),
    (
        lambda: WERKZEUG.error(
            "1.2.3.4 - - [now] code %d, message %s",
            400,
            "Bad request syntax ('GET http://anna:in-clear@shop/x?token=in-clear a b')",
        ),
        "('GET http://shop/x?token=***",
    ),
    (
        lambda: logging.getLogger("django.server").info(
            "code %d, message %s", 400, "Bad request syntax ('GET /x?token=in-clear a b')"
        ),
        "('GET /x?token=***",
    ),
    (lambda: GUNICORN.error("Bad request GET /x?page=2 from /y?token=in-clear"), "/y?token=***"),
]


@each_row(("say", "shown"), QUOTED)
def test_what_servers_quote_of_a_request_is_masked(
    say: Callable[[], None], shown: str, lines: Lines
) -> None:
    """A server's own line about a request that it refuses shows none of its secrets."""
    say()
    (line,) = lines()
    assert shown in line["message"]
    assert "in-clear" not in lines.raw()


def test_a_hint_of_djangos_runserver_stays(lines: Lines) -> None:
    """Only access lines are dropped: the hint at HTTPS has a status code, but is none."""
    logger = logging.getLogger("django.server")
    logger.error("You're accessing it over HTTPS", extra={"status_code": 500})
    logger.error('"%s" %s %s', "GET / HTTP/1.1", "500", "0", extra={"status_code": 500})
    assert [line["message"] for line in lines()] == ["You're accessing it over HTTPS"]


def test_colours_of_a_server_are_taken_out(lines: Lines) -> None:
    """What werkzeug styles for a terminal is plain in the line."""
    WERKZEUG.info("\x1b[31m\x1b[1mWARNING: a development server.\x1b[0m\n * Running on http://a")
    (line,) = lines()
    assert line["message"] == "WARNING: a development server.\n * Running on http://a"


def access_of_uvicorn() -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "203.0.113.7:1", "GET", "/?token=hunter2", "1.1", 200
    )


def access_of_gunicorn() -> None:
    logging.getLogger("gunicorn.access").info('%(h)s "%(r)s" %(s)s', {"h": 1, "r": 2, "s": 200})


def access_of_hypercorn() -> None:
    logging.getLogger("hypercorn.access").info('%(h)s "%(r)s" %(s)s', {"h": 1, "r": 2, "s": 200})


def access_of_granian() -> None:
    logging.getLogger("granian.access").info("[x] 127.0.0.1 - GET / 200")


def access_of_runserver() -> None:
    logging.getLogger("django.server").info(
        '"%s" %s %s', "GET / HTTP/1.1", "200", "5", extra={"status_code": 200}
    )


def access_of_runserver_with_daphne() -> None:
    details = {"method": "GET", "path": "/", "status": 500, "time_taken": 0.1, "client": "x:1"}
    logging.getLogger("django.channels.server").error(
        "HTTP %(method)s %(path)s %(status)s [%(time_taken).2f, %(client)s]", details
    )


ACCESS = [
    access_of_uvicorn,
    access_of_gunicorn,
    access_of_hypercorn,
    access_of_granian,
    access_of_runserver,
    access_of_runserver_with_daphne,
]


@pytest.mark.parametrize("write", ACCESS)
def test_access_lines_are_off(write: Callable[[], None], lines: Lines) -> None:
    """The servers' access lines are not written: the HTTPLog takes their place."""
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    write()
    assert lines() == []


@each_row(
    "name",
    [
        *("uvicorn", "uvicorn.error", "gunicorn.error", "hypercorn.error", "_granian", "werkzeug"),
        *("django.server", "django.channels.server", "django.request", "daphne.server"),
    ],
)
def test_errors_of_servers_come_through(name: str, lines: Lines) -> None:
    """The servers' other lines come through as JSON, exceptions and all, once."""
    logging.getLogger(name).error("Worker failed", exc_info=ValueError("boom"))
    (line,) = lines()
    assert (line["level"], line["message"], line["logger"]) == ("danger", "Worker failed", name)
    assert line["exception"]["message"] == "boom"


def set_up_uvicorn(**options: Any) -> None:
    """Let uvicorn set up its loggers, as it does before it loads the application."""
    pytest.importorskip("uvicorn").Config("an:app", **options)


def test_after_uvicorn_set_up_its_loggers(
    restored_logging: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Set up after uvicorn, as when it loads the application: errors as JSON, no access lines."""
    set_up_uvicorn()
    written = Lines()
    written.configure()
    access_of_uvicorn()
    logging.getLogger("uvicorn.error").error("failed")
    assert [line["message"] for line in written()] == ["failed"]
    assert capfd.readouterr() == ("", "")


def test_before_uvicorn_sets_up_its_loggers_access_lines_stay_off(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    """Access lines stay off when uvicorn sets up its loggers after clew."""
    set_up_uvicorn()
    access_of_uvicorn()
    assert lines() == []
    assert capfd.readouterr() == ("", "")


def test_before_uvicorn_sets_up_its_loggers_errors_come_as_json(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    """Errors come through as JSON when uvicorn sets up its loggers after clew."""
    set_up_uvicorn()
    logging.getLogger("uvicorn.error").error("failed")
    assert [line["message"] for line in lines()] == ["failed"]


def test_uvicorn_with_the_dictionary(
    restored_logging: None, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    """uvicorn --log-config takes the dictionary as a JSON file."""
    path = tmp_path / "logging.json"
    path.write_text(json.dumps(clew.logging_config(service="shop")), encoding="utf-8")
    set_up_uvicorn(log_config=str(path))
    access_of_uvicorn()
    logging.getLogger("uvicorn.error").error("failed")
    line = parse_line(capsys.readouterr().out)
    assert (line["message"], line["service"], line["level"]) == ("failed", "shop", "danger")


def gunicorn_logger(**options: Any) -> Any:
    config = pytest.importorskip("gunicorn.config").Config()
    for name, value in options.items():
        config.set(name, value)
    return pytest.importorskip("gunicorn.glogging").Logger(config)


def test_after_gunicorn_set_up_its_loggers(
    restored_logging: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Set up after gunicorn: its errors come as JSON, its access lines not at all."""
    logger = gunicorn_logger(accesslog="-")
    written = Lines()
    written.configure()
    access_of_gunicorn()
    logger.error("Worker (pid:%s) exited", 7)
    assert [line["message"] for line in written()] == ["Worker (pid:7) exited"]
    assert capfd.readouterr() == ("", "")


def test_files_of_servers_stay(restored_logging: None, tmp_path: pathlib.Path) -> None:
    """A server's log that goes to a file still does."""
    logger = gunicorn_logger(errorlog=str(tmp_path / "error.log"))
    clew.configure_logging(stream=io.StringIO())
    logger.error("failed")
    assert "failed" in (tmp_path / "error.log").read_text(encoding="utf-8")
    for handler in logging.getLogger("gunicorn.error").handlers:
        handler.close()


def test_gunicorn_with_the_dictionary(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """gunicorn's logconfig_dict takes the dictionary."""
    logger = gunicorn_logger(logconfig_dict=clew.logging_config())
    access_of_gunicorn()
    logger.error("failed")
    assert parse_line(capsys.readouterr().out)["message"] == "failed"


def fetch(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()


def test_werkzeug_loses_only_its_access_lines(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    """Werkzeug's server writes no access lines, whatever the status; its errors come as JSON."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/crash":
            raise ValueError("boom")
        start_response(environ["PATH_INFO"][1:] + " OK", [("Content-Length", "0")])
        return []

    with werkzeug.serving.make_server("127.0.0.1", 0, application) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for path in ("200", "404", "500", "crash"):
            fetch(f"http://127.0.0.1:{server.server_port}/{path}")
        server.shutdown()
        thread.join()
    assert ["boom" in line["message"] for line in lines()] == [True]
    assert lines()[0]["message"].startswith("Error on request")
    assert capfd.readouterr() == ("", "")


def test_only_plain_console_handlers_are_removed() -> None:
    """Of a logger's handlers other classes stay, and what the condition does not match."""
    logger = logging.Logger("server")
    plain, other, own = logging.StreamHandler(), logging.StreamHandler(), LineHandler()
    for handler in (plain, other, own):
        logger.addHandler(handler)
    remove_console_handlers(logger, lambda handler: handler is plain)
    assert logger.handlers == [other, own]
    remove_console_handlers(logger)
    assert own_handlers(logger) == logger.handlers == [own]


def test_all_console_handlers_are_removed() -> None:
    """However many a logger has."""
    logger = logging.Logger("server")
    for _ in range(3):
        logger.addHandler(logging.StreamHandler())
    remove_console_handlers(logger)
    assert logger.handlers == []


def test_the_dictionary_is_plain() -> None:
    """The dictionary survives JSON, so it can be a file."""
    config = clew.logging_config(
        level=20, levels={"danger": "error"}, redact={"tenant"}, service="shop", stream="stderr"
    )
    assert json.loads(json.dumps(config)) == config
    assert config["version"] == 1
    assert config["disable_existing_loggers"] is False


DISABLED = """
import io, logging, logging.config, sys
import clew, clew.wsgi
from clew._tasks import TaskRun, TaskSettings
from clew._http.call import Call, CallOptions
from wsgiref.util import setup_testing_defaults

INI = '''
[loggers]
keys = root,alembic
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = INFO
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stdout,)
formatter = generic
[formatter_generic]
format = %(levelname)s [%(name)s] %(message)s
'''

def app(environ, start_response):
    start_response("200 OK", [])
    return []

clew.configure_logging()
if sys.argv[1] == "file":
    logging.config.fileConfig(io.StringIO(INI))
else:
    console = {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "generic"}
    generic = {"format": "%(levelname)s [%(name)s] %(message)s"}
    logging.config.dictConfig({
        "version": 1, "handlers": {"console": console}, "formatters": {"generic": generic},
        "root": {"level": "INFO", "handlers": ["console"]},
    })
if sys.argv[2] == "by level":
    logging.getLogger("clew.http").setLevel(logging.CRITICAL)
environ = {}
setup_testing_defaults(environ)
list(clew.wsgi.RequestIDMiddleware(app)(environ, lambda *_: lambda _: None))
run = TaskRun(TaskSettings(), None, name="shop.mail", id="1")
run.begin()
run.end("succeeded")
clew.bind(user_id=object())
with clew.context():
    clew.bind(user_id=object())
"""


@pytest.mark.parametrize("how", ["file", "dictionary"])
def test_clews_own_loggers_stay_on(how: str) -> None:
    """A fileConfig or dictConfig that disables existing loggers, as alembic's, spares clew's own;
    their level turns them off.
    """
    printed = run_fresh(DISABLED, how, "on")
    loggers = [line.split()[1] for line in printed.splitlines()]
    assert loggers == ["[clew.http]", "[clew.task]", "[clew]"]
    assert "[clew.http]" not in run_fresh(DISABLED, how, "by level")


def test_own_loggers_are_loggers_of_their_kind() -> None:
    """clew's own loggers are no less what getLogger gives than others."""
    importlib.import_module("clew._tasks")
    for name in ("clew", "clew.http", "clew.http.client", "clew.task"):
        logger = logging.getLogger(name)
        logger.disabled = True
        assert logger.disabled is False
        assert repr(logger).startswith(f"<Logger {name} (")
        assert pickle.loads(pickle.dumps(logger)) is logger


DICTIONARY = """
import json, logging, logging.config, sys
import clew
import clew.httpx
options = json.loads(sys.argv[1])
if sys.argv[2] == "dictionary":
    logging.config.dictConfig(json.loads(json.dumps(clew.logging_config(**options))))
else:
    clew.configure_logging(**options)
log = clew.get_logger("shop.orders")
with clew.context(request_id="made-here"):
    log.info("line", password="hunter2", tenant="acme")
    log.danger("line")
    try:
        json.loads("{")
    except ValueError:
        log.exception("crash")
for name in ("uvicorn", "uvicorn.error", "gunicorn.error", "werkzeug", "uvicorn.access",
             "gunicorn.access", "hypercorn.access", "granian.access", "httpx", "httpcore",
             "httpx2", "httpcore2", "django.server"):
    logging.getLogger(name).info("from %s", name)
    logging.getLogger(name).warning("from %s", name)
"""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"level": "ERROR", "service": "shop", "frames": "own"},
        {"redact": ["tenant"], "levels": {"danger": "error"}, "twins": False},
        {"redact": "off", "format": "console"},
    ],
    ids=str,
)
def test_the_dictionary_does_what_the_call_does(options: dict[str, Any]) -> None:
    """logging_config and configure_logging set up the same, with the same arguments."""
    by_call, by_dictionary = (
        run_fresh(DICTIONARY, json.dumps(options), way) for way in ("call", "dictionary")
    )

    def without_time(text: str) -> list[Any]:
        if "format" in options:
            return [line[12:] for line in text.splitlines()]
        return [{**parse_line(line), "createdAt": 0} for line in text.splitlines()]

    assert without_time(by_call) == without_time(by_dictionary)
    assert without_time(by_call)


def test_the_dictionary_may_write_to_stderr(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """stream="stderr" writes the lines there."""
    logging.config.dictConfig(clew.logging_config(stream="stderr"))
    log.info("line")
    out, err = capsys.readouterr()
    assert out == ""
    assert parse_line(err)["message"] == "line"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_dictionary_has_the_colours_of_its_stream(
    stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console format is coloured where the stream that it goes to is a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", Terminal())
    config = clew.logging_config(format="console", stream=stream)
    assert config["formatters"]["clew"]["colours"] is (stream == "stderr")


def test_a_call_replaces_the_dictionary(restored_logging: None) -> None:
    """configure_logging replaces what the dictionary set up."""
    logging.config.dictConfig(clew.logging_config())
    stream = io.StringIO()
    clew.configure_logging(stream=stream)
    log.info("line")
    assert len(line_handlers()) == 1
    assert parse_line(stream.getvalue())["message"] == "line"


def test_a_dictionary_of_an_earlier_version_works(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that names the classes where they were before sets up the same."""
    config = clew.logging_config(format="console")
    config["handlers"]["clew"]["class"] = "clew._handler.LineHandler"
    config["filters"]["servers"]["()"] = "clew._setup.ServerFilter"
    config["formatters"]["clew"]["()"] = "clew._console.ConsoleFormatter"
    logging.config.dictConfig(json.loads(json.dumps(config)))
    (handler,) = line_handlers()
    assert type(handler.formatter) is clew.ConsoleFormatter
    assert type(logging.getLogger("uvicorn.error").filters[0]) is clew.ServerFilter
    log.info("line")
    assert capsys.readouterr().out.endswith("line\n")


def test_the_dictionary_is_made_anew() -> None:
    """Changing a returned dictionary, as users do, changes no later one."""
    clew.logging_config()["loggers"].clear()
    assert clew.logging_config()["loggers"]


@pytest.mark.parametrize("set_up", [clew.configure_logging, clew.logging_config])
def test_names_to_mask_may_be_any_iterable(
    set_up: Callable[..., Any], restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names to mask are taken from whatever can be iterated once."""
    config = set_up(redact=(name for name in ["tenant"]))
    if config is not None:
        logging.config.dictConfig(config)
    log.info("line", tenant="acme")
    assert parse_line(capsys.readouterr().out)["tenant"] == "***"


def test_names_to_mask_count_in_queries(lines: Lines) -> None:
    """Names given to configure_logging are masked in the query of an HTTPLog too."""
    lines.configure(redact=["tenant"])
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with clew.httpx.wrap(httpx.Client(transport=transport)) as client:
        client.get("http://orders.internal/?tenant=acme&page=2")
    assert lines.http()[0]["request"]["query"] == "tenant=***&page=2"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"level": "LOUD"}, "level must be .*INFO.*'LOUD'"),
    ({"level": {"shop": "INFO"}}, "level must be .*{'shop': 'INFO'}"),
    ({"level": True}, "level must be .*True"),
    ({"level": None}, "level must be .*None"),
    ({"level": 1.5}, r"level must be .*1\.5"),
    ({"format": "xml"}, 'format must be "json" or "console", not \'xml\''),
    ({"format": None}, "format must be .*None"),
    ({"stream": "app.log"}, "stream must be .*'app.log'"),
    ({"stream": 5}, "stream must be .*5"),
    ({"service": 5}, "service must be a string or None, not 5"),
    ({"version": 1.4}, r"version must be a string or None, not 1\.4"),
    ({"fields": ["prod"]}, "fields must be a mapping, .*'prod'"),
    ({"fields": {"requestId": "x"}}, "fields has 'requestId': allowed are strings that are no"),
    ({"fields": {5: "x"}}, "fields has 5: allowed are strings"),
    ({"levels": {"error": "danger"}}, "levels has 'error'"),
    ({"levels": {"danger": None}}, "levels has 'danger': None"),
    ({"levels": "danger"}, "levels .*'danger'"),
    ({"levels": 5}, "levels .*5"),
    ({"redact": "password"}, r"redact must be .*redact=\['password'\]"),
    ({"redact": None}, "redact must be .*None"),
    ({"redact": [5]}, "redact has 5"),
    ({"redact": ["tenant", "createdAt"]}, "redact has 'createdAt', .*clew.JSONFormatter"),
    ({"redact": ["requestId"]}, "redact has 'requestId', a key of clew's own"),
    ({"redact": {"email": "hash"}}, "redact has 'hash' for 'email': allowed are 'mask', 'token'"),
    ({"redact": {"email": "token"}}, "CLEW_REDACT_KEY has none: set it to what openssl"),
]


@each_row(("options", "named"), WRONG)
@each_row("set_up", [clew.configure_logging, clew.logging_config])
def test_a_wrong_argument_is_refused(
    set_up: Callable[..., Any], options: dict[str, Any], named: str, lines: Lines
) -> None:
    """A wrong argument raises when it is given, named with its value, and changes nothing."""
    with pytest.raises((ValueError, TypeError), match=named):
        set_up(**options)
    log.info("still here")
    assert [line["message"] for line in lines()] == ["still here"]


def test_granians_line_about_a_crash_has_its_requests_id(lines: Lines) -> None:
    """Granian writes an exception into its text, just when it has left its request."""

    def crash() -> None:
        clew.bind(user_id=7)
        raise ValueError("boom")

    logging.getLogger("_granian.utils").addFilter(clew.ServerFilter())
    try:
        serve(crash, generate=lambda: "r-1")
    except ValueError:
        logging.getLogger("_granian.utils").error("Application callable raised an exception: boom")
    assert [(line["requestId"], line["userId"]) for line in lines()] == [("r-1", "7")] * 2
