"""Methods and paths as they are written, whatever a client sent."""

from __future__ import annotations

from urllib.parse import quote

# RFC 3986, section 3.3: what stands unescaped in a path.
PATH_SAFE = "/:@!$&'()*+,;=-._~"

LONGEST = 2048
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def clean_path(path: str) -> str:
    """Return *path* without what may not stand in one, at most some thousand characters long."""
    if len(path) > 2 * LONGEST:
        path = path[: 2 * LONGEST]
    if path.isascii() and path.isprintable() and " " not in path:
        return path
    return quote(raw_bytes(path), safe=PATH_SAFE + "%")


def clean_method(method: str) -> str:
    """Return *method* without what may not stand in one."""
    if method in METHODS or (method.isascii() and method.isprintable() and len(method) <= 32):
        return method
    return quote(method[:32], errors="replace")


def raw_bytes(text: str) -> bytes:
    """Return the bytes that servers show as *text*: one a character, or decoded by themselves."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
