"""What databases and validators quote in the texts of their errors."""

from __future__ import annotations

import re
from collections.abc import Callable

from .extents import value_end
from .looks import MASK

# PostgreSQL: Key (email)=(bob@x.org) already exists. MySQL: Duplicate entry 'bob' for key 'email'.
_KEY = re.compile(r"(Key \()([^()]{1,500}+)(\)=\()((?:[^()]|\([^()]*+\))*+)(?=\))")
_DUPLICATE = re.compile(r"(Duplicate entry ')([^\n]{0,2000}?)(' for key ')([^'\n]{1,200}+)(?=')")
# SQLAlchemy: [SQL: INSERT ... VALUES (?, ?)]\n[parameters: ('bob', 'hunter2')]
_PARAMETERS = re.compile(r"(\[SQL: )([^\[\]]{0,20000}+)(\]\s*\[parameters: )(?=[(\[{])")
_INSERT = re.compile(
    r"(INSERT\s+INTO\s[^()]{1,300}+\()([^()]{1,4000}+)(\)\s*VALUES\s*)(?=\()", re.IGNORECASE
)
# pydantic: the place, and below it what stood there.
_INPUT = re.compile(
    r"^(?P<place>[^\s:][^\n]{0,300}+)\n(?P<said>[ ]{2}[^\n]{0,2000}?input_value=)(?P<value>[^\n]*?)"
    r"(?=, input_type=)",
    re.MULTILINE,
)
# Celery: Can't retry shop.mail[7] args:['hunter2'] kwargs:{}
_RETRY = re.compile(r"Can't retry [^\s]{1,300}+ args:")
_KWARGS = " kwargs:"
_WORDS = re.compile(r"[\w$]++")


def without_quoted(text: str, is_sensitive: Callable[[str], bool]) -> str:
    """Return *text* with what an error quotes of sensitive columns and fields masked."""

    def names_one(words: str) -> bool:
        return any(is_sensitive(word) for word in _WORDS.findall(words))

    def masked(match: re.Match[str]) -> str:
        said, names, between, _ = match.groups()
        return f"{said}{names}{between}{MASK}" if names_one(names) else match[0]

    def duplicate(match: re.Match[str]) -> str:
        said, value, between, key = match.groups()
        return f"{said}{MASK if names_one(key) else value}{between}{key}"

    def given(match: re.Match[str]) -> str:
        place = match["place"]
        hidden = MASK if names_one(place.rpartition(".")[2]) else match["value"]
        return f"{place}\n{match['said']}{hidden}"

    if ")=(" in text:
        text = _KEY.sub(masked, text)
    if "Duplicate entry" in text:
        text = _DUPLICATE.sub(duplicate, text)
    if "input_value=" in text:
        text = _INPUT.sub(given, text)
    if "[parameters: " in text:
        text = _without_values(text, _PARAMETERS, names_one)
    if "Can't retry" in text:
        text = _without_arguments(text)
    if "INSERT" in text or "insert" in text:
        text = _without_values(text, _INSERT, names_one)
    return text


def _without_arguments(text: str) -> str:
    """Return *text* with the arguments of tasks that cannot be tried again masked."""
    kept: list[str] = []
    last = 0
    while (match := _RETRY.search(text, last)) is not None:
        kept += [text[last : match.end()], MASK]
        last = value_end(text, match.end())
        if text.startswith(_KWARGS, last):
            kept += [_KWARGS, MASK]
            last = value_end(text, last + len(_KWARGS))
    return "".join([*kept, text[last:]])


def _without_values(text: str, pattern: re.Pattern[str], names_one: Callable[[str], bool]) -> str:
    """Return *text* with the brackets behind what *pattern* finds masked."""
    kept: list[str] = []
    last = 0
    while (match := pattern.search(text, last)) is not None:
        kept.append(text[last : match.end()])
        last = match.end()
        if names_one(match[2]):
            last = value_end(text, last)
            kept.append(f"({MASK})")
    return "".join([*kept, text[last:]])
