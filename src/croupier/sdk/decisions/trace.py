"""Decisions in OpenTelemetry: the trace that one belongs to, events on its span, log records for OTLP.

Nothing here imports OpenTelemetry before the application has, but for ``ToOpenTelemetry``, which needs the extra
``croupier[opentelemetry]``. Names are those of the semantic conventions (``feature_flag.*``),
https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
"""

import sys
from typing import Any, Final

from croupier.sdk.decisions.decision import Decision, Entry, Tracked

EVENT: Final = "feature_flag.evaluation"
_NAMES: Final = {
    "flag": "feature_flag.key",
    "environment": "feature_flag.set.id",
    "variant": "feature_flag.result.variant",
    "key": "feature_flag.context.id",
    "rule": "croupier.rule",
    "bucket": "croupier.bucket",
    "left_out": "croupier.left_out",
}


def current_span() -> Any | None:
    """The span of the calling code; ``None`` without OpenTelemetry or outside of a trace."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    span = trace.get_current_span()
    return span if span.get_span_context().is_valid else None


def ids(span: Any | None) -> tuple[str, str]:
    """Trace and span id in hex, as OpenTelemetry writes them."""
    if span is None:
        return "", ""
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def attributes(entry: Entry) -> dict[str, Any]:
    """The entry in the conventions' names, without what is empty."""
    if isinstance(entry, Tracked):
        given = {"feature_flag.context.id": entry.key, "croupier.value": entry.value, **entry.attributes}
        return {name: value for name, value in given.items() if value not in (None, "")}
    found: dict[str, Any] = {"feature_flag.provider.name": "croupier"}
    fields = entry.fields()
    found |= {name: fields[field] for field, name in _NAMES.items() if field in fields}
    if isinstance(entry, Decision):
        found["feature_flag.result.reason"] = entry.reason.lower()
        if entry.version:
            found["feature_flag.version"] = str(entry.version)
        if entry.error:
            found |= {"error.type": entry.error.lower(), "feature_flag.error.message": entry.detail}
    return found


class ToOpenTelemetry:
    """As log records through OpenTelemetry's logs API, so that the application's own exporter sends them (OTLP).

    The record belongs to the span of the code that asked. Batching is the exporter's business.
    """

    def __init__(self, logger: Any = None) -> None:
        from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

        self._logger = logger or get_logger("croupier")
        self._record = LogRecord
        self._severity = SeverityNumber.INFO

    def write(self, entry: Entry) -> None:
        name = (
            EVENT
            if isinstance(entry, Decision)
            else f"croupier.{'track' if isinstance(entry, Tracked) else 'left_out'}"
        )
        self._logger.emit(
            self._record(
                timestamp=int(entry.at * 1e9),
                severity_number=self._severity,
                body=entry.event if isinstance(entry, Tracked) else entry.flag,
                attributes=attributes(entry),
                event_name=name,
            )
        )

    def flush(self) -> None:
        """The application's exporter flushes itself."""

    def forget(self) -> None:
        """Nothing waits here."""
