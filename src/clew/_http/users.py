"""A request's user: whom the application names, else whom its framework has loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from clew._context import Context
from clew._current import UNSET
from clew._ids import as_user_id
from clew._interruptions import raise_interruption

from .request import HTTPRequest
from .settings import Settings


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


class RequestUser(HTTPRequest, Context):
    """Knows the user of a request that is the current context."""

    settings: Settings
    _seen_user: str | None = None

    def user_id(self) -> str | None:
        # Most often there is nobody, and asking costs more than this.
        if self._user_id is UNSET and self.settings.user_id is None and self.is_unknown():
            return self._seen_user
        return super().user_id()

    def known_user(self) -> str | None:
        """Return the user's id as far as it is known, without asking anybody."""
        known = self._seen_user if self._user_id is UNSET else self._user_id
        return cast("str | None", known)

    def is_unknown(self) -> bool:
        """Tell, without running any code of the application, whether no framework knows a user."""
        return not (self.eventful and self.inner_user is not None) and not self.has_user()

    def find_user(self) -> str | None:
        """Return the user's id by the ``user_id`` option, else as the framework knows it."""
        option = self.settings.user_id
        if option is not None:
            try:
                user_id = as_user_id(option(self.source()))
                self.note_user(user_id)
                return user_id
            except Exception as error:
                self.settings.report("user_id", error)
        if self.is_unknown():
            return self._seen_user
        user = loaded_user(self.inner_user, self.framework_user)
        if user is not UNSET:  # the user's database session may be gone by now
            self._seen_user = cast("str | None", user)
            self.note_user(self._seen_user)
        return self._seen_user
