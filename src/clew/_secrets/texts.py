"""Structure within texts: URLs, forms, JSON, headers, settings and command lines.

A text without ``=``, ``:`` and a few other such marks has none, and costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from .extents import line_end, quoted_end, setting_end, value_end
from .looks import MASK, without_credentials
from .names import Verdict
from .pairs import NAME_KEYS, hidden_items, hidden_values
from .sentences import without_quoted

Judge = Callable[[str], Verdict | None]
Treat = Callable[[Verdict, object], object]

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
_USER = re.compile(r"(?<!\S)((?:-u|--user|--proxy-user)[ =][\"']?[^\s:\"'=]{1,99}+:)[^\s\"']++")
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

_USERINFO = re.compile(r"(?<=://)(?!git@)[^\s/?#\"'<>]*@")
# A password may have slashes in it, where a port has none.
_SLASHED_USERINFO = re.compile(
    r"(?<=://)[^\s/?#:@\"'<>]{0,128}+:(?!\d{1,5}(?:[/?#\s]|\Z))[^\s\"'<>@]{0,256}+@"
)
_ENCODED = re.compile(r"%(?:25)*(?:3[aAdD]|7[bB]|22|40)")
_PIECES = re.compile(r"([\s&\"'<>,]+)")
_LINE_HEADERS = frozenset(("authorization", "cookie", "set-cookie", "proxy-authorization"))

_ESCAPE = re.compile(r"\\u([\da-fA-F]{4})")

_MOST_DECODED = 3
_LONGEST_WORD = 40
_DEEPEST = 64


# One search for one of some letters takes a third of what as many searches for a letter take.
marks = re.compile(r"[=:%(\[<]").search
# What a value in a query may be more than a word by.
_special = re.compile(r"[%:+;({\[<\"'\s]|--").search
_WEAK_MARKS = ("('", '["', "['", '("', "</", "VALUES", "values", "entry '")
_CREDENTIALS = ("earer", "asic", "igest", "egotiate", "oken ", "pikey", "EARER", "ASIC", "-BEGIN")


def has_structure(text: str) -> bool:
    """Tell whether there may be a name and its value in *text*, or a credential."""
    if marks(text) is None:
        return "earer" in text or "asic" in text or "--" in text
    if "=" in text or ":" in text or "%" in text:
        return True
    return "earer" in text or "asic" in text or "--" in text or _has_any(text, _WEAK_MARKS)


def _has_any(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


def is_credential_like(value: str) -> bool:
    """Tell whether *value* is no word of a sentence."""
    body = value.strip("\"'.,;:!?()[]{}")
    return (
        any(letter.isdigit() for letter in body)
        or "@" in body
        or len(body) >= 20
        or not (body.islower() or body.isupper() or body.istitle())
    ) and len(body) > 2


def decoded(name: str) -> str:
    """Return *name* decoded: names may be encoded more than once on their way through proxies."""
    for _ in range(_MOST_DECODED):
        if "%" not in name:
            break
        try:
            name = unquote_plus(name, errors="strict")
        except UnicodeDecodeError:
            name = unquote_plus(name, encoding="latin-1")
    return name


class _Place(NamedTuple):
    """Where a value stands, and what stands in its place."""

    start: int
    end: int
    hidden: object


class Texts:
    """Masks what stands under sensitive names in texts.

    Args:
        judge: Says why a field's name is masked.
        judge_parameter: The same of the name of a parameter in a query.
        treat: What stands in the place of a value; None where it is written.
    """

    def __init__(self, judge: Judge, judge_parameter: Judge, treat: Treat) -> None:
        self._judge = judge
        self._judge_parameter = judge_parameter
        self._treat = treat

    def _hide(self, name: str, value: object) -> object:
        verdict = self._judge(name)
        return None if verdict is None else self._treat(verdict, value)

    def _hide_parameter(self, name: str, value: object) -> object:
        verdict = self._judge_parameter(name)
        return None if verdict is None else self._treat(verdict, value)

    def mask(self, text: str, *, code: bool = False) -> str:
        """Return *text* with its secrets masked; as *code*, names of variables stay."""
        if not has_structure(text) or self._is_reference(text):
            return text
        if text[0] in '{["' and (found := self._json(text)) is not None:
            return found
        if "://" in text:
            text = _USERINFO.sub(f"{MASK}@", text)
            text = _SLASHED_USERINFO.sub(f"{MASK}@", text)
        if "%" in text and _ENCODED.search(text):
            text = "".join(map(self._piece, _PIECES.split(text)))
        text = self._replace(text, _NAMED, self._in_code if code else self._named)
        # A word alone has neither of what follows.
        is_word = len(text) <= _LONGEST_WORD and " " not in text and "<" not in text
        return text if is_word else self._sentence(text)

    def _is_reference(self, text: str) -> bool:
        """Tell whether *text* is as ``user:12345`` under a name of no secret."""
        name, _, number = text.partition(":")
        return number.isalnum() and name.isidentifier() and self._judge(name) is None

    def _sentence(self, text: str) -> str:
        if _has_any(text, _CREDENTIALS):
            text = without_credentials(text)
        if " -" in text or text[0] == "-" or '"-' in text or "'-" in text:
            text = _USER.sub(rf"\1{MASK}", text)
            text = self._replace(text, _OPTION, self._behind)
        if "</" in text:
            text = self._replace(text, _ELEMENT, self._element)
        if "form-data" in text:
            text = self._replace(text, _PART, self._line_behind)
        if "'" in text or '"' in text:
            text = self._replace(text, _ENTRY, self._behind)
        if "(" in text or "'" in text or "input_value=" in text:
            text = without_quoted(text, lambda name: self._judge(name) is not None)
        return text

    def trace(self, text: str) -> str:
        """Return a traceback's *text* with its secrets masked: in its lines of code, what is
        written out there.
        """
        if not has_structure(text):
            return text
        kept: list[str] = []
        said: list[str] = []
        for line in text.splitlines(keepends=True):
            if line.lstrip(" |").startswith(("File ", "Traceback ")) or line.startswith(
                ("    ", "  |     ")
            ):
                kept += [self.mask("".join(said)), self.mask(line, code=True)]
                said.clear()
            else:
                said.append(line)
        return "".join([*kept, self.mask("".join(said))])

    def holds(self, text: str) -> bool:
        """Tell whether there is a secret in *text*, which may be encoded."""
        for _ in range(_MOST_DECODED + 1):
            if self.mask(text) != text:
                return True
            _, mark, query = text.partition("?")
            if mark and self.query(query) != query:
                return True
            if "%" not in text:
                return False
            text = unquote_plus(text)
        return False

    # Queries and paths.

    def query(self, query: str) -> str:
        """Return a query string with the values of sensitive names masked, and those that hold
        a secret.

        A sensitive name masks all up to the next ``&``: some servers also part at ``;`` and some
        do not, and the rest may belong to the value.
        """
        segments = query.split("&")
        if _special(query) is None and query.count("=") <= len(segments):
            for segment in segments:
                if self._judge_parameter(segment.partition("=")[0]) is not None:
                    break
            else:
                return query
        return "&".join(map(self._parameters, segments))

    def _parameters(self, segment: str) -> str:
        kept: list[str] = []
        for parameter in segment.split(";"):
            name, equals, value = parameter.partition("=")
            if not equals:
                name, value = "", parameter
            hidden = self._hide_parameter(decoded(name), value) if equals else None
            if hidden is None and has_structure(value) and self.holds(unquote_plus(value)):
                hidden = MASK
            if hidden is not None:
                kept.append(f"{name}{equals}{hidden}")
                break
            kept.append(parameter)
        return ";".join(kept)

    def path(self, path: str) -> str:
        """Return a *path* with its sensitive parameters masked (RFC 3986, section 3.3)."""
        if "//" in path and "@" in path:
            path = _USERINFO.sub(f"{MASK}@", path)
        return "/".join(
            self.query(segment) if has_structure(segment) else segment
            for segment in path.split("/")
        )

    # What stands where in a text.

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

    def _named(self, text: str, match: re.Match[str], *, code: bool = False) -> _Place | None:
        name = match["name"]
        if "%" in name or "\\" in name:
            name = decoded(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), name))
        mark = text[match.start() - 1] if match.start() else ""
        if mark and mark in "?&#;" and match["sep"] == "=":
            verdict = self._judge_parameter(name)
        else:
            verdict = self._judge(name)
        if verdict is None:
            return None
        end = self._end(text, match, verdict, code=code)
        return None if end is None else self._place(text, match.end(), end, verdict)

    def _in_code(self, text: str, match: re.Match[str]) -> _Place | None:
        return self._named(text, match, code=True)

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
        hidden = self._hide(match["name"], match["value"])
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

    def _end(self, text: str, match: re.Match[str], verdict: Verdict, *, code: bool) -> int | None:
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
        if code:
            return None
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

    def _piece(self, piece: str) -> str:
        if "%" not in piece or not _ENCODED.search(piece):
            return piece
        return MASK if self.holds(unquote_plus(piece)) else piece

    # JSON.

    def _json(self, text: str) -> str | None:
        """Return the JSON that *text* is, masked; None where it is none."""
        try:
            value = msgspec.json.decode(text)
            masked = self._masked(value, _DEEPEST)
            return text if masked == value else msgspec.json.encode(masked).decode()
        except Exception:  # it is masked as another text is
            return None

    def _masked(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.mask(value)
        if not isinstance(value, (dict, list)):
            return value
        if depth == 0:
            return MASK
        if isinstance(value, dict):
            plain: Any = {key: self._member(key, item, depth) for key, item in value.items()}
            if not NAME_KEYS.isdisjoint(value):
                plain.update(hidden_values(value, self._hide))
        else:
            plain = [self._masked(item, depth - 1) for item in value]
            for place, hidden in hidden_items(value, self._hide):
                plain[place] = hidden
        return plain

    def _member(self, name: str, value: object, depth: int) -> object:
        hidden = self._hide(name, value)
        return self._masked(value, depth - 1) if hidden is None else hidden


_QUOTES = re.compile(r"[bru]{0,2}(\\{0,16}[\"'`])")
