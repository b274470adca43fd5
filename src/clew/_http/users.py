"""The id of a user whom a framework has loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clew._context import as_user_id
from clew._current import UNSET
from clew._faults import raise_interruption


def id_of(user: Any, *names: str, assume_authenticated: bool = False) -> object:
    """Return the id of *user*, the first of its attributes *names*, if it is authenticated.

    *assume_authenticated* holds for a user that does not tell whether it is.
    """
    authenticated = getattr(user, "is_authenticated", assume_authenticated)
    if not (authenticated() if callable(authenticated) else authenticated):
        return None
    state = getattr(user, "_sa_instance_state", None)
    for name in names:
        # An expired attribute of SQLAlchemy's would ask the database.
        if state is not None and name not in vars(user):
            continue
        try:
            value: object = getattr(user, name)
        except (AttributeError, NotImplementedError):
            continue
        if value is not None:
            return value
    return state.identity[0] if state is not None and state.identity else None


def loaded_user(inner: Callable[[], object] | None, outer: Callable[[], object]) -> object:
    """Return the user's id as the framework *inner*, else *outer*, knows it; UNSET where asking
    for it fails.
    """
    try:
        found = None if inner is None else as_user_id(inner())
        return found or as_user_id(outer())
    except Exception:
        raise_interruption()
        return UNSET
