"""Where the literals of strings stand in a line of code: what is in them is text."""

from __future__ import annotations

import re
from bisect import bisect_right
from string import ascii_letters

# What begins or ends something: a quote with its prefix, an expression in a formatted literal.
_MARK = re.compile(r"\\.?|(?:\b[A-Za-z]{1,2})?(?:\"{3}|'{3}|[\"'])|\{\{?|\}|#", re.DOTALL)
# A value that is given elsewhere: {}, {name!r}, %s, %(name)s.
_PLACEHOLDERS = re.compile(r"(?:\{[\w.!:\[\]>< ,^]{0,200}\}|%(?:\(\w{1,200}\))?[sdra])+")


class Literals:
    """The literals of strings in a line of *code*, found when one asks for them."""

    __slots__ = ("_code", "_ends", "_starts")

    def __init__(self, code: str) -> None:
        self._code = code
        self._starts: list[int] | None = None
        self._ends: list[tuple[int, bool]] = []

    def around(self, at: int) -> tuple[int, bool] | None:
        """Return where the literal around *at* ends, its closing quote not included, and whether it
        is formatted; None where *at* is code.
        """
        if self._starts is None:
            self._starts = self._find()
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return None
        end, is_formatted = self._ends[place]
        return (end, is_formatted) if at <= end else None

    def holds_variable(self, start: int, end: int, *, is_formatted: bool) -> bool:
        """Tell whether what stands from *start* to *end* in a literal is given elsewhere."""
        if is_formatted and self._code[start : start + 1] == "{":
            return True
        return _PLACEHOLDERS.fullmatch(self._code, start, end) is not None

    def _find(self) -> list[int]:
        """Return where the parts of text begin, and note where they end."""
        starts: list[int] = []
        # What is around: the quotes of literals, and "{" of expressions in formatted ones.
        around: list[tuple[str, bool]] = []
        for match in _MARK.finditer(self._code):
            mark = match[0]
            opened, is_formatted = around[-1] if around else ("{", False)
            if mark[0] == "\\":
                continue
            if opened != "{":  # in a literal
                if mark.endswith(opened):
                    self._ends.append((match.end() - len(opened), is_formatted))
                    around.pop()
                elif is_formatted and mark == "{":
                    self._ends.append((match.start(), is_formatted))
                    around.append(("{", False))
            elif mark[-1] in "\"'":
                quote = mark.lstrip(ascii_letters)
                prefix = mark[: -len(quote)].lower()
                around.append((quote, "f" in prefix or "t" in prefix))
                starts.append(match.end())
            elif mark == "#" and not around:
                break
            elif mark[0] == "{" and around:
                around += [("{", False)] * len(mark)
            elif mark == "}" and around:
                around.pop()
                if around[-1][0] != "{":
                    starts.append(match.end())
        if len(self._ends) < len(starts):  # the line ends in its midst
            self._ends.append((len(self._code), around[-1][1]))
        return starts
