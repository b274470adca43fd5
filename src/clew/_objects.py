"""What of an object may be read: what its class shows, and of a model what is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from ._interruptions import raise_interruption


def fields_of(value: Any) -> Mapping[Any, Any] | None:
    """Return what *value* has under names, of a model what is loaded; None where it has no names.

    What its class hides is left out, as is what cannot be read.
    """
    if isinstance(value, Mapping):
        return value
    if isinstance(value, (type, BaseException)):
        return None
    kind = type(value)
    loaded = _loaded(value)
    names = _names_of(value, kind)
    if names is None:
        return loaded
    fields = {}
    for name in names:
        try:
            if loaded is None:
                fields[name] = getattr(value, name)
            elif name in loaded:
                fields[name] = loaded[name]
        except Exception:
            raise_interruption()
            continue
    return fields


def _names_of(value: Any, kind: type[Any]) -> Iterable[str] | None:
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        hidden = _hidden(kind)
        return [one.name for one in fields(value) if one.repr and one.name not in hidden]
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if hasattr(kind, "__attrs_attrs__"):
        # A function in the place of a flag shows something else, of what is to be hidden.
        return [one.name for one in kind.__attrs_attrs__ if one.repr is True]
    if (declared := _declared(kind)) is not None:
        hidden = _hidden(kind)
        return [name for name in declared if name not in hidden]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return cast("Iterable[str]", kind._fields)
    if isinstance(value, SimpleNamespace):
        return vars(value)
    return None


def _declared(kind: type[Any]) -> Mapping[str, Any] | None:
    """Return the fields that a class of pydantic's declares, of the second version or the first."""
    for name in ("__pydantic_fields__", "model_fields", "__fields__"):
        declared = getattr(kind, name, None)
        if isinstance(declared, Mapping):
            return declared
    return None


def _hidden(kind: type[Any]) -> set[str]:
    """Return the names of those that pydantic leaves out of a model's text, or of its JSON."""
    hidden = set()
    for name, declared in (_declared(kind) or {}).items():
        info = getattr(declared, "field_info", declared)
        if getattr(info, "repr", True) is False or getattr(info, "exclude", None):
            hidden.add(name)
    return hidden


def is_secret(value: object) -> bool:
    """Tell whether *value* is of a class that hides it, as pydantic's SecretStr does."""
    kind = type(value)
    return hasattr(kind, "get_secret_value") or kind.__name__ == "Secret"


def _loaded(value: Any) -> dict[str, Any] | None:
    """Return what an object of SQLAlchemy's or Django's has loaded; None where it is no such.

    Reading the rest of it would ask the database, or fail where there is no session any more.
    """
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict):
        return None
    state = attributes.get("_sa_instance_state")
    if state is not None:
        loaded = {name: kept for name, kept in attributes.items() if name[:1] != "_"}
        if not loaded and state.identity:  # expired by a commit
            mapper = state.mapper
            keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
            loaded = dict(zip(keys, state.identity, strict=False))
        return loaded
    if "_state" in attributes and hasattr(type(value), "_meta"):
        names = [field.attname for field in type(value)._meta.concrete_fields]
        return {name: attributes[name] for name in names if name in attributes}
    return None


def lazy_object(lazy: object) -> object:
    """Return what Django has loaded of *lazy*, as ``request.user``; asking it loads it."""
    wrapped = object.__getattribute__(lazy, "__dict__").get("_wrapped")
    return "..." if type(wrapped) is object else wrapped


def rows_of(query: object) -> object:
    """Return the rows that a query of Django's has loaded; its text would be some of them."""
    rows = vars(query)["_result_cache"]
    return f"<{type(query).__name__}>" if rows is None else rows
