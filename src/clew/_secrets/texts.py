"""Structure within texts: URLs, forms, JSON, headers, settings and command lines.

A text without ``=``, ``:`` and a few other such marks has none, and costs next to nothing.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from .json_texts import JSONTexts
from .looks import MASK, without_credentials
from .places import MOST_DECODED, Places, decode
from .policy import Policy
from .sentences import without_quoted

_USER = re.compile(r"(?<!\S)((?:-u|--user|--proxy-user)[ =][\"']?[^\s:\"'=]{1,99}+:)[^\s\"']++")

_USERINFO = re.compile(r"(?<=://)(?!git@)[^\s/?#\"'<>]*@")
# A password may have slashes in it, where a port has none.
_SLASHED_USERINFO = re.compile(
    r"(?<=://)[^\s/?#:@\"'<>]{0,128}+:(?!\d{1,5}(?:[/?#\s]|\Z))[^\s\"'<>@]{0,256}+@"
)
_ENCODED = re.compile(r"%(?:25)*(?:3[aAdD]|7[bB]|22|40)")
_PIECES = re.compile(r"([\s&\"'<>,?=#]+)")

# Behind the margin of an exception group, perhaps.
_CODE = re.compile(r"(?: *\| )?    (?! *\| )")

_LONGEST_WORD = 40


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


class Texts:
    """Masks what stands under sensitive names in texts, as *policy* says."""

    def __init__(self, policy: Policy) -> None:
        self._judge = policy.judge
        self._judge_parameter = policy.judge_parameter
        self._hide_parameter = policy.hide_parameter
        self._places = Places(policy)
        self._json = JSONTexts(policy.hide, self.mask)

    def mask(self, text: str, *, code: bool = False) -> str:
        """Return *text* with its secrets masked; as *code*, names of variables stay."""
        if not has_structure(text) or self._is_reference(text):
            return text
        if text[0] in '{["' and (found := self._json.mask(text)) is not None:
            return found
        if "://" in text:
            text = _USERINFO.sub(f"{MASK}@", text)
            text = _SLASHED_USERINFO.sub(f"{MASK}@", text)
        if "%" in text and _ENCODED.search(text):
            text = "".join(map(self._piece, _PIECES.split(text)))
        text = self._places.names(text, code=code)
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
            text = self._places.options(text)
        if "</" in text:
            text = self._places.elements(text)
        if "form-data" in text:
            text = self._places.parts(text)
        if "'" in text or '"' in text:
            text = self._places.entries(text)
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
        in_frame = False  # a message may be indented as well
        for line in text.splitlines(keepends=True):
            is_place = line.lstrip(" |").startswith(("File ", "Traceback "))
            in_frame = is_place or (in_frame and _CODE.match(line) is not None)
            if in_frame:
                kept += [self.mask("".join(said)), self.mask(line, code=True)]
                said.clear()
            else:
                said.append(line)
        return "".join([*kept, self.mask("".join(said))])

    def holds(self, text: str) -> bool:
        """Tell whether there is a secret in *text*, which may be encoded."""
        for _ in range(MOST_DECODED + 1):
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
            hidden = self._hide_parameter(decode(name), value) if equals else None
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

    def _piece(self, piece: str) -> str:
        if "%" not in piece or not _ENCODED.search(piece):
            return piece
        return MASK if self.holds(unquote_plus(piece)) else piece
