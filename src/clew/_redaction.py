"""Keeping secrets and personal data out of the lines: what the option ``redact`` asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from operator import truth
from typing import Any

from ._plain import to_plain
from ._secrets import looks
from ._secrets.names import Names, Verdict, words_of
from ._secrets.pairs import hidden_items, hidden_values
from ._secrets.policy import Policy
from ._secrets.texts import Texts, has_structure, marks
from ._secrets.treatments import TREATMENTS, environment_keys, is_hidden, treat_value
from ._text import remembering

# The keys of a line that no field, parameter or header of anybody else's is called by chance.
_OWN_KEYS = frozenset(
    ("bodySize", "closeCode", "createdAt", "graphqlStatus", "httpStatus", "rejectedRequestId")
) | frozenset(("requestId", "responseTime", "stackTrace"))
# Those that may be named: what is personal in a record of clew's own.
_NAMEABLE = ("ipAddress", "userId", "path")

# Clients send some of what is remembered: with what else is, at most 64 KB in a process.
_MOST_NAMES, _MOST_PARAMETERS = 160, 48
_MOST_CLEAN, _LONGEST_CLEAN = 96, 40


class Redactor:
    """Masks the values of sensitive names; with *strict*, also what looks sensitive in texts.

    Args:
        names: Further names, each with its treatment.
        strict: Whether e-mail addresses, cards and tokens are looked for in texts.
        personal: Whether what is personal, but wanted in most logs, is masked too.
    """

    def __init__(
        self,
        names: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
        personal: bool = False,
    ) -> None:
        self.strict = strict
        self.clean: set[str] = set()  # texts in which nothing is masked
        if strict:
            self.is_clean = _never  # type: ignore[method-assign,assignment]
        given = dict(names or {})
        self.kept = {tuple(words_of(name)) for name in given if given[name] == "keep"}
        self._treatments = {name: how for name, how in given.items() if how != "keep"}
        self._keys = environment_keys() if "token" in self._treatments.values() else {}
        own = dict.fromkeys(self._treatments, "")
        self._names = Names(own, personal=personal or strict)
        self._parameters = Names(own, personal=personal or strict, query=True)
        # One cache an instance: names are few, and clients may send any number of others.
        self.verdict = remembering(lambda name: self._verdict(self._names, name), _MOST_NAMES)
        parameter = remembering(
            lambda name: self._verdict(self._parameters, name), _MOST_PARAMETERS
        )
        self._texts = Texts(Policy(self.verdict, parameter, self.treat))
        exact = {tuple(words_of(name)): how for name, how in self._treatments.items()}
        # How keys of clew's own are treated, of those that are.
        self.owned = {
            key: exact[words] for key in _NAMEABLE if (words := tuple(words_of(key))) in exact
        }
        if personal or strict:
            self.owned.setdefault("ipAddress", "mask")
        if tuple(words_of("ipAddress")) in self.kept:
            self.owned.pop("ipAddress", None)

    @property
    def treats_records(self) -> bool:
        """Whether something of a record is masked besides what stands under names in it."""
        return self.strict or bool(self.owned)

    def _verdict(self, names: Names, name: str) -> Verdict | None:
        if self.kept and tuple(words_of(name)) in self.kept:
            return None
        return names.verdict(name)

    def treat(self, verdict: Verdict, value: object) -> object:
        """Return what stands in the place of *value*; None where it is written as it is."""
        if not is_hidden(verdict.rule, value):
            return None
        if verdict.rule != "given":
            return looks.MASK
        return treat_value(self._treatments[verdict.phrase], value, self._keys)

    def hidden(self, name: str, value: object) -> object:
        """Return what stands in the place of *value* under *name*; None where it is written."""
        verdict = self.verdict(name)
        return None if verdict is None else self.treat(verdict, value)

    def is_sensitive(self, name: str) -> bool:
        """Tell whether a text under *name* may be masked."""
        return self.verdict(name) is not None

    def hidden_values(self, entry: Mapping[Any, Any]) -> dict[str, object]:
        """Return what is hidden of ``{"name": "password", "value": "..."}``, by its key."""
        return dict(hidden_values(entry, self.hidden))

    def hidden_items(self, items: Any) -> dict[int, object]:
        """Return what is hidden of a pair, or of a list of words, by its place."""
        return dict(hidden_items(items, self.hidden))

    def own(self, key: str, value: str) -> str:
        """Return what is written of *value* under a *key* of clew's own."""
        how = self.owned.get(key)
        return value if how is None else treat_value(how, value, self._keys)

    def is_clean(self, text: str) -> bool:
        """Tell whether nothing can be masked in *text*, and remember it, as messages come again."""
        # What most texts are is told at once: this is asked about every text of every line.
        if (
            marks(text) is not None or "earer" in text or "asic" in text or "--" in text
        ) and self._texts.mask(text) != text:
            return False
        # Messages come again, numbers do not.
        if len(text) <= _LONGEST_CLEAN and not text[-1:].isdigit():
            clean = self.clean
            if len(clean) >= _MOST_CLEAN:
                clean.clear()
            clean.add(text)
        return True

    def text(self, text: str) -> str:
        """Return *text* with its secrets masked: what stands under names in it, credentials and,
        when strict, addresses, cards and tokens.
        """
        if has_structure(text):
            text = self._texts.mask(text)
        return self._strictly(text) if self.strict else text

    def trace(self, text: str) -> str:
        """Return the text of a traceback, masked as a text is; names in its code stay."""
        if has_structure(text):
            text = self._texts.trace(text)
        return self._strictly(text) if self.strict else text

    def code(self, line: str) -> str:
        """Return a *line* of code with what is written out in it masked; names stay."""
        line = self._texts.mask(line, code=True)
        return self._strictly(line) if self.strict else line

    def _strictly(self, text: str) -> str:
        text = looks.without_emails(text)
        text = looks.without_cards(text)
        text = looks.without_credentials(text)
        return looks.without_tokens(text)

    def path(self, path: str) -> str:
        """Return a request's *path* with its secrets masked."""
        if "path" in self.owned:
            return self.own("path", path)
        if has_structure(path):
            path = self._texts.path(path)
        return self._strictly(path) if self.strict else path

    def query(self, query: str) -> str:
        """Return a query string with the values of sensitive names masked."""
        query = self._texts.query(query)
        return self._strictly(query) if self.strict else query

    def field(
        self, name: str, value: object, default: Callable[[Any], Any] | None = None
    ) -> object:
        """Return *value*, or what may be written of it, under *name*."""
        verdict = self.verdict(name)
        if verdict is not None:
            hidden = self.treat(verdict, value)
            if hidden is not None:
                return hidden
        return self.value(name, value, default)

    def value(
        self, name: str, value: object, default: Callable[[Any], Any] | None = None
    ) -> object:
        """Return what may be written of *value* under *name*, which is not sensitive."""
        kind = type(value)
        if kind is str:
            return self.text(value)  # type: ignore[arg-type]
        if value is None or kind is bool or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
            return value
        if kind is int and not (self.strict and name not in ("monetaryValue", "quantity")):
            return value
        return to_plain(value, self, default)

    def integer(self, value: int) -> int | str:
        """Return *value*, or a mask where strict takes it for a card's number."""
        is_card = self.strict and value.bit_length() < 64 and looks.is_card(str(value))
        return looks.MASK if is_card else value


def _never(_text: str) -> bool:
    return False


class _NoRedactor(Redactor):
    """Masks nothing: ``redact="off"``."""

    def __init__(self) -> None:
        self.strict = False
        self.clean = set()
        self.is_clean = truth  # type: ignore[method-assign,assignment]
        self.owned = {}
        self.verdict = lambda _name: None

    def hidden_values(self, entry: Mapping[Any, Any]) -> dict[str, object]:  # noqa: ARG002
        return {}

    def hidden_items(self, items: Any) -> dict[int, object]:  # noqa: ARG002
        return {}

    def text(self, text: str) -> str:
        return text

    def trace(self, text: str) -> str:
        return text

    def code(self, line: str) -> str:
        return line

    def path(self, path: str) -> str:
        return path

    def query(self, query: str) -> str:
        return query


OFF = _NoRedactor()
DEFAULT = Redactor()
STRICT = Redactor(strict=True)
PERSONAL = Redactor(personal=True)

Redact = str | Iterable[str] | Mapping[str, str]

_ALLOWED = '"default", "off", "strict", "personal", a collection of names or a mapping of names'


def redactor(redact: object) -> Redactor:
    """Return the redactor for the option *redact*; raises ValueError or TypeError for others."""
    if isinstance(redact, str):
        known: dict[str, Redactor] = {
            "default": DEFAULT,
            "off": OFF,
            "personal": PERSONAL,
            "strict": STRICT,
        }
        if redact not in known:
            raise ValueError(
                f"redact must be {_ALLOWED}, "
                f"not {redact!r}: a single name is written as redact=[{redact!r}]"
            )
        return _ready(known[redact])
    if not isinstance(redact, Iterable):
        raise TypeError(f"redact must be {_ALLOWED}, not {redact!r}")
    names: dict[Any, Any] = (
        dict(redact) if isinstance(redact, Mapping) else dict.fromkeys(redact, "mask")
    )
    for name, how in names.items():
        _check_name(name)
        if how not in TREATMENTS:
            raise ValueError(
                f"redact has {how!r} for {name!r}: allowed are {', '.join(map(repr, TREATMENTS))}"
            )
    return _ready(Redactor(names))


def _ready(chosen: Redactor) -> Redactor:
    """Return *chosen* when it has read the table of names, for which no request is to wait."""
    chosen.verdict("name")
    return chosen


def lasting(redact: Redact) -> Redact:
    """Return *redact* as a plain value that can be read more than once."""
    if isinstance(redact, str) or not isinstance(redact, Iterable):
        return redact
    return dict(redact) if isinstance(redact, Mapping) else list(redact)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not words_of(name):
        raise ValueError(f"redact has {name!r}: allowed are names, as in redact=['tenant']")
    if name in _OWN_KEYS:
        raise ValueError(
            f"redact has {name!r}, a key of clew's own, which is written as it is: allowed are "
            "names of your fields, query parameters and headers, and ipAddress, userId and path; "
            "leave the key out in process_log_record of a subclass of clew.JSONFormatter"
        )
