"""What strict masking finds in texts, and what it leaves."""

from __future__ import annotations

import random
from collections.abc import Iterator

from clew._redaction import STRICT
from tests.rows import each_row

CARD = "4111111111111111"
GROUPS = [CARD[at : at + 4] for at in range(0, 16, 4)]

CARDS = [
    CARD,
    *(
        mark.join(GROUPS)
        for mark in (" ", "-", ".", "/", "\t", "\n", "\r\n", "_", "\u00a0", "\u2009")
    ),
    *(mark.join(GROUPS) for mark in ("\u2013", "  ", " - ", "%20", "+", "\u202f", ":", "\u200b")),
    "".join(chr(0xFF10 + int(digit)) for digit in CARD),
    " ".join("".join(chr(0xFF10 + int(digit)) for digit in group) for group in GROUPS),
    "3782 822463 10005",
    "3782-822463-10005",
    "378282246310005",
    "card4111111111111111",
    "pan=5500000000000004;",
    "6011 0009 9013 9424 exp 12/28",
    "30569309025904",
    "4111 1111 1111 1111 5500 0000 0000 0004",
]

PEOPLE = [
    "jane@example.com",
    "JANE.DOE+shop@EXAMPLE.CO.UK",
    "jane%40example.com",
    "jane%2540example.com",
    "jane\uff20example.com",
    "jane&#64;example.com",
    "jane (at) example.com",
    "jane [at] example [dot] com",
    "jan\u00e9@b\u00fccher.example",
    "jane@xn--bcher-kva.example",
    '"jane doe"@example.com',
    "mailto:jane@example.com?subject=x",
    "o'neil@example.com",
    "<jane@mail.example.com>",
    "jane@[192.168.0.1]",
    "Basic amFuZTpodW50ZXIy",
    "Bearer jane0123",
    "BEARER  jane-0123",
    "Bearer%20jane0123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl",
    "ghp_janejanejanejanejanejanejanejane1234",
    "sk_live_janejanejanejane1234",
    "AKIAJANEJANEJANEJANE",
]
PARTS = ("jane", "JANE", "jan\u00e9", "neil", "amFuZ", "eyJ")


@each_row("text", CARDS)
def test_cards(text: str) -> None:
    """A card's number is found in groups or in one run, whatever parts its groups."""
    shown = STRICT.text(f"paid by {text} today")
    assert "***" in shown
    assert sum(map(str.isdigit, shown)) < 8


@each_row("text", PEOPLE)
def test_addresses_and_credentials(text: str) -> None:
    """E-mail addresses and credentials are found in any spelling."""
    assert not any(part in STRICT.text(f"said {text} today") for part in PARTS)


def daily() -> dict[str, list[str]]:
    """Return what stands in the lines of a day's work."""
    chance = random.Random(20261129)

    def numbers(count: int, low: int, high: int) -> str:
        return " ".join(str(chance.randint(low, high)) for _ in range(count))

    def ean13() -> str:
        digits = [chance.randint(0, 9) for _ in range(12)]
        check = -(sum(digits[::2]) + 3 * sum(digits[1::2])) % 10
        return "".join(map(str, (*digits, check)))

    def each(make: object, count: int = 500) -> list[str]:
        return [make() for _ in range(count)]  # type: ignore[operator]

    return {
        "rows of small numbers": each(lambda: numbers(chance.randint(4, 20), 0, 999)),
        "rows of numbers": each(lambda: numbers(12, 0, 99_999)),
        "years": each(lambda: " ".join(map(str, range(2000, 2000 + chance.randint(4, 20))))),
        "EAN-13": each(ean13),
        "order numbers": each(lambda: f"order {chance.randint(10**7, 10**12)}"),
        "dated numbers": each(lambda: f"2026{chance.randint(10**9, 10**10 - 1)}"),
        "coordinates": each(
            lambda: f"{chance.uniform(-90, 90):.15f}, {chance.uniform(-180, 180):.14f}"
        ),
        "decimals": each(lambda: f"{chance.random()} {chance.uniform(0, 9999):.14f}"),
        "times": each(lambda: str(chance.randint(1_600_000_000_000, 1_900_000_000_000))),
        "hexadecimal": each(lambda: f"{chance.getrandbits(128):032x} {chance.getrandbits(64):x}"),
        "packages": [
            *("numpy@1.26.4", "git@github.com:a/b", "ssh://git@github.com/a/b", "@types/node@20.1"),
            *("lodash@4.17.21", "icon@2x.png", "user@localhost", "a@b", "@decorator", "x @ y"),
        ],
        "prose": [
            *("Basic concepts", "basic authentication", "Bearer token missing", "bearer bonds"),
            *("the basic idea", "Basic understanding", "bearer of bad news", "Basic: yes"),
            *(
                "Digest emails sent",
                "token expired",
                "Negotiate better prices",
                "a basic-auth test",
            ),
            *("meet at noon", "look (at) this", "3 of 4 at 12:30", "version 1.2.3 at dot com"),
        ],
    }


@each_row(("kind", "texts"), daily().items())
def test_what_strict_leaves(kind: str, texts: list[str]) -> None:
    """At most a hundredth of what a day's lines hold is taken for a card or an address."""
    masked = [text for text in texts if STRICT.text(text) != text]
    assert len(masked) <= len(texts) / 100, (kind, masked[:5])


def cards(count: int) -> Iterator[str]:
    chance = random.Random(7)
    for _ in range(count):
        digits = [4, *(chance.randint(0, 9) for _ in range(14))]
        double = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[::2]]
        check = -(sum(double) + sum(digits[1::2])) % 10
        yield "".join(map(str, (*digits, check)))


def test_every_card_is_found() -> None:
    """Whatever its digits, a card's number is masked, as an integer too."""
    assert [card for card in cards(300) if STRICT.text(card) != "***"] == []
    assert [card for card in cards(300) if STRICT.integer(int(card)) != "***"] == []
