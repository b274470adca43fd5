"""The words for levels."""

from __future__ import annotations

from collections.abc import Mapping

LEVELS = ("debug", "info", "warning", "danger", "critical")

_WORDS = {10 * number: word for number, word in enumerate(LEVELS, 1)}


def level_word(levelno: int) -> str:
    """Return the word for a level of the logging module; one in between is rounded down."""
    return _WORDS.get(levelno) or LEVELS[min(max(int(levelno or 0) // 10, 1), 5) - 1]


def level_words(levels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the words to write for each level, *levels* renaming some; checks them."""
    if levels is not None and not isinstance(levels, Mapping):
        raise TypeError(f'levels must be a mapping, as in {{"danger": "error"}}, not {levels!r}')
    renamed = dict(levels or {})
    for word, other in renamed.items():
        if word not in LEVELS or not isinstance(other, str):
            raise ValueError(
                f"levels has {word!r}: {other!r}; allowed are words for {', '.join(LEVELS)}, "
                'as in levels={"danger": "error"}'
            )
    return {word: renamed.get(word, word) for word in LEVELS}
