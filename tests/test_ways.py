"""The ways in which a secret can reach a line, and which of them let it through."""

from __future__ import annotations

import json
import logging
import logging.handlers
import subprocess
import urllib.parse
import warnings
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import clew
from clew._tasks import TaskRun, TaskSettings
from tests.conftest import Lines, serve

log = clew.get_logger("shop")

SECRET = "xK4-hunter2.Zq9"
QUOTED = urllib.parse.quote(SECRET, safe="")
BASIC = b64encode(f"bob:{SECRET}".encode()).decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4SzQtaHVudGVyMiJ9.c2lnbmF0dXJlLXhLNA"
HIDDEN = (SECRET, BASIC, JWT, b64encode(SECRET.encode()).decode(), "hunter2", "x@shop.example")

Way = Callable[[], object]


def field(value: object) -> Way:
    """A field whose own name says nothing."""
    return lambda: log.info("line", payload=value)


def message(text: str) -> Way:
    return lambda: log.info(text)


def arguments(template: str, *args: object) -> Way:
    return lambda: logging.getLogger("legacy").info(template, *args)


def query(text: str) -> Way:
    return lambda: serve(lambda: None, environ={"QUERY_STRING": text})


def path(text: str) -> Way:
    return lambda: serve(lambda: None, environ={"PATH_INFO": text})


def captured(name: str, value: str) -> Way:
    key = "HTTP_" + name.upper().replace("-", "_")
    return lambda: serve(lambda: None, environ={key: value}, capture_headers=[name])


def raised(text: str) -> Way:
    def way() -> None:
        try:
            raise RuntimeError(text)
        except RuntimeError:
            log.exception("failed")

    return way


def invalid() -> None:
    class Login(pydantic.BaseModel):
        password: int

    try:
        Login.model_validate({"password": SECRET})
    except pydantic.ValidationError:
        log.exception("invalid")


def literal_in_code() -> None:
    def connect(*, password: str) -> None:
        raise RuntimeError(len(password))

    try:
        connect(password="xK4-hunter2.Zq9")
    except RuntimeError:
        log.exception("failed")


def command() -> None:
    try:
        raise subprocess.CalledProcessError(1, ["mysql", "--password", SECRET, "-h", "db"])
    except subprocess.CalledProcessError:
        log.exception("failed")


def warned() -> None:
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"cannot reach https://bob:{SECRET}@db/", stacklevel=1)
    finally:
        logging.captureWarnings(False)


def bound() -> None:
    with clew.context(payload=f"https://shop.example/cb?access_token={SECRET}"):
        log.info("line")


def enriched() -> None:
    serve(lambda: None, enrich=lambda _log: {"body": json.dumps({"password": SECRET})})


def user_id() -> None:
    with clew.context(user_id="x@shop.example"):
        log.info("line")


def task() -> None:
    settings = TaskSettings()
    run = TaskRun(settings, None, name="shop.mail", id="7")
    run.begin()
    arguments = f"Can't retry shop.mail[7] args:['{SECRET}'] kwargs:{{'a': '{SECRET}'}}"
    run.end("failed", RuntimeError(arguments))


def cause() -> None:
    try:
        try:
            raise ValueError(f"https://shop.example/?token={SECRET}")
        except ValueError as error:
            raise RuntimeError("failed") from error
    except RuntimeError:
        log.exception("failed")


FORM = {"user": "bob", "password": SECRET}

WAYS: dict[str, Way] = {
    # a value that has a structure
    "a dictionary": field(FORM),
    "JSON in a text": field(json.dumps(FORM)),
    "JSON in bytes": field(json.dumps(FORM).encode()),
    "JSON in JSON": field(json.dumps({"body": json.dumps(FORM)})),
    "JSON in a list": field([json.dumps([FORM])]),
    "JSON that is cut": field(json.dumps(FORM)[:-1]),
    "JSON lines": field("\n".join([json.dumps(FORM)] * 2)),
    "JSON of an object below": field(json.dumps({"token": {"a": [SECRET]}})),
    "JSON behind words": field(f"body: {json.dumps(FORM)}"),
    "JSON, escaped": field(f"body: {json.dumps(json.dumps(FORM))}"),
    "a form": field(f"user=bob&password={SECRET}"),
    "a form in bytes": field(f"user=bob&password={SECRET}".encode()),
    "a form among bytes": field(b"\xff\xfe" + f"user=bob&password={SECRET}".encode()),
    "a form, encoded": field(f"a=1%26token%3D{SECRET}"),
    "a form, encoded twice": field(f"a=1%2526token%253D{SECRET}"),
    "a multipart form": field(
        f'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--x--'
    ),
    "a dictionary's text": field(str(FORM)),
    "YAML": field(f"user: bob\npassword: {SECRET}\n"),
    "TOML": field(f'[db]\npassword = "{SECRET}"\n'),
    "an INI file": field(f"[db]\npassword = {SECRET}\n"),
    "XML": field(f"<login><password>{SECRET}</password></login>"),
    "an attribute of XML": field(f'<login user="bob" password="{SECRET}"/>'),
    "a value with its name": field(f"token:{SECRET}"),
    # pairs
    "pairs": field([["Authorization", f"Bearer {SECRET}"], ["Accept", "*/*"]]),
    "pairs in a tuple": field((("Cookie", f"sid={SECRET}"),)),
    "pairs as JSON": field(json.dumps([["X-Api-Key", SECRET]])),
    "pairs as their text": field(str([("X-Api-Key", SECRET)])),
    "a lone pair": field(("password", SECRET)),
    "raw headers": field([(b"authorization", f"Digest {SECRET}".encode())]),
    "raw headers in a row": field(["Accept", "*/*", "Authorization", f"Token {SECRET}"]),
    "an entry": field({"name": "password", "value": SECRET}),
    "entries": field([{"key": "token", "value": SECRET}, {"key": "page", "value": 2}]),
    "entries of AWS": field({"Key": "password", "Value": SECRET}),
    "entries as JSON": field(json.dumps({"fields": [{"name": "token", "value": SECRET}]})),
    "entries as their text": field(f"got { ({'name': 'password', 'value': SECRET})!r}"),
    "header lines": field(f"Accept: */*\r\nAuthorization: Digest {SECRET}\r\n"),
    "a header line": field(f"X-Api-Key: {SECRET}"),
    "a cookie line": field(f"Cookie: theme=dark; sid={SECRET}"),
    "header lines as a list": field([f"Cookie: sid={SECRET}", "Accept: */*"]),
    "header lines as their text": field(repr(f"Accept: */*\r\nCookie: a=b; sid={SECRET}\r\n")),
    # environments and command lines
    "an environment": field({"PATH": "/bin", "DB_PASSWORD": SECRET}),
    "an environment's lines": field(f"PATH=/bin\nDB_PASSWORD={SECRET}\nHOME=/"),
    "an environment's list": field(["PATH=/bin", f"STRIPE_KEY={SECRET}"]),
    "a setting with blanks": field(f"DB_PASSWORD=correct horse {SECRET}"),
    "a command with a setting": field(f"PASSWORD={SECRET} ./run.sh"),
    "an option": field(f"deploy --token {SECRET} --verbose"),
    "an option with =": field(f"deploy --token={SECRET} --verbose"),
    "an option in quotes": field(f"deploy --password '{SECRET}'"),
    "options as a list": field(["deploy", "--token", SECRET]),
    "a header of curl's": field(f"curl -H 'Authorization: Digest {SECRET}' https://shop.example"),
    "a user of curl's": field(f"curl -u bob:{SECRET} https://shop.example"),
    "a short option": field(f"mysql -p{SECRET} shop"),
    # URLs
    "a URL's password": field(f"postgres://bob:{SECRET}@db:5432/shop"),
    "a URL's password with a slash": field(f"postgres://bob:a/{SECRET}@db/shop"),
    "a URL's user": field(f"https://{SECRET}@git.example/shop.git"),
    "a URL's parameter": field(f"https://shop.example/cb?access_token={SECRET}&page=2"),
    "a URL's code": field(f"https://shop.example/cb?code={SECRET}"),
    "a URL's fragment": field(f"https://shop.example/cb#access_token={SECRET}"),
    "a URL in a URL": field(
        "https://shop.example/?next=https%3A%2F%2Fapp%2Fcb%3Faccess_token%3D" + QUOTED
    ),
    "a URL in a message": message(f"cannot reach https://bob:{SECRET}@db/x?token={SECRET}"),
    "a URL among arguments": arguments("cannot reach %s", f"https://db/x?token={SECRET}"),
    "a URL in bytes": field(f"https://shop.example/?token={SECRET}".encode()),
    "a URL without its host": message(f"GET /reset?token={SECRET} took 3 s"),
    "a URL in an exception": raised(f"cannot reach https://bob:{SECRET}@db/x?token={SECRET}"),
    "a URL in a cause": cause,
    "a URL in a warning": warned,
    "a URL that is bound": bound,
    "a Referer": captured("Referer", f"https://shop.example/reset?token={SECRET}"),
    "a forwarded URI": captured("X-Forwarded-Uri", f"/reset?token={SECRET}"),
    "a captured header of JSON": captured("X-Context", json.dumps(FORM)),
    "a captured form": captured("X-Forwarded-Query", f"password={SECRET}"),
    # queries and paths
    "a parameter": query(f"token={SECRET}"),
    "a parameter, its mark encoded": query(f"token%3D{SECRET}"),
    "parameters in a parameter": query(f"q=a%3D1%26token%3D{SECRET}"),
    "parameters, encoded": query(f"a=1%26token%3D{SECRET}"),
    "a path in a parameter": query(f"next=/reset?token={SECRET}"),
    "a URL in a parameter": query(f"redirect_uri=https%3A%2F%2Fapp%2Fcb%3Faccess_token%3D{QUOTED}"),
    "JSON in a parameter": query(f'filter={{"password":"{SECRET}"}}'),
    "JSON in a parameter, encoded": query("filter=" + urllib.parse.quote(json.dumps(FORM))),
    "an entry in a parameter": query(
        "f=" + urllib.parse.quote(json.dumps({"name": "token", "value": SECRET}))
    ),
    "a code": query(f"code={SECRET}"),
    "a state": query(f"state={SECRET}"),
    "a name in one word": query(f"newpassword={SECRET}&resettoken={SECRET}"),
    "a search for a name": query(f"q=token:{SECRET}"),
    "a credential in a parameter": query(f"q=Bearer%20{SECRET}"),
    "a session in a path": path(f"/shop;jsessionid={SECRET}/cart"),
    "a setting in a path": path(f"/shop/token={SECRET}/cart"),
    "a query in a path": path(f"/proxy/shop%3Ftoken%3D{SECRET}"),
    "a URL in a path": path(f"/proxy/https://bob:{SECRET}@db/x"),
    "a secret of a path": path(f"/reset/{SECRET}"),
    # credentials
    "Basic": message(f"sent Basic {BASIC}"),
    "Bearer": message(f"sent Bearer {SECRET}"),
    "bearer": field(f"bearer {SECRET}"),
    "Bearer in an exception": raised(f"401 for Bearer {SECRET}"),
    "a header in a message": message(f"sent Authorization: Digest {SECRET} to the shop"),
    "a private key": field(
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"
    ),
    "a token by its form": message(f"got {JWT}"),
    # sentences
    "an assignment": message(f"login with user=bob password={SECRET}"),
    "an assignment in quotes": message(f'login with password="correct horse {SECRET}"'),
    "a name and a colon": message(f"login failed for bob, password: {SECRET}"),
    "a name and a word": message(f"the password {SECRET} is wrong"),
    "a value alone": field(SECRET),
    "a value of a format": arguments("wrong password %r", SECRET),
    "an address": message("mail to x@shop.example"),
    "a user's id": user_id,
    "what is enriched": enriched,
    # what errors quote
    "pydantic's input": invalid,
    "PostgreSQL's key": raised(f"DETAIL:  Key (token)=({SECRET}) already exists."),
    "MySQL's entry": raised(f"(1062, \"Duplicate entry '{SECRET}' for key 'users.token'\")"),
    "SQLAlchemy's parameters": raised(
        f"[SQL: UPDATE users SET password=? WHERE id=?]\n[parameters: ('{SECRET}', 7)]"
    ),
    "SQL's values": message(f"INSERT INTO users (name, password) VALUES ('bob', '{SECRET}')"),
    "an SQL assignment": message(f"UPDATE users SET password = '{SECRET}' WHERE id = 7"),
    "a command's error": command,
    "a task's error": task,
    "a line of code": literal_in_code,
    "an exception's own words": raised(f"no such voucher {SECRET}"),
    "a dictionary in an exception": raised(str(FORM)),
}

# What nobody can tell from its surroundings; docs/privacy.md says what to do about each.
LEFT = {
    "a short option",
    "a secret of a path",
    "a token by its form",
    "a name and a word",
    "a value alone",
    "a value of a format",
    "an address",
    "a user's id",
    "an exception's own words",
}
LEFT_WHEN_STRICT = LEFT - {"a token by its form", "an address", "a user's id"}


def through(ways: dict[str, Way], lines: Lines, redact: str) -> set[str]:
    """Return the ways that let the secret through."""
    found = set()
    for name, way in ways.items():
        lines.clear()
        lines.configure(redact=redact)
        original = clew.wsgi.RequestIDMiddleware.__init__

        def strictly(self: Any, app: Any, **options: Any) -> None:
            original(self, app, **{"redact": redact, **options})  # noqa: B023

        clew.wsgi.RequestIDMiddleware.__init__ = strictly  # type: ignore[method-assign]
        try:
            way()
        finally:
            clew.wsgi.RequestIDMiddleware.__init__ = original  # type: ignore[method-assign]
        assert lines(), name
        if any(hidden in lines.raw() for hidden in (*HIDDEN, QUOTED)):
            found.add(name)
    return found


@pytest.mark.parametrize(("redact", "left"), [("default", LEFT), ("strict", LEFT_WHEN_STRICT)])
def test_ways(redact: str, left: set[str], lines: Lines) -> None:
    """A secret comes through where nothing around it tells that it is one, and nowhere else."""
    assert through(WAYS, lines, redact) == left
