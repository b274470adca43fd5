"""What the tests of all integrations share: which of the processes that they start are measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# What runs in no other process than those that these start.
_MEASURED = (
    "celery",
    "django_tasks",
    "rq",
    "servers.test_daphne",
    "servers.test_gunicorn",
    "taskiq",
)


@pytest.fixture(autouse=True, scope="module")
def _unmeasured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start processes without coverage, which costs each a quarter of a second, where others tell
    as much.
    """
    with pytest.MonkeyPatch.context() as patch:
        name = request.module.__name__.removeprefix("integrations.")
        if not name.startswith(_MEASURED):
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield
