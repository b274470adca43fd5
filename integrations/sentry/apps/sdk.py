"""Sentry's SDK, as the services and the worker set it up."""

from __future__ import annotations

import os
from typing import Any

import sentry_sdk


def init(*integrations: Any, **options: Any) -> None:
    """Set up Sentry with *integrations*, or with all that it finds where ALL_INTEGRATIONS says so.

    It finds one for each package that is installed, which it imports: this takes a while.
    """
    every = "ALL_INTEGRATIONS" in os.environ
    sentry_sdk.init(
        traces_sample_rate=1.0,
        auto_enabling_integrations=every,
        integrations=[] if every else integrations,
        **options,
    )
