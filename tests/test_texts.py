"""What is masked in a text, to the letter, and what stays as it is."""

from __future__ import annotations

import traceback

from clew._redaction import DEFAULT, OFF, STRICT
from clew._secrets.defaults import shown_path
from tests.rows import each_row

STAY = [
    *("token: unexpected end of input", "Basic concepts", "bearer of bad news", "12:30", "a=1&b=2"),
    *("user:12345", "https://shop.example:8080/a?page=2#top", "git@github.com:a/b", "x == y"),
    *("ssh://git@github.com/a/b", "{'a': 1}", '{"a": [1, "b"]}', "password_policy=strict", "[]"),
    *(
        "INSERT INTO orders (id) VALUES (7)",
        "Key (id)=(7) already exists.",
        "100% of 3",
        "--fast -v",
    ),
    *(
        "Duplicate entry '7' for key 'id'",
        "card: board",
        "the token expired",
        "pairs ('a', 'b')",
        "",
    ),
    *("see <b>bold</b>", "account: acme", "password is required", "email sent: yes", "retry: 3"),
]

MASKED = [
    ("user=bob password=x1 page=2", "user=bob password=*** page=2"),
    ("password=x1, page=2", "password=***, page=2"),
    ("(password=x1)", "(password=***)"),
    ("password: x y z\nuser: bob", "password: ***\nuser: bob"),
    ("failed for bob, password: x1y2", "failed for bob, password: ***"),
    ("phone: +47 123 45 678, city: Oslo", "phone: ***, city: Oslo"),
    ("password = x1", "password = ***"),
    ("with password = x1y2 it fails", "with password = *** it fails"),
    ("{'password': ['a', \"]\"], 'b': 1}", "{'password': ***, 'b': 1}"),
    ("{'password': b'x\\'y', 'b': 1}", "{'password': b'***', 'b': 1}"),
    ("password='never closed", "password='***"),
    ("password={never closed", "password=***"),
    ("-H 'Authorization: Digest a b' x", "-H 'Authorization: ***' x"),
    ("got X-Api-Key: a b c", "got X-Api-Key: ***"),
    ("A=1\nTOKEN=a b C=2\nD=3", "A=1\nTOKEN=*** C=2\nD=3"),
    ("run --token 'a b' now", "run --token '***' now"),
    ("https://u:p@h/a?token=x&b=2#c", "https://***@h/a?token=***&b=2#c"),
    ("https://h/a?next=%2Fr%3Ftoken%3Dx&b=2", "https://h/a?next=***&b=2"),
    ('{"a":1,"token":"x"}', '{"a":1,"token":"***"}'),
    ("sent Bearer abc123 to bob", "sent Bearer *** to bob"),
    (
        "(1062, Duplicate entry 'x' for key 'email')",
        "(1062, Duplicate entry '***' for key 'email')",
    ),
    ("<token>x</token><a>b</a>", "<token>***</token><a>b</a>"),
]


@each_row("text", STAY)
def test_what_has_no_secret_stays(text: str) -> None:
    """A text without a secret is written as it is, also in a traceback and as a path's part."""
    assert DEFAULT.text(text) == text
    assert DEFAULT.is_clean(text)
    assert DEFAULT.trace(text) == text


@each_row(("text", "shown"), MASKED)
def test_only_the_secret_is_masked(text: str, shown: str) -> None:
    """What stands around a secret stays; and what is masked once stays as it is then."""
    assert DEFAULT.text(text) == shown
    assert DEFAULT.text(shown) == shown
    assert not DEFAULT.is_clean(text)


def test_lines_of_code_keep_their_names() -> None:
    """In a traceback the names of variables stay, and what is written out is masked."""
    trace = (
        'Traceback (most recent call last):\n  File "a.py", line 7, in b\n'
        "    connect(user, password=password, token='x1')\nValueError: password=x1\n"
    )
    shown = DEFAULT.trace(trace)
    assert "password=password, token='***')" in shown
    assert shown.endswith("ValueError: password=***\n")


# A line of code, and what is shown of it; None where it stays.
CODE = [
    ('raise E("host=db user=bob password=x1 a=b")', 'raise E("host=db user=bob password=*** a=b")'),
    (
        "raise E('in https://x/?a=b&access_token=x1', b)",
        "raise E('in https://x/?a=b&access_token=***', b)",
    ),
    ("raise E(rb'failed: password=x1')", "raise E(rb'failed: password=***')"),
    (
        r'raise E("a \"password=x1\" \\", token=token)',
        r'raise E("a \"password=***\" \\", token=token)',
    ),
    ('raise E("""it failed: password=x1', 'raise E("""it failed: password=***'),
    ("raise E('bob', 'a password=x1', token)", "raise E('bob', 'a password=***', token)"),
    ('raise E("a Cookie: a=x1; b=x1", cookie=c)', 'raise E("a Cookie: ***", cookie=c)'),
    ("raise E(f\"a {b['c']} password=x1 {d}\")", "raise E(f\"a {b['c']} password=*** {d}\")"),
    ("raise E(f\"a {b} password={b['c']}\")", None),
    ('raise E(f"{a} {password=} {b}", token=token)', None),
    ("x = f'{ {1: {2: password}} }', f'{{a}} token={token}'", None),
    ('raise E("a password={}, token={token}, pin=%s, secret=%(b)r")', None),
    ('raise E("a password=" + password, token)', None),
    ('password = password_of(user)  # don\'t say "token"', None),
    ('a = {"password": password, "b": token}', None),
]


@each_row(("code", "shown"), CODE)
def test_what_is_written_out_within_a_literal_is_masked(code: str, shown: str | None) -> None:
    """In a string of a line of code the rules of text hold; what is put into it elsewhere stays."""
    trace = '  File "a.py", line 7, in b\n    {}\nE\n'
    assert DEFAULT.trace(trace.format(code)) == trace.format(shown or code)


def test_a_message_with_indented_lines_is_no_code() -> None:
    """Behind the frames of a traceback the rules of text hold, also where a line is indented."""
    frame = '  File "a.py", line 7, in b\n    a\n    ^\n'
    trace = f"{frame}ValueError: a:\n    password=x1\n    token=x1\n\n{frame}E\n"
    assert DEFAULT.trace(trace) == trace.replace("x1", "***")
    for margin in ("  | ", "    | ", "      | "):
        group = trace.replace("\n", f"\n{margin}")
        assert DEFAULT.trace(group) == group.replace("x1", "***")
        code = f"{margin}  File 'a.py'\n{margin}    a(token=token, pin=pin)\n{margin}E: token=x1"
        assert DEFAULT.trace(code) == code.replace("x1", "***")


def test_messages_of_a_group_are_no_code() -> None:
    """Each exception of a group stands behind a margin, where the rules of text hold as well."""
    try:
        raise ExceptionGroup("token=x1", [ExceptionGroup("a", [ValueError("a token=x1")])])
    except ExceptionGroup as error:
        trace = "".join(traceback.format_exception(error))
    assert "x1" in trace
    assert "x1" not in DEFAULT.trace(trace)


def test_off_masks_nothing() -> None:
    """With redact="off" every text is as it was."""
    for text, _ in MASKED:
        assert OFF.text(text) == OFF.trace(text) == OFF.path(text) == OFF.query(text) == text
        assert OFF.is_clean(text)
    assert not STRICT.is_clean("a")


def test_a_path_before_anything_is_set_up() -> None:
    """What a killed process was at is written by the default names."""
    assert shown_path("/a;jsessionid=x/b") == "/a;jsessionid=***/b"
    assert shown_path("/a/b") == "/a/b"
