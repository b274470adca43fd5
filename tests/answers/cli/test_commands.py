"""The command line: what each command answers."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import clew
from clew.answers import QUESTIONS
from tests.answers.shop_lines import NINE, ORDER, answered, said, shop, worked, write
from tests.rows import each_row

from .command import CLEW, COMMANDS, required, run, run_process


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the small shop's log, with a task of a release."""
    lines = [*shop(), worked("shop.bill", 70, 5.0, serviceVersion="1.0")]
    return write(tmp_path_factory.mktemp("shop") / "shop.ndjson", lines)


@each_row("name", ["slowest", "revenue", "timeline"])
def test_a_question_is_asked_by_its_name(name: str, log: Path) -> None:
    """`clew ask` answers a question with exactly its columns, and says what was read."""
    as_json = run("ask", name, log, *required(name), "--format", "json")
    assert as_json.returncode == 0, as_json.stderr
    rows = json.loads(as_json.stdout)
    assert rows
    assert all(list(row) == list(QUESTIONS[name].columns) for row in rows)
    read_lines = "5 lines have the id" if name == "timeline" else "10 lines, 0 broken"
    assert as_json.stderr == f"clew: {read_lines}\n"


def test_csv_has_the_rows_of_json(log: Path) -> None:
    """In CSV an answer has the columns and as many rows as in JSON."""
    for name in ("slowest", "timeline"):
        as_json = run("ask", name, log, *required(name), "--format", "json")
        as_csv = run("ask", name, log, *required(name), "--format", "csv")
        read = list(csv.DictReader(io.StringIO(as_csv.stdout)))
        assert [list(row) for row in read] == [list(row) for row in json.loads(as_json.stdout)]


def test_a_timeline_has_the_columns_of_the_question(log: Path) -> None:
    """`clew timeline --format json` is the answer to the question of that name."""
    timeline = run("timeline", ORDER, log, "--format", "json").stdout
    assert timeline == run("ask", "timeline", "--request", ORDER, log, "--format", "json").stdout
    assert json.loads(timeline)[0] == {
        "offset": 0.0,
        "createdAt": "2026-11-01T09:00:00.000Z",
        "service": "gateway",
        "level": "info",
        "message": "POST /orders 201",
        "duration": 42.0,
        "requestId": ORDER,
        "status": 201,
        "userId": "7",
        "ipAddress": "203.0.113.7",
        "exceptionType": None,
        "exceptionMessage": None,
        "stackTrace": None,
    }
    crash = json.loads(run("timeline", "crash-1", log, "--format", "json").stdout)[0]
    assert crash["stackTrace"] == "Traceback\nKeyError\n"


def test_times_are_shown_in_the_zone_that_was_asked_for(log: Path) -> None:
    """Every time, in a table and in JSON, is by the clock of the zone, which the table names."""
    zone = ("--timezone", "Asia/Kathmandu")
    assert "  2026-11-01 14:45:00.000 Asia/Kathmandu  " in run("timeline", ORDER, log, *zone).stdout
    table = run("ask", "requests", log, *zone, "--limit", 1).stdout
    assert "createdAt (Asia/Kathmandu)" in table and "2026-11-01 14:45:03.010 " in table
    [row] = json.loads(
        run(
            "ask", "actions", log, *zone, "--limit", 1, "--bucket", "day", "--format", "json"
        ).stdout
    )
    assert row["bucket"] == "2026-11-01T00:00:00+05:45"


def test_the_id_may_stand_anywhere_and_begin(log: Path) -> None:
    """The id is what is no file, before them or behind; its beginning will do, when it is one's."""
    expected = run("timeline", ORDER, log).stdout
    assert f"Request {ORDER}" in expected
    for arguments in ([log, ORDER], ["order", log], [log, log, ORDER]):
        assert run("timeline", *arguments).stdout == expected
    done = run("timeline", "no-such", log)
    assert (done.returncode, done.stdout) == (2, "")
    assert "clew: No line carries the request id 'no-such', or one that begins so" in done.stderr
    done = run("timeline", log, "s", "--format", "json")
    assert done.returncode == 2
    assert "2 ids begin with 's': set-1, slow-1; give more of it" in done.stderr
    done = run("timeline", log, "no-such", "--format", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "clew: No line carries the request id 'no-such', or one that begins so" in done.stderr


@pytest.mark.parametrize(
    ("form", "shown"), [("json", '[{"endpoint":"/vouchers/{code}","status":500}]\n'), ("csv", None)]
)
def test_a_query_in_sql_is_answered(form: str, shown: str | None, log: Path) -> None:
    """`clew sql` answers a SELECT of the relations in each form, and says what was read."""
    query = "SELECT endpoint, status FROM requests WHERE status >= 500"
    done = run("sql", query, log, "--format", form)
    assert (done.returncode, done.stderr) == (0, "clew: 10 lines, 0 broken\n")
    if shown is not None:
        assert json.loads(done.stdout) == json.loads(shown)
    else:
        assert list(csv.reader(io.StringIO(done.stdout))) == [
            ["endpoint", "status"],
            ["/vouchers/{code}", "500"],
        ]
    table = run("sql", query, log)
    assert table.returncode == 0 and "/vouchers/{code}" in table.stdout


def test_a_query_that_is_none_is_refused_unread() -> None:
    """What `clew sql` may not run is said before a file is looked for."""
    done = run("sql", "DROP TABLE logs", "no-such-file.ndjson")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no-such-file" not in done.stderr


def test_a_home_made_form_is_mapped_by_options(tmp_path: Path) -> None:
    """Each `--map` names one field of the lines; what is no pair is refused in a sentence."""
    path = tmp_path / "home.log"
    path.write_text('{"when":1795888700000,"http":{"code":404,"verb":"GET"},"a=b":"/x"}\n')
    names = ("createdAt=when", "status=http.code", "method=http.verb", "path=a=b")
    query = "SELECT createdAt, method, path, status FROM requests"
    done = run("sql", query, path, *(f"--map={name}" for name in names), "--format", "json")
    assert (done.returncode, json.loads(done.stdout)) == (
        0,
        [{"createdAt": 1795888700000, "method": "GET", "path": "/x", "status": 404}],
    )
    done = run("sql", query, path, "--map", "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "clew: map is 'status': give a name and a path, as in status=http.code\n"
    )


def test_what_is_not_there_is_answered_with_what_is(log: Path, tmp_path: Path) -> None:
    """A service, action, status or field that no line has is named, with those that there are."""
    for arguments, sentence in (
        ("slowest --service gatway", "no service 'gatway'; did you mean gateway; there are gatew"),
        ("actions --action SET", "no action 'SET'; there are PURCHASE_COMPLETED, READ_PRICE, SET_"),
        ("requests --status 418 --status 3xx", "no status '3xx'; there are 200, 201, 404, 500"),
        ("requests --route /order", "no route '/order'; did you mean /orders; there are"),
        ("requests --method PUT", "no method 'PUT'; there are GET, POST"),
        ("events --user 9", "no user '9'; there are 7, 8"),
        ("accessed --value lmp", "no value 'lmp'; did you mean lamp; there are"),
        ("slowest --where tenant=1", "no field 'tenant'; there are createdAt, level, "),
        ("events --where service='gatway'", "no service 'gatway'; did you mean gateway; there are"),
        ("requests --where request.route='/'", "no request.route '/'; there are /items/<name>, /"),
        ("calls --method POST", "no method 'POST'; there are GET"),
        ("calls --status 500", "no status '500'; did you mean 200; there are 200\n"),
    ):
        done = run("ask", *arguments.split(), log, "--format", "json")
        assert (done.returncode, done.stdout) == (0, "[]\n"), done
        assert f"clew: there is {sentence}" in done.stderr
    done = run("ask", "events", log, "--request", "no-such")
    assert "clew: No line carries the request id 'no-such', or one that begins so" in done.stderr
    done = run("report", log, "--service", "gatway", "--html", tmp_path / "report.html")
    assert (done.returncode, "there is no service 'gatway'; did" in done.stderr) == (0, True)
    done = run("ask", "slowest", log, "--by", "tenannt")
    assert "clew: there is no field 'tenannt'; there are createdAt, level, " in done.stderr
    assert "no field" not in run("ask", "slowest", log, "--by", "userId").stderr


@each_row(
    ("arguments", "sentence"),
    [
        ("events --service gateway --service typo", "service 'typo'; there are gateway, catal"),
        ("requests --status 200 --status 503", "status '503'; did you mean 500; there are"),
        ("requests --route /orders --route /order", "route '/order'; did you mean /orders"),
        ("requests --route /orders --route /nothing", None),
        ("requests --route /orders --route '(no route)'", None),
        ("calls --method GET --method POST", "method 'POST'; there are GET"),
        (f"timeline --request {ORDER} --service gateway --service typo", "service 'typo'; there"),
        ("""events --where "service in ('gateway','typo')" """, "service 'typo'; there"),
        ("""events --where "service in ('x','gateway','x')" """, "service 'x'; there"),
        ("""events --where "level='info' and service='gateway'" """, None),
        ("""events --where "not service='typo'" """, None),
        ("""events --where "tenant is null" """, "field 'tenant'; there are"),
        ("""events --where "tenant=1 or level='info'" """, "field 'tenant'; there are"),
        ("""events --where "userId='7' or task.name='no'" """, "task.name 'no'; there are"),
    ],
)
def test_what_is_not_there_is_said_beside_what_was_found(
    arguments: str, sentence: str | None, log: Path
) -> None:
    """Where rows were found it is said once of each value that no line has, in tables too; an
    alarm is told, unless it waits for a status."""
    asked = shlex.split(arguments)
    for form in ("json", "table"):
        done = run("ask", *asked, log, "--format", form)
        assert done.returncode == 0 and done.stdout not in ("", "[]\n")
        if sentence is None:
            assert "there is no" not in done.stderr
        else:
            assert done.stderr.count(f"clew: there is no {sentence}") == 1
    column = "median" if "calls" in arguments else "duration" if "requ" in arguments else "level"
    done = run("ask", *asked, log, "--fail-if", f"{column} is null and {column} is not null")
    assert done.returncode == (2 if sentence and "503" not in sentence else 0)


def test_a_name_in_few_of_many_lines_is_there(tmp_path: Path) -> None:
    """That the first ten thousand lines lack a field says nothing of the others."""
    lines = [*(said("x", at) for at in range(10_000)), said("last", 10_000, tenant="acme")]
    log = write(tmp_path / "a.ndjson", lines)
    done = run("ask", "events", log, "--where", "tenant = 'other'")
    assert "no field" not in done.stderr and "nothing found between" in done.stderr


def test_nothing_of_a_request_is_explained(log: Path) -> None:
    """What keeps a timeline from being shown is said: a name that is not there, or a period."""
    for arguments, sentence in (
        (("--service", "gatway"), "there is no service 'gatway'; did you mean gateway"),
        (("--since", "2027-01-01"), f"No line of the request {ORDER!r} is within what was asked"),
    ):
        done = run("ask", "timeline", log, "--request", ORDER, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"clew: {sentence}" in done.stderr


def test_a_row_that_fits_fails(log: Path) -> None:
    """`--fail-if` makes the status 3 when a row of the answer fits, and shows the answer."""
    for condition, status in (
        ("share > 0.5", 3),
        ("share > 0.5 and errors > 1", 0),
        ("requestId is null or endpoint like '/vouch%'", 3),
        ("not endpoint like '/vouch%'", 0),
    ):
        done = run("ask", "errors", log, "--fail-if", condition)
        assert (done.returncode, "/vouchers/{code}" in done.stdout) == (status, True)
    for nothing in (("--where", "nope = 1"), ("--service", "nope"), ("--by", "nope")):
        done = run("ask", "errors", log, *nothing, "--fail-if", "share > 1")
        assert done.returncode == 2, nothing  # an alarm of a typo would never go off
    both = ("--service", "gateway", "--service", "nope")
    assert run("ask", "errors", log, *both, "--fail-if", "share > 0.5").returncode == 3
    # It waits for the first one.
    assert run("ask", "errors", log, "--status", 503, "--fail-if", "share > 0").returncode == 0
    assert (
        run("ask", "errors", log, "--since", "2099-01-01", "--fail-if", "share > 0").returncode == 0
    )
    timeline = ("ask", "timeline", log, "--request", "crash-1", "--fail-if")
    assert run(*timeline, "status >= 500").returncode == 3
    assert run(*timeline, "status < 500").returncode == 0
    done = run("ask", "errors", log, "--fail-if", "failed > 1")
    assert done.returncode == 2
    assert "fail-if has 'failed', but the columns of errors are service, method" in done.stderr


def test_an_amount_in_a_text_is_told_of(tmp_path: Path) -> None:
    """What is not in a sum as it is no number is counted beside the answer."""
    sold = [
        said("sold", at, action="BUY", value="lamp", userId="7", monetaryValue=value)
        for at, value in enumerate((5, "5", "1.50"))
    ]
    log = write(tmp_path / "a.ndjson", sold)
    for question in ("revenue", "customers", "products"):
        done = run("ask", question, log, "--action", "BUY", "--format", "json")
        [row] = json.loads(done.stdout)
        assert (row["events"], row["total"]) == (3, 5)
        assert "clew: 2 lines with a text where an amount should be: not in the sums" in done.stderr


def test_an_option_is_given_once(log: Path) -> None:
    """Of an option that takes one value, two are refused; several services are any of them."""
    done = run("ask", "slowest", log, "--since", "1h", "--since", "2h")
    assert done.returncode == 2
    assert "clew: --since is given as '1h' and as '2h': give one" in done.stderr
    both = ("--service", "gateway", "--service", "catalogue")
    rows = json.loads(run("ask", "slowest", log, *both, "--format", "json").stdout)
    assert {row["service"] for row in rows} == {"gateway", "catalogue"}


@pytest.mark.outside
def test_the_standard_input_is_a_dash(log: Path) -> None:
    """A dash reads the lines that are piped in."""
    piped = run_process("ask", "slowest", "-", "--format", "json", given=log.read_bytes())
    assert piped.stdout == run("ask", "slowest", log, "--format", "json").stdout


def test_broken_lines_are_reported(tmp_path: Path) -> None:
    """What was read, and how many lines of it were broken, goes to stderr."""
    log = write(tmp_path / "a.ndjson", [*shop(), '{"level":"in', "plain text"])
    done = run("ask", "slowest", log, "--format", "json")
    assert done.stderr == "clew: 11 lines, 2 broken\n"
    assert len(json.loads(done.stdout)) == 5


def test_an_answer_without_rows_is_explained(log: Path, tmp_path: Path) -> None:
    """An empty answer is no mistake: the status is 0, and stderr says what was looked at."""
    done = run("ask", "slowest", log, "--since", "2027-01-01", "--format", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert "nothing found between 2026-11-01T09:00:00.005Z and" in done.stderr
    foreign = write(tmp_path / "foreign.ndjson", ['{"msg":"another logger"}'])
    assert "no line is an event" in run("ask", "slowest", foreign).stderr
    empty = write(tmp_path / "empty.ndjson", [])
    assert run("ask", "slowest", empty, "--format", "csv").returncode == 0


@pytest.mark.outside
@pytest.mark.parametrize("form", ["json", "csv"])
def test_programs_get_texts_as_they_are(form: str, tmp_path: Path) -> None:
    """JSON and CSV hold a text exactly, whatever is in it."""
    path = '/\x1b[2J,"\n\u202e\u2028 é 🧵'
    log = write(tmp_path / "a.ndjson", [answered("GET", path, 404, 5, 1.0)])
    done = subprocess.run(
        [*CLEW, "ask", "bad-links", str(log), "--format", form],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ).stdout.decode()
    if form == "json":
        assert json.loads(done) == [{"path": path, "requests": 1}]
    else:
        rows = list(csv.reader(io.StringIO(done, newline="")))
        assert rows == [["path", "requests"], [path, "1"]]


def test_check_names_each_line_that_does_not_fit(log: Path, tmp_path: Path) -> None:
    """`clew check` writes file:line: why, and its status is 1; 0 when every line fits."""
    assert run("check", log).returncode == 0
    good = said("good", 1)
    odd = [
        good,
        {**good, "createdAt": "nine"},
        "plain text",
        "",
        [1],
        {**good, "level": "loud"},
        {key: value for key, value in good.items() if key != "logger"},
        {**answered("GET", "/", 200, 1, 1.0), "response": {"responseTime": "1 ms"}},
    ]
    path = write(tmp_path / "odd.ndjson", odd)
    done = run("check", path)
    assert done.returncode == 1
    starts = [line.removeprefix(f"{path}:") for line in done.stdout.splitlines()]
    assert [start.partition(":")[0] for start in starts] == ["2", "3", "5", "6", "7", "8"]
    for start, why in zip(
        starts,
        (
            "Expected `int`, got `str` - at `$.createdAt`",
            "no JSON: ",
            "no JSON object",
            "The level 'loud' is none of",
            "missing required field `logger`",
            "Expected `float`, got `str` - at `$.response.responseTime`",
        ),
        strict=True,
    ):
        assert why in start
    assert done.stderr == "clew: 6 of 7 lines do not fit the schema\n"


def test_check_tells_of_equal_faults_once(tmp_path: Path) -> None:
    """A kind of fault is one line, with the place of the first and how many more there are; a text
    in the place of an amount is one, as no sum counts it."""
    loud = [{**said("x", at), "level": "loud"} for at in range(100)]
    cut = ['{"level":"in', '{"level":"info","mess']
    texts = [said("sold", at, monetaryValue="12.50") for at in range(2)]
    path = write(tmp_path / "odd.ndjson", [said("x", 1), *loud, *cut, *texts])
    done = run("check", path)
    assert done.returncode == 1
    starts, ends = zip(*(line.split(": ", 1) for line in done.stdout.splitlines()), strict=True)
    assert starts == (f"{path}:2", f"{path}:102", f"{path}:104")
    assert ends[0].startswith("The level 'loud' is") and ends[0].endswith("(and 99 more)")
    assert ends[1].startswith("no JSON: ") and ends[1].endswith("(and 1 more)")
    assert ends[2].startswith("Expected a number, got `str`") and "$.monetaryValue" in ends[2]
    assert done.stderr == "clew: 104 of 105 lines do not fit the schema\n"


def test_check_agrees_with_the_schema(tmp_path: Path) -> None:
    """What check says of a line is what the JSON Schema says of it."""
    lines: list[Any] = [*shop(), said("x", 1, userId=5), said("x", 1, level=3), {"request": {}}]
    lines += [answered("GET", "/", 200, 1, 1.0, outcome=4), said("x", 1, requestId=None)]
    lines += [worked("shop.bill", 1, 1.5), worked("shop.bill", 1, None), worked("x", 1, 1, task={})]
    lines += [said("x", 1, task="dishes"), said("x", 1, logger="clew.task")]
    path = write(tmp_path / "a.ndjson", lines)
    misfits = {int(row.split(":")[1]) for row in run("check", path).stdout.splitlines()}
    validator = jsonschema.Draft202012Validator(clew.json_schema())
    refused = {n for n, line in enumerate(lines, 1) if not validator.is_valid(line)}
    assert misfits == refused != set()


def test_renamed_levels_fit(tmp_path: Path) -> None:
    """A log whose levels were renamed fits when check is told their names."""
    path = write(tmp_path / "a.ndjson", [said("failed", 1, level="error")])
    assert run("check", path).returncode == 1
    assert run("check", path, "--level", "danger=error").returncode == 0


def test_the_schema_is_printed() -> None:
    """`clew schema` prints `clew.json_schema()`."""
    assert json.loads(run("schema").stdout) == clew.json_schema()
    renamed = json.loads(run("schema", "--level", "danger=error").stdout)
    assert renamed == clew.json_schema(levels={"danger": "error"})


@each_row("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    """Each command's help ends with an example of it."""
    text = run(command, "--help").stdout
    assert f"Example: clew {command}" in " ".join(text.split())


def test_help_names_all() -> None:
    """`clew --help` names the commands, and `clew ask --help` the questions."""
    text = run("--help").stdout
    assert all(f"\n  {command} " in text for command in COMMANDS)
    questions = " ".join(run("ask", "--help").stdout.split())
    assert f" {', '.join(QUESTIONS)} Options:" in questions


@pytest.mark.outside
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    """The command gives its completion for the shells, and completes a question."""
    script = run_process(_CLEW_COMPLETE=f"{shell}_source").stdout
    assert "_CLEW_COMPLETE" in script
    if shell == "bash":
        words = run_process(_CLEW_COMPLETE="bash_complete", COMP_WORDS="clew ask s", COMP_CWORD="2")
        assert words.stdout.split() == ["plain,slowest", "plain,statuses"]


def test_help_loads_no_engine() -> None:
    """Nothing is imported before it is needed: help answers at once."""
    heavy = ("duckdb", "rich", "jinja2", "starlette", "sqlglot", "clickhouse_connect", "uvicorn")
    code = (
        "import sys, runpy\n"
        "sys.argv = ['clew', '--help']\n"
        "try: runpy.run_module('clew', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stderr.decode().strip() == "[]"


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A folder for PYTHONPATH that hides the packages of the extra."""
    hider = "import sys\nfor name in ('click', 'duckdb'): sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hider)
    return str(tmp_path)


def test_without_the_extra_it_says_what_to_install(bare: str, log: Path) -> None:
    """Without the extra `clew ask` says which line installs it, and `clew schema` works."""
    done = run_process("ask", "slowest", log, PYTHONPATH=bare)
    assert done.returncode == 2
    assert done.stderr == 'clew: click is not installed: pip install "clew[answers]"\n'
    assert json.loads(run_process("schema", PYTHONPATH=bare).stdout) == clew.json_schema()


def test_without_the_extra_and_with_closed_streams(bare: str, log: Path) -> None:
    """Without the extra, too, a closed stdout is said, and stdout gets nothing of stderr's."""
    environment = {"PYTHONPATH": bare + os.pathsep + os.environ.get("PYTHONPATH", "")}
    clew_command = f"{sys.executable} -m clew"

    def ended(line: str) -> tuple[int, str, str]:
        command = ["bash", "-c", f"{clew_command} {line}"]
        own = {**os.environ, **environment}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=own)
        return done.returncode, done.stdout, done.stderr

    closed = "clew: The output cannot be written: stdout is closed\n"
    assert ended("schema >&-") == (2, "", closed)
    assert ended(f"ask slowest {log} 2>&-") == (2, "", "")


def test_a_broken_installation_is_no_missing_extra(tmp_path: Path, log: Path) -> None:
    """What clew itself lacks is not said to come with the extra."""
    hider = "import sys\nsys.modules['clew.answers.errors'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hider)
    done = run_process("ask", "slowest", log, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "pip install" not in done.stderr


def test_the_library_says_what_to_install(bare: str, log: Path) -> None:
    """Without DuckDB `answers.open` says which line installs it."""
    code = (
        "from clew import answers\n"
        f"try: answers.open({str(log)!r})\n"
        "except answers.AnswerError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": bare + os.pathsep + os.environ.get("PYTHONPATH", "")},
    )
    assert done.stdout.decode() == 'duckdb is not installed: pip install "clew[answers]"\n'


@pytest.mark.outside
def test_times_are_in_utc(log: Path) -> None:
    """The time zone of the machine changes nothing."""
    question = ("ask", "latency", log, "--format", "json")
    here = run_process(*question, TZ="Asia/Kolkata").stdout
    assert json.loads(here)[0]["bucket"] == "2026-11-01T09:00:00Z"
    assert here == run_process(*question, TZ="America/New_York").stdout
    assert NINE % 3_600_000 == 0


def test_json_is_utf8_whatever_the_terminal_was(tmp_path: Path) -> None:
    """A file that the answer goes into is JSON, also where Python's output is another encoding."""
    log = write(tmp_path / "a.ndjson", [answered("GET", "/\U0001f600", 404, 1, 1.0)])
    command = [*CLEW, "ask", "bad-links", str(log), "--format", "json"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=True)
    assert json.loads(done.stdout.decode())[0]["path"] == "/\U0001f600"
