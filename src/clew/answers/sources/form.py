"""A form of lines that is not clew's: by what it is recognised, and where its fields stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .values import LATEST, level_of_status, target_of, text_of

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field of clew's stands in another form, and what reads its value."""

    target: str
    paths: tuple[str, ...]
    read: Callable[[Any], object] = text_of


@dataclass(frozen=True, slots=True)
class Form:
    """A form of lines. ``needs`` are sets of paths: of each set one must be there.

    Where there are keys in ``only``, a line has no others.
    An access line is one with all of ``access``, and a request then; else it is an event.
    ``constants`` are the same in each line of the form.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    fields: tuple[Field, ...]
    access: tuple[tuple[str, ...], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    only: frozenset[str] = frozenset()

    def fits(self, line: Mapping[str, Any]) -> bool:
        """Tell whether *line* is of this form."""
        return self.allows(line) and _has(line, self.needs)

    def allows(self, keys: Iterable[str]) -> bool:
        """Tell whether a line of this form may have these keys."""
        return not self.only or self.only.issuperset(keys)

    def convert(self, line: Line, at: int | None = None) -> Line | None:
        """Return *line* with clew's own fields in it; *at* is when, where it does not say.

        None is returned where nobody knows when it was.
        """
        fields: Line = dict(self.constants)
        is_access = bool(self.access) and _has(line, self.access)
        for field in self.fields:
            if is_access or not field.target.startswith(("request.", "response.")):
                _put(fields, field, line)
        created = fields.setdefault("createdAt", at)
        if created is None or not 0 <= created < LATEST:
            return None
        if is_access:
            _complete(fields)
        return _merge(line, fields)


def find(line: Mapping[str, Any], path: str) -> Any:
    """Return what stands at *path* in *line*, None where nothing does."""
    if path in line:
        return line[path]
    at = path.find(".")
    while at >= 0:
        inner = line.get(path[:at])
        if isinstance(inner, Mapping) and (found := find(inner, path[at + 1 :])) is not None:
            return found
        at = path.find(".", at + 1)
    return None


def _has(line: Mapping[str, Any], sets: Iterable[Iterable[str]]) -> bool:
    return all(any(find(line, path) is not None for path in paths) for paths in sets)


def _put(fields: Line, field: Field, line: Line) -> None:
    if field.target in fields:
        return
    for path in field.paths:
        value = find(line, path)
        if value is not None and (read := field.read(value)) is not None:
            fields[field.target] = read
            return


def _complete(fields: Line) -> None:
    """Take apart what says several things at once, and say what a request's record says."""
    method, target = fields.pop("request.line", None) or (None, None)
    if method is not None:
        fields.setdefault("request.method", method)
    path, query, host = target_of(target or fields.pop("request.target", None)) or (None,) * 3
    fields.pop("request.target", None)
    for name, value in (("path", path), ("query", query), ("host", host)):
        if value:
            fields.setdefault(f"request.{name}", value)
    status = fields.get("response.httpStatus")
    if status is not None:
        fields.setdefault("level", level_of_status(status))
    parts = (fields.get("request.method"), fields.get("request.path"), status)
    said = " ".join(str(part) for part in parts if part is not None)
    fields.setdefault("message", said)


def _merge(line: Line, fields: Line) -> Line:
    """Return *line*, with *fields* in the place of what has their names."""
    merged = dict(line)
    nested: dict[str, Line] = {}
    for target, value in fields.items():
        parent, _, name = target.rpartition(".")
        if parent:
            nested.setdefault(parent, {})[name] = value
        else:
            merged[name] = value
    for parent in ("request", "response", "exception"):
        merged.pop(parent, None)
    return merged | nested
