"""Which page of the site is where, and where links lead, on a package index and on the site."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import clew
from docs.built import broken_links
from docs.links import absolute, for_site, repository
from docs.pages import navigation, pages, title

ROOT = Path(__file__).parent.parent
ADDRESS = "https://git.example/a/b"
FILES = f"{ADDRESS}/blob/main"
PAGES = {"README.md": "index.md", "docs/faq.md": "faq.md", "integrations/rq/README.md": "rq/rq.md"}


def in_order(entry: Any) -> list[str]:
    """Return the pages of a navigation, as they stand."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for one in inner for page in in_order(one)]


def test_each_page_is_in_the_navigation_once() -> None:
    """All pages can be found, those of integrations that are new too."""
    found = in_order(navigation(pages()))
    assert sorted(found) == sorted(pages().values())
    assert found[:2] == ["index.md", "concepts.md"]


def test_a_page_without_a_title_is_named(tmp_path: Path) -> None:
    """A document must begin with its title, by which the navigation names it."""
    (tmp_path / "page.md").write_text("No title\n")
    with pytest.raises(ValueError, match=r"page.md must begin with a title, .*'No title'"):
        title(tmp_path / "page.md")


def test_each_public_module_is_in_the_api() -> None:
    """The API's pages name each module that users import."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "docs" / "api").glob("*.md"))
    named = {line.removeprefix("::: ") for line in text.splitlines() if line.startswith("::: ")}
    modules = {
        f"clew.{path.stem}"
        for path in Path(clew.__file__).parent.glob("[!_]*")
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert modules <= named


@pytest.mark.parametrize(
    ("target", "on_index", "on_site"),
    [
        ("integrations/rq/README.md#set", f"{FILES}/integrations/rq/README.md#set", "rq/rq.md#set"),
        ("integrations/rq", f"{FILES}/integrations/rq", "rq/rq.md"),
        ("src/clew/rq.py", f"{FILES}/src/clew/rq.py", f"{FILES}/src/clew/rq.py"),
        ("#set-it-up", "#set-it-up", "#set-it-up"),
        ("https://lnav.org", "https://lnav.org", "https://lnav.org"),
        ("mailto:a@b.example", "mailto:a@b.example", "mailto:a@b.example"),
    ],
)
def test_links_of_the_readme(target: str, on_index: str, on_site: str) -> None:
    """On a package index a link is absolute; on the site it leads to a page, where there is one."""
    text = f"See [this `x`]({target}), not `[that]({target})`."
    assert absolute(text, "README.md", ADDRESS) == text.replace(target, on_index, 1)
    assert for_site(text, "README.md", PAGES, ADDRESS) == text.replace(target, on_site, 1)


def test_links_between_folders() -> None:
    """Links go up and down; an image lies on the site where it lies in the repository."""
    text = "[up](../../docs/faq.md#a) ![plot](plot.svg) ![badge](https://x.example/b.svg)"
    document = "integrations/rq/README.md"
    assert for_site(text, document, PAGES, ADDRESS) == (
        "[up](../faq.md#a) ![plot](../integrations/rq/plot.svg) ![badge](https://x.example/b.svg)"
    )
    assert f"![plot]({ADDRESS}/raw/main/integrations/rq/plot.svg)" in absolute(
        text, document, ADDRESS
    )


def test_code_keeps_its_brackets() -> None:
    """What looks like a link within code is none."""
    text = "```python\nnames[0](call)\n```\n\n`names[0](call)` [a](b.md)\n"
    assert absolute(text, "README.md", ADDRESS) == text.replace("b.md", f"{FILES}/b.md")


def test_a_broken_link_of_the_site_is_named(tmp_path: Path) -> None:
    """A page, a place or a file that is not there is named with the page that links to it."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "index.html").write_text('<h2 id="here">a</h2>')
    (tmp_path / "mark.svg").write_text("<svg/>")
    good = ("there/", "./there/#here", "mark.svg", "#top", "https://x.example/nothing")
    bad = ("not-there/", "there/#nowhere", "no.svg", "#bottom")
    links = "".join(f'<a href="{target}">a</a>' for target in (*good, *bad))
    (tmp_path / "index.html").write_text(f'<p id="top">{links}</p>')
    assert broken_links(tmp_path) == [f"index.html: {target} leads nowhere" for target in bad]


def test_one_place_says_where_the_repository_is() -> None:
    """The address stands in pyproject.toml, and nowhere else."""
    address = repository()
    assert address.startswith("https://")
    holds = [
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "*.toml", "docs/**/*", "integrations/**/*.md", ".github/**/*")
        for path in ROOT.glob(pattern)
        if path.is_file() and address in path.read_text("utf-8", errors="replace")
    ]
    assert holds == ["pyproject.toml"]


@pytest.mark.skipif(importlib.util.find_spec("griffe") is None, reason="make docs installs griffe")
def test_examples_of_docstrings_are_python() -> None:
    """What stands indented behind a double colon is shown as a block of Python."""
    from docs.docstrings import with_examples

    assert with_examples("For Django::\n\n    A = 1\n\n    B = 2\n\nWith more.\n") == (
        "For Django:\n\n```python\nA = 1\n\nB = 2\n```\n\nWith more."
    )
    assert with_examples("A colon: and\n\n    no example") == "A colon: and\n\n    no example"
