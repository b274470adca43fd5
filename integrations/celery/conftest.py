"""The shop: a Redis, a uvicorn that sends tasks, and workers that run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.processes import Line, Worker, environment
from tests.conftest import lines, pytest_runtest_call, restored_logging
from tests.servers.server import Server

__all__ = ["environment", "lines", "pytest_runtest_call", "restored_logging"]

pytest.importorskip("celery", reason="Celery is not installed: pip install celery redis")

SHOP = "integrations.celery.app.shop"


def is_ready(line: Line) -> bool:
    """Tell whether this is a worker's line that it takes tasks."""
    return line["logger"] == "celery.apps.worker" and str(line["message"]).endswith(" ready.")


def worker_of(pool: str, environment: dict[str, str], directory: Path) -> Worker:
    """Return a worker of the shop, not yet started."""
    command = ["celery", "--quiet", "-A", SHOP, "worker", f"--pool={pool}", "--concurrency=2"]
    return Worker(
        [*command, "--without-mingle"], directory, ready=is_ready, environment=environment
    )


@pytest.fixture(scope="module", params=["prefork", "threads"])
def worker(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Worker]:
    """A worker of the shop, in processes and in threads."""
    with worker_of(request.param, environment, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture(scope="module")
def web(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop's service."""
    command = ["uvicorn", "--host={host}", "--port={port}", "integrations.celery.app.web:app"]
    environment = {**environment, "SERVICE": "web"}
    with Server(command, tmp_path_factory.mktemp("web"), environment=environment) as server:
        yield server
