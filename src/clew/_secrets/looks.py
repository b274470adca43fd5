"""What looks like a secret, whatever it is called: credentials, tokens, cards, e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

MASK = "***"

# Credentials, as they stand in an Authorization header (RFC 7617, RFC 6750, RFC 7616).
_SCHEME = re.compile(
    r"\b(basic|bearer|digest|negotiate|token|apikey)((?:\s|%20|\+){1,1000}+)"
    r"([A-Za-z0-9._~+/%\-]{4,}+=*(?:\"[^\"]*+\")?)",
    re.IGNORECASE,
)
# How the base64 of a JSON object begins, and so a JSON Web Token (RFC 7519).
JWT = "eyJ"
_DOTTED = re.compile(r"[A-Za-z0-9_\-.]++")
_KEY_BLOCK = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----).*?(-----END [A-Z ]*PRIVATE KEY|\Z)", re.DOTALL
)

# As people and programs write it.
_AT = r"(?:@|%(?:25)?40|\uff20|&#64;|&commat;|\\u0040|\s?[(\[]\s?at\s?[)\]]\s?)(?=[\w\[])"
_DOT = r"(?:\.|%2E|\s?[(\[]\s?dot\s?[)\]]\s?)"
_LOCAL = r"(?:[\w.%+'\-]{1,64}|\"[^\"\n]{1,64}\")\Z"
_DOMAIN = (
    rf"(?:[\w\-]{{1,63}}{_DOT}){{1,8}}(xn--[\w\-]{{1,59}}|[^\W\d_]{{2,24}})(?![\w@])"
    r"|\[[\da-fA-F.:]{3,45}\]"
)
_NO_DOMAINS = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "css",
        "js",
        "ts",
        "mjs",
        "json",
        "html",
        "htm",
        "py",
        "txt",
    ]
)

_BETWEEN = r"(?:[\s.\-/_+:,|·•‐‑–—]|\u200b|%20|%2[dDfF]|&nbsp;){1,3}"  # noqa: RUF001
_NUMBERS = rf"(?<!\d)\d+(?:{_BETWEEN}\d+)*"
# A row of more numbers of four digits is one of numbers.
_MOST_FOURS = 16

# Vendors' own marks, from gitleaks' rules.
_VENDORS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w\-]{16,}|xox[abeoprs]-[\w\-]{10,}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{16,}|sk-[\w\-]{20,}|AIza[\w\-]{30,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|SG\.[\w\-]{16,}\.[\w\-]{16,}|npm_[A-Za-z0-9]{30,}"
    r"|pypi-[\w\-]{30,}|dop_v1_[a-f0-9]{40,}|hvs\.[\w\-]{20,}|ya29\.[\w\-]{20,})"
)

Replace = Callable[[str], str]


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Return *pattern* compiled when it is first needed, which spares every import of clew."""
    return re.compile(pattern, re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Return *text* with what follows ``Basic`` and ``Bearer`` masked, and private keys."""
    if "-----BEGIN" in text:
        text = _KEY_BLOCK.sub(rf"\1{MASK}\2", text)
    return _SCHEME.sub(_without_credential, text)


def _without_credential(match: re.Match[str]) -> str:
    scheme, space, value = match.groups()
    return f"{scheme}{space}{MASK}" if _is_credential(scheme.lower(), value) else match[0]


def _is_credential(scheme: str, value: str) -> bool:
    """Tell whether *value* is no word: "Basic concepts", "bearer of bad news"."""
    if scheme == "basic":
        return _is_user_and_password(value) or (len(value) >= 16 and not value.isalpha())
    if scheme in ("token", "digest", "apikey") and len(value) < 16:
        return False  # "token expired", "digest sha256:..."
    body = value.rstrip("=.")
    if body.isalpha():
        return len(body) >= 20 or not (body.islower() or body.isupper() or body.istitle())
    words = re.split(r"[-/.]", body)
    return not all(word.isalpha() and word.islower() for word in words if word)


def _is_user_and_password(value: str) -> bool:
    from binascii import Error, a2b_base64
    from urllib.parse import unquote

    value = unquote(value)[:4096]
    try:
        return b":" in a2b_base64(value + "=" * (-len(value) % 4))
    except (Error, ValueError):
        return False


def without_tokens(text: str) -> str:
    """Return *text* with JSON Web Tokens masked, and what vendors mark as their keys."""
    text = _VENDORS.sub(MASK, text)
    return _DOTTED.sub(_without_jwt, text) if JWT in text else text


def _without_jwt(match: re.Match[str]) -> str:
    run = match[0]
    start = run.find(JWT)
    return run[:start] + MASK if start >= 0 and "." in run[start:] else run


def is_jwt(text: str) -> bool:
    """Tell whether *text* holds a JSON Web Token."""
    return JWT in text and _DOTTED.sub(_without_jwt, text) != text


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield where e-mail addresses stand in *text*."""
    end = 0
    for at in _compile(_AT).finditer(text):
        if at.start() < end:
            continue
        local = _compile(_LOCAL).search(text, max(end, at.start() - 66), at.start())
        domain = _compile(_DOMAIN).match(text, at.end(), at.end() + 400)
        if local is None or domain is None or (domain[1] or "").lower() in _NO_DOMAINS:
            continue
        if local[0] == "git":  # where repositories are
            continue
        yield local.start(), domain.end()
        end = domain.end()


def _without(text: str, places: Iterator[tuple[int, int]], replace: Replace) -> str:
    kept, last = [], 0
    for start, end in places:
        kept += [text[last:start], replace(text[start:end])]
        last = end
    return "".join([*kept, text[last:]]) if kept else text


def without_emails(text: str) -> str:
    """Return *text* with e-mail addresses masked."""
    if "@" in text or "40" in text or "64;" in text or not text.isascii() or "at" in text.lower():
        return _without(text, emails(text), lambda _: MASK)
    return text


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield where numbers of cards stand in *text*."""
    for row in _compile(_NUMBERS).finditer(text):
        if row.end() - row.start() >= 14:
            yield from _cards_in(text, row)


def _cards_in(text: str, row: re.Match[str]) -> Iterator[tuple[int, int]]:
    numbers = _compile(r"%2[0dDfF]|\d+").finditer(text, row.start(), row.end())
    spans = [one.span() for one in numbers if one[0][0] != "%"]
    sizes = [end - start for start, end in spans]
    at = 0
    while at < len(spans):
        size, step = sizes[at], 1
        if size >= 14:
            start, end = spans[at]
            if is_card(text[start:end]) and not _is_within(text, start, end):
                yield start, end
        elif size == 4:
            step = 1 if sizes[at + 1 : at + 2] == [6] else _row_of_fours(sizes, at)
            for first, last in _groups(sizes, at, step):
                digits = "".join(text[start:end] for start, end in spans[first:last])
                if is_card(digits):
                    yield spans[first][0], spans[last - 1][1]
                    step = max(step, last - at)
        at += step


def _row_of_fours(sizes: list[int], at: int) -> int:
    end = at
    while end < len(sizes) and sizes[end] == 4:
        end += 1
    return end - at


def _groups(sizes: list[int], at: int, fours: int) -> Iterator[tuple[int, int]]:
    """Yield where the digits of a card may stand in groups, as they are printed on cards.

    Of *fours* numbers of four digits in a row, each four where that is all, else the first and the
    last four; a long row is one of numbers.
    """
    if sizes[at + 1 : at + 3] in ([6, 5], [6, 4]):
        yield at, at + 3
    elif fours == 4 and sizes[at + 4 : at + 5] == [3]:
        yield at, at + 5
        yield at, at + 4
    elif fours % 4 == 0 and fours <= _MOST_FOURS:
        yield from ((first, first + 4) for first in range(at, at + fours, 4))
    elif 4 < fours <= _MOST_FOURS:
        yield at, at + 4
        yield at + fours - 4, at + fours


def _is_within(text: str, start: int, end: int) -> bool:
    """Tell whether these digits are the end of a decimal, or a part of a hexadecimal number."""
    before = _compile(r"[\da-f]*\Z").search(text, max(0, start - 64), start)
    behind = _compile(r"[\da-f]*").match(text, end, end + 64)
    around = len(before[0] if before else "") + len(behind[0] if behind else "")
    return around >= 4 or bool(
        _compile(r"(?<!\d)\d{1,4}[.,]\Z").search(text, max(0, start - 6), start)
    )


def without_cards(text: str) -> str:
    """Return *text* with the numbers of cards masked."""
    return _without(text, cards(text), lambda _: MASK)


def is_card(digits: str) -> bool:
    """Tell whether *digits* may be a card's number: of an issuer's length and beginning, and
    passing Luhn's check (ISO/IEC 7812-1, annex B).
    """
    size = len(digits)
    if not 14 <= size <= 19:
        return False
    if not digits.isascii():
        digits = "".join(str(int(digit)) for digit in digits)
    if not _is_issued(digits, size):
        return False
    values = [int(digit) for digit in digits]
    doubled = [value * 2 - 9 if value > 4 else value * 2 for value in values[-2::-2]]
    return (sum(values[-1::-2]) + sum(doubled)) % 10 == 0


_CARD_ALONE = re.compile(r"[\d.\-/_+:]{14,30}")


def is_somebody(text: str) -> bool:
    """Tell whether *text* is an e-mail address, a card's number or a JSON Web Token."""
    if "@" in text and next(emails(text), None) == (0, len(text)):
        return True
    if JWT in text and is_jwt(text):
        return True
    if _CARD_ALONE.fullmatch(text) is None:
        return False
    return next(cards(text), None) == (0, len(text))


def _is_issued(digits: str, size: int) -> bool:
    begin = int(digits[:4])
    if size == 14:  # Diners Club
        return digits[:2] in ("36", "38") or 3000 <= begin <= 3059
    if size == 15:  # American Express
        return digits[:2] in ("34", "37")
    if digits[0] == "4":  # Visa
        return size in (16, 19)
    if digits[:2] == "62" or begin in (5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763):
        return True  # UnionPay, Maestro
    return size == 16 and (
        5100 <= begin <= 5599  # Mastercard, as are the next
        or 2221 <= begin <= 2720
        or 3528 <= begin <= 3589  # JCB
        or begin == 6011  # Discover, as are the next
        or 6440 <= begin <= 6599
    )
