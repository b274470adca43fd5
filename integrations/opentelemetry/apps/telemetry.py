"""OpenTelemetry's SDK, whose spans are kept in memory and shown to who asks for ``/spans``."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.util.types import Attributes

import clew
import clew.opentelemetry

exporter = InMemorySpanExporter()
log = clew.get_logger("app")


def set_up() -> None:
    """Set up all of it, in the order that the environment says."""
    steps = [provide, configure, clew.opentelemetry.install]
    if "INSTALL_FIRST" in os.environ:
        steps.reverse()
    for step in steps:
        step()


class AsAsked(Sampler):
    """A sampler that leaves a request out where its URL asks for that."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        unsampled = "unsampled" in str(attributes)
        return SamplingResult(Decision.DROP if unsampled else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "AsAsked"


def provide() -> None:
    as_asked = AsAsked()
    provider = TracerProvider(sampler=ParentBased(as_asked, remote_parent_sampled=as_asked))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def configure() -> None:
    clew.configure_logging()


def spans() -> str:
    return json.dumps(
        [
            {
                "name": span.name,
                "kind": span.kind.name,
                "traceId": f"{span.context.trace_id:032x}",
                "spanId": f"{span.context.span_id:016x}",
                "parentId": f"{span.parent.span_id:016x}" if span.parent else None,
                "attributes": dict(span.attributes or {}),
            }
            for span in exporter.get_finished_spans()
            if span.context is not None
        ]
    )


def work() -> None:
    """Log by clew and by the standard library, in a span of our own, and in a thread."""
    log.info("by clew", action="WORK")
    logging.getLogger("legacy").warning("by the standard library")
    with trace.get_tracer("app").start_as_current_span("inner"):
        log.info("in a span")
    thread = threading.Thread(target=clew.carry(log.info), args=("in a thread",))
    thread.start()
    thread.join()
