"""Secrets and personal data stay out of the lines."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import enum
import json
import logging
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clew
from clew._http.wire import shown_query
from clew._plain import to_plain
from clew._redaction import DEFAULT, STRICT, redactor
from tests.conftest import Lines, parse_line, serve
from tests.rows import each_row

log = clew.get_logger("shop")

SECRET = "hunter2"

SENSITIVE = [
    *("password", "Password", "PASSWORD", "passwd", "pwd", "passphrase", "user_password"),
    *("userPassword", "UserPassword", "USER_PASSWORD", "user-password", "user.password"),
    *("password2", "passwordHash", "password_hash", "new password", "user[password]"),
    *("token", "tokens", "accessToken", "access_token", "access-token", "ACCESS_TOKEN"),
    *("accesstoken", "refreshToken", "idToken", "x-csrf-token", "csrftoken", "XSRF-TOKEN"),
    *("jwt", "bearer", "oauthToken", "sessionid", "session_id"),
    *("secret", "clientSecret", "client_secret", "SECRET_KEY", "secrets", "credentials"),
    *("authorization", "Authorization", "Proxy-Authorization", "auth", "authToken"),
    *("cookie", "cookies", "Set-Cookie", "setCookie", "HTTP_COOKIE"),
    *("api_key", "apiKey", "apikey", "APIKey", "API_KEY", "x-api-key", "X-Api-Key"),
    *("private_key", "privateKey", "otp", "signature", "X-Amz-Signature"),
    *("email", "Email", "e-mail", "eMail", "emails", "userEmail", "email_address"),
    *("phone", "phoneNumber", "phone_number", "phones", "telephone", "mobile_phone"),
    *("ssn", "SSN", "userSSN", "user_ssn", "socialSecurity", "passport", "taxId"),
    *("firstName", "first_name", "lastName", "surname", "dateOfBirth", "dob", "street"),
    *("creditCard", "credit_card", "cardNumber", "cvv", "iban", "accountNumber"),
    *("ｐａｓｓｗｏｒｄ", "pass\u200bword", "to\u200bken"),
]

HARMLESS = [
    *("processName", "className", "class_name", "assname", "businessName", "name", "username"),
    *("author", "authority", "authored", "passenger", "compass", "passed", "bypass"),
    *("secretary", "tokenize", "tokenizer", "cookiecutter", "phonetic", "microphones"),
    *("assn", "lessn", "possessions", "expression", "discography", "action", "value"),
    *("keyboard", "monkey", "primaryKey", "cardinality", "discard", "account", "status"),
    *("spinner", "shipping", "streetcar", "design", "signal", "assignee", "message"),
    *("requestId", "userId", "monetaryValue", "createdAt", "ipAddress", "orderId", "key", ""),
]


def test_a_sensitive_name_is_masked(lines: Lines) -> None:
    """A field named like a secret or personal data is masked in any writing, its key kept."""
    for name in SENSITIVE:
        log.info("line", **{name: SECRET})
        log.info("line", nested=[{name: {"value": SECRET}}])
    written = lines()
    assert [line[name] for name, line in zip(SENSITIVE, written[::2])] == ["***"] * len(SENSITIVE)
    assert [line["nested"] for line in written[1::2]] == [[{name: "***"}] for name in SENSITIVE]


def test_a_harmless_name_is_not_masked() -> None:
    """A name that only contains the letters of a sensitive one is left alone."""
    assert [name for name in HARMLESS if DEFAULT.field(name, "kept") != "kept"] == []


class Broken(dict[str, object]):
    """A dictionary that cannot be read as usual."""

    def __iter__(self) -> Any:
        raise RuntimeError("no keys")

    keys = __iter__


def test_a_message_that_cannot_be_read_tells_no_secret(lines: Lines) -> None:
    """Of a dictionary as message that fails when it is read, only the message is written."""
    logging.getLogger("shop").info(Broken(message="line", password=SECRET))
    assert lines()[0]["message"] == "line"
    assert SECRET not in lines.raw()


def test_every_value_of_a_sensitive_name_is_masked(lines: Lines) -> None:
    """Whatever its type, a value under a sensitive name is masked whole, None and "" too."""
    for value in (SECRET, 7, None, "", [SECRET], {"a": SECRET}, object(), b"x", float("nan")):
        log.info("line", password=value)
    assert {line["password"] for line in lines()} == {"***"}


@dataclasses.dataclass
class Account:
    name: str
    password: str


class Record(msgspec.Struct):
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


class Key(str, enum.Enum):  # noqa: UP042 - its str() is no StrEnum's
    NAME = "name"
    PIN = "password"


PLAIN = {"name": "a", "password": SECRET}

CONTAINERS: dict[str, object] = {
    "dictionary": PLAIN,
    "list": [PLAIN],
    "tuple": (PLAIN,),
    "deep": [[[{"a": {"b": [{"c": PLAIN}]}}]]],
    "frozen mapping": types.MappingProxyType(PLAIN),
    "ordered dictionary": collections.OrderedDict(PLAIN),
    "default dictionary": collections.defaultdict(str, PLAIN),
    "chain map": collections.ChainMap({}, PLAIN),
    "user dictionary": collections.UserDict(PLAIN),
    "keys as bytes": {b"name": "a", b"password": SECRET},
    "keys of an enum": {Key.NAME: "a", Key.PIN: SECRET},
    "keys as tuples": {("user", "password"): SECRET},
    "dataclass": Account("a", SECRET),
    "dataclass in a set": {dataclasses.make_dataclass("F", ["password"], frozen=True)(SECRET)},
    "Struct": Record("a", SECRET),
    "attrs": Attributes("a", SECRET),
    "named tuple": Named("a", SECRET),
    "pydantic": Model(name="a", password=SECRET),
    "deque": collections.deque([PLAIN]),
    "values of a dictionary": {"x": PLAIN}.values(),
    "user list": collections.UserList([PLAIN]),
    "namespace": types.SimpleNamespace(**PLAIN),
}


@each_row("container", CONTAINERS.values())
def test_masking_reaches_into(container: object, lines: Lines) -> None:
    """A sensitive name is masked in whatever holds it, at any depth."""
    log.info("line", field=container)
    logging.getLogger("legacy").info("line", extra={"field": [container]})
    with clew.context(field=container):
        log.info("line")
    assert len(lines()) == 3
    assert SECRET not in lines.raw()


@each_row("kind", ["dataclass", "Struct", "attrs", "named tuple", "pydantic", "frozen mapping"])
def test_a_container_becomes_an_object(kind: str) -> None:
    """What has named fields is written as an object of them."""
    assert to_plain(CONTAINERS[kind], DEFAULT) == {"name": "a", "password": "***"}


def dictionary_as_message(message: dict[Any, Any]) -> None:
    logging.getLogger("legacy").info(message)


def dictionary_with_an_exception(message: dict[Any, Any]) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("legacy").exception(message)


@pytest.mark.parametrize("write", [dictionary_as_message, dictionary_with_an_exception])
def test_a_dictionary_as_message_is_masked(
    write: Callable[[dict[Any, Any]], None], lines: Lines
) -> None:
    """A dictionary logged as the message is masked like fields, also beside an exception."""
    write({"message": "signed up", "event": "SIGNUP", "password": SECRET})
    (line,) = lines()
    assert (line["message"], line["event"], line["password"]) == ("signed up", "SIGNUP", "***")
    assert SECRET not in lines.raw()


@each_row("key", [Key.PIN, b"password", ("password",)])
def test_keys_of_any_type_are_compared(key: object, lines: Lines) -> None:
    """Keys that are no plain strings are compared by what they say, on the top level too."""
    dictionary_as_message({key: SECRET})
    assert SECRET not in lines.raw()


class Mute:
    """A key without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        return "Mute()"


def test_a_line_that_cannot_be_formatted_hides_its_secrets(lines: Lines) -> None:
    """Masking fails closed: what is written of a hopeless record shows none of its secrets."""
    dictionary_as_message({"password": SECRET, Mute(): 1})
    assert len(lines()) == 1
    assert SECRET not in lines.raw()


def test_a_circle_is_cut(lines: Lines) -> None:
    """A structure that contains itself is written up to there, masked all the same."""
    circle: dict[str, Any] = {"name": "a", "password": SECRET}
    circle["self"] = [circle]
    log.info("line", field=circle)
    assert lines()[0]["field"] == {"name": "a", "password": "***", "self": ["..."]}


def test_one_value_in_two_places_is_no_circle() -> None:
    """What stands in two places without containing itself is written twice."""
    shared = {"a": 1}
    assert to_plain([shared, shared], DEFAULT) == [{"a": 1}, {"a": 1}]


def test_depth_is_bounded(lines: Lines) -> None:
    """A very deep structure is cut, its upper levels written and nothing of it in clear."""
    deep: object = {"password": SECRET}
    for _ in range(10_000):
        deep = {"next": deep}
    log.info("line", field=deep, good=1)
    assert lines()[0]["good"] == 1
    assert lines()[0]["field"]["next"]["next"]
    assert len(lines.raw()) < 10_000
    assert SECRET not in lines.raw()


def test_breadth_is_bounded() -> None:
    """Of a structure that unfolds into billions of values, some 100,000 are written."""
    bomb: object = ["x"] * 10
    for _ in range(9):
        bomb = [bomb] * 10
    assert len(json.dumps(to_plain(bomb, DEFAULT))) < 10_000_000


class LazyList(collections.abc.Sequence[int]):
    """A list that makes its many values when asked."""

    asked = 0

    def __len__(self) -> int:
        return 300_000

    def __getitem__(self, index: Any) -> Any:
        self.asked += 1
        return range(300_000)[index]


class LazyMapping(collections.abc.Mapping[int, int]):
    """A mapping that makes its many values when asked."""

    asked = 0

    def __len__(self) -> int:
        return 300_000

    def __iter__(self) -> Iterator[int]:
        return iter(range(300_000))

    def __getitem__(self, key: int) -> int:
        self.asked += 1
        return key


@pytest.mark.parametrize("kind", [LazyList, LazyMapping])
def test_lazy_containers_are_bounded(kind: type[LazyList | LazyMapping]) -> None:
    """Of a container that makes its values when asked, not many more are made than are written."""
    lazy = kind()
    to_plain([lazy, lazy], DEFAULT)
    assert 0 < lazy.asked < 200_000


def test_a_long_range_is_bounded() -> None:
    """Of a range of 300,000 numbers some 100,000 are written."""
    assert len(to_plain(range(300_000), DEFAULT)) < 200_000


@each_row(
    ("redact", "names", "masked"),
    [
        ("default", ["password", "tenant"], ["password"]),
        ("off", ["password", "tenant"], []),
        (["tenant"], ["password", "tenant", "tenantName", "TENANT_ID"], None),
        (("home town",), ["homeTown", "home_town", "HOMETOWN", "password"], None),
        ({"näme"}, ["näme", "NÄME", "password"], None),
    ],
)
def test_the_redact_option(redact: Any, names: list[str], masked: list[str] | None) -> None:
    """Masking is by the default names, off, or by further names besides the default ones."""
    chosen = redactor(redact)
    expected = names if masked is None else masked
    assert [name for name in names if chosen.field(name, SECRET) == "***"] == expected
    query = "&".join(f"{name}={SECRET}" for name in names)
    assert chosen.query(query).count("***") == len(expected)


@each_row(
    ("query", "masked"),
    [
        ("page=2&q=shoes", "page=2&q=shoes"),
        ("token=abc", "token=***"),
        ("TOKEN=abc&page=2", "TOKEN=***&page=2"),
        ("page=2&access_token=abc", "page=2&access_token=***"),
        ("accessToken=abc&q=1", "accessToken=***&q=1"),
        ("user[password]=abc", "user[password]=***"),
        ("user%5Bpassword%5D=abc", "user%5Bpassword%5D=***"),
        ("filter[user][email]=a%40b.c", "filter[user][email]=***"),
        ("tokens[]=a&tokens[]=b", "tokens[]=***&tokens[]=***"),
        ("%74oken=abc", "%74oken=***"),
        ("tok%65n=abc", "tok%65n=***"),
        ("%2574oken=abc", "%2574oken=***"),
        ("%252574oken=abc", "%252574oken=***"),
        ("access+token=abc", "access+token=***"),
        ("page=2;token=abc", "page=2;token=***"),
        ("token=abc;page=2&q=1", "token=***&q=1"),
        ("a=1;b=2", "a=1;b=2"),
        ("token=", "token=***"),
        ("token=a=b=c", "token=***"),
        ("token=a&token=b", "token=***&token=***"),
        ("className=x&author=y", "className=x&author=y"),
        ("q=token", "q=token"),
        ("&&", "&&"),
        ("=abc", "=abc"),
        ("token", "token"),
        ("page=2&token=abc%26page%3D3", "page=2&token=***"),
        ("?token=abc", "?token=***"),
    ],
)
def test_query_strings(query: str, masked: str) -> None:
    """Values of sensitive names are masked in a query, the names compared decoded and by word."""
    assert shown_query(query, clew.Settings().redactor) == masked


def test_a_query_is_cut_and_printable() -> None:
    """A query is cut at 2,048 characters, percent-encoded where it must be, absent when empty."""
    plain = clew.Settings().redactor
    assert shown_query("", plain) is None
    assert shown_query("a=" + "x" * 5000, plain) == "a=" + "x" * 2046
    assert shown_query('q=a b\n{"é', plain) == "q=a%20b%0A{%22%E9"
    masked = shown_query("x=" + "y" * 2000 + "&token=" + SECRET * 1000, plain)
    assert masked is not None
    assert masked.endswith("&token=***")


def test_the_query_of_strict_settings() -> None:
    """Strict settings mask addresses in the values of a query as well."""
    strict = clew.Settings(redact="strict").redactor
    assert shown_query("q=a.b%40example.com&to=x@example.com", strict) == "q=***&to=***"


CARD = "4111111111111111"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

REVEALING = [
    ("mail to jane.doe+shop@example.co.uk today", "jane.doe"),
    ("<jane@example.com>", "jane@"),
    ("jane%40example.com", "example.com"),
    ("JANE@EXAMPLE.COM", "EXAMPLE"),
    ("/users/jane@example.com/orders", "jane"),
    ("/users/jane%40example.com/orders", "jane"),
    ("a@example.com,b@example.com", "@"),
    ("o'neil@example.com", "neil"),
    ("jane@xn--bcher-kva.example", "jane"),
    ("jane@bücher.example", "jane"),
    (f"card {CARD}", CARD),
    ("card 4111 1111 1111 1111", "1111"),
    ("card 4111-1111-1111-1111.", "1111"),
    ("4111+1111+1111+1111", "1111"),
    ("4111%201111%201111%201111", "1111"),
    ("amex 3782 822463 10005", "822463"),
    ("mastercard 5555555555554444", "5555"),
    ("diners 30569309025904", "3056"),
    ("maestro 6759649826438453", "6759"),
    (f"cards {CARD} and 5500000000000004", "0000"),
    (f"{CARD},5500000000000004", "0000"),
    (f"order 12 {CARD}", CARD),
    ("charged 100 4111 1111 1111 1111", "1111 1111"),
    ("4111 1111 1111 1111 123", "1111 1111"),
    ("4111 1111 1111 1111 12/28", "1111 1111"),
    ("2026-11-23 4111111111111111", CARD),
    (f"{CARD} 5500000000000004", CARD),
    ("Authorization: Bearer abcdef0123456789", "abcdef"),
    ("bearer  abcdef0123456789", "abcdef"),
    ("BEARER abcdef0123456789", "abcdef"),
    ("Bearer%20abcdef0123456789", "abcdef"),
    ("Bearer+abcdef0123456789", "abcdef"),
    ("Basic dXNlcjpwYXNzd29yZA==", "dXNl"),
    (f"got {JWT}", "eyJ"),
    (f"/callback/{JWT}", "eyJ"),
    (f"id_token%3D{JWT}", "eyJ"),
    (f"token_{JWT}", "eyJ"),
    ("unionpay 6200000000000000000", "6200"),
]


def test_strict_masks_what_looks_sensitive() -> None:
    """Strict masks e-mail addresses, card numbers and tokens, in whatever surrounds them."""
    assert [text for text, hidden in REVEALING if hidden in STRICT.text(text)] == []


@each_row(("text", "hidden"), [REVEALING[0], REVEALING[10], REVEALING[27], REVEALING[33]])
def test_strict_masks_wherever_there_is_a_text(text: str, hidden: str, lines: Lines) -> None:
    """Strict masks in messages, values, at any depth, and errors."""
    lines.configure(redact="strict")
    log.danger(text, note=text, deep=[{"note": text}], exc_info=ValueError(text))
    line = lines()[0]
    assert line["note"] == line["deep"][0]["note"] == line["exception"]["message"]
    del line["createdAt"]
    assert hidden not in json.dumps(line, ensure_ascii=False)


def test_strict_leaves_the_rest() -> None:
    """Strict leaves ids, times, addresses of hosts, numbers and prose as they are."""
    texts = [
        "018f6b0e-8f4e-7c3a-9b1d-2f3e4d5c6b7a",
        *(str(uuid.UUID(int=number * 7919**9 % 2**128)) for number in range(1, 20)),
        "1637594905976",
        *(str(1637594905976 + number * 9973) for number in range(20)),
        "1637594905976123",
        "1637594905976123456",
        "2021-11-22T15:28:25.976Z",
        "2021-11-22 15:28:25.976",
        "4111111111111112",
        "411111111111",
        "41111111111111111111",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "203.0.113.7",
        "2001:db8::7",
        "GET /orders/42 200",
        "user@localhost",
        "@decorator",
        "a@b",
        "50% off @ the store",
        "bearer of bad news",
        "eyJ",
        "order-77",
        "v1.2.3",
        "3.14159265358979",
    ]
    assert [text for text in texts if STRICT.text(text) != text] == []


def test_strict_masks_numbers_that_are_cards(lines: Lines) -> None:
    """Strict masks an integer that is a card's number, not an amount and not a time."""
    lines.configure(redact="strict")
    log.info("line", value=int(CARD), deep=[int(CARD)], monetary_value=int(CARD), at=1637594905976)
    line = lines()[0]
    assert (line["value"], line["deep"]) == ("***", ["***"])
    assert (line["monetaryValue"], line["at"]) == (int(CARD), 1637594905976)


def test_strict_masks_bytes_and_keys_stay(lines: Lines) -> None:
    """Strict masks in bytes and in what objects say of themselves."""
    lines.configure(redact="strict")
    log.info("line", raw=b"jane@example.com", error=ValueError("jane@example.com"))
    assert "jane" not in lines.raw()


def test_strict_masks_a_traceback(lines: Lines) -> None:
    """Strict masks the text of an exception in its stack trace too."""
    lines.configure(redact="strict")
    try:
        raise ValueError("no such user: {}@example.com".format("jane"))
    except ValueError:
        log.exception("failed")
    assert lines()[0]["exception"]["message"] == "no such user: ***"
    assert "jane@example.com" not in lines.raw()


def test_strict_masks_the_record_of_a_request(lines: Lines) -> None:
    """Strict masks in an HTTPLog too, also where the middleware's own option is another."""
    lines.configure(redact="strict")
    path = "/users/jane@example.com/orders"
    serve(lambda: None, environ={"PATH_INFO": path, "QUERY_STRING": "q=jane@example.com"})
    (line,) = lines.http()
    assert line["request"]["path"] == "/users/***/orders"
    assert "jane" not in lines.raw()


def test_strict_is_strict_when_a_line_cannot_be_formatted() -> None:
    """Strict masks in the note of what went wrong, too."""

    class Broken(clew.JSONFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            raise ValueError("jane@example.com")

    line = Broken(redact="strict").format(logging.makeLogRecord({"msg": "jane@example.com"}))
    assert parse_line(line)["message"] == "***"
    assert "jane" not in line


def test_names_are_only_masked_in_keys(lines: Lines) -> None:
    """By default texts are left as they are: masking goes by names."""
    log.info("jane@example.com", note="jane@example.com", value=CARD)
    line = lines()[0]
    assert (line["message"], line["note"], line["value"]) == (
        "jane@example.com",
        "jane@example.com",
        CARD,
    )


keys = st.sampled_from(["a", "b", "name", "className", "value", "message", "level", "request"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(keys | st.text(), inner)
        | st.builds(types.MappingProxyType, st.dictionaries(keys, inner))
        | st.builds(Named, inner, inner)
        | st.builds(Account, inner, inner)
    ),
    max_leaves=10,
)
HIDDEN = "5ecr3t"


@st.composite
def hiding(draw: st.DrawFn) -> object:
    """A structure with something hidden under a sensitive name, at any depth."""
    hidden: Any = draw(st.sampled_from([HIDDEN, HIDDEN.encode(), [HIDDEN], {"a": HIDDEN}]))
    name = draw(st.sampled_from(SENSITIVE))
    inner: Any = {**draw(st.dictionaries(keys, values)), name: hidden}
    for wrapper in draw(st.lists(st.sampled_from("ldtDnL"), max_size=40)):
        match wrapper:
            case "l":
                inner = [draw(leaves), inner]
            case "d":
                inner = {**draw(st.dictionaries(keys, leaves)), draw(keys): inner}
            case "t":
                inner = (inner, draw(leaves))
            case "D":
                inner = types.MappingProxyType({draw(st.text()): inner})
            case "n":
                inner = Named(inner, "x")
            case "L":
                inner = Account(inner, inner)
    return inner


FORMATTERS = [
    clew.JSONFormatter(),
    clew.JSONFormatter(redact="strict"),
    clew.JSONFormatter(static_fields={"a": 1}, json_default=str),
]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(hiding(), st.sampled_from(FORMATTERS), st.booleans())
def test_what_a_sensitive_name_holds_is_nowhere_in_the_line(
    field: object, formatter: clew.JSONFormatter, as_message: bool
) -> None:
    """Whatever surrounds it, the value of a sensitive name appears nowhere in the line."""
    attributes: dict[str, object] = {"name": "shop", "levelno": 20}
    if as_message:
        attributes["msg"] = {"message": "x", "field": field}
    else:
        attributes.update(msg="x", field=field)
    line = formatter.format(logging.makeLogRecord(attributes))
    assert parse_line(line)["message"] == "x"
    assert HIDDEN not in line
