"""Be the plugin that pytest loads when clew is installed.

It stands outside of the package, which would be imported with it: pytest would start later, and
coverage would not see clew being imported.

PYTEST_DONT_REWRITE: pytest would warn where this was imported before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from clew.pytest import Logs


@pytest.fixture
def clew_logs() -> Iterator[Logs]:
    """Hold the lines that are logged while the test runs, as dictionaries; see `clew.pytest`."""
    from clew.pytest import gathered

    with gathered() as logs:
        yield logs


# The older kind of wrapper, which every version of pluggy knows.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Show the lines of a test that failed."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    logs = getattr(item, "funcargs", {}).get("clew_logs")
    if report.failed and logs:
        report.sections.append(("clew_logs", str(logs)))
