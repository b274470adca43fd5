"""Texts that are JSON, masked as what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from clew._interruptions import raise_interruption

from .looks import MASK
from .pairs import NAME_KEYS, Hide, hidden_items, hidden_values

_DEEPEST = 64


class JSONTexts:
    """Masks what stands under sensitive names in JSON.

    Args:
        hide: What stands in the place of a value under a name; None where it is written.
        mask: Returns a text in it, masked.
    """

    def __init__(self, hide: Hide, mask: Callable[[str], str]) -> None:
        self._hide = hide
        self._mask = mask

    def mask(self, text: str) -> str | None:
        """Return the JSON that *text* is, masked; None where it is none."""
        try:
            value = msgspec.json.decode(text)
            masked = self._value(value, _DEEPEST)
            return text if masked == value else msgspec.json.encode(masked).decode()
        except Exception:  # it is masked as another text is
            raise_interruption()
            return None

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._mask(value)
        if not isinstance(value, (dict, list)):
            return value
        if depth == 0:
            return MASK
        if isinstance(value, dict):
            plain: Any = {key: self._member(key, item, depth) for key, item in value.items()}
            if not NAME_KEYS.isdisjoint(value):
                plain.update(hidden_values(value, self._hide))
        else:
            plain = [self._value(item, depth - 1) for item in value]
            for place, hidden in hidden_items(value, self._hide):
                plain[place] = hidden
        return plain

    def _member(self, name: str, value: object, depth: int) -> object:
        hidden = self._hide(name, value)
        return self._value(value, depth - 1) if hidden is None else hidden
