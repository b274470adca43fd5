"""How a named value is treated: masked, a token, a network, its last digits, kept."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

import clew
from clew._redaction import redactor
from clew._secrets.treatments import KEY_VARIABLE, TOKEN, last4, network, read_keys, token, tokens
from tests.conftest import Lines, serve
from tests.rows import each_row

log = clew.get_logger("shop")

KEY, OTHER = "a" * 32, "b" * 32
CARD = "4111 1111 1111 1234"
TREATED = {
    "email": "token",
    "ipAddress": "network",
    "card number": "last4",
    "tenant": "mask",
    "author": "keep",
    "phone": "keep",
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a key."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def test_each_treatment(lines: Lines) -> None:
    """Each name is treated as the mapping says, in any writing, and others as ever."""
    lines.configure(redact=TREATED)
    log.info(
        "line",
        email="bob@x.org",
        userEmail="bob@x.org",
        cardNumber=CARD,
        tenantId="acme",
        author="ann",
        phone="555",
        mobilePhone="555",
        password="x",
        nested={"email": "bob@x.org"},
        url="https://x/?email=bob@x.org",
        form="email=bob@x.org&page=2",
    )
    (line,) = lines()
    made = line["email"]
    assert TOKEN.fullmatch(made)
    assert made == token("bob@x.org", {1: KEY.encode()})
    assert line["userEmail"] == line["nested"]["email"] == made
    assert (line["url"], line["form"]) == (f"https://x/?email={made}", f"email={made}&page=2")
    assert (line["cardNumber"], line["tenantId"], line["author"]) == ("***1234", "***", "ann")
    assert (line["phone"], line["mobilePhone"], line["password"]) == ("555", "***", "***")


def test_other_values_than_texts(lines: Lines) -> None:
    """A number and a UUID have a token; what has parts, or is nothing, is masked."""
    lines.configure(redact={"ref": "token"})
    uuid = UUID(int=7)
    for value in (7, uuid, b"7", [7], {"a": 7}, None, True, 0.5):
        log.info("line", ref=value)
    shown = [line["ref"] for line in lines()]
    assert shown[0] == shown[2] == token("7", {1: KEY.encode()})
    assert shown[1] == token(str(uuid), {1: KEY.encode()})
    assert shown[3:] == ["***"] * 5


@pytest.mark.parametrize("where", ["the lines", "the request", "both"])
def test_keys_of_clews_own(where: str, lines: Lines) -> None:
    """Address, user and path of a request can be named, for the lines or the middleware."""
    redact = {"ipAddress": "network", "userId": "token", "path": "mask"}
    if where != "the request":
        lines.configure(redact=redact)
    options: dict[str, Any] = {} if where == "the lines" else {"redact": redact}
    environ = {"REMOTE_ADDR": "203.0.113.77", "PATH_INFO": "/users/bob"}
    serve(lambda: clew.bind(user_id="bob"), environ=environ, **options)
    (line,) = lines.http()
    request = line["request"]
    assert (request["ipAddress"], request["path"]) == ("203.0.113.0/24", "***")
    assert line["userId"] == token("bob", {1: KEY.encode()})
    assert line["message"] == "GET *** 200"
    assert "bob" not in lines.raw()


def test_a_users_id_is_a_token_in_every_line(lines: Lines) -> None:
    """What the lines treat they treat in all that have it."""
    lines.configure(redact={"userId": "token"})
    with clew.context(user_id="bob"):
        log.info("line")
    assert lines()[0]["userId"] == token("bob", {1: KEY.encode()})


@pytest.mark.parametrize("redact", ["personal", "strict"])
def test_the_clients_address_is_personal(redact: Any, lines: Lines) -> None:
    """ "personal" and "strict" mask the client's address; a mapping may keep it."""
    lines.configure(redact=redact)
    serve(lambda: None, environ={"REMOTE_ADDR": "203.0.113.77"})
    assert lines.http()[0]["request"]["ipAddress"] == "***"


def test_strict_masks_a_user_id_that_is_an_address(lines: Lines) -> None:
    """A user's id that is an e-mail address is masked when strict, and no other."""
    lines.configure(redact="strict")
    for user in ("bob@x.org", "12345"):
        with clew.context(user_id=user):
            log.info("line")
        serve(lambda user=user: clew.bind(user_id=user))  # type: ignore[misc]
    assert [line["userId"] for line in lines()] == ["***", "***", "12345", "12345"]


def test_keys_turn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key with the highest number makes the tokens; a question is hashed by each."""
    monkeypatch.setenv(KEY_VARIABLE, f"1:{KEY},2:{OTHER}")
    made = redactor({"email": "token"}).hidden("email", "bob@x.org")
    both = tokens("bob@x.org", read_keys(f"2:{OTHER}, 1:{KEY}"))
    assert [one[:3] for one in both] == ["t1_", "t2_"]
    assert made == both[1]
    assert both[0] == token("bob@x.org", read_keys(KEY))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("", "CLEW_REDACT_KEY has none: set it to what openssl"),
        ("short", "shorter than 16 characters"),
        (f"1:{KEY},1:{OTHER}", "two with one number"),
        (f"{KEY},{OTHER}", "two with one number"),
    ],
)
def test_a_token_needs_a_key(keys: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, or with a wrong one, the option is refused in a sentence."""
    monkeypatch.setenv(KEY_VARIABLE, keys)
    with pytest.raises(ValueError, match=reason):
        clew.configure_logging(redact={"email": "token"})
    clew.configure_logging(redact={"email": "mask"})


def test_a_wrong_name_or_treatment() -> None:
    """What is no name, no treatment, or a key that is written as it is, is refused."""
    for redact, reason in (
        ({"email": "hash"}, r"redact has 'hash' for 'email': allowed are 'mask', 'token', "),
        ({"": "mask"}, "redact has '': allowed are names"),
        ({"createdAt": "mask"}, "redact has 'createdAt', a key of clew's own, .*ipAddress, userId"),
    ):
        with pytest.raises(ValueError, match=reason):
            redactor(redact)


@each_row(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("[2001:db8::7]", "2001:db8::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("bob", "***"),
        ("", "***"),
    ],
)
def test_networks(address: str, shown: str) -> None:
    """Of an address its /24 or /48 is left, and nothing of what is none."""
    assert network(address) == shown


@each_row(
    ("number", "shown"),
    [(CARD, "***1234"), ("4111111111111234", "***1234"), ("1234", "***"), ("bob", "***")],
)
def test_last_digits(number: str, shown: str) -> None:
    """Of a long number the last four digits are left, and nothing of a short one."""
    assert last4(number) == shown


def test_tokens_tell_nothing() -> None:
    """A token is of one length, whatever it is of, and another by another key."""
    made = {
        token(value, {3: key.encode()}) for value in ("", "a", "b" * 999) for key in (KEY, OTHER)
    }
    assert len(made) == 6
    assert all(re.fullmatch(r"t3_[0-9a-f]{32}", one) for one in made)
