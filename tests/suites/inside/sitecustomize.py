"""Mounts clew in each Python of a suite's run, also in those that its tests start."""

from __future__ import annotations

import importlib
import os

# Pytest's own process loads its plugins before the libraries that are tested.
if not os.environ.pop("SUITE_PYTEST", "") and os.environ.get("SUITE_MOUNTS"):
    importlib.import_module("clew_mounts").mount()
