"""The settings with which Django's own tests run, and the runner that notes their outcomes."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import Any

from django.test.runner import DiscoverRunner

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "django_suite.Runner"

# It lies beside this one on the path of a run.
results = importlib.import_module("suite_results").results


class Noted(unittest.TextTestResult):
    """Write what became of each test."""

    def startTest(self, test: Any) -> None:
        os.environ["PYTEST_CURRENT_TEST"] = test.id()
        super().startTest(test)

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        results.add(test.id(), "passed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        results.add(test.id(), "failed")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        results.add(test.id(), "failed")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        results.add(test.id(), "skipped")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            results.add(test.id(), "failed")


class Runner(DiscoverRunner):
    """Django's own runner."""

    def get_resultclass(self) -> Any:
        return Noted
