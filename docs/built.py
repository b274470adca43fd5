"""The links of the built site: what they lead to is there."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from posixpath import join, normpath
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page links to, and the places in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value and tag != "link":
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def broken_links(site: Path) -> list[str]:
    """Return a sentence for each link of a *site* that leads to nothing within it."""
    pages = {}
    for path in site.rglob("*.html"):
        page = _Page()
        page.feed(path.read_text("utf-8"))
        pages[path.relative_to(site).as_posix()] = page
    return [
        f"{name}: {target} leads nowhere"
        for name, page in sorted(pages.items())
        for target in page.targets
        if name != "404.html" and not _is_there(site, name, target, pages)
    ]


def _is_there(site: Path, name: str, target: str, pages: dict[str, _Page]) -> bool:
    address = urlsplit(target)
    if address.scheme or address.netloc:
        return True
    path = unquote(address.path)
    for found in _candidates(name, path):
        if found in pages:
            return not address.fragment or unquote(address.fragment) in pages[found].places
        if (site / found).is_file():
            return True
    return False


def _candidates(name: str, path: str) -> Iterator[str]:
    """Return the files that a server may give for *path*, as the page *name* writes it."""
    if not path:
        yield name
        return
    whole = normpath(join(name, "..", path))
    yield whole
    yield normpath(join(whole, "index.html"))
