"""What the ``analysis`` of a ``Gate`` may hold, in Argo Rollouts' words. Docstrings below fields become the schemas'
descriptions.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from croupier.adapters.manifests.fields import AnyText, Duration, Shape, Text, between

Headers = Annotated[dict[Text, AnyText], Field(max_length=20)]


class PrometheusShape(Shape):
    query: Text
    """In PromQL, asked for one moment. A number or a vector; result is a number or a list of numbers. {{args.NAME}},
    {{service}}, {{version}} (the canary's) and {{stable}} stand for values."""
    address: Text | None = None
    """Of another Prometheus than the control plane's own (CROUPIER_PROMETHEUS_URL)."""
    headers: Headers | None = None
    """For that address."""
    timeout: Duration | None = None
    """How long its answer is waited for, 2m at most. Default 30s."""
    insecure: bool | None = None
    """true: its certificate is not checked. Default false."""


class WebShape(Shape):
    url: Text
    """Answers with JSON. {{args.NAME}}, {{service}}, {{version}} (the canary's) and {{stable}} stand for values."""
    method: Literal["GET", "POST", "PUT"] | None = None
    """Default GET."""
    headers: Headers | None = None
    """Names and values."""
    body: AnyText | None = None
    """What is sent."""
    json_path: Text | None = None
    """Where the value is: {$.data.ok}. Default: the whole answer."""
    timeout: Duration | None = None
    """How long its answer is waited for, 2m at most. Default 10s."""
    insecure: bool | None = None
    """true: its certificate is not checked. Default false."""


class ProviderShape(Shape):
    """Exactly one of prometheus and web."""

    one_of: ClassVar[tuple[str, ...]] = ("prometheus", "web")
    prometheus: PrometheusShape | None = None
    """A query to a Prometheus."""
    web: WebShape | None = None
    """A request for JSON."""


class MeasuredMetricShape(Shape):
    name: Text
    """What people call it."""
    provider: ProviderShape
    """Whom to ask."""
    success_condition: Text | None = None
    """What a good result is: result[0] >= 0.95. Alone, every other result is a failure."""
    failure_condition: Text | None = None
    """What a bad result is. Alone, every other result is a success; with successCondition, what is neither is
    inconclusive."""
    interval: Duration | None = None
    """From one measurement to the next. Without it there is one measurement."""
    initial_delay: Duration | None = None
    """Before the first measurement. Default 0s."""
    count: between(0, 1_000_000) | None = None  # type: ignore[valid-type]
    """So many measurements are taken. Default: as long as the rollout goes on; one without an interval."""
    failure_limit: between(-1, 1_000_000) | None = None  # type: ignore[valid-type]
    """More failures fail; -1: none does. Default 0."""
    inconclusive_limit: between(0, 1_000_000) | None = None  # type: ignore[valid-type]
    """More inconclusive measurements end it, and a person is asked. Default 0."""
    consecutive_error_limit: between(0, 1_000_000) | None = None  # type: ignore[valid-type]
    """With compat: argo, more errors in a row fail. Without, errors hold. Default 4."""
    consecutive_success_limit: between(0, 1_000_000) | None = None  # type: ignore[valid-type]
    """So many successes in a row are enough; 0: that is off. Default 0."""
    dry_run: bool | None = None
    """true: measured and shown, and decides nothing. Default false."""
    measurement_retention: between(1, 100) | None = None  # type: ignore[valid-type]
    """So many measurements are shown; the record has them all. Default 10."""


class SecretShape(Shape):
    """Exactly one of file and env."""

    one_of: ClassVar[tuple[str, ...]] = ("file", "env")
    elsewhere: ClassVar[dict[str, str]] = {
        "secretKeyRef": "Write file: NAME/KEY, and put the secret there, below CROUPIER_SECRETS_DIR.",
        "fieldRef": "Write a value; {{service}}, {{version}} and {{stable}} stand for what they say.",
        "podTemplateHashValue": "Write value: '{{version}}' (the canary's), or '{{stable}}'.",
    }
    file: Text | None = None
    """Below the control plane's CROUPIER_SECRETS_DIR; read for every measurement."""
    env: Text | None = None
    """An environment variable of the control plane; its name begins with CROUPIER_ARG_."""


class ArgShape(Shape):
    """Exactly one of value and valueFrom."""

    one_of: ClassVar[tuple[str, ...]] = ("value", "valueFrom")
    name: Text
    """As in {{args.NAME}}."""
    value: AnyText | None = None
    """What stands for it; {{service}}, {{version}} and {{stable}} may be in it."""
    value_from: SecretShape | None = None
    """A secret, which is neither recorded nor shown."""


class MeasuringShape(Shape):
    metrics: Annotated[list[MeasuredMetricShape], Field(min_length=1, max_length=20)]
    """What is measured; the worst decides."""
    args: Annotated[list[ArgShape], Field(max_length=50)] | None = None
    """Values for {{args.NAME}}."""
    compat: Literal["argo"] | None = None
    """argo: errors fail, NaN is compared, failures within their limit do not hold, and what is through is not begun
    again at the next weight, all as in Argo Rollouts."""
