"""The id of a user whom a framework has loaded."""

from __future__ import annotations

from typing import Any


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
