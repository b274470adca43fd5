"""How docstrings are shown: their examples as Python, and constants by their values."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

# What stands indented behind a double colon.
_EXAMPLE = re.compile(r"(?:(?<=\n)|(?<=:)):?:\n\n((?:    .*\n?|\n(?=    ))+)")


def with_examples(docstring: str) -> str:
    """Return a docstring whose examples, behind ``::``, are blocks of Python, without pytest's own
    word for what it should leave alone.
    """

    def fence(example: re.Match[str]) -> str:
        code = textwrap.dedent(example[1]).rstrip()
        return f"\n\n```python\n{code}\n```\n"

    return _EXAMPLE.sub(fence, docstring.replace("PYTEST_DONT_REWRITE", "").rstrip())


class Shown(griffe.Extension):
    """Changes what is read from the package before it is shown."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = with_examples(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Write the value of a constant in the place of its name, where it is a default."""
        for function in _functions(pkg):
            for parameter in function.parameters:
                if isinstance(parameter.default, griffe.ExprName):
                    parameter.default = _value(pkg, parameter.default) or parameter.default


def _functions(obj: griffe.Object) -> list[griffe.Function]:
    found = []
    for member in obj.members.values():
        if isinstance(member, griffe.Function):
            found.append(member)
        elif not isinstance(member, griffe.Alias):
            found += _functions(member)
    return found


def _value(package: griffe.Module, name: griffe.ExprName) -> str | None:
    """Return the value of a constant of the package's, as it is written; None for what is none."""
    path = name.canonical_path
    if not (path.startswith(f"{package.name}.") and name.name.isupper()):
        return None
    found = package[path.removeprefix(f"{package.name}.")]
    return str(found.value) if isinstance(found, griffe.Attribute) else None
