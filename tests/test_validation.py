"""Why a request was refused, on the frameworks that validate: the place and the reason alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings
from fastapi import FastAPI
from pydantic import BaseModel, Field, field_validator
from starlette.responses import PlainTextResponse

import clew.fastapi
from clew._http.validation import errors_of
from clew._redaction import DEFAULT
from clew.records import FieldError
from tests.adapters.drive import Call, Reply, serve_asgi
from tests.adapters.stacks import DjangoASGI, DjangoWSGI
from tests.conftest import Lines

SECRET = "hunter2"


class Voucher(BaseModel):
    """A voucher, as a client sends one."""

    code: str = Field(max_length=5)
    amount: int

    @field_validator("code")
    @classmethod
    def check(cls, code: str) -> str:
        """Quote the input, as many do."""
        raise ValueError(f"{code} is no code")


def fastapi_app(**options: Any) -> FastAPI:
    app = FastAPI()
    clew.fastapi.install(app, **options)

    @app.get("/vouchers")
    def get_vouchers(limit: int, code: str) -> None:
        Voucher(code=code, amount=limit)

    return app


def serve_django(kind: Any, target: str, **options: Any) -> Reply:
    stack = kind(**options)
    with override_settings(ROOT_URLCONF="tests.adapters.django_project.refusals"):
        reply: Reply = stack.request(target)
    return reply


def test_fastapi_says_the_place_and_the_reason(lines: Lines) -> None:
    """A 422 has each error's place and type, and never what was sent; by default it has none."""
    call = Call(target=f"/vouchers?limit={SECRET}")
    for options in ({}, {"validation": True}):
        assert asyncio.run(serve_asgi(fastapi_app(**options), call)).status == 422
    plain, full = lines.http()
    assert "validationErrors" not in plain
    assert full["validationErrors"] == [
        {"place": "query.limit", "reason": "int_parsing"},
        {"place": "query.code", "reason": "missing"},
    ]
    assert "exception" not in full and full["level"] == "warning"


@pytest.mark.parametrize("kind", [DjangoWSGI, DjangoASGI])
def test_ninja_and_rest_framework_say_it_too(kind: Any, lines: Lines) -> None:
    """So do Django Ninja, by pydantic, and REST framework, by its codes."""
    target = f"/ninja/vouchers?limit={SECRET}"
    assert serve_django(kind, target, validation=True).status == 422
    assert serve_django(kind, "/rest", validation=True).status == 400
    by_ninja, by_rest = (line["validationErrors"] for line in lines.http())
    assert by_ninja == [
        {"place": "query.limit", "reason": "int_parsing"},
        {"place": "query.amount", "reason": "missing"},
    ]
    assert by_rest == [
        {"place": "code", "reason": "invalid_choice"},
        {"place": "items.1.sku", "reason": "max_length"},
        {"place": "items.2.sku", "reason": "required"},
    ]
    assert lines.raw().count(SECRET) == 1  # in the query


def test_a_5xx_has_the_exception_that_ninja_answers(lines: Lines) -> None:
    """What one of Ninja's handlers answers with a 5xx is in the record, as elsewhere."""
    assert serve_django(DjangoWSGI, "/ninja/crash").status == 503
    assert lines.http()[0]["exception"]["message"] == "boom"


def test_messages_that_quote_the_input_are_left_out() -> None:
    """A validator of one's own quotes what it got; at most 20 errors come, and their type."""
    with pytest.raises(ValueError, match="no code") as caught:
        Voucher(code=SECRET[:5], amount=1)
    assert errors_of(caught.value, DEFAULT) == [FieldError(place="code", reason="value_error")]

    class Many(Exception):
        errors = [{"loc": ["body", number], "type": "missing"} for number in range(30)]

    found = errors_of(Many(), DEFAULT)
    assert found is not None and len(found) == 20
    assert found[3] == FieldError(place="body.3", reason="missing")


def test_other_exceptions_have_none(lines: Lines) -> None:
    """What only looks like a validation's error costs the errors, and nothing else."""

    class Odd(Exception):
        errors = [{"place": "body"}]

    app = FastAPI()
    clew.fastapi.install(app, validation=True)

    @app.exception_handler(Odd)
    def answer(_request: Any, _error: Any) -> Any:
        return PlainTextResponse("no", 400)

    @app.get("/ok")
    async def ok() -> None:
        raise Odd

    assert asyncio.run(serve_asgi(app, Call())).status == 400
    assert errors_of(LookupError(), DEFAULT) is None
    (http,) = lines.http()
    assert "validationErrors" not in http
