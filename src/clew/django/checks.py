"""What ``manage.py check`` tells of ``MIDDLEWARE`` and ``CLEW``."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.core import checks

from clew._http.settings import Settings

MIDDLEWARE = "clew.django.RequestIDMiddleware"


def read_settings() -> Settings:
    """Return the setting ``CLEW`` as a `Settings`."""
    given = getattr(django_settings, "CLEW", {})
    if isinstance(given, Settings):
        return given
    if not isinstance(given, dict):
        raise TypeError(f"CLEW must be a dictionary of options, not {given!r}")
    return Settings.of(None, given)


@checks.register
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Return what is wrong with ``MIDDLEWARE`` and ``CLEW``, for ``manage.py check``."""
    found: list[checks.CheckMessage] = []
    middleware = list(django_settings.MIDDLEWARE)

    def warn(number: int, text: str, hint: str) -> None:
        found.append(checks.Warning(f"{MIDDLEWARE} is {text}", hint=hint, id=f"clew.W00{number}"))

    if MIDDLEWARE not in middleware:
        hint = f"Put {MIDDLEWARE!r} first in MIDDLEWARE."
        warn(1, "not in MIDDLEWARE, so no request gets an id.", hint)
    elif middleware[0] != MIDDLEWARE:
        before = ", ".join(middleware[: middleware.index(MIDDLEWARE)])
        hint = f"Move {MIDDLEWARE!r} to the first place in MIDDLEWARE."
        warn(2, f"not first in MIDDLEWARE: lines and answers of {before} have no id.", hint)
    if (count := middleware.count(MIDDLEWARE)) > 1:
        warn(3, f"{count} times in MIDDLEWARE; only the first serves.", "Remove the others.")
    try:
        read_settings()
    except (TypeError, ValueError) as error:
        found.append(checks.Error(f"The setting CLEW is wrong: {error}", id="clew.E001"))
    return found
