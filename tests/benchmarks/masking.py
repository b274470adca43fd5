"""What masking takes at the most: a megabyte of what is hostile to its patterns."""

from __future__ import annotations

from time import thread_time

import clew
from clew._http.wire import shown_query
from clew._redaction import DEFAULT, STRICT

from .measuring import table

BOUND = 4.0  # seconds for one text: hostile texts cost what they are long, no more

HOSTILE = {
    "digits": "1" * 1_000_000,
    "digits and spaces": "1 " * 500_000,
    "digits and dashes": "4-" * 500_000,
    "groups of digits": "4111 " * 200_000,
    "local part": "a" * 1_000_000 + "@",
    "dots": "a." * 500_000 + "@",
    "at signs": "@" * 1_000_000,
    "addresses": "a@a." * 250_000,
    "encoded at signs": "%40" * 333_333,
    "domain": "a@" + "a." * 500_000,
    "long domain": "a@" + "a-" * 500_000,
    "bearer": "bearer " * 150_000,
    "bearer and spaces": "bearer" + " " * 1_000_000 + "!",
    "bearers and spaces": ("bearer" + " " * 1000) * 1000,
    "bearer and encoded spaces": "bearer" + "%20+" * 250_000 + "!",
    "token beginnings": "-eyJ" * 250_000,
    "parted token beginnings": ".eyJhbGci" * 110_000,
    "long token": "eyJ" + "a" * 1_000_000,
    "spaces": " " * 1_000_000,
    "lines": "\n" * 1_000_000,
    "equals signs": "=" * 1_000_000,
    "forms": "a=" * 500_000,
    "secrets": "token=x " * 125_000,
    "settings": "TOKEN=a\n" * 125_000,
    "quotes": 'token="' * 140_000,
    "escaped quotes": 'token=\\"' * 125_000,
    "backslashes": "token=" + "\\" * 1_000_000,
    "brackets": "token:{" * 140_000,
    "closing brackets": "token=" + ")" * 1_000_000 + "a",
    "JSON": "[" * 500_000 + '{"a":' * 100_000,
    "URLs": "a://b:" * 166_000,
    "encoded marks": "a%3Db&" * 160_000,
    "elements": "<a>x</" * 160_000,
    "options": " --a" * 250_000,
    "pairs": "('a', '" * 140_000,
    "credentials": "Basic YTpi " * 90_000,
    "keys of a database": "Key (a)=(" * 110_000,
    "statements": "INSERT INTO a (" * 70_000,
    "inputs": "a\n  input_value=" * 60_000,
    "a long name": "a" * 1_000_000 + "=1",
}


def run(share: float) -> str:
    """Return the table of what each text, a *share* of it, takes as a message, a query, a name."""
    rows = []
    strict = clew.Settings(redact="strict").redactor
    for name, whole in HOSTILE.items():
        text = whole[: int(len(whole) * share)]
        begun = thread_time()
        STRICT.text(text)
        DEFAULT.path(text)
        shown_query(text, strict)
        STRICT.field(text[:100_000], "")
        rows.append((name, f"{thread_time() - begun:.2f} s", f"{BOUND:.2f} s"))
    return table("Masking a hostile megabyte", ("", "time", "at most"), rows)
