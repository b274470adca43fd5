"""What Django was told to keep to itself stands in no line about an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import django
import pytest
from django.http import QueryDict
from django.test import RequestFactory
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

import clew
from tests.conftest import Lines

log = clew.get_logger("shop")

SECRET = "correct horse"


def fail(value: str) -> None:
    raise ValueError(f"no voucher {value} is known")


@sensitive_variables("voucher")
def named(voucher: str) -> None:
    fail(voucher)


@sensitive_variables()
def all_of_them(voucher: str) -> None:
    parts = {"a": [voucher]}
    raise ValueError(f"no voucher {parts['a'][0]} is known")


@sensitive_variables("voucher")
def caught_within(voucher: str) -> None:
    try:
        fail(voucher)
    except ValueError:
        log.exception("failed")
        raise


@sensitive_variables("voucher")
def another_cause(voucher: str) -> None:
    try:
        fail(voucher)
    except ValueError as error:
        raise RuntimeError("failed") from error


@sensitive_variables("voucher")
async def coroutine(voucher: str) -> None:
    fail(voucher)


def in_a_coroutine(voucher: str) -> None:
    asyncio.run(coroutine(voucher))


def in_a_form(voucher: str) -> None:
    @sensitive_post_parameters("voucher")
    def view(request: object) -> None:
        fail(request.POST["voucher"])  # type: ignore[attr-defined]

    request = RequestFactory().post("/", {"voucher": voucher})
    assert isinstance(request.POST, QueryDict)
    view(request)


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Django have the settings of a project."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.adapters.django_project.settings")


@pytest.mark.parametrize(
    "work", [named, all_of_them, caught_within, another_cause, in_a_coroutine, in_a_form]
)
def test_sensitive_variables(work: Callable[[str], None], lines: Lines) -> None:
    """Values that are declared sensitive are masked where an exception's text quotes them."""
    if work is in_a_coroutine and django.VERSION < (5,):
        pytest.skip("this Django does not declare them in coroutines")
    try:
        work(SECRET)
    except Exception:
        log.exception("failed")
    raw = lines.raw()
    assert "failed" in raw
    assert SECRET not in raw
    assert "***" in raw


def test_other_variables_stay(lines: Lines) -> None:
    """What nobody declares is written."""
    try:
        fail(SECRET)
    except ValueError:
        log.exception("failed")
    assert SECRET in lines()[0]["exception"]["message"]
