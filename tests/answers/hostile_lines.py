"""A log whose every text would like to be markup, a script or a way out of its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .shop_lines import answered, said, write

HOSTILE = (
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title = 1">',
    "'><svg onload=alert(1)><style>*{display:none}</style>",
    "javascript:document.title='owned'",
    "</title></style></textarea><script src=//127.0.0.1:9/x.js></script>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "--><base href=//127.0.0.1:9/><meta http-equiv=refresh content=0>",
    "&lt;b&gt; &amp;quot; &#60;",
    "../../q/slowest?a=b#c%2e%2e%00",
    "' onclick='alert(1)' x='",
    "]]><a xlink:href='javascript:alert(1)'>x</a>",
    "\u202etxt.exe\u2066 \x1b[31m",
    "w" * 400,
)


def hostile(path: Path) -> Path:
    """Write the log to *path*: each text in every field of a request, its crash and its events."""
    lines: list[dict[str, Any]] = []
    for place, text in enumerate(HOSTILE):
        at = place * 60_000
        about: dict[str, Any] = {"service": text, "requestId": text, "userId": text}
        crash = {"type": text, "message": text, "stackTrace": f"Traceback\n{text}"}
        peer = {"ipAddress": text, "query": text, "operation": text}
        lines += [
            answered(
                text,
                text,
                500,
                at,
                20.5,
                route=text,
                request=peer,
                outcome="error",
                exception=crash,
                **about,
            ),
            answered("GET", text, 404, at + 1, 1.5, **about),
            said(
                text,
                at + 2,
                action=text,
                value=text,
                oldValue=text,
                comment=text,
                monetaryValue=100,
                **about,
            ),
        ]
    return write(path, lines)
