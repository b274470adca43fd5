"""The pages in a real browser: nothing runs, nothing is loaded, everything can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from clew import answers
from clew.answers import QUESTIONS
from clew.answers.lookups import OVERVIEW
from clew.answers.pages.report import page
from clew.answers.query import Query
from tests.answers.hostile_lines import HOSTILE, hostile
from tests.answers.shop_lines import ORDER, shop, write

from .browser import DESK, PHONE, Browser, browser
from .served import served

__all__ = ["browser"]

pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of a report on the hostile log."""
    return _reported(hostile(tmp_path_factory.mktemp("hostile") / "a.ndjson"))


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the live page of the hostile log."""
    log = hostile(tmp_path_factory.mktemp("hostile") / "a.ndjson")
    with answers.open(log) as logs, served(logs) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def shop_report(tmp_path: Path) -> str:
    """Give the address of the small shop's report."""
    return _reported(write(tmp_path / "a.ndjson", shop()))


def _reported(log: Path) -> str:
    path = log.with_name("report.html")
    with answers.open(log) as logs:
        path.write_text(page(logs, Query.of(OVERVIEW, {})), "utf-8")
    return path.as_uri()


def assert_harmless(browser: Browser, texts: tuple[str, ...] = ()) -> None:
    """Assert that the open page holds no more than itself, and shows *texts* as they are."""
    assert browser.complaints() == []
    assert browser.driver.title not in {"owned", "1"}
    assert (
        browser.run(
            "return document.querySelectorAll("
            "'script, img, iframe, object, embed, base, use, foreignObject, [style], [src]').length"
        )
        == 0
    )
    names = browser.run(
        "return [...new Set([...document.querySelectorAll('*')]"
        ".flatMap(element => element.getAttributeNames()))]"
    )
    assert not [name for name in names if name.startswith("on")]
    links = browser.run(
        "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    )
    assert not [link for link in links if not link.startswith(("#", "/")) or link[1:2] == "/"]
    shown = browser.run("return document.body.textContent")
    for text in texts:
        assert text[:300] in shown


def assert_fits(browser: Browser) -> None:
    """Assert that the page is not wider than its window."""
    wide, window = browser.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= window


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_hostile_log_in_the_report(browser: Browser, hostile_report: str, width: int) -> None:
    """No text of a log runs, loads or moves anything: all of them can be read as they are."""
    browser.open(hostile_report, width)
    assert browser.loaded() == [hostile_report]
    assert_harmless(browser, HOSTILE)
    assert_fits(browser)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_hostile_log_on_the_live_page(browser: Browser, hostile_site: str, width: int) -> None:
    """The same on the live page, where the texts stand in addresses and forms too."""
    browser.open(f"{hostile_site}/", width)
    own = {f"{hostile_site}/", f"{hostile_site}/style.css", f"{hostile_site}/icon.svg"}
    assert set(browser.loaded()) <= own
    assert_harmless(browser)
    assert_fits(browser)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_addresses(browser: Browser, hostile_site: str, text: str) -> None:
    """A hostile text can be looked for, asked about and opened as a request's id."""
    for url in (
        f"/requests/{quote(text, safe='')}",
        f"/search?text={quote(text)}",
        f"/q/access?action={quote(text)}&service={quote(text)}&since={quote(text)}",
        f"/q/changes?value={quote(text)}",
        f"/?route={quote(text)}&service={quote(text)}",
    ):
        browser.open(hostile_site + url, PHONE)
        assert all(each.startswith(hostile_site) for each in browser.loaded())
        # A wrong beginning is a 400, which Chromium notes.
        said = [each for each in browser.complaints() if "400 (Bad Request)" not in each]
        assert said == []
        assert_harmless(browser)
        assert_fits(browser)
        values = "return [...document.querySelectorAll('input, option')].map(i => i.value)"
        shown = browser.run("return document.body.textContent") + "\n".join(browser.run(values))
        assert text[:300] in shown


def test_every_question_on_a_phone(browser: Browser, hostile_site: str) -> None:
    """No page is wider than a phone, whatever is in its tables."""
    for name in QUESTIONS:
        browser.open(f"{hostile_site}/q/{name}?action=x&value=x&status=500", PHONE)
        assert_harmless(browser)
        assert_fits(browser)


def test_an_id_opens_its_timeline(browser: Browser, shop_report: str) -> None:
    """A click on a request id opens the timeline in the same file."""
    browser.open(shop_report)
    link = browser.run(
        "return [...document.querySelectorAll('#accessed a')]"
        ".find(a => a.textContent === arguments[0])",
        ORDER,
    )
    link.click()
    opened = "details.request[open]"
    assert browser.run(f"return document.querySelectorAll('{opened}').length") == 1
    timeline = browser.run(f"return document.querySelector('{opened}').innerText")
    assert ORDER in timeline and "Purchase completed" in timeline


def test_bars_are_where_time_went(browser: Browser, shop_report: str) -> None:
    """A bar of the timeline begins and ends where its span does, in the lane's width."""
    browser.open(shop_report)
    parts = browser.run(
        """
        const request = [...document.querySelectorAll('details.request')]
            .find(each => each.textContent.includes(arguments[0]));
        request.open = true;
        return [...request.querySelectorAll('.span')].map(span => {
            const lane = span.querySelector('.lane').getBoundingClientRect();
            const bar = span.querySelector('.lane > *').getBoundingClientRect();
            return [span.querySelector('.label').textContent,
                    (bar.left - lane.left) / lane.width, bar.width / lane.width];
        });
        """,
        ORDER,
    )
    placed = {label: (begin, length) for label, begin, length in parts}
    assert placed["POST /orders 201"] == pytest.approx((0, 1), abs=0.01)
    assert placed["GET /items/lamp 200"] == pytest.approx((5 / 42, 5 / 42), abs=0.02)


def test_light_and_dark(browser: Browser, shop_report: str) -> None:
    """The page is dark where the reader's system is, its plots and texts too."""
    seen = []
    for dark in (False, True):
        browser.open(shop_report, dark=dark)
        seen.append(
            browser.run(
                "return [document.documentElement, document.querySelector('.b')].map(element => {"
                "const style = getComputedStyle(element);"
                "return [style.backgroundColor, style.color, style.fill]}).flat()"
            )
        )
    light, dark_ones = seen
    assert light[0] != dark_ones[0] and light[1] != dark_ones[1] and light[5] != dark_ones[5]


def test_texts_stand_out(browser: Browser, shop_report: str) -> None:
    """Each text has a contrast of 4.5 to its ground (WCAG 2.2, success criterion 1.4.3)."""
    for dark in (False, True):
        browser.open(shop_report, dark=dark)
        faint = browser.run(
            """
            const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
            const light = colour => {
                const [r, g, b] = numbers(colour).map(v => v / 255)
                    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                return .2126 * r + .7152 * g + .0722 * b;
            };
            const ground = element => {
                for (; element; element = element.parentElement) {
                    const colour = getComputedStyle(element).backgroundColor;
                    if (!(numbers(colour)[3] === 0)) return colour;
                }
            };
            const faint = [];
            for (const element of document.querySelectorAll('body *:not(svg *)')) {
                if (![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
                const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
                const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
                if (contrast < 4.5) faint.push([element.textContent, contrast]);
            }
            return faint;
            """
        )
        assert faint == []


def test_the_form_asks(browser: Browser, hostile_site: str) -> None:
    """The filter's form leads to the page of what was chosen, without any script."""
    browser.open(f"{hostile_site}/")
    browser.run("document.querySelector('#f-period').value = 'hour'")
    browser.run("document.querySelector('#f-follow').click()")
    browser.run("document.querySelector('.narrow button').click()")
    query = browser.run("return location.search")
    assert "period=hour" in query and "follow=on" in query
    assert browser.run("return document.querySelector('#f-period').value") == "hour"
