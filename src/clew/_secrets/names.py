"""Whether a name is that of a secret: what it is about, in whichever writing.

A name is split into words, those that are written as one too (``resettoken``). It names a secret
where a name of the table stands in it and is what it is about: what stands before and behind it
decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import NamedTuple

from .around import COUNTING, HEADS, LEADS, MODIFIERS, NEUTRAL, NUMBERS, OTHERS, SMALL
from .groups import Group, groups

# What is longer is no name that anybody chose, and is masked.
LONGEST_NAME = 200

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
_LONGEST_PHRASE = 6
_LONGEST_JOINED = 40
# A shorter one within another word is chance.
_SHORTEST_WITHIN = 4

# What has no accent that could be taken off it.
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))


class Verdict(NamedTuple):
    """Why a name is masked.

    Attributes:
        rule: What under it is, as of a `Group`; ``"given"`` for all.
        reason: A part of a sentence.
        phrase: The name of the table, or of the option, that it holds.
    """

    rule: str
    reason: str
    phrase: str


def words_of(name: str) -> list[str]:
    """Return the words of *name*, in small letters without accents."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name).translate(_LETTERS)
        name = "".join(
            letter
            for letter in unicodedata.normalize("NFD", name)
            if not unicodedata.combining(letter)
        )
    return [word.lower() for word in _WORD.findall(name)]


def _canonical(word: str) -> str:
    if word in NUMBERS:
        return "number"
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word


def _phrase(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(_canonical(word) for word in words if word not in SMALL)


def _spellings(name: str) -> Iterator[list[str]]:
    """Yield the words of *name*, also with what stands for an umlaut as the vowel alone."""
    words = name.split()
    yield words
    for pair, vowel in _UMLAUTS:
        if any(pair in word for word in words):
            yield [word.replace(pair, vowel) for word in words]


class _Phrases:
    """Names by their words, and written as one."""

    def __init__(self) -> None:
        self.words: dict[tuple[str, ...], Group] = {}
        self.joined: dict[str, Group] = {}

    def add(self, words: list[str], group: Group) -> None:
        phrase = _phrase(words) or tuple(words)
        self.words.setdefault(phrase, group)
        for numbers in [sorted(NUMBERS)] if "number" in phrase else [["number"]]:
            for number in numbers:
                for form in (words, phrase):
                    self.joined.setdefault(
                        "".join(number if _canonical(word) == "number" else word for word in form),
                        group,
                    )

    def find(self, words: list[str], phrase: list[str], start: int, end: int) -> Group | None:
        """Return the group of what stands from *start* to *end*."""
        found = self.words.get(tuple(phrase[start:end]))
        if found is None:
            joined = "".join(words[start:end])
            if end - start == 1 or len(joined) > _SHORTEST_WITHIN:
                found = self.joined.get(joined)
                if found is None and joined[-1:] == "s":
                    found = self.joined.get(joined[:-1])
        return found


def _read(groups: Iterable[Group]) -> _Phrases:
    phrases = _Phrases()
    for group in groups:
        for name in group.names:
            for words in _spellings(name):
                phrases.add(words_of(" ".join(words)), group)
    return phrases


@cache
def _tables() -> tuple[_Phrases, _Phrases, _Phrases, _Phrases, frozenset[str]]:
    """Return the default names, those in a query, the personal ones, what is something else, and
    the words that others are made of. They are read when the first name is judged.
    """
    default, query, personal = (
        _read(group for group in groups() if group.kind == kind)
        for kind in ("default", "query", "personal")
    )
    others = _read([Group("", "", tuple(" ".join(OTHERS.split()).split(", ")))])
    words = HEADS | NEUTRAL | LEADS | COUNTING | MODIFIERS | SMALL | NUMBERS
    for group in groups():
        if group.kind == "default":
            words |= set(words_of(" ".join(group.names)))
    long = {word for word in words if len(word) > 2}
    return default, query, personal, others, frozenset(long | _SHORT_PARTS)


# Of two letters, only these are looked for within a word.
_SHORT_PARTS = frozenset(["id", "my", "db", "de", "di", "da", "no", "nr", "pw", "is", "pg"])


def _parts(word: str, known: frozenset[str]) -> list[str]:
    """Return the fewest known words that *word* is made of; itself, where it is not."""
    if word in known or not 6 <= len(word) <= _LONGEST_JOINED:
        return [word]
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(2, len(word) + 1):
        for start in range(end - 2, -1, -1):
            before = best[start]
            part = word[start:end]
            if (
                before is not None
                and (part in known or (len(part) > 4 and _canonical(part) in known))
                and (best[end] is None or len(before) + 1 < len(best[end] or ()))
            ):
                best[end] = [*before, part]
    parts = best[-1]
    return [word] if parts is None or len(parts) > 5 else parts


class Names:
    """Judges names by the table, and by names of one's own.

    Args:
        own: Further names, each with what is said of it; they count whatever stands around them.
        personal: Whether what most logs want is masked as well.
        query: Whether it is parameters of a query that are judged.
    """

    def __init__(
        self, own: Mapping[str, str] | None = None, *, personal: bool = False, query: bool = False
    ) -> None:
        self._own = {_phrase(words_of(name)) or (name,): name for name in own or ()}
        self._own_joined = {"".join(words_of(name)): name for name in own or ()}
        self._personal, self._query = personal, query

    def verdict(self, name: str) -> Verdict | None:
        """Return why *name* is masked; None where it is not."""
        if len(name) > LONGEST_NAME:
            return Verdict("all", f"it is longer than {LONGEST_NAME} characters", "")
        words = words_of(name)
        if not words:
            return None
        if self._own and (own := self._of_own(words)) is not None:
            return Verdict("given", f"the option redact names {own!r}", own)
        default, query, personal, others, known = _tables()
        raw = [part for word in words for part in self._apart(word, default, known)]
        if _counts(raw):
            return None
        words, linked = [], set()
        for word in raw:
            if word not in SMALL or len(raw) == 1:
                words.append(word)
            elif words:
                linked.add((len(words), word == "of"))
        tables = [default]
        if self._query:
            tables.append(query)
        if self._personal:
            tables.append(personal)
        for table in tables:
            verdict = _judge(words, linked, table, others)
            if verdict is not None:
                return verdict
        return None

    def _apart(self, word: str, default: _Phrases, known: frozenset[str]) -> list[str]:
        if word in default.joined:
            return [word]
        parts = _parts(word, known)
        if len(parts) == 1 or not any(len(part) >= _SHORTEST_WITHIN for part in parts):
            return [word]
        return parts

    def _of_own(self, words: list[str]) -> str | None:
        phrase = _phrase(words)
        for own, name in self._own.items():
            size = len(own)
            if any(phrase[at : at + size] == own for at in range(len(phrase) - size + 1)):
                return name
        for start in range(len(words)):
            joined = ""
            for word in words[start : start + _LONGEST_PHRASE]:
                joined += word
                if (found := self._own_joined.get(joined)) is not None:
                    return found
        return None


def _counts(words: list[str]) -> bool:
    """Tell whether *words* are of how many: ``mobile_number_of_users``, ``num_phones``."""
    if words[0] in ("num", "nb") and len(words) > 1 and words[1][-1] == "s":
        return True
    if "of" not in words[1:-1]:
        return False
    at = words.index("of", 1)
    return _canonical(words[at - 1]) in ("number", "count", "total", "sum") and words[-1][-1] == "s"


def _judge(
    words: list[str], linked: set[tuple[int, bool]], table: _Phrases, others: _Phrases
) -> Verdict | None:
    phrase = [_canonical(word) for word in words]
    size = len(words)
    elsewhere = [
        (start, end)
        for start, end in _spans(size)
        if end - start > 1 and others.find(words, phrase, start, end) is not None
    ]
    covered: list[tuple[int, int]] = []
    for start, end in _spans(size):
        group = table.find(words, phrase, start, end)
        if group is None or any(a <= start and end <= b for a, b in covered):
            continue
        covered.append((start, end))
        if any(a <= start < b or a < end <= b for a, b in elsewhere if b - a >= end - start):
            continue
        # What is said of it behind "of" is not what it is about: address_of_organizer.
        head = end if (end, True) in linked or (group.firm and (end, False) in linked) else None
        if _is_about(words[:head], phrase, start, end, group):
            name = " ".join(words[start:end])
            return Verdict(group.rule, f"{name!r} is among the {group.title}", name)
    return None


def _spans(size: int) -> Iterator[tuple[int, int]]:
    """Yield where phrases may stand in *size* words, the longest first."""
    for length, start in product(range(min(size, _LONGEST_PHRASE), 0, -1), range(size)):
        if start + length <= size:
            yield start, start + length


def _is_about(words: list[str], phrase: list[str], start: int, end: int, group: Group) -> bool:
    """Tell whether *words* are about what stands from *start* to *end* in them."""
    before, behind = words[:start], words[end:]
    if any(word in LEADS for word in before):
        return False
    if group.rule == "place" and not MODIFIERS.issuperset(before):
        return False
    last = words[end - 1]
    if last != phrase[end - 1] and any(word in COUNTING for word in before):
        return False
    for word in behind:
        if word in NEUTRAL or word.isdigit() or len(word) == 1:
            continue
        if word in HEADS or _canonical(word) in HEADS or word.endswith(("able", "ing")):
            return False
        if word.endswith("ed") or not group.firm:
            return False
    return True
