"""Masking by the default names, for what is written before anybody has set up anything."""

from __future__ import annotations

from functools import cache

from .looks import MASK
from .names import Names, Verdict
from .policy import Policy
from .texts import Texts
from .treatments import is_hidden


def shown_path(path: str) -> str:
    """Return a request's *path* with the secrets masked that its parameters name."""
    return _texts().path(path)


@cache
def _texts() -> Texts:
    return Texts(Policy(Names().verdict, Names(query=True).verdict, _treat))


def _treat(verdict: Verdict, value: object) -> object:
    return MASK if is_hidden(verdict.rule, value) else None
