"""Why a name is masked, or not."""

from __future__ import annotations

import msgspec

from ._redaction import OFF, PERSONAL, Redact, redactor
from ._secrets.names import words_of


class Explanation(msgspec.Struct, frozen=True):
    """Why the values of a name are masked, or not.

    Attributes:
        name: The name.
        masked: Whether a text under it is masked.
        reason: Why, as a sentence.
    """

    name: str
    masked: bool
    reason: str

    def __str__(self) -> str:
        return self.reason


_WHEN = {
    "digits": "where it has the digits of a card",
    "pin": "where it is three to twelve digits",
    "account": "where it has eight digits or more",
    "place": "where it is more than a machine's address",
    "texts": "but for small numbers and truth values",
    "all": "but for truth values",
}


def explain(name: str, *, redact: Redact = "default") -> Explanation:
    """Say whether, and why, the values of fields called *name* are masked.

    ``print(clew.explain("tokenCount"))`` tells it in a sentence. *redact* is as of
    `configure_logging`.

    Raises:
        TypeError: *name* is no string, or *redact* is none of what is allowed.
        ValueError: *redact* is none of what is allowed.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, as 'accessToken', not {name!r}")
    chosen = redactor(redact)
    verdict = chosen.verdict(name)
    if verdict is not None:
        when = _WHEN.get(verdict.rule, "")
        return Explanation(
            name, True, f"{name!r} is masked{when and f', {when}'}: {verdict.reason}."
        )
    if chosen is OFF:
        return Explanation(name, False, f'{name!r} is not masked: redact is "off".')
    if tuple(words_of(name)) in chosen.kept:
        reason = "the option redact keeps it"
    elif PERSONAL.verdict(name) is not None:
        reason = 'it is personal, but wanted in most logs: redact="personal" masks it'
    else:
        reason = "no sensitive name is in it, or it is about something else, as a token_count is"
    return Explanation(name, False, f"{name!r} is not masked: {reason}.")
