"""Lines of others that quote what a client sent: its URL, its request line, its headers."""

from __future__ import annotations

import logging
import re

from clew._redaction import DEFAULT
from clew._secrets.looks import MASK

_USERINFO = re.compile(r"//[^/?#\s'\"]*@")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
# gunicorn's, of a header that it refuses.
_HEADER = re.compile(
    r"((?:Invalid HTTP [Hh]eader(?: name)?|Obsolete line folding.*?): )(.*)", re.DOTALL
)
_NAME = re.compile(r"b?['\"]?[!#$%&*+.^_`|~0-9A-Za-z-]{1,64}(?=:|['\"]?$)")


class QuotingFilter(logging.Filter):
    """Take secrets out of a line that quotes a URL, a request line or a header, and colours."""

    def filter(self, record: logging.LogRecord) -> bool:
        mask_quotes(record)
        return True


def mask_quotes(record: logging.LogRecord) -> None:
    """Mask what the text and the arguments of *record* quote."""
    if isinstance(record.msg, str):
        record.msg = _masked(record.msg)
    if isinstance(record.args, tuple):
        record.args = tuple(
            _masked(value) if isinstance(value, str) else value for value in record.args
        )


def _masked(text: str) -> str:
    if "\x1b" in text:
        text = _STYLE.sub("", text)
    if "@" in text:
        text = _USERINFO.sub("//", text)
    if "?" in text:
        # A sensitive name masks the rest: a broken request line may have spaces in its query.
        before, *queries = text.split("?")
        text = "?".join([before, *map(DEFAULT.query, queries)])
    if ": " in text:
        text = _HEADER.sub(_without_value, text)
    return text


def _without_value(match: re.Match[str]) -> str:
    name = _NAME.match(match[2])
    if name is None:
        return match[1] + MASK
    return match[1] + name[0] + (f": {MASK}" if match[2][name.end() :][:1] == ":" else "")
