"""Mistakes of users, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class AnswerError(ValueError):
    """A wrong argument, a file that cannot be read, a server that does not answer.

    Its text is one sentence that names the value and the remedy.
    """


@contextmanager
def require(package: str, install: str = "clew[answers]") -> Iterator[None]:
    """Say how to install *package* when an import in the block does not find it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise AnswerError(f'{package} is not installed: pip install "{install}"') from error
