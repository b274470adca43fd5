"""What becomes of an outgoing call, whatever the client."""

from __future__ import annotations

import logging

import pytest

from clew._http.call import Call, CallOptions
from tests.conftest import Lines


class Calling(Call):
    """A call to somewhere."""

    def host(self) -> str:
        return "shop.internal"

    def netloc(self) -> str:
        return self.host()

    def target(self) -> tuple[str, str]:
        return "/", ""


class Keeping(logging.Handler):
    """Keeps records as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [(ValueError("no"), "error", True), (KeyboardInterrupt(), "aborted", False)],
)
def test_what_breaks_a_call_off_is_no_exception(
    error: BaseException, outcome: str, told: bool, lines: Lines
) -> None:
    """Other handlers are given the exception of a call that failed, and no cancellation."""
    handler = Keeping()
    logging.root.addHandler(handler)
    Calling(CallOptions.of(None, None, True), "GET").end(error=error)
    assert lines()[0]["outcome"] == outcome
    assert (handler.records[0].exc_info is not None) is told
