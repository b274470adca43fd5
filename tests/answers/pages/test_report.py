"""The report: one file that holds every question and its answer."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import stat
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import clew
from clew import answers
from clew.answers import QUESTIONS, AnswerError
from clew.answers.lookups import OVERVIEW
from clew.answers.pages.report import page, replacing
from clew.answers.pages.templates import read
from clew.answers.query import Query
from tests.answers.hostile_lines import HOSTILE, hostile
from tests.answers.logs_of import log as odd_log
from tests.answers.shop_lines import ORDER, answered, said, shop, write

MINUTE = 60_000


@pytest.fixture
def shop_log(tmp_path: Path) -> Path:
    """Give the path of the small shop's log."""
    return write(tmp_path / "shop.ndjson", shop())


@pytest.fixture(scope="module")
def shop_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the report on the small shop's log."""
    return report(write(tmp_path_factory.mktemp("shop") / "shop.ndjson", shop()))


def report(path: Path, **narrowed: object) -> str:
    """Return the report on a log as HTML."""
    with answers.open(path) as logs:
        return page(logs, Query.of(OVERVIEW, narrowed))


def write_report(log: Path, path: str | Path, **arguments: Any) -> None:
    """Write the report on a log."""
    with replacing(path) as write_page:
        write_page(report(log, **arguments))


def write_text(path: str | Path) -> None:
    """Write a text in the place of *path*."""
    with replacing(path) as write_whole:
        write_whole("whole ä")


def text_of(markup: str) -> str:
    """Return what is read, without the tags, spaces collapsed."""
    body = re.sub(r"<style>.*?</style>", "", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def section_of(markup: str, name: str) -> str:
    """Return the text of one question's section."""
    [_, rest] = markup.split(f'<section id="{name}">')
    return text_of(rest.split("</section>")[0])


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


class Elements(HTMLParser):
    """The elements of a page, as a browser takes them apart: names, and all attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_every_question_is_answered(shop_report: str) -> None:
    """Each of the fourteen questions stands there with its title and what it tells."""
    text = text_of(shop_report)
    for question in QUESTIONS.values():
        assert question.purpose in text
        if question.name != "timeline":
            assert question.title in text


def test_figures_at_the_top(shop_log: Path) -> None:
    """The period, the requests, the failed share, users, services and lines come first."""
    with shop_log.open("a") as file:
        file.write("no json\n")
    top = text_of(report(shop_log)).split("Speed")[0]
    for figure in (
        "2026-11-01 09:00:00 – 2026-11-01 09:00:03 UTC",
        "Requests 5",
        "Failed 20.0% 1 answer of 5xx",
        "Users 2",
        "Services 2 gateway catalogue",
        "Lines read 10 1 broken",
    ):
        assert figure in top


def test_what_stands_out(shop_report: str) -> None:
    """At a glance: the slowest, where users wait, what fails and what is not there."""
    top = text_of(shop_report).split("Speed")[0]
    assert "One request in twenty" not in top  # there were fewer than twenty
    assert "GET /report 98% of all the time that users waited." in top
    assert "GET /vouchers/{code} 1 failure, 100.0% of its requests." in top
    assert "/nothing Not found, 1 time." in top


def test_the_slowest_of_many_stands_out(tmp_path: Path) -> None:
    """At a glance: the slowest endpoint of those that were asked for often enough."""
    lines = [answered("GET", "/often", 200, n, 50.0) for n in range(25)]
    lines.append(answered("GET", "/once", 200, 30, 900.0))
    top = text_of(report(write(tmp_path / "a.ndjson", lines))).split("Speed")[0]
    assert "GET /often One request in twenty took longer than 50.0 ms." in top


def test_no_address_outside(shop_report: str) -> None:
    """The file needs nothing else: there is no address in it, and no script."""
    markup = shop_report.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<iframe", markup)
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', markup))


def test_policy_admits_the_style_alone(shop_report: str) -> None:
    """The content security policy forbids all but the style that stands in the file."""
    markup = shop_report
    [style] = re.findall(r"<style>(.*?)</style>", markup, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', markup)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "style=" not in markup


def test_links_lead_somewhere(shop_report: str) -> None:
    """Each link of the page leads to a place on it, and each place is there once."""
    markup = shop_report
    places = re.findall(r'\bid="([^"]*)"', markup)
    assert len(places) == len(set(places))
    assert {link[1:] for link in re.findall(r'href="([^"]*)"', markup)} <= set(places)


def test_ids_lead_to_timelines(shop_report: str) -> None:
    """A request id in a table leads to its timeline, which stands in the file once."""
    markup = shop_report
    accessed = markup.split('<section id="accessed">')[1]
    [place] = set(re.findall(rf'href="#([^"]*)">{ORDER}</a>', accessed))
    timeline = markup.split(f'id="{place}"')[1].split("</section>")[0]
    assert "Purchase completed" in timeline and "GET /items/lamp 200" in timeline
    assert markup.count('<span class="label">Purchase completed<') == 1


def test_failed_requests_show_their_exception(shop_report: str) -> None:
    """The timeline of a crash is red and holds the stack trace."""
    markup = shop_report
    [crash] = [part for part in markup.split('<details class="request">') if "crash-1</p>" in part]
    assert 'class="span failed' in crash
    assert "<pre" in crash and "Traceback\nKeyError\n" in crash


def test_questions_that_need_one_are_asked_of_the_most_frequent(tmp_path: Path) -> None:
    """Five actions are asked for, the most frequent first; further ones are not, nor what only the
    records of outgoing calls are bound to.
    """
    lines = [
        answered("GET", "/out", 200, n, 1.0, direction="outgoing", action="ACTION_9", value="9")
        for n in range(20)
    ]
    lines += [
        said("did", n, action=f"ACTION_{kind}", userId=f"{n}")
        for kind in range(7)
        for n in range(10 - kind)
    ]
    markup = report(write(tmp_path / "a.ndjson", lines))
    access = section_of(markup, "access")
    assert re.findall(r"action ACTION_(\d)", access) == ["0", "1", "2", "3", "4"]
    assert "No line has a value." in section_of(markup, "accessed")


def test_money_is_asked_of_what_brings_it(shop_log: Path) -> None:
    """Revenue, customers and products are asked of actions with a monetaryValue alone."""
    markup = report(shop_log)
    for name in ("revenue", "customers", "products"):
        text = section_of(markup, name)
        assert "action PURCHASE_COMPLETED" in text and "READ_PRICE" not in text
    without = report(write(shop_log, [said("a", 0, action="A", userId="1")]))
    assert "No line has an action and a monetaryValue." in section_of(without, "revenue")


def test_statuses_that_occurred(shop_report: str) -> None:
    """The statuses are those of the log."""
    text = section_of(shop_report, "statuses")
    assert sorted(re.findall(r"09:00 (\d+)", text)) == ["200", "201", "404", "500"]


def test_long_tables_are_cut(tmp_path: Path) -> None:
    """A long table shows twenty rows and says how many more there are, and how to get them."""
    lines = [answered("GET", f"/{n}", 404, n, 1.0) for n in range(332)]
    text = section_of(report(write(tmp_path / "a.ndjson", lines)), "bad-links")
    assert "and 312 more: clew ask bad-links FILES --format csv" in text
    assert len(re.findall(r"/\d+ 1\b", text)) == 20


def test_histories_show_their_end(tmp_path: Path) -> None:
    """Of a long history the last rows are shown, still forward in time."""
    lines = [said("r", n * 1000, action="READ", value="v", requestId=f"r-{n}") for n in range(15)]
    text = section_of(report(write(tmp_path / "a.ndjson", lines)), "accessed")
    assert re.findall(r"r-(\d+)", text) == [str(n) for n in range(5, 15)]
    assert "and 5 earlier: clew ask accessed FILES --value=v --format csv" in text


def test_command_lines_can_be_pasted(tmp_path: Path) -> None:
    """A text of the log in a command line is one argument of it, whatever it holds."""
    action = "x'; rm -rf ~ #$(date)`id`"
    lines = [said("a", n, action=action, userId=f"{n}") for n in range(30)]
    text = section_of(report(write(tmp_path / "a.ndjson", lines)), "access")
    quoted = "'--action=x'\"'\"'; rm -rf ~ #$(date)`id`'"
    assert f"clew ask access FILES {quoted} --format csv" in text


def test_sums_are_exact(tmp_path: Path) -> None:
    """A sum beyond 2^53 stands there in full."""
    fields: dict[str, Any] = {"action": "SOLD", "userId": "1", "value": "v"}
    lines = [said("s", n * MINUTE, monetaryValue=2**53 + 1, **fields) for n in range(3)]
    markup = report(write(tmp_path / "a.ndjson", lines))
    for name in ("revenue", "customers", "products"):
        assert f"{3 * (2**53 + 1):,}" in section_of(markup, name)


def test_numbers_as_people_read_them(tmp_path: Path) -> None:
    """Numbers have separators, lengths of time their unit."""
    lines = [answered("GET", "/", 200, n, 1234.5, route="/") for n in range(1234)]
    text = section_of(report(write(tmp_path / "a.ndjson", lines)), "slowest")
    assert "GET / 1,234 1.2 s 1.2 s" in text


def test_plots_over_time(tmp_path: Path) -> None:
    """Response times, statuses, revenue and actions are drawn, with their numbers beside."""
    fields: dict[str, Any] = {"action": "SOLD", "monetaryValue": 5}
    lines: list[Any] = []
    for n in range(10):
        lines += [answered("GET", "/", 500, n * MINUTE, 5.0), said("s", n * MINUTE, **fields)]
    markup = report(write(tmp_path / "a.ndjson", lines))
    for name in ("latency", "statuses", "revenue", "actions"):
        part = markup.split(f'<section id="{name}">')[1].split("</section>")[0]
        assert 'role="img"' in part and "The numbers" in part, name
    assert "50 in all, most 2026-11-01 09:00 UTC: 5." in section_of(markup, "revenue")


def test_logs_are_read_once(shop_log: Path, shop_report: str) -> None:
    """Nothing on the page, timelines neither, needs more of a line than was read at first."""
    with answers.open(shop_log) as logs:
        shop_log.unlink()
        again = page(logs, Query.of(OVERVIEW, {}))
    assert again.count('id="request-') == shop_report.count('id="request-') > 1


def test_narrowed(shop_log: Path) -> None:
    """A period, a service and a route narrow the whole page, and are said."""
    markup = report(shop_log, since="2026-11-01", service="catalogue", route="/items/<name>")
    assert "since 2026-11-01, service catalogue, route /items/<name>" in text_of(markup)
    assert "Requests 1" in text_of(markup)
    assert "/vouchers" not in section_of(markup, "errors")
    markup = report(shop_log, service=["catalogue", "gateway"], where="status >= 500")
    assert "service catalogue or gateway, where status >= 500" in text_of(markup)
    assert "/vouchers" in section_of(markup, "errors")


@pytest.mark.parametrize(
    ("narrowed", "sentence"),
    [
        ({"since": "tomorrow"}, "since is 'tomorrow'"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "is not before"),
    ],
)
def test_wrong_arguments(
    shop_log: Path, tmp_path: Path, narrowed: dict[str, str], sentence: str
) -> None:
    """A wrong argument is one sentence, and no file is left."""
    with pytest.raises(AnswerError, match=sentence):
        write_report(shop_log, tmp_path / "r.html", **narrowed)
    assert names(tmp_path) == ["shop.ndjson"]


def test_a_period_without_events(shop_log: Path) -> None:
    """A page on nothing says so."""
    text = text_of(report(shop_log, since="2030-01-01"))
    assert "There is no event in this period." in text and "9 lines were read" in text


def test_an_empty_log(tmp_path: Path) -> None:
    """A page on an empty file says so too."""
    assert "There is no event in these logs." in text_of(report(write(tmp_path / "a.log", [])))


def test_written_whole(tmp_path: Path) -> None:
    """The file takes the old one's place when it is whole, and is as readable as others."""
    path = tmp_path / "report.html"
    path.write_text("old")
    other = tmp_path / "other"
    other.touch()
    write_text(path)
    assert path.read_text("utf-8") == "whole ä"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    assert names(tmp_path) == ["other", "report.html"]


def test_an_old_report_outlives_a_failure(
    shop_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the page cannot be made, the old one stays and nothing lies around."""
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(answers.Logs, "answer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(shop_log, path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["report.html", "shop.ndjson"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A symbolic link is written through."""
    (tmp_path / "link.html").symlink_to("real.html")
    write_text(tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text("utf-8") == "whole ä"


def test_what_is_no_file_is_written_to() -> None:
    """A device is written to, and not replaced."""
    write_text(os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("name", ["nowhere/report.html", "."])
def test_a_path_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """A missing folder, or a folder in the file's place, is one sentence."""
    with pytest.raises(AnswerError, match="cannot be written"):
        write_text(tmp_path / name)
    assert names(tmp_path) == []


def test_a_full_disk(tmp_path: Path) -> None:
    """A disk that is full when the page is written is one sentence."""
    with pytest.raises(AnswerError, match="'/dev/full' cannot be written: No space left"):
        write_text("/dev/full")


def test_another_failure_is_not_said_of_the_file(tmp_path: Path) -> None:
    """What cannot be read while the page is made is not said of the file that it is for."""
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "r.html"):
        read("no such template.html")
    assert names(tmp_path) == []


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    """Give clew in a zip, as zipapps and some installers have it."""
    package = Path(clew.__file__).parent
    path = tmp_path / "clew.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in package.rglob("*"):
            if "__pycache__" not in file.parts:
                archive.write(file, Path("clew") / file.relative_to(package))
    return path


@pytest.mark.outside
def test_a_report_from_a_zip(zipped: Path, shop_log: Path, shop_report: str) -> None:
    """clew that is imported from a zip writes the same page."""
    path = shop_log.with_name("r.html")
    done = subprocess.run(
        [sys.executable, "-m", "clew", "report", str(shop_log), "--html", str(path)],
        env={**os.environ, "PYTHONPATH": str(zipped)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, f"{path}\n"), done.stderr
    pages = [page.split("<footer>")[0] for page in (path.read_text("utf-8"), shop_report)]
    assert pages[0] == pages[1]


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    """Whatever a log holds is shown as it is, and is never markup."""
    markup = report(hostile(tmp_path / "a.ndjson"))
    elements = Elements(markup)
    assert not elements.tags & {"script", "img", "base", "iframe", "object", "link", "form"}
    assert not [name for name in elements.attributes if name.startswith("on") or ":" in name]
    assert "49" not in section_of(markup, "bad-links")
    text = text_of(markup)
    for each in HOSTILE:
        assert " ".join(each[:300].split()) in text


def test_one_id_for_everything(tmp_path: Path) -> None:
    """An id that a client sends again and again has a timeline of its first events."""
    lines = [answered("GET", "/", 500, n, 1.0, requestId="test") for n in range(2_000)]
    markup = report(write(tmp_path / "a.ndjson", lines))
    assert 100 < markup.count('role="listitem"') <= 1_000


def test_requests_within_each_other(tmp_path: Path) -> None:
    """A timeline of requests that all overlap is shown, as deep as they lie within each other."""
    lines = [answered("GET", "/", 500, n, 50.0, requestId="test") for n in range(2_000)]
    markup = report(write(tmp_path / "a.ndjson", lines))
    assert 'class="what d8"' in markup
    assert 100 < markup.count('role="listitem"') <= 1_000


@pytest.mark.parametrize("seed", range(3))
def test_odd_logs(tmp_path: Path, seed: int) -> None:
    """Lines of any make, the broken ones too, leave a whole page."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(odd_log(seed))
    markup = report(path)
    for question in QUESTIONS.values():
        assert question.purpose in text_of(markup)


@pytest.mark.outside
def test_both_engines(shop_log: Path, clickhouse_logs: Any) -> None:
    """ClickHouse gives the same page."""
    with answers.open(shop_log) as logs:
        scope = Query.of(OVERVIEW, {})
        pages = [page(logs, scope), page(clickhouse_logs(shop_log), scope)]
    main = [markup.split('<main id="main">')[1].split("</main>")[0] for markup in pages]
    assert main[0] == main[1]
