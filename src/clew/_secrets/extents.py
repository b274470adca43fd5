"""How far a value reaches in a text."""

from __future__ import annotations

import re

# Longer ones are masked to the end of the text.
_LONGEST_QUOTED = 65_536

_QUOTE = re.compile(r"[bruf]{0,2}(\\{0,16}+)([\"'`])", re.IGNORECASE)
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_BRACKET = re.compile(r"[\[\](){}]|\\{0,16}[\"']")

# Up to a blank, a quote, what parts parameters, or a comma before the next name; without the
# brackets and the full stop behind it.
_BARE = re.compile(
    r"[^\s&\"'<>]*?(?=[)\]}]{0,16}+[,;.]?(?:[\s&\"'<>]|\Z)|\\{1,16}[rn\"']"
    r"|[,;]\s?[\w.\-]{1,64}+[=:])"
)
_LINE = re.compile(r"(?:(?!\\[rn])[^\r\n])*+")
_NEXT_NAME = re.compile(r"\s+[A-Za-z_][\w.\-]{0,63}+=")
_NUMBER = re.compile(r"[+(]{0,2}\d[\d \t().\-/]*\d|\d")
_SCHEMED = re.compile(r"(?:basic|bearer|digest|negotiate|token)(?:\s|%20|\+)+", re.IGNORECASE)


def value_end(text: str, start: int) -> int:
    """Return the end of the value that begins at *start*, quoted, in brackets, or bare."""
    quote = _QUOTE.match(text, start)
    if quote is not None:
        return quoted_end(text, quote.end(), quote[1] + quote[2])
    if text[start : start + 1] in _CLOSING:
        return _bracket_end(text, start)
    number = _NUMBER.match(text, start)
    schemed = _SCHEMED.match(text, start)
    bare = _BARE.match(text, schemed.end() if schemed else start)
    return max(bare.end() if bare else len(text), number.end() if number else 0)


def quoted_end(text: str, start: int, quote: str) -> int:
    """Return the end of what is quoted, its closing *quote* included, or that of the text."""
    at = start
    while (at := text.find(quote, at, start + _LONGEST_QUOTED)) >= 0:
        before = at
        while before > start and text[before - 1] == "\\":
            before -= 1
        if (at - before) % 2 == 0 or len(quote) > 1:
            return at + len(quote)
        at += 1
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    open_brackets: list[str] = []
    at = start
    while (match := _BRACKET.search(text, at)) is not None:
        mark = match[0]
        if mark[-1] in "\"'":
            at = quoted_end(text, match.end(), mark)
            continue
        at = match.end()
        if mark in _CLOSING:
            open_brackets.append(_CLOSING[mark])
        elif open_brackets and mark == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return at
    return len(text)


def line_end(text: str, start: int) -> int:
    """Return the end of the line, also where its end is written as an escape."""
    match = _LINE.match(text, start)
    return match.end() if match else len(text)


def setting_end(text: str, start: int) -> int:
    """Return the end of an environment's value: that of the line, or before the next name."""
    end = line_end(text, start)
    following = _NEXT_NAME.search(text, start, end)
    return end if following is None else following.start()
