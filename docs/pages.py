"""Which document of the repository is which page of the site, and where it stands there."""

from __future__ import annotations

from pathlib import Path

from .links import ROOT

# Pages of this folder, in their order. Further ones stand behind them.
GUIDE = (
    *("concepts", "logging", "options", "privacy", "answers", "commands"),
    *("performance", "moving", "faq"),
)
INTEGRATIONS = {
    "Frameworks": ("fastapi", "django", "flask", "litestar", "quart", "graphql"),
    "Servers and proxies": ("servers", "nginx", "browsers"),
    "Calls and tasks": ("outgoing", "celery", "rq", "taskiq", "django_tasks"),
    "Beside other packages": ("structlog", "loguru", "sentry", "opentelemetry", "pytest"),
    "Where lines go": ("clickhouse", "grafana", "lnav"),
}
API = ("clew", "records", "requests", "calls", "tasks", "lines", "neighbours", "answers")
PROJECT = {
    "examples/README.md": "examples.md",
    "CHANGELOG.md": "changelog.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/SECURITY.md": "security.md",
    "tests/benchmarks/README.md": "benchmarks.md",
    "tests/suites/README.md": "suites.md",
}

Entry = str | dict[str, "str | list[Entry]"]


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return the page of each document that has one, by its path in the repository."""
    own = (path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md"))
    integrations = sorted(path.parent.name for path in root.glob("integrations/*/README.md"))
    return {
        "README.md": "index.md",
        **{path: path.removeprefix("docs/") for path in sorted(own)},
        **{f"integrations/{name}/README.md": f"integrations/{name}.md" for name in integrations},
        **PROJECT,
    }


def navigation(names: dict[str, str], root: Path = ROOT) -> list[Entry]:
    """Return the site's navigation: each of the pages once, by its title where it says no other."""
    titles = {page: title(root / document) for document, page in names.items()}
    left = dict.fromkeys(titles)

    def entries(candidates: list[str]) -> list[Entry]:
        found = [page for page in dict.fromkeys(candidates) if page in left]
        for page in found:
            del left[page]
        return [{titles[page]: page} for page in found]

    entries(["index.md"])
    grouped: list[Entry] = [
        {group: entries([f"integrations/{name}.md" for name in members])}
        for group, members in INTEGRATIONS.items()
    ]
    if more := entries(under("integrations/", left)):
        grouped.append({"More": more})
    api = entries([*(f"api/{name}.md" for name in API), *under("api/", left)])
    project = entries(list(PROJECT.values()))
    guide = entries([f"{name}.md" for name in GUIDE]) + entries(list(left))
    return [
        {"Start": "index.md"},
        {"Guide": guide},
        {"Integrations": grouped},
        {"API": api},
        {"Project": project},
    ]


def under(folder: str, names: dict[str, None]) -> list[str]:
    """Return those of the *names* that lie in a *folder*."""
    return [name for name in names if name.startswith(folder)]


def title(document: Path) -> str:
    """Return the title of a *document*: what stands behind its first ``#``."""
    first = document.read_text("utf-8").partition("\n")[0]
    if not first.startswith("# "):
        raise ValueError(f"{document} must begin with a title, as '# Title', not with {first!r}")
    return first.removeprefix("# ").replace("`", "")
