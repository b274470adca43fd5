"""The live page: a real server, asked over HTTP."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from clew import answers
from clew.answers import QUESTIONS
from tests.answers.hostile_lines import HOSTILE, hostile
from tests.answers.logs_of import log as odd_log
from tests.answers.shop_lines import ORDER, answered, said, shop, worked, write
from tests.rows import each_row

from .served import served

HOUR = 3_600_000
REQUIRED = {"action": "PURCHASE_COMPLETED", "value": "order-77", "request": ORDER}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of the small shop's log."""
    return write(tmp_path / "shop.ndjson", shop())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of the small shop's page."""
    lines = [*shop(), worked("shop.bill", 70, 5.0, serviceVersion="1.0")]
    with opened(write(tmp_path_factory.mktemp("shop") / "shop.ndjson", lines)) as client:
        yield client


@contextmanager
def opened(path: Path) -> Iterator[httpx.Client]:
    """Serve a log file, which may grow."""
    with answers.open(path, growing=True) as logs, served(logs) as client:
        yield client


def text_of(response: httpx.Response) -> str:
    """Return what is read on a page, spaces collapsed."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_overview(client: httpx.Client) -> None:
    """The overview shows the figures, and leads to every question."""
    page = client.get("/")
    assert page.status_code == 200
    assert "Requests 5 Failed 20.0%" in text_of(page)
    for name in QUESTIONS:
        assert f'href="/q/{name}"' in page.text


@each_row("name", QUESTIONS)
def test_every_question(client: httpx.Client, name: str) -> None:
    """Each question has a page, which shows its answer when it has all that it needs."""
    question = QUESTIONS[name]
    assert client.get(f"/q/{name}").status_code == 200
    required = {each: REQUIRED[each] for each in question.requires}
    page = client.get(f"/q/{name}", params=required, follow_redirects=True)
    assert page.status_code == 200
    if name != "timeline":
        assert f"clew ask {name} FILES" in text_of(page)
        assert "Nothing" not in text_of(page)


def test_what_is_needed_is_suggested(client: httpx.Client) -> None:
    """A question that needs an action suggests those there are."""
    page = client.get("/q/access")
    assert '<option value="PURCHASE_COMPLETED">' in page.text
    assert 'href="/q/access?action=PURCHASE_COMPLETED"' in page.text


def test_money_is_suggested_of_what_brings_it(client: httpx.Client) -> None:
    """A question about money suggests the actions that have an amount, and no other."""
    page = client.get("/q/revenue").text
    assert 'href="/q/revenue?action=PURCHASE_COMPLETED"' in page
    assert "READ_PRICE" not in page


def test_any_field_narrows_and_groups(client: httpx.Client) -> None:
    """A condition, a text and a further column are fields of the form."""
    page = text_of(client.get("/q/slowest", params={"where": "status >= 500", "by": "level"}))
    assert "danger gateway GET /vouchers/{code}" in page and "/orders" not in page
    assert "--by=level" in page
    page = text_of(client.get("/q/events", params={"grep": "purchase", "user": "7"}))
    assert "Purchase completed" in page and "Read price" not in page
    wrong = client.get("/q/slowest", params={"where": "1; DROP TABLE logs"})
    assert wrong.status_code == 400 and "no condition: write one" in text_of(wrong)


def test_every_control_has_a_label(client: httpx.Client) -> None:
    """Each field of each form has a label of its own."""
    for url in ("/", "/q/revenue", "/q/latency", "/search", f"/requests/{ORDER}"):
        page = client.get(url).text
        fields = re.findall(r"<(?:input|select)[^>]*\bid=\"([^\"]+)\"", page)
        assert len(fields) == len(re.findall(r"<(?:input|select)\b", page))
        assert sorted(fields) == sorted(re.findall(r"<label[^>]*\bfor=\"([^\"]+)\"", page)), url


def test_narrowed_by_service_and_route(client: httpx.Client) -> None:
    """A page shows what was asked for alone, and keeps it in its form and links."""
    page = client.get("/", params={"service": "catalogue"})
    assert "Requests 1" in text_of(page)
    assert '<option value="catalogue" selected>' in page.text
    assert 'href="/q/slowest?service=catalogue"' in page.text
    slowest = text_of(client.get("/q/slowest", params={"route": "/vouchers/{code}"}))
    assert "GET /vouchers/{code} 1 4.00 ms" in slowest and "/report" not in slowest


def test_endpoints_lead_to_their_own_page(client: httpx.Client) -> None:
    """An endpoint leads to what is known of it, with the requests of it that failed."""
    link = "/?service=gateway&route=%2Fvouchers%2F%7Bcode%7D"
    assert html.escape(link) in client.get("/q/errors", params={"service": "gateway"}).text
    page = client.get(link)
    assert "/requests/crash-1" in page.text and "/requests/slow-1" not in page.text


def test_period_by_its_ends(client: httpx.Client) -> None:
    """A period is given by its beginning and end, in UTC."""
    page = client.get("/", params={"since": "2026-11-01T09:00:01", "until": "2026-11-02"})
    assert "Requests 2 Failed 0.0%" in text_of(page)
    assert 'value="2026-11-01T09:00:01"' in page.text


def test_period_before_the_last_event(tmp_path: Path) -> None:
    """A period of an hour, a day or a week goes back from the last event."""
    ago = (0, 1, 23, 24 * 6, 24 * 8)
    lines = [answered("GET", "/", 200, (1000 - hours) * HOUR, 1.0) for hours in ago]
    with opened(write(tmp_path / "a.ndjson", lines)) as client:
        for period, requests in (("hour", 2), ("day", 3), ("week", 4), ("", 5)):
            assert f"Requests {requests} " in text_of(client.get("/", params={"period": period}))


def test_timeline(client: httpx.Client) -> None:
    """A request's page shows what happened in it, over all services."""
    text = text_of(client.get(f"/requests/{ORDER}"))
    for part in ("POST /orders 201", "GET /items/lamp 200", "Read price", "42.0 ms", "203.0.113.7"):
        assert part in text
    assert "No line carries this request id." in text_of(client.get("/requests/unknown"))


def test_search_for_an_id(client: httpx.Client) -> None:
    """An id leads straight to its timeline."""
    found = client.get("/search", params={"text": f" {ORDER} "})
    assert (found.status_code, found.headers["location"]) == (303, f"/requests/{ORDER}")


@pytest.mark.parametrize("text", ["7", "PURCHASE_COMPLETED", "order-77"])
def test_search_for_events(client: httpx.Client, text: str) -> None:
    """A user, an action or a value finds the events that have it, the last first."""
    page = client.get("/search", params={"text": text})
    assert page.status_code == 200 and "Purchase completed" in page.text
    times = re.findall(r"09:00:0\d\.\d{3}", page.text)
    assert times == sorted(times, reverse=True)
    assert f'href="/requests/{ORDER}"' in page.text


def test_search_for_nothing(client: httpx.Client) -> None:
    """A text that no event has, and none at all, are said."""
    assert "No event has it" in text_of(client.get("/search", params={"text": "nobody"}))
    assert "Type a request id" in text_of(client.get("/search"))


@each_row(
    ("url", "sentence"),
    [
        ("/?since=tomorrow", "since is 'tomorrow': give a date or time of ISO 8601"),
        ("/?period=year", "period is 'year': give hour, day, week"),
        ("/?bucket=month", "bucket is 'month': give second, minute, hour, day, week"),
        ("/q/slowest?limit=0", "limit is '0': give a whole number from 1 up"),
        ("/q/slowest?limit=1e3", "limit is '1e3': give a whole number from 1 up"),
        ("/q/slowest?limit=10001", "a page shows up to 10,000 rows"),
        ("/q/slowest?limit=99999999999999", "a page shows up to 10,000 rows"),
        ("/q/statuses?status=ok", "status is 'ok': give an HTTP status, 100 to 599"),
        ("/q/latency?since=2026-11-02&until=2026-11-01", "nothing lies between"),
    ],
)
def test_wrong_input(client: httpx.Client, url: str, sentence: str) -> None:
    """A wrong value is answered with a sentence, and the form as it was given."""
    page = client.get(url)
    assert page.status_code == 400
    assert sentence in text_of(page)
    for value in httpx.URL(url).params.values():
        assert f'value="{value}"' in page.text


def test_a_page_shows_as_many_rows_as_it_says(client: httpx.Client) -> None:
    """The most rows that may be asked for are answered."""
    assert client.get("/q/slowest?limit=10000").status_code == 200


def test_unknown_pages(client: httpx.Client) -> None:
    """An unknown address is a page of its own; a misspelt question names the nearest."""
    assert client.get("/nothing").status_code == 404
    page = client.get("/q/slowets")
    assert page.status_code == 404 and "did you mean slowest" in text_of(page)


def test_a_failure_shows_no_traceback(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong inside stands in the log of the server, not on the page."""
    with answers.open(path) as logs, served(logs) as client:
        monkeypatch.setattr(logs.engine, "rows", lambda *_: 1 / 0)
        page = client.get("/")
    assert page.status_code == 500
    assert "Traceback" not in page.text and "division" not in page.text
    assert "ZeroDivisionError" in caplog.text


def test_follow(path: Path) -> None:
    """Every page reads what was added; one that follows comes again by itself, others do not."""
    line = json.dumps(said("New", 5_000, action="NEW_THING", requestId="new-1"))
    with opened(path) as client:
        assert "NEW_THING" not in client.get("/?follow=on").text
        with path.open("a") as file:
            file.write(line[:20])
            file.flush()
            assert "9 lines read" in text_of(client.get("/?follow=on"))
            file.write(line[20:] + "\n")
        still = client.get("/")
        assert "10 lines read" in text_of(still) and 'http-equiv="refresh"' not in still.text
        page = client.get("/?follow=on")
        assert "10 lines read" in text_of(page)
        assert '<meta http-equiv="refresh" content="5">' in page.text
        assert 'href="/q/slowest?follow=on"' in page.text
        assert "NEW_THING" in client.get("/requests/new-1").text


def test_follow_a_file_that_cannot_be_read(path: Path) -> None:
    """A file that cannot be read any more is said; what was read is still shown."""
    with opened(path) as client:
        path.unlink()
        path.mkdir()
        page = client.get("/?follow=on")
        assert page.status_code == 200
        assert "cannot be read" in text_of(page) and "Requests 5" in text_of(page)


def test_sums_are_exact(tmp_path: Path) -> None:
    """A sum beyond 2^53 stands there in full."""
    fields: dict[str, Any] = {"action": "SOLD", "monetaryValue": 2**53 + 1}
    lines = [said("s", n * HOUR, **fields) for n in range(3)]
    with opened(write(tmp_path / "a.ndjson", lines)) as client:
        page = client.get("/q/revenue?action=SOLD&bucket=day")
    assert f"{3 * (2**53 + 1):,}" in page.text


def test_too_many_buckets(tmp_path: Path) -> None:
    """What would be a smear is not drawn, and the page says what to choose instead."""
    lines = [answered("GET", "/", 200, n * 24 * HOUR, 1.0) for n in range(60)]
    with opened(write(tmp_path / "a.ndjson", lines)) as client:
        page = client.get("/q/latency?bucket=minute")
    assert "are too many to draw: choose a shorter period" in text_of(page)
    assert "2026-12-30 09:00" in text_of(page)


def test_many_at_once(client: httpx.Client) -> None:
    """Pages asked for at once are each as they are alone."""
    urls = ["/", "/q/slowest", "/q/errors", f"/requests/{ORDER}", "/search?text=7"] * 4
    alone = {url: client.get(url).text for url in urls}
    with ThreadPoolExecutor(8) as threads:
        for url, page in zip(urls, threads.map(client.get, urls), strict=True):
            assert page.text == alone[url]


def test_odd_logs(tmp_path: Path) -> None:
    """Lines of any make leave pages that can be shown."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(odd_log(0))
    with opened(path) as client:
        for url in ("/", "/?period=hour", "/?bucket=minute", "/requests/r-1", "/search?text=1"):
            assert client.get(url).status_code == 200, url
        for name in QUESTIONS:
            assert client.get(f"/q/{name}?action=PURCHASED&value=order-77&status=404").is_success


def plain(page: httpx.Response) -> None:
    """Fail where a page has a tag that no page of clew's has."""
    assert page.status_code == 200
    assert not re.search(r"<(script|img|svg onload|base|style|a xlink)", page.text)


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    """Whatever a log or an address holds is shown as it is, and links lead back to it."""
    with opened(hostile(tmp_path / "a.ndjson")) as client:
        for text in HOSTILE:
            timeline = client.get(f"/requests/{quote(text, safe='')}")
            assert "Traceback" in timeline.text
            for url in (f"/search?text={quote(text)}", f"/q/access?action={quote(text)}"):
                plain(client.get(url, follow_redirects=True))
        overview = client.get("/")
        plain(overview)
        for link in set(re.findall(r'href="(/requests/[^"]*)"', overview.text)):
            assert "No line carries" not in client.get(html.unescape(link)).text
