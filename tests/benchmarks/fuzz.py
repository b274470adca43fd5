"""How much of a million secrets comes through, and what looking for them takes.

Each secret is made up, stands under a name of the lists in ``tests/names``, and goes one of the
ways into a line; some go two, one in the other. What comes through in clear is counted::

    python -m tests.benchmarks.fuzz          # a million
    python -m tests.benchmarks.fuzz 20000
"""

from __future__ import annotations

import json
import random
import string
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any
from urllib.parse import quote

from clew._http.wire import shown_query
from clew._lines.encoder import Encoder
from clew._lines.entry import Entry
from clew._redaction import DEFAULT

from .measuring import table

MANY = 1_000_000
AT_MOST = 0.001  # of all, in clear

NAMES = Path(__file__).parents[1] / "names" / "sensitive.txt"
WORDS = (
    "order",
    "lamp",
    "bob",
    "42",
    "a=1",
    "user:7",
    "https://shop.example/a?b=c",
    "é",
    "12:30",
    "{}",
)

# Letters that no form, quote or setting ends at.
_PLAIN = string.ascii_letters + string.digits + "-_.~+/!$*^@"

Way = Callable[[str, str, random.Random], Any]


def _header(name: str) -> str:
    return "-".join(word.capitalize() for word in name.replace("_", "-").split("-"))


def _noise(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(0, 6)))


# Ways into the value of a field, or into a message.
VALUES: dict[str, Way] = {
    "a mapping": lambda name, secret, _: {"a": [{name: secret}]},
    "JSON": lambda name, secret, _: json.dumps({"a": 1, name: secret}),
    "JSON within": lambda name, secret, _: json.dumps({"b": json.dumps([{name: {"c": secret}}])}),
    "JSON in bytes": lambda name, secret, _: json.dumps({name: secret}).encode(),
    "JSON behind words": lambda name, secret, chance: (
        f"{_noise(chance)} {json.dumps({'a': 1, name: secret})}"
    ),
    "a mapping's text": lambda name, secret, chance: f"{_noise(chance)} { ({name: secret})!r}",
    "a form": lambda name, secret, _: f"a=1&{name}={quote(secret, safe='')}&b=2",
    "a form, encoded": lambda name, secret, _: quote(f"a=1&{name}={secret}", safe=""),
    "pairs": lambda name, secret, _: [["accept", "x"], [name, secret]],
    "a tuple": lambda name, secret, _: (name, secret),
    "raw headers": lambda name, secret, _: [(name.encode(), secret.encode())],
    "an entry": lambda name, secret, _: {"name": name, "value": secret},
    "entries as JSON": lambda name, secret, _: json.dumps([{"key": name, "value": secret}]),
    "a header line": lambda name, secret, _: f"Accept: */*\r\n{_header(name)}: {secret}\r\n",
    "an environment": lambda name, secret, _: [f"{name.upper()}={secret}", "PATH=/bin"],
    "an assignment": lambda name, secret, chance: f"{_noise(chance)} {name}={secret} b=2",
    "an assignment in quotes": lambda name, secret, chance: (
        f"{_noise(chance)} {name}='{secret} and more'"
    ),
    "an option": lambda name, secret, _: f"run --{name.replace('_', '-')} {secret} --fast",
    "options": lambda name, secret, _: ["run", f"--{name}", secret, "-v"],
    "XML": lambda name, secret, _: f"<a><{name}>{secret.replace('&', '')}</{name}></a>",
    "a URL's parameter": lambda name, secret, chance: (
        f"{_noise(chance)} https://shop.example/a?b=1&{name}={quote(secret, safe='')}#c"
    ),
    "a URL's password": lambda _, secret, chance: (
        f"{_noise(chance)} postgres://bob:{quote(secret, safe='')}@db:5432/shop"
    ),
    "Bearer": lambda _, secret, chance: f"{_noise(chance)} Bearer 7{quote(secret, safe='~')}",
    "Basic": lambda _, secret, chance: (
        f"{_noise(chance)} Basic {b64encode(f'bob:{secret}'.encode()).decode()}"
    ),
    "SQL": lambda name, secret, _: f"UPDATE users SET {name} = '{secret}' WHERE id = 7",
}

QUERIES: dict[str, Way] = {
    "a parameter": lambda name, secret, _: f"a=1&{name}={quote(secret, safe='')}&b=2",
    "a parameter's parameter": lambda name, secret, _: (
        f"next={quote(f'/reset?{name}={secret}', safe='')}"
    ),
    "a parameter's JSON": lambda name, secret, _: (
        f"filter={quote(json.dumps({name: secret}), safe='')}&page=2"
    ),
    "a name in brackets": lambda name, secret, _: f"user%5B{name}%5D={quote(secret, safe='')}",
}

PATHS: dict[str, Way] = {
    "a path's parameter": lambda name, secret, _: f"/a;{name}={quote(secret, safe='')}/b",
    "a path's URL": lambda name, secret, _: (
        f"/go/{quote(f'https://shop.example/?{name}={secret}', safe='')}"
    ),
}


def secret_of(chance: random.Random) -> str:
    """Return a secret as people and programs make them."""
    kind = chance.randrange(4)
    if kind == 0:
        return f"{chance.getrandbits(128):032x}"
    if kind == 1:
        return b64encode(chance.randbytes(18)).decode().rstrip("=")
    letters = _PLAIN if kind == 2 else string.ascii_letters + string.digits  # noqa: PLR2004
    return "Zq7" + "".join(chance.choices(letters, k=chance.randint(8, 24))) + "9xK"


def names() -> list[str]:
    """Return names under which every text is masked."""
    listed = NAMES.read_text().split()
    found = [name for name in listed if DEFAULT.hidden(name, "a b") is not None]
    return [name for name in found if "." not in name]


def count(number: int, seed: int = 20261129) -> tuple[Counter[str], Counter[str], float]:
    """Return how many secrets went each way, how many came through, and the time in seconds."""
    chance = random.Random(seed)  # noqa: S311
    encoder = Encoder()
    known = names()
    tried: Counter[str] = Counter()
    clear: Counter[str] = Counter()
    ways = [*((VALUES, way) for way in VALUES), *((QUERIES, way) for way in QUERIES)]
    ways += [(PATHS, way) for way in PATHS]
    spent = 0.0
    for _ in range(number):
        group, way = chance.choice(ways)
        name, secret = chance.choice(known), secret_of(chance)
        if way in ("XML", "SQL") and not name.isidentifier():
            name = "password"
        made = group[way](name, secret, chance)
        begun = thread_time()
        if group is QUERIES:
            shown = shown_query(made, DEFAULT) or ""
        elif group is PATHS:
            shown = DEFAULT.path(made)
        else:
            as_message = isinstance(made, str) and chance.random() < 0.5  # noqa: PLR2004
            entry = Entry(20, "line", time.time(), "shop", fields={"payload": made})
            if as_message:
                entry = Entry(20, made, time.time(), "shop")
            shown = encoder.encode(entry).decode()
        spent += thread_time() - begun
        tried[way] += 1
        if any(part in shown for part in _traces(secret)):
            clear[way] += 1
    return tried, clear, spent


def _traces(secret: str) -> tuple[str, ...]:
    """Return by what *secret* is known in a line: its beginning, its end, what it becomes."""
    begin, end = secret[:9], secret[-9:]
    return (
        *(begin, end, quote(begin, safe=""), quote(end, safe="")),
        b64encode(f"bob:{secret}".encode()).decode(),
        b64encode(secret.encode()).decode()[:-4],
    )


def run(number: int) -> str:
    """Return the table of the shares that come through."""
    tried, clear, spent = count(number)
    rows = [(way, f"{tried[way]:,}", f"{clear[way]:,}") for way in tried]
    rows.sort()
    share = sum(clear.values()) / number
    rows.append(("all", f"{number:,}", f"{sum(clear.values()):,}, {share:.4%}"))
    title = f"Secrets in clear, at most {AT_MOST:.1%}; {spent / number * 1e6:.1f} µs each"
    return table(title, ("", "tried", "in clear"), rows)


if __name__ == "__main__":  # which needs none of what the others are measured beside
    import sys

    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else MANY))
