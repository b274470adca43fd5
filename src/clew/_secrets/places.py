"""Where values stand in a text, and what stands in their place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote_plus

from .extents import line_end, quoted_end, setting_end, value_end
from .literals import Literals
from .names import Verdict
from .policy import Policy

_QUOTE = r"\\{0,16}[\"']"
_LINE_END = r"(?:\r?\n|\\r\\n)"
# A name, perhaps in quotes, and what parts it from its value.
_NAMED = re.compile(
    rf"(?<![\w.\-%$\[\]\\])(?P<open>[bru]{{0,2}}{_QUOTE})?"
    rf"(?P<name>(?:[\w.\-%$\[\]]|\\u[\da-fA-F]{{4}})++)(?P<close>{_QUOTE})?"
    rf"(?P<sep>\s{{0,8}}+(?:=>|:=|=(?!=)|:(?!//)|,(?=\s{{0,8}}[bru]{{0,2}}{_QUOTE}))\s{{0,8}}+)"
)
# An option of a command line, and its value.
_OPTION = re.compile(r"(?<![^\s\"'\[(,])(?P<name>-{1,3}\w[\w\-]{1,99}+)[\"']?,?\s{1,8}+(?!-)")
# An entry, with its name and its value as members.
_ENTRY = re.compile(
    rf"(?:name|key|field|header|param|parameter|k){_QUOTE}\s?[:=]\s?{_QUOTE}"
    rf"(?P<name>[^\"'\\]{{1,200}}+){_QUOTE}\s?,\s?"
    rf"{_QUOTE}(?:value|val|values|content|v){_QUOTE}\s?[:=]\s?",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<(?P<name>[A-Za-z_][\w.:\-]{0,99}+)(?:\s[^<>]*+)?>(?P<value>[^<]++)(?=</)")
# A part of a multipart form (RFC 7578).
_PART = re.compile(
    rf"name={_QUOTE}(?P<name>[^\"\\]{{1,200}}+){_QUOTE}"
    rf"(?:[^\r\n\\]{{0,300}}+{_LINE_END}){{1,4}}?{_LINE_END}"
)
_LINE_HEADERS = frozenset(("authorization", "cookie", "set-cookie", "proxy-authorization"))
_ESCAPE = re.compile(r"\\u([\da-fA-F]{4})")
_QUOTES = re.compile(r"[bru]{0,2}(\\{0,16}[\"'`])")

MOST_DECODED = 3


def decode(name: str) -> str:
    """Return *name* decoded: names may be encoded more than once on their way through proxies."""
    for _ in range(MOST_DECODED):
        if "%" not in name:
            break
        try:
            name = unquote_plus(name, errors="strict")
        except UnicodeDecodeError:
            name = unquote_plus(name, encoding="latin-1")
    return name


def is_credential_like(value: str) -> bool:
    """Tell whether *value* is no word of a sentence."""
    body = value.strip("\"'.,;:!?()[]{}")
    return (
        any(letter.isdigit() for letter in body)
        or "@" in body
        or len(body) >= 20
        or not (body.islower() or body.isupper() or body.istitle())
    ) and len(body) > 2


class _Place(NamedTuple):
    """Where a value stands, and what stands in its place."""

    start: int
    end: int
    hidden: object


class Places:
    """Finds the values under names that are sensitive by *policy*."""

    def __init__(self, policy: Policy) -> None:
        self._judge = policy.judge
        self._judge_parameter = policy.judge_parameter
        self._treat = policy.treat

    def names(self, text: str, *, code: bool) -> str:
        """Return *text* with what stands behind names masked: assignments, members, headers."""
        place = partial(self._named, literals=Literals(text)) if code else self._named
        return self._replace(text, _NAMED, place)

    def options(self, text: str) -> str:
        """Return *text* with the values of a command line's options masked."""
        return self._replace(text, _OPTION, self._behind)

    def entries(self, text: str) -> str:
        """Return *text* with the values of entries, a name and a value beside it, masked."""
        return self._replace(text, _ENTRY, self._behind)

    def parts(self, text: str) -> str:
        """Return *text* with the parts of multipart forms masked."""
        return self._replace(text, _PART, self._line_behind)

    def elements(self, text: str) -> str:
        """Return *text* with the elements of XML masked."""
        return self._replace(text, _ELEMENT, self._element)

    def _replace(
        self,
        text: str,
        pattern: re.Pattern[str],
        place: Callable[[str, re.Match[str]], _Place | None],
    ) -> str:
        """Return *text* with what *place* finds behind the matches of *pattern* replaced."""
        kept: list[str] = []
        last = at = 0
        while (match := pattern.search(text, at)) is not None:
            found = place(text, match)
            if found is None:
                at = match.end("name")
                continue
            kept += [text[last : found.start], str(found.hidden)]
            last = at = max(found.end, found.start)
        return "".join([*kept, text[last:]]) if kept else text

    def _named(
        self, text: str, match: re.Match[str], *, literals: Literals | None = None
    ) -> _Place | None:
        name = match["name"]
        if "%" in name or "\\" in name:
            name = decode(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), name))
        mark = text[match.start() - 1] if match.start() else ""
        if mark and mark in "?&#;" and match["sep"] == "=":
            verdict = self._judge_parameter(name)
        else:
            verdict = self._judge(name)
        if verdict is None:
            return None
        find = self._end if literals is None else partial(self._end_in_code, literals)
        end = find(text, match, verdict)
        return None if end is None else self._place(text, match.end(), end, verdict)

    def _behind(self, text: str, match: re.Match[str]) -> _Place | None:
        verdict = self._judge(match["name"])
        if verdict is None:
            return None
        return self._place(text, match.end(), value_end(text, match.end()), verdict)

    def _line_behind(self, text: str, match: re.Match[str]) -> _Place | None:
        verdict = self._judge(match["name"])
        if verdict is None:
            return None
        return self._place(text, match.end(), line_end(text, match.end()), verdict)

    def _element(self, _text: str, match: re.Match[str]) -> _Place | None:
        verdict = self._judge(match["name"])
        hidden = None if verdict is None else self._treat(verdict, match["value"])
        return None if hidden is None else _Place(*match.span("value"), hidden)

    def _place(self, text: str, start: int, end: int, verdict: Verdict) -> _Place | None:
        """Return what is masked from *start* to *end*: what is in quotes, without them."""
        quote = _QUOTES.match(text, start, end)
        if quote is not None:
            start = quote.end()
            if text.endswith(quote[1], start, end):
                end -= len(quote[1])
        value = text[start:end]
        hidden = self._treat(verdict, value) if value else None
        return None if hidden is None or hidden == value else _Place(start, end, hidden)

    def _end_in_code(
        self, literals: Literals, text: str, match: re.Match[str], verdict: Verdict
    ) -> int | None:
        """Return where the value ends in a line of code; None where it is a variable."""
        start = match.end()
        literal = None if match["open"] else literals.around(start)
        if literal is None:
            is_written = match["sep"].strip() == "," or _QUOTES.match(text, start) is not None
            is_written = is_written or bool(match["open"] and not match["close"])
            return self._end(text, match, verdict) if is_written else None
        end = self._end(text, match, verdict) if start < literal[0] else None
        if end is None:
            return None
        end = min(end, literal[0])
        is_variable = literals.holds_variable(start, end, is_formatted=literal[1])
        return None if is_variable else end

    def _end(self, text: str, match: re.Match[str], verdict: Verdict) -> int | None:
        """Return where the value ends; None where it is no value, but prose or a variable."""
        start, separator = match.end(), match["sep"].strip()
        quote = _QUOTES.match(text, start)
        if separator == ",":  # a pair, as of a list of headers
            bracket = text[max(0, match.start() - 4) : match.start()].rstrip(" ")[-1:]
            is_pair = bracket in ("[", "(") and match["open"] and match["close"] and quote
            return value_end(text, start) if is_pair else None
        if match["open"] and not match["close"]:  # "Authorization: Basic ...", as one word
            opened = match["open"].lstrip("bru")
            end = quoted_end(text, start, opened)
            return end - len(opened) if text.endswith(opened, start, end) else end
        if quote is not None:
            return value_end(text, start)
        if match["close"] or text[start : start + 1] in ("{", "["):
            return value_end(text, start)
        line = text.rfind("\n", max(0, match.start() - 8), match.start()) + 1
        begins = line > 0 or match.start() < 8
        begins = begins and not text[max(line, match.start() - 8) : match.start()].strip(" \t-*")
        if separator[0] == ":":
            name = match["name"]
            if name.lower() in _LINE_HEADERS or ("-" in name and name[:1].isupper()):
                return line_end(text, start)
            if begins and verdict.rule in ("all", "given"):
                return line_end(text, start)
        elif match["sep"] == "=":
            is_setting = begins and match["name"].isupper()
            return (setting_end if is_setting else value_end)(text, start)
        elif begins:
            return value_end(text, start)
        end = value_end(text, start)
        return end if is_credential_like(text[start:end]) else None
