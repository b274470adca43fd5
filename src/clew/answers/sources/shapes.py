"""The shapes of lines that are of no form: their first keys, and which form is nearest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .form import Form
from .forms import FORMS

Shape = tuple[str, ...]
MOST_SHAPES = 1000


def count_shape(shapes: Counter[Shape], keys: Iterable[str], lines: int = 1) -> None:
    """Count the shape of *lines* with *keys* in *shapes*, of which there are so many at most."""
    shape = tuple(dict.fromkeys(keys))[:8]
    if shape in shapes or len(shapes) < MOST_SHAPES:
        shapes[shape] += lines


def likeliest(shapes: Counter[Shape]) -> str:
    """Return what most lines of another form look like: the nearest form, or their keys."""
    [(shape, _)] = shapes.most_common(1)
    most, form = max(
        ((_count_of(form, shape), form) for form in FORMS if form.allows(shape)),
        key=lambda each: each[0] / len(each[1].needs),
    )
    if most * 3 >= len(form.needs) * 2:
        lacks = next((paths[0] for paths in form.needs if not _has(shape, paths)), "a time")
        return f"{form.name} without {lacks}"
    return ", ".join(repr(key[:40]) for key in shape[:4]) or "empty objects"


def _count_of(form: Form, shape: Shape) -> int:
    return sum(_has(shape, paths) for paths in form.needs)


def _has(shape: Shape, paths: Shape) -> bool:
    """Tell whether a key of *shape* may hold one of *paths*."""
    return any(path.partition(".")[0] in shape for path in paths)
