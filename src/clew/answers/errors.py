"""Mistakes of users, each in one sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# A URL with a user, up to the last @ before a blank, or between quotes. A path that is made of one
# has a single slash.
_QUOTED = re.compile(r"""(['"])((?:(?!\1).)*?\w:/+)((?:(?!\1).)*)@""", re.DOTALL)
_BARE = re.compile(r"""()(\w:/+)(\S*)@""")


def without_passwords(text: str) -> str:
    """Return *text* with ``***`` in the place of the passwords of the URLs in it."""

    def mask(match: re.Match[str]) -> str:
        user, colon, _ = match[3].partition(":")
        # The sentences that say how a URL is written have this one.
        is_example = match[3] == "user:password" and text.startswith("host", match.end())
        shown = match[3] if not colon or is_example else f"{user}:***"
        return f"{match[1]}{match[2]}{shown}@"

    return _BARE.sub(mask, _QUOTED.sub(mask, text))


class AnswerError(ValueError):
    """A wrong argument, a file that cannot be read, a server that does not answer.

    Its text is one sentence that names the value and the remedy, but no password.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(without_passwords(sentence))


def one_sentence(error: Exception) -> str:
    """Return what *error* says, without the drawing of the place that engines put under it."""
    return str(error).partition("\n")[0][:500]


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return which of *names* may have been meant."""
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}" if near else ""


@contextmanager
def require(package: str, install: str = "clew[answers]") -> Iterator[None]:
    """Say how to install *package* when an import in the block does not find it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise AnswerError(f'{package} is not installed: pip install "{install}"') from error
