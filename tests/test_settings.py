"""The options: what they allow, and what they say about anything else."""

from __future__ import annotations

import dataclasses
import importlib
import logging
from typing import Any

import pytest

import clew
from clew._http.wire import Header
from tests.conftest import Lines, Raising
from tests.rows import each_row


def test_the_defaults_are_the_documented_ones() -> None:
    """Every option has its documented default."""
    settings = clew.Settings()
    assert {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.init
    } == {
        "header": "X-Request-ID",
        "generate": clew.new_id,
        "accept": clew.is_safe_id,
        "trust": "always",
        "inject": True,
        "response_header": True,
        "expose": False,
        "user_id": None,
        "exclude": (),
        "proxies": (),
        "capture_headers": (),
        "redact": "default",
        "level": None,
        "enrich": None,
        "log": True,
        "slow": None,
        "validation": False,
    }


@each_row(
    "options",
    [
        {"header": "x-trace"},
        {"generate": lambda: "1", "accept": lambda _: True},
        {"trust": "never"},
        {"trust": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "unix"]},
        {"trust": ()},
        {"inject": False},
        {"response_header": False},
        {"response_header": "X-Trace"},
        {"exclude": ["/healthz", "/static/*", "/*"]},
        {"exclude": {"/healthz"}},
        {"capture_headers": ("User-Agent",)},
        {"redact": "off"},
        {"redact": ["tenant"]},
        {"level": lambda _: 20, "enrich": lambda _: {}, "user_id": lambda _: "1"},
    ],
)
def test_what_is_allowed_is_taken(options: dict[str, Any]) -> None:
    """Every documented kind of value is taken as it is."""
    settings = clew.Settings(**options)
    assert {name: getattr(settings, name) for name in options} == options


async def a_coroutine() -> str:
    return "1"


WRONG: list[tuple[str, object, type[Exception], str]] = [
    ("header", 5, TypeError, "as a string"),
    ("header", None, TypeError, "as a string"),
    ("header", "", ValueError, "as in X-Request-ID"),
    ("header", [], ValueError, "at least one"),
    ("header", [5, "X-Id"], TypeError, "as a string"),
    ("header", "X Request", ValueError, "allowed are letters"),
    ("header", "X-Id\r\nSet-Cookie: a", ValueError, "allowed are letters"),
    ("header", "X-Id\n", ValueError, "allowed are letters"),
    ("header", "Xé", ValueError, "allowed are letters"),
    ("generate", None, TypeError, "must be a function"),
    ("generate", "uuid4", TypeError, "must be a function"),
    ("generate", a_coroutine, TypeError, "plain function"),
    ("accept", True, TypeError, "must be a function"),
    ("accept", None, TypeError, "must be a function"),
    ("trust", "sometimes", ValueError, '"always", "never"'),
    ("trust", "10.0.0.0/8", ValueError, r"trust=\['10.0.0.0/8'\]"),
    ("trust", True, TypeError, "CIDR networks"),
    ("trust", None, TypeError, "CIDR networks"),
    ("trust", ["10.0.0.1/8"], ValueError, "CIDR network"),
    ("trust", ["api.internal"], ValueError, "CIDR network"),
    ("response_header", None, TypeError, "True, False"),
    ("response_header", 1, TypeError, "True, False"),
    ("response_header", "X Id", ValueError, "allowed are letters"),
    ("inject", None, TypeError, "True or False"),
    ("expose", 1, TypeError, "True or False"),
    ("expose", "X-Request-ID", TypeError, "True or False"),
    ("user_id", "id", TypeError, "function or None"),
    ("user_id", a_coroutine, TypeError, "plain function"),
    ("exclude", "/healthz", TypeError, r"exclude=\['/healthz'\]"),
    ("exclude", None, TypeError, r"collection of strings, .* exclude=\[\] for none"),
    ("capture_headers", None, TypeError, r"capture_headers=\[\] for none"),
    ("slow", float("inf"), ValueError, "above 0 and below 1e9"),
    ("slow", 1e300, ValueError, "above 0 and below 1e9"),
    ("exclude", [5], TypeError, "strings"),
    ("exclude", ["healthz"], ValueError, "'/static/\\*'"),
    ("exclude", ["/a?b=c"], ValueError, "without its query"),
    ("exclude", ["/a/*/b"], ValueError, "a prefix ended by a star"),
    ("exclude", [""], ValueError, "a path"),
    ("proxies", "10.0.0.0/8", TypeError, "proxies="),
    ("proxies", ["10.0.0.300"], ValueError, "CIDR network"),
    ("capture_headers", "User-Agent", TypeError, r"capture_headers=\['User-Agent'\]"),
    ("capture_headers", ["User Agent"], ValueError, "allowed are letters"),
    ("capture_headers", [b"user-agent"], TypeError, "strings"),
    ("redact", "password", ValueError, r"redact=\['password'\]"),
    ("redact", None, TypeError, '"default", "off", "strict"'),
    ("redact", 5, TypeError, '"default", "off", "strict"'),
    ("redact", [""], ValueError, "allowed are names"),
    ("redact", ["--"], ValueError, "allowed are names"),
    ("redact", [5], ValueError, "allowed are names"),
    ("level", 20, TypeError, "function or None"),
    ("enrich", {"a": 1}, TypeError, "function or None"),
    ("enrich", a_coroutine, TypeError, "plain function"),
    ("log", None, TypeError, "True or False"),
    ("log", "no", TypeError, "True or False"),
]


@each_row(("option", "value", "error", "remedy"), WRONG)
def test_a_wrong_option_is_refused(
    option: str, value: object, error: type[Exception], remedy: str
) -> None:
    """A wrong value raises when it is given, naming the option, the value and what is allowed."""
    with pytest.raises(error, match=remedy) as raised:
        clew.Settings(**{option: value})  # type: ignore[arg-type]
    assert type(raised.value) is error
    told = str(raised.value)
    single = value[0] if value and isinstance(value, list) else value
    assert option in told
    assert repr(single) in told


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("heder", "did you mean header?"),
        ("service", "clew.configure_logging(service="),
        ("userid", "did you mean user_id?"),
        ("excludes", "did you mean exclude?"),
        ("capture_header", "did you mean capture_headers?"),
        ("quux", "allowed are: header, generate"),
    ],
)
def test_an_unknown_option_is_refused(name: str, remedy: str) -> None:
    """An option that does not exist raises, with its value, and the nearest one that does."""
    with pytest.raises(TypeError) as raised:
        clew.Settings.of(None, {name: "a value"})
    for part in (name, "a value", remedy):
        assert part in str(raised.value)


def test_settings_and_options_exclude_each_other() -> None:
    """An adapter takes either settings or options, and nothing else for settings."""
    settings = clew.Settings(header="X-Trace")
    assert clew.Settings.of(settings, {}) is settings
    assert clew.Settings.of(None, {"header": "X-Trace"}).header == "X-Trace"
    with pytest.raises(TypeError, match=r"not both: header"):
        clew.Settings.of(settings, {"header": "X-Trace"})
    with pytest.raises(TypeError, match=r"must be a clew\.Settings, not {'header'"):
        clew.Settings.of({"header": "X-Trace"}, {})  # type: ignore[arg-type]


def test_settings_are_frozen() -> None:
    """Settings do not change once they are made."""
    settings = clew.Settings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.header = "X-Trace"  # type: ignore[misc]


def test_settings_do_not_follow_the_lists_they_were_given() -> None:
    """Changing a list that was given changes no settings."""
    exclude = ["/healthz"]
    settings = clew.Settings(exclude=exclude)
    exclude.append("/orders")
    assert settings.excludes("/healthz")
    assert not settings.excludes("/orders")


def test_options_are_keywords_only() -> None:
    """Options are given by name."""
    with pytest.raises(TypeError):
        clew.Settings("X-Trace")  # type: ignore[call-arg]


@each_row(
    ("exclude", "path", "excluded"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/", False),
        ("/healthz", "/healthz/deep", False),
        ("/healthz", "/a/healthz", False),
        ("/healthz", "/HEALTHZ", False),
        ("/static/*", "/static/app.js", True),
        ("/static/*", "/static/", True),
        ("/static/*", "/static", False),
        ("/static*", "/statistics", False),
        ("/static*", "/static-2", True),
        ("/*", "/anything", True),
        ("/a b", "/a%20b", True),
        ("/a%20b", "/a%20b", True),
        ("/ä/*", "/%C3%A4/b", True),
        ("/a+b", "/a+b", True),
    ],
)
def test_excluded_paths(exclude: str, path: str, excluded: bool) -> None:
    """A path is excluded exactly, or by the prefix before a star, as it stands on the wire."""
    assert clew.Settings(exclude=[exclude]).excludes(path) is excluded


def test_nothing_is_excluded_by_default() -> None:
    """Without the option every path is logged."""
    assert not clew.Settings().excludes("/")


@pytest.mark.parametrize(
    ("name", "raw", "environ", "key"),
    [
        ("X-Request-ID", b"x-request-id", "HTTP_X_REQUEST_ID", "xRequestId"),
        ("User-Agent", b"user-agent", "HTTP_USER_AGENT", "userAgent"),
        ("traceparent", b"traceparent", "HTTP_TRACEPARENT", "traceparent"),
        ("Content-Type", b"content-type", "CONTENT_TYPE", "contentType"),
        ("CONTENT-LENGTH", b"content-length", "CONTENT_LENGTH", "contentLength"),
        ("cf_ray", b"cf_ray", "HTTP_CF_RAY", "cfRay"),
        ("DNT", b"dnt", "HTTP_DNT", "dnt"),
    ],
)
def test_a_header_in_every_spelling(name: str, raw: bytes, environ: str, key: str) -> None:
    """A header's name has a spelling for ASGI, one for WSGI, and one as a key."""
    header = Header(name)
    assert (header.name, header.raw, header.environ, header.key) == (name, raw, environ, key)


def test_a_fault_of_an_option_is_said_once(lines: Lines) -> None:
    """A callable that fails is reported once for each option and each settings."""
    settings = clew.Settings()
    for _ in range(3):
        settings.report("level", ValueError("boom"))
        settings.report("enrich", "it returned 5")
    clew.Settings().report("level", ValueError("boom"))
    said = lines()
    assert [line["level"] for line in said] == ["warning"] * 3
    assert "option level failed" in said[0]["message"]
    assert "ValueError: boom" in said[0]["message"]
    assert said[0]["exception"]["type"] == "ValueError"
    assert "option enrich failed" in said[1]["message"]
    assert "it returned 5" in said[1]["message"]


def test_reporting_a_fault_survives_a_handler_that_raises(restored_logging: None) -> None:
    """A user's handler that raises does not reach the request whose option failed."""
    logging.getLogger("clew").addHandler(Raising())
    clew.Settings().report("level", ValueError("boom"))


@pytest.mark.parametrize("option", ["header", "response_header"])
def test_headers_that_mean_something_are_refused(option: str) -> None:
    """An id does not go into a header that servers and clients read otherwise."""
    with pytest.raises(ValueError, match=f"{option} is 'Content-Length'"):
        clew.Settings(**{option: "Content-Length"})  # type: ignore[arg-type]


def test_a_fault_without_a_text_is_reported(lines: Lines) -> None:
    """An exception whose text raises is reported all the same."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    clew.Settings().report("level", MuteError())
    assert "option level failed" in lines()[0]["message"]
    assert lines()[0]["exception"]["type"].endswith("MuteError")


@each_row("module", ["flask", "quart", "litestar", "fastapi", "starlette"])
def test_what_is_no_application_is_refused(module: str) -> None:
    """install() takes an application of its framework, not a class, and names what it got."""
    pytest.importorskip(module)
    install = importlib.import_module(f"clew.{module}").install
    wanted = ("wsgi_app", "asgi_app", "asgi_handler", "build_middleware_stack")
    for wrong in (object(), type("Application", (), dict.fromkeys(wanted))):
        with pytest.raises(TypeError, match="takes an application of") as raised:
            install(wrong)
        assert repr(wrong) in str(raised.value)
