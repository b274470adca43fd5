"""Which run of a task system's goes on here: a task may run another within itself."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Generic, TypeVar

from ._tasks import TaskRun

RunT = TypeVar("RunT", bound=TaskRun)


class Nested(Generic[RunT]):
    """Keep the runs of one task system that go on here. What a signal raises leaves none behind."""

    def __init__(self, name: str) -> None:
        self._runs: ContextVar[tuple[RunT, ...]] = ContextVar(name, default=())

    def innermost(self) -> RunT | None:
        """Return the run that began last and goes on, if there is one."""
        runs = self._runs.get()
        return runs[-1] if runs else None

    def begin(self, run: RunT) -> None:
        """Begin *run*, which is the innermost one then."""
        try:
            self._runs.set((*self._runs.get(), run))
            run.begin()
        except BaseException:
            self.forget(run)
            run.leave()
            raise

    def end(self, run: RunT, outcome: str, error: BaseException | None) -> None:
        """End *run*, which is within no other then. Called again, it does what is left."""
        try:
            run.end(outcome, error)
            self.forget(run)
        except BaseException:
            run.end(outcome, error)
            self.forget(run)
            raise

    def forget(self, run: RunT) -> None:
        """Keep *run* no longer."""
        self._runs.set(tuple(one for one in self._runs.get() if one is not run))
