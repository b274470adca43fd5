"""Build the site into build/site: ``python -m docs``.

The pages are laid out in build/docs, as Markdown, and made by zensical. A page that is not found,
a link into nowhere or a question without an answer ends it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from posixpath import normpath
from typing import Any

from .built import broken_links
from .links import ROOT, for_site, links, repository
from .made import MARKS
from .pages import navigation, pages

BUILD = ROOT / "build"
PAGES = BUILD / "docs"
SITE = BUILD / "site"


def lay_out() -> None:
    """Write the pages as Markdown, and beside them the images that they show."""
    shutil.rmtree(PAGES, ignore_errors=True)
    names, address = pages(), repository()
    for document, page in names.items():
        text = (ROOT / document).read_text("utf-8")
        for mark, make in MARKS.items():
            if mark in text:
                text = text.replace(mark, make())
        place = PAGES / page
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(for_site(text, document, names, address), "utf-8")
        for target in links(text):
            image = normpath(Path(document).parent / target)
            if target.endswith((".svg", ".png")) and (ROOT / image).is_file():
                (PAGES / image).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / image, PAGES / image)
    shutil.copytree(ROOT / "docs" / "assets", PAGES / "assets")
    settings = (ROOT / "docs" / "zensical.toml").read_text("utf-8")
    settings = settings.replace("REPOSITORY", address)
    settings = settings.replace("nav = []", f"nav = {_inline(navigation(names))}")
    (BUILD / "zensical.toml").write_text(settings, "utf-8")


def _inline(entry: Any) -> str:
    """Return TOML for what lists, mappings and texts are made of."""
    if isinstance(entry, dict):
        inside = ", ".join(f"{json.dumps(key)} = {_inline(value)}" for key, value in entry.items())
        return f"{{ {inside} }}"
    if isinstance(entry, list):
        return f"[{', '.join(map(_inline, entry))}]"
    return json.dumps(entry, ensure_ascii=False)


def main() -> int:
    """Build the site; return the process' exit status."""
    lay_out()
    shutil.rmtree(SITE, ignore_errors=True)
    command = ["zensical", "build", "--strict", "--clean", "--config-file", "zensical.toml"]
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=BUILD, check=False)
    if done.returncode:
        return done.returncode
    broken = broken_links(SITE)
    print(*broken, f"{SITE}: {len(list(SITE.rglob('*.html')))} pages", sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
