"""The settings with which Django's own tests run, and the runner that notes their outcomes."""

from __future__ import annotations

import unittest
from typing import Any

from django.test.runner import DiscoverRunner
from suite_results import results

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "django_suite.Runner"


class Noted(unittest.TextTestResult):
    """Write what became of each test."""

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
