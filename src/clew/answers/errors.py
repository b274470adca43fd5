"""Mistakes of users, each in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

# What stands behind the user in a URL, up to the last @; but for the word "password" itself.
_PASSWORD = re.compile(r"(\w://[^\s:/@]*):(?!password@)\S*@")


def without_passwords(text: str) -> str:
    """Return *text* with ``***`` in the place of the passwords of the URLs in it."""
    return _PASSWORD.sub(r"\1:***@", text)


class AnswerError(ValueError):
    """A wrong argument, a file that cannot be read, a server that does not answer.

    Its text is one sentence that names the value and the remedy, but no password.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(without_passwords(sentence))


@contextmanager
def require(package: str, install: str = "clew[answers]") -> Iterator[None]:
    """Say how to install *package* when an import in the block does not find it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise AnswerError(f'{package} is not installed: pip install "{install}"') from error
