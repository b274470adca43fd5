"""Links of the documents: of one file of the repository to another, wherever it is shown."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

ROOT = Path(__file__).parent.parent

# A link or an image, outside of code: `[text](target)`.
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
_CODE = re.compile(r"(^ *```.*?^ *```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)

Change = Callable[[str, bool], str]


def repository(root: Path = ROOT) -> str:
    """Return the address of the repository: the one place that says it is pyproject.toml."""
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]
    address: str = settings["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    return address


def change_links(text: str, change: Change) -> str:
    """Return a document with each of its links' targets changed by ``change(target, is_image)``.

    What stands in code is none.
    """
    parts = _CODE.split(text)
    held = [f"\0{number}\0" for number in range(1, len(parts), 2)]
    masked = "".join(
        part if number % 2 == 0 else held[number // 2] for number, part in enumerate(parts)
    )
    masked = _LINK.sub(
        lambda link: (
            f"{link['image']}[{link['text']}]({change(link['target'], bool(link['image']))})"
        ),
        masked,
    )
    for mark, code in zip(held, parts[1::2], strict=True):
        masked = masked.replace(mark, code)
    return masked


def links(text: str) -> Iterator[str]:
    """Return the targets of a document's links."""
    found: list[str] = []

    def note(target: str, _image: bool) -> str:
        found.append(target)
        return target

    change_links(text, note)
    return iter(found)


def is_outside(target: str) -> bool:
    """Tell whether a target is an address, or a place in the same document."""
    return target.startswith("#") or ":" in target.partition("/")[0]


def file_of(document: str, target: str) -> tuple[str, str]:
    """Return the path of the file that a *document* names by *target*, and the place in it."""
    path, _, anchor = target.partition("#")
    return normpath(PurePosixPath(document).parent / path), anchor


def absolute(text: str, document: str, address: str) -> str:
    """Return a *document* of the repository at *address* so that its links work anywhere."""

    def change(target: str, image: bool) -> str:
        if is_outside(target):
            return target
        path, anchor = file_of(document, target)
        kind = "raw" if image else "blob"
        return f"{address}/{kind}/main/{path}" + (f"#{anchor}" if anchor else "")

    return change_links(text, change)


def for_site(text: str, document: str, pages: dict[str, str], address: str) -> str:
    """Return a *document* with its links as they are on the site.

    *pages* say which file of the repository is which page. A link to another file leads to it in
    the repository at *address*; images lie beside the pages, under their own paths.
    """
    page = pages[document]

    def change(target: str, image: bool) -> str:
        if is_outside(target):
            return target
        path, anchor = file_of(document, target)
        name = pages.get(path) or pages.get(f"{path}/README.md") or (path if image else None)
        if name is None:
            return absolute(f"[]({target})", document, address)[3:-1]
        return relpath(name, str(PurePosixPath(page).parent)) + (f"#{anchor}" if anchor else "")

    return change_links(text, change)
