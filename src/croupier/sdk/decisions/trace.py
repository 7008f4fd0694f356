"""The trace that a decision belongs to, if the application uses OpenTelemetry. Never imports it by itself."""

import sys
from typing import Any

from croupier.core.flags.outcome import Outcome

PROVIDER = "croupier"


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


def attributes(flag: str, outcome: Outcome, environment: str, key: str) -> dict[str, Any]:
    """The semantic conventions' attributes of an evaluation (``feature_flag.*``), without what is empty.

    https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
    """
    given = {
        "feature_flag.key": flag,
        "feature_flag.provider.name": PROVIDER,
        "feature_flag.set.id": environment,
        "feature_flag.version": str(outcome.version) if outcome.version else None,
        "feature_flag.result.variant": outcome.variant,
        "feature_flag.result.reason": outcome.reason.value.lower(),
        "feature_flag.context.id": key,
        "feature_flag.error.message": outcome.detail if outcome.error else None,
        "error.type": outcome.error.lower() if outcome.error else None,
    }
    return {name: value for name, value in given.items() if value not in (None, "")}


def add_event(span: Any, flag: str, outcome: Outcome, environment: str, key: str) -> None:
    """Note the evaluation on the span, if the span is kept at all."""
    if span.is_recording():
        span.add_event("feature_flag.evaluation", attributes(flag, outcome, environment, key))
