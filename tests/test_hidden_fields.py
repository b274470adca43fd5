"""What a class hides stays hidden, and a model as the message is masked."""

from __future__ import annotations

import dataclasses
import logging
import logging.handlers
import queue
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import attrs
import msgspec
import pydantic
import pytest
from starlette.datastructures import Secret

import clew
from tests.conftest import Lines
from tests.rows import each_row

log = clew.get_logger("shop")

PIN = "4711-0815"


@dataclasses.dataclass
class Card:
    holder: str
    pin: str = dataclasses.field(repr=False)


@attrs.define
class AttrsCard:
    holder: str
    pin: str = attrs.field(repr=False)


@attrs.define
class StarredCard:
    holder: str
    pin: str = attrs.field(repr=lambda _: "....")


class UnshownCard(pydantic.BaseModel):
    holder: str
    pin: str = pydantic.Field(repr=False)


class ExcludedCard(pydantic.BaseModel):
    holder: str
    pin: Annotated[str, pydantic.Field(exclude=True)]


@pydantic.dataclasses.dataclass
class PydanticCard:
    holder: str
    pin: str = pydantic.Field(exclude=True)


HIDING = [kind("bob", PIN) for kind in (Card, AttrsCard, StarredCard, PydanticCard)] + [
    kind(holder="bob", pin=PIN) for kind in (UnshownCard, ExcludedCard)
]


@pytest.mark.parametrize("card", HIDING, ids=lambda card: type(card).__name__)
def test_what_a_class_hides_is_not_written(card: object, lines: Lines) -> None:
    """Neither as a field, at any depth, nor as a bound one, nor as the message."""
    log.info("line", card=card, cards=[{"card": card}])
    with clew.context(card=card):
        log.info("line")
    log.info(card)
    assert PIN not in lines.raw()
    assert [lines()[0]["card"], lines()[1]["card"]] == [{"holder": "bob"}] * 2
    assert lines()[2]["holder"] == "bob"


@each_row("secret", [pydantic.SecretStr(PIN), pydantic.SecretBytes(PIN.encode()), Secret(PIN)])
def test_a_secret_value_is_masked(secret: object, lines: Lines) -> None:
    """A value of a class that hides it is masked under any name."""
    log.info("line", field=secret, within=[secret])
    assert PIN not in lines.raw()
    assert (lines()[0]["field"], lines()[0]["within"]) == ("***", ["***"])


@dataclasses.dataclass
class Account:
    name: str
    password: str


class Struct(msgspec.Struct):
    name: str
    password: str


@attrs.define
class Attributes:
    name: str
    password: str


class Named(NamedTuple):
    name: str
    password: str


class Model(pydantic.BaseModel):
    name: str
    password: str


MODELS: list[Any] = [
    kind(name="bob", password=PIN) for kind in (Account, Struct, Attributes, Named, Model)
]


def by_clew(message: Any) -> None:
    log.info(message)


def by_logging(message: Any) -> None:
    logging.getLogger("legacy").info(message)


def with_an_exception(message: Any) -> None:
    log.info(message, exc_info=ValueError("boom"))


def through_a_queue(message: Any) -> None:
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    sender = logging.handlers.QueueHandler(records)
    sender.addFilter(clew.ContextFilter())
    record = logging.LogRecord("legacy", logging.INFO, "", 0, message, (), None)
    sender.handle(record)
    logging.root.handle(records.get())


@each_row("write", [by_clew, by_logging, with_an_exception, through_a_queue])
@each_row("model", MODELS)
def test_a_model_as_the_message_is_spread_and_masked(
    model: object, write: Callable[[object], None], lines: Lines
) -> None:
    """Its fields are those of the line, masked as a dictionary's."""
    write(model)
    assert PIN not in lines.raw()
    (line,) = lines()
    assert (line["message"], line["name"], line["password"]) == ("", "bob", "***")


@dataclasses.dataclass
class Purchase:
    order: int
    message: str = "purchased"


@dataclasses.dataclass
class Telling:
    order: int

    def __str__(self) -> str:
        return f"order {self.order}"


@dataclasses.dataclass
class Failure(Exception):
    reason: str

    def __str__(self) -> str:
        return f"failed: {self.reason}"


def test_a_model_says_its_message(lines: Lines) -> None:
    """Its field of that name is the message, or the text that its class gives it; an exception is
    its text.
    """
    log.info(Purchase(7))
    log.info(Telling(7))
    log.danger(Failure("late"))
    assert [(line["message"], line.get("order")) for line in lines()] == [
        ("purchased", 7),
        ("order 7", 7),
        ("failed: late", None),
    ]


@each_row("write", [by_clew, by_logging, with_an_exception, through_a_queue])
def test_an_empty_dictionary_as_the_message(write: Callable[[object], None], lines: Lines) -> None:
    """It has no message, by whichever way it comes."""
    write({})
    assert lines()[0]["message"] == ""
