"""Which names are masked: shares of lists of names, and why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import clew
from clew._redaction import DEFAULT, Redact, redactor
from tests.rows import each_row

NAMES = Path(__file__).with_name("names")

Lists = dict[str, tuple[list[str], list[str]]]


def lists() -> Lists:
    """Return the lists: of each, the sensitive and the harmless names."""
    found: Lists = {
        "the field's": (
            (NAMES / "sensitive.txt").read_text().split(),
            (NAMES / "harmless.txt").read_text().split(),
        )
    }
    text = (NAMES / "applications.txt").read_text()
    for title, kind, names in re.findall(r"^\[(.+)\] (\w+)\n((?:.+\n)+)", text, re.MULTILINE):
        found.setdefault(title, ([], []))[kind == "harmless"].extend(names.split())
    return found


def shares(sensitive: list[str], harmless: list[str]) -> tuple[float, float]:
    """Return the shares of both that are masked, of texts."""
    masked = [
        [DEFAULT.hidden(name, "12 hunters") is not None for name in names]
        for names in (sensitive, harmless)
    ]
    return sum(masked[0]) / len(sensitive), sum(masked[1]) / len(harmless)


@pytest.mark.parametrize("title", lists())
def test_shares(title: str) -> None:
    """By default at least 95 % of the sensitive names are masked and at most 4 % of the others."""
    sensitive, harmless = shares(*lists()[title])
    assert sensitive >= 0.95
    assert harmless <= 0.04


SAME = [
    ("password", "Password PASSWORD passWord pass-word pass_word user.password password2"),
    ("password", "newpassword NEWPASSWORD passwordConfirmation confirmpassword passwordhash"),
    ("token", "resettoken accessToken x-auth-token user[token] authtoken usertoken"),
    ("Sozialversicherungsnummer", "sozialversicherungsnummer sozialversicherungsNummer"),
    ("führerschein", "fuehrerschein fuhrerschein Führerschein FÜHRERSCHEIN"),
    ("clé_privée", "cle_privee clePrivee CLE-PRIVEE cléprivée"),
    ("numéro de téléphone", "numero_telephone numeroTelephone no_telephone numTelephone"),
    ("fecha_de_nacimiento", "fechaNacimiento FECHA_NACIMIENTO fechanacimiento"),
    ("hasło", "haslo HASLO nowe_haslo"),
    ("data_di_nascita", "dataNascita datadinascita DATA-NASCITA"),
    ("número do cartão", "numero_cartao numeroCartao"),
]


@each_row(("name", "writings"), SAME)
def test_writings(name: str, writings: str) -> None:
    """A name is masked in any writing, with accents or without, also as one word."""
    number = "4111111111111111"
    assert [one for one in (name, *writings.split()) if DEFAULT.hidden(one, number) is None] == []


@each_row(
    ("name", "clear", "masked"),
    [
        ("password", [True, False], ["x", 7, 0.5, None, "", ["x"], {"a": 1}]),
        ("token", [True, 7, 1500.0], ["x", 123456, None, [7]]),
        ("pin", [True, "map", 12.5, ["x"]], [4711, "0815", b"4711"]),
        ("card", ["board", 7, {"a": 1}], ["4111 1111 1111 1111", 4111111111111111]),
        ("account", ["acme", 42, False], ["12345678", 12345678]),
        ("phone", [False, 3], ["+47 123 45 678", 4712345678]),
        ("address", ["10.0.0.1:80", "db"], ["1 High Street"]),
        ("code", ["E42", 404], []),
        ("state", ["open"], []),
    ],
)
def test_what_stands_under_a_name(name: str, clear: list[object], masked: list[object]) -> None:
    """A truth value is no secret, a number is one under some names, and some names tell nothing."""
    assert [value for value in clear if DEFAULT.hidden(name, value) is not None] == []
    assert [value for value in masked if DEFAULT.hidden(name, value) is None] == []


def test_short_words_in_a_query() -> None:
    """A code and a state are secrets in a query."""
    assert DEFAULT.query("code=4/0Ab&state=xyz&page=2") == "code=***&state=***&page=2"


def test_what_is_personal() -> None:
    """What most logs want is masked by "personal" and "strict" alone."""
    names = ["city", "country", "age", "clientIp", "userAgent", "device", "ville", "miasto"]
    for redact, count in (("default", 0), ("personal", len(names)), ("strict", len(names))):
        chosen = redactor(redact)
        assert sum(chosen.hidden(name, "x") is not None for name in names) == count


@each_row(
    ("name", "redact", "reason"),
    [
        ("accessToken", "default", "'accessToken' is masked, but for small numbers and truth"),
        ("user_password", "default", "'password' is listed under passwords."),
        ("card", "default", "'card' is masked, where it has the digits of a card"),
        ("token_count", "default", "'token_count' is not masked: .*it is about something else"),
        ("city", "default", 'redact="personal" masks it'),
        ("city", "strict", "'city' is listed under people, as most logs want them"),
        ("tenantId", ["tenant"], "the option redact names 'tenant'"),
        ("password", "off", 'redact is "off"'),
        ("password", {"password": "keep"}, "not masked: the option redact keeps it"),
        ("x" * 300, "default", "longer than 200 characters"),
    ],
)
def test_explain(name: str, redact: Redact, reason: str) -> None:
    """It says in a sentence why a name is masked, or not."""
    explanation = clew.explain(name, redact=redact)
    assert re.search(reason, str(explanation))
    assert explanation.masked == (" is masked" in explanation.reason)


def test_explain_refuses_what_is_no_name() -> None:
    """What is no string has no name's reason."""
    with pytest.raises(TypeError, match="name must be a string, as 'accessToken', not 5"):
        clew.explain(5)  # type: ignore[arg-type]
