"""Which names are sensitive, and what is done with what stands under them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .names import Verdict

Judge = Callable[[str], Verdict | None]
Treat = Callable[[Verdict, object], object]


class Policy(NamedTuple):
    """What of a text is masked.

    Attributes:
        judge: Says why a field's name is masked.
        judge_parameter: The same of the name of a parameter in a query.
        treat: What stands in the place of a value; None where it is written.
    """

    judge: Judge
    judge_parameter: Judge
    treat: Treat

    def hide(self, name: str, value: object) -> object:
        """Return what stands in the place of *value* under *name*; None where it is written."""
        verdict = self.judge(name)
        return None if verdict is None else self.treat(verdict, value)

    def hide_parameter(self, name: str, value: object) -> object:
        """Return the same for a parameter in a query."""
        verdict = self.judge_parameter(name)
        return None if verdict is None else self.treat(verdict, value)
